"""Measurements as scalars, as one dict for JSON, and as a Markdown table: StarGAN v2's, and (likeness) the others'."""

from __future__ import annotations

import numpy as np

from ppstargan.metrics.judges import RANDOM, Judge, Judges
from ppstargan.metrics.manifold import Manifold

_DECIMALS = {"fid": 2, "kid": 3, "lpips": 4, "l1": 4, **dict.fromkeys(Manifold._fields, 3)}
_KID_SCALE = 1000  # KID is printed as a thousandfold


def scalars(measurements: list) -> dict:
    """{figure_mode/pair: mean over seeds}, and …/mean over the pairs: names and values for a curve."""
    found = {}
    for mode in dict.fromkeys(m["mode"] for m in measurements):
        of_mode = [m for m in measurements if m["mode"] == mode]
        for row in [*summary(of_mode), *means(of_mode)]:
            pair = f"{row['source']}2{row['target']}" if "source" in row else "mean"
            found.update({f"{name}_{mode}/{pair}": row[name]["mean"] for name in _figures(row)})
    return found


def summary(measurements: list) -> list:
    """A row for each mode and pair of domains, or what else is named: counts, and each figure's mean and deviation."""
    groups = {}
    for m in measurements:
        groups.setdefault(tuple(value for value in m.values() if isinstance(value, str)), []).append(m)
    rows = []
    for group in groups.values():
        row = {key: value for key, value in group[0].items() if key != "seed" and key not in _figures(group[0])}
        rows.append({**row, **{name: _spread([m[name] for m in group]) for name in _figures(group[0])}})
    return rows


def means(measurements: list) -> list:
    """A row for each mode: each figure's mean over the pairs of domains, with its deviation over the seeds.

    The standard error of KID has no such mean: pairs share their images.
    """
    rows = []
    for mode in dict.fromkeys(m["mode"] for m in measurements):
        row = {"mode": mode}
        for name in _figures(measurements[0]):
            if not name.endswith("_error"):
                by_seed = {}
                for m in measurements:
                    if m["mode"] == mode:
                        by_seed.setdefault(m["seed"], []).append(m[name])
                row[name] = _spread([float(np.mean(values)) for values in by_seed.values()])
        rows.append(row)
    return rows


def _figures(row: dict) -> list:
    return [name for name in row if name.split("_")[0] in _DECIMALS]


def _spread(values: list) -> dict:
    """Mean and sample deviation; None for the deviation of one value."""
    return {"mean": float(np.mean(values)), "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None}


def title(weights: str, judges: Judges) -> str:
    """The title of a report; it warns of judges with random weights."""
    fakes = ["FID", "KID"] * (judges.inception.name == RANDOM) + ["LPIPS"] * (judges.lpips.name == RANDOM)
    warning = f": {', '.join(fakes)} OF RANDOM FEATURES, WHICH COMPARE WITH NOTHING" if fakes else ""
    return f"FID and LPIPS of {weights}{warning}"


def report(heading: str, facts: dict, warnings: list, measurements: list) -> dict:
    """All there is to say, for JSON; ``facts`` are {what: text}."""
    return {
        "title": heading,
        **facts,
        "warnings": warnings,
        "means": means(measurements),
        "pairs": summary(measurements),
        "measurements": measurements,
    }


def markdown(measured: dict) -> str:
    """What ``report`` gave, for people."""
    lines = _lines(measured, ("title", "warnings", "means", "pairs", "measurements"))
    for mean in measured["means"]:
        rows = [row for row in measured["pairs"] if row["mode"] == mean["mode"]]
        names = [name for name in _figures(rows[0]) if not name.endswith("_error")]
        heads = ["source", "target", *map(_head, names), "generated", "real"]
        lines += ["", f"## {mean['mode'].capitalize()}-guided", "", _row(heads), _row(["---"] * len(heads))]
        for row in rows:
            figures = [_cell(name, row[name], row.get(f"{name}_error")) for name in names]
            lines.append(_row([row["source"], row["target"], *figures, row["generated"], row["real"]]))
        lines.append(_row(["mean", "", *(_cell(name, mean[name]) for name in names), "", ""]))
    return "\n".join(lines) + "\n"


def likeness_title(weights: str, judge: Judge) -> str:
    """The title of a report on other systems than StarGAN v2; it warns of random weights."""
    warning = ": THESE ARE FIGURES OF RANDOM FEATURES, WHICH COMPARE WITH NOTHING" if judge.name == RANDOM else ""
    return f"FID, KID, precision and recall of {weights}{warning}"


def likeness_report(heading: str, facts: dict, warnings: list, measurements: list) -> dict:
    """What ``likeness.measure`` gave and ``facts`` {what: text}, for JSON."""
    rows = summary(measurements)
    return {"title": heading, **facts, "warnings": warnings, "rows": rows, "measurements": measurements}


def likeness_markdown(measured: dict) -> str:
    """What ``likeness_report`` gave, for people; a figure that a row lacks leaves its place empty."""
    rows = measured["rows"]
    figures = dict.fromkeys(name for row in rows for name in _figures(row) if not name.endswith("_error"))
    heads = ["", *map(_head, figures), "generated", "real"]
    lines = _lines(measured, ("title", "warnings", "rows", "measurements"))
    lines += ["", _row(heads), _row(["---"] * len(heads))]
    for row in rows:
        cells = [_cell(name, row[name], row.get(f"{name}_error")) if name in row else "" for name in figures]
        lines.append(_row([row["what"], *cells, row["generated"], row["real"]]))
    return "\n".join(lines) + "\n"


def _lines(measured: dict, tables: tuple) -> list:
    """The lines of a report above its ``tables``."""
    facts = [f"- {what}: {text}" for what, text in measured.items() if what not in tables]
    return [f"# {measured['title']}", "", *facts, *(f"- warning: {text}" for text in measured["warnings"])]


def _head(name: str) -> str:
    kind, _, judge = name.partition("_")
    if kind == "kid":
        return f"KID x {_KID_SCALE} ({judge}; standard error)"
    return (kind if kind in Manifold._fields else kind.upper()) + (f" ({judge})" if judge else "")


def _cell(name: str, figure: dict, error: dict | None = None) -> str:
    kind = name.split("_")[0]
    scale, decimals = _KID_SCALE if kind == "kid" else 1, _DECIMALS[kind]
    text = f"{scale * figure['mean']:.{decimals}f}"
    if figure["deviation"] is not None:
        text += f" ± {scale * figure['deviation']:.{decimals}f}"
    return text + (f" ({scale * error['mean']:.{decimals}f})" if error else "")


def _row(cells: list) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
