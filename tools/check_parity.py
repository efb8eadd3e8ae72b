"""Compares every part of this port with figures that the authors' PyTorch code gave."""

import os
from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.errors import UsageError
from ppstargan.parity import checks, report
from ppstargan.parity.kit import read_case, read_manifest
from ppstargan.runtime import choose_device

KIT = Path(__file__).parents[1] / "tests" / "reference" / "parity"


def main() -> int:
    arguments = parser(__doc__, "python tools/check_parity.py --case forward_small train_small --report parity_report")
    add = arguments.add_argument
    what = "a kit: manifest.json and one .npz a case [%(default)s]"
    add("--reference", type=place, default=KIT, metavar="DIR", help=what)
    add("--case", nargs="+", action="extend", metavar="NAME", help="only these cases")
    add("--device", choices=("cpu", "gpu"), help="where to compute; the GPU where there is one")
    what = "also write the files of Paddle's reproduction guide here, by reprod_log"
    add("--report", type=place, metavar="DIR", help=what)
    given = arguments.parse_args()

    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # TF32 keeps 10 bits of float32's 23; read when CUDA starts
    device = choose_device(given.device)
    print(f"device: {device}; reference: {given.reference}")
    if device.startswith("GPU"):
        wider = ", ".join(f"{kind} x{factor}" for kind, factor in checks.GPU_FACTORS.items())
        print(f"TF32 is off; wider tolerances for float32 here, since cuDNN sums in another order: {wider}")
    kinds = {name: settings["kind"] for name, settings in read_manifest(given.reference)["cases"].items()}
    for name in given.case or ():
        if name not in kinds:
            raise UsageError(f"no case {name!r} in {given.reference}; it has {', '.join(kinds)}")
    if given.report:
        report.prepare(given.report)  # before the work
    found = []
    for name in given.case or kinds:
        for check in checks.run(read_case(given.reference, name), device.startswith("GPU")):
            found.append(check)
            verdict = "passed" if check.passed else "FAILED"
            figures = f"{check.error:9.2e} {check.tolerance:9.2e}"
            print(f"{check.case:18} {check.quantity:62} {figures} {verdict}", flush=True)

    print(f"\n{'case':18} {'checks':>6} {'worst error':>12} {'tolerance':>10}  of")
    for name in given.case or kinds:
        rows = [check for check in found if check.case == name]
        worst = max(rows, key=lambda check: check.error / max(check.tolerance, 1e-12))
        print(f"{name:18} {len(rows):6} {worst.error:12.2e} {worst.tolerance:10.2e}  {worst.quantity}")
    if given.report:
        print("\n".join(f"wrote {path}" for path in report.write(found, kinds, given.report)))
    failed = sum(not check.passed for check in found)
    print(f"{len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    run_tool(main)
