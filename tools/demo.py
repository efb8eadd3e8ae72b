"""Serves a page for the browser: upload a picture, and see it in another domain in the style of a reference or a seed,
in several styles at once, or between two. Needs no internet. Only this machine sees the page unless --host says so."""

from ppstargan import demo
from ppstargan.cli import parser, run_tool
from ppstargan.errors import UsageError
from ppstargan.runtime import choose_device
from ppstargan.translator import FAN_PATH, Translator


def main() -> None:
    arguments = parser(__doc__, "python tools/demo.py --weights data/afhq_ema.pdparams --domain-names cat dog wild")
    add = arguments.add_argument
    add("--weights", metavar="PATH", help="a run's checkpoint, or converted weights (needed)")
    add(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all who reach this machine [%(default)s]"
    )
    add("--port", type=int, help="[the first free one from 7860 on]")
    add("--domain-names", nargs="+", metavar="NAME", help="names for all domains, where the weights have none")
    add("--fan", default=FAN_PATH, metavar="PATH", help="converted wing.ckpt, for w_hpf > 0 [%(default)s]")
    given = arguments.parse_args()
    if not given.weights:
        raise UsageError(
            "give --weights PATH, a run's checkpoint or converted weights; python tools/quickstart.py trains a small "
            "model on a CPU, and writes output/toy-*/checkpoints/*.pdparams"
        )
    if given.port is not None and not 0 < given.port < 65536:
        raise UsageError(f"--port is {given.port}; give one from 1 to 65535")

    gradio = demo.import_gradio()
    print(f"device: {choose_device()}", flush=True)
    model = Translator(given.weights, given.domain_names, given.fan)
    print(f"weights: {model.weights}: {model.img_size} px, domains {', '.join(model.domains)}", flush=True)
    demo.serve(gradio, model, given.host, given.port)


if __name__ == "__main__":
    run_tool(main)
