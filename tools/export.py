"""Writes a trained or converted StarGAN v2 for use without ppstargan: G with F (latent) and G with E (reference), for
Paddle's inference library and, with --onnx, for ONNX Runtime. Each is compared with the dynamic graph before it is
written, and timed in turn with it. With w_hpf > 0 the face alignment network and the masks are part of it. Truncation
(psi) is not."""

import checkout  # noqa: F401

import ppstargan
from ppstargan.cli import add_model, check_numbers, load_model, parser, place, run_tool
from ppstargan.runtime import choose_device
from ppstargan.translate.export import GUIDES, export


def main() -> None:
    arguments = parser(__doc__, "python tools/export.py --weights data/afhq_ema.pdparams --out exported --onnx")
    add = arguments.add_argument
    add_model(arguments)
    add("--out", type=place, required=True, metavar="FOLDER", help="a new folder; its model.yaml tells the inputs")
    add("--guides", nargs="+", choices=GUIDES, default=list(GUIDES), help="what the style comes from [both]")
    add("--onnx", action="store_true", help='ONNX too (pip install -e ".[onnx]")')
    add(
        "--batch-size", type=int, default=1, metavar="N", help="samples to time with; the models take any [%(default)s]"
    )
    add("--repeats", type=int, default=5, metavar="N", help="runs to time, 0 for none [%(default)s]")
    given = arguments.parse_args()
    check_numbers(given, batch_size=(1,), repeats=(0,))

    print(f"device: {choose_device()}\nthreads: {ppstargan.THREADS}", flush=True)
    model = load_model(given)
    for line in export(model, given.guides, given.out, given.onnx, given.batch_size, given.repeats):
        print(line, flush=True)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    run_tool(main)
