"""Serves a page for the browser with what the weights can do: of StarGAN v2, upload a picture, and see it in another
domain in the style of a reference or a seed, in several styles at once, or between two; other systems have pages of
their own. Needs no internet. Only this machine sees the page unless --host says so."""

import checkout  # noqa: F401

from ppstargan import checkpoint
from ppstargan.cli import add_model, parser, run_tool
from ppstargan.errors import UsageError
from ppstargan.runtime import choose_device
from ppstargan.systems.load import system_of_file
from ppstargan.translate import demo


def main() -> None:
    arguments = parser(__doc__, "python tools/demo.py --weights data/afhq_ema.pdparams --domain-names cat dog wild")
    add = arguments.add_argument
    add_model(arguments, required=False)
    add(
        "--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all who reach this machine [%(default)s]"
    )
    add("--port", type=int, help="[the first free one from 7860 on]")
    given = arguments.parse_args()
    if not given.weights:
        raise UsageError(
            "give --weights PATH, a run's checkpoint or converted weights; assets/showcase.pdparams comes along, for "
            "drawn faces, and python tools/quickstart.py trains a small model on a CPU, and writes "
            "output/toy-*/checkpoints/*.pdparams"
        )
    if given.port is not None and not 0 < given.port < 65536:
        raise UsageError(f"--port is {given.port}; give one from 1 to 65535")

    print(f"device: {choose_device()}", flush=True)
    content = checkpoint.load(given.weights)
    system, name = system_of_file(content, given.weights), checkpoint.system_of(content)
    for option, value in (("domain_names", given.domain_names), ("fan", given.fan)):
        if value is not None and option not in system.TAKES:
            raise UsageError(f"--{option.replace('_', '-')} is not for {name}, which {given.weights} is of")
    if not hasattr(system, "page"):
        raise UsageError(f"{given.weights} is of {name}, which has no page: try tools/sample.py")
    gradio = demo.import_gradio()
    page = system.page(given, content)
    content.clear()  # its arrays are in the networks now
    demo.serve(gradio, page, given.host, given.port)


if __name__ == "__main__":
    run_tool(main)
