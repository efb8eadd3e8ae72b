"""Compares every part of every system with figures that its authors' PyTorch code gave, and ends with a table of all
systems. Without options it takes both kits that come along: StarGAN v2's, and that of the systems before it."""

import os
from pathlib import Path

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool
from ppstargan.errors import UsageError
from ppstargan.parity import checks, report, summary
from ppstargan.parity.kit import read_case, read_manifest
from ppstargan.runtime import choose_device

REFERENCE = Path(__file__).parents[1] / "tests" / "reference"
KITS = [REFERENCE / "parity", REFERENCE / "ladder"]


def main() -> int:
    arguments = parser(__doc__, "python tools/check_parity.py --case forward_small train_small --report parity_report")
    add = arguments.add_argument
    what = "kits: manifest.json and one .npz a case [parity and ladder in tests/reference]"
    add("--reference", nargs="+", type=place, default=KITS, metavar="DIR", help=what)
    what = "only these cases, or all of a system, such as cyclegan"
    add("--case", nargs="+", action="extend", metavar="NAME", help=what)
    add("--device", choices=("cpu", "gpu"), help="where to compute; the GPU where there is one")
    what = "also write the files of Paddle's reproduction guide here, by reprod_log"
    add("--report", type=place, metavar="DIR", help=what)
    given = arguments.parse_args()

    os.environ["NVIDIA_TF32_OVERRIDE"] = "0"  # TF32 keeps 10 bits of float32's 23; read when CUDA starts
    device = choose_device(given.device)
    print(f"device: {device}; reference: {', '.join(map(str, given.reference))}")
    if device.startswith("GPU"):
        wider = ", ".join(f"{kind} x{factor}" for kind, factor in checks.GPU_FACTORS.items())
        print(f"TF32 is off; wider tolerances for float32 here, since cuDNN sums in another order: {wider}")
    kits, settings = cases_of(given.reference)
    systems = {name: values.get("system", "stargan_v2") for name, values in settings.items()}
    asked = [case for name in given.case or kits for case in named(name, systems, given.reference)]
    if given.report:
        report.prepare(given.report)  # before the work
    names, found = list(dict.fromkeys(asked)), []
    for name in names:
        for check in checks.run(read_case(kits[name], name), device.startswith("GPU")):
            found.append(check)
            verdict = "passed" if check.passed else "FAILED"
            figures = f"{check.error:9.2e} {check.tolerance:9.2e}"
            print(f"{check.case:18} {check.quantity:62} {figures} {verdict}", flush=True)

    print("", *summary.by_case(found, names), "", sep="\n")
    print(*summary.by_system(found, {name: systems[name] for name in names}), sep="\n")
    if given.report:
        kinds = {name: settings[name]["kind"] for name in names}
        print("\n".join(f"wrote {path}" for path in report.write(found, kinds, given.report)))
    failed = sum(not check.passed for check in found)
    print(f"{len(found) - failed} passed, {failed} failed")
    return 1 if failed else 0


def named(name: str, systems: dict, folders: list) -> list:
    """The case ``name``, or all cases of the system of that name. Raises UsageError where there is neither."""
    cases = [case for case, system in systems.items() if name in (case, system)]
    if not cases:
        known = f"known: {', '.join(systems)}; or all of {', '.join(dict.fromkeys(systems.values()))}"
        raise UsageError(f"no case {name!r} in {' or '.join(map(str, folders))}; {known}")
    return cases


def cases_of(folders: list) -> tuple:
    """({case: its kit's folder}, {case: its settings}). Raises UsageError where two kits have a case of one name."""
    kits, settings = {}, {}
    for folder in folders:
        for name, values in read_manifest(folder)["cases"].items():
            if name in kits:
                raise UsageError(f"case {name!r} is in {kits[name]} and in {folder}; give these kits one at a time")
            kits[name], settings[name] = folder, values
    return kits, settings


if __name__ == "__main__":
    run_tool(main)
