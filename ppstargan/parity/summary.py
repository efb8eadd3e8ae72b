"""The tables that end a run of the checks: a row for each case, and one for each system."""

from __future__ import annotations

from ppstargan.errors import UserError
from ppstargan.parity.kit import Check

LEAST = 1e-12  # stands for a tolerance of 0, within which only the same figures are


def by_case(found: list, cases) -> list:
    """Lines: of each of ``cases`` how many checks it has, and which of them is the worst.

    Raises UserError for a case without any, which would seem to have passed.
    """
    lines = [f"{'case':18} {'checks':>6} {'worst error':>12} {'tolerance':>10}  of"]
    for case in cases:
        checks = [check for check in found if check.case == case]
        if not checks:
            raise UserError(f"case {case} has no figures to compare; its .npz lacks what a case of its kind holds")
        check = worst(checks)
        lines.append(f"{case:18} {len(checks):6} {check.error:12.2e} {check.tolerance:10.2e}  {check.quantity}")
    return lines


def by_system(found: list, systems: dict) -> list:
    """Lines: of each system how many of its cases passed in all their checks, and which check is the worst.

    ``systems`` is {case: its system}.
    """
    rows: dict = {}
    for check in found:
        rows.setdefault(systems[check.case], []).append(check)
    names = ("passed", "failed", "checks", "worst error", "tolerance")
    lines = ["{:12} {:>6} {:>6} {:>6} {:>12} {:>10}  of".format("system", *names)]
    for system, checks in rows.items():
        failed = {check.case for check in checks if not check.passed}
        passed, check = len({check.case for check in checks} - failed), worst(checks)
        counts = f"{system:12} {passed:6} {len(failed):6} {len(checks):6}"
        lines.append(f"{counts} {check.error:12.2e} {check.tolerance:10.2e}  {check.case}/{check.quantity}")
    return lines


def worst(checks: list) -> Check:
    """The one whose error is the largest part of its tolerance; NaN is larger than any."""

    def share(check: Check) -> float:
        part = check.error / max(check.tolerance, LEAST)
        return part if part == part else float("inf")

    return max(checks, key=share)
