"""Checks in about five minutes what a card does: its figures beside the reference, mixed precision, resuming, time and
memory. It writes one report, to paste where you ask or tell of it; on a CPU, what can be done there."""

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.errors import UsageError
from ppstargan.gpu import report
from ppstargan.gpu.machine import has_card
from ppstargan.gpu.plan import CARD, CPU
from ppstargan.parity.kit import read_manifest


def main() -> int:
    arguments = parser(__doc__, "python tools/check_gpu.py --out output/check_gpu.md")
    add = arguments.add_argument
    add("--out", type=place, default="output/check_gpu.md", metavar="FILE", help="the report [%(default)s]")
    what = "a kit of figures to compare with, in place of those in tests/reference; all of it, however long"
    add("--reference", type=place, metavar="DIR", help=what)
    add("--device", choices=("cpu", "gpu"), help="where to compute; the GPU where there is one")
    given = arguments.parse_args()
    if given.out.is_dir():
        raise UsageError(f"--out {given.out} is a folder; give a file")

    if given.device == "gpu" and not has_card():
        raise UsageError("no GPU: Paddle sees none; leave --device out")
    plan = CARD if has_card() and given.device != "cpu" else CPU
    if given.reference:
        read_manifest(given.reference)  # before the work
        plan = plan._replace(kits=(given.reference,), cases=(), parity_seconds=float("inf"))
    return report.check(plan, given.out)


if __name__ == "__main__":
    run_tool(main)
