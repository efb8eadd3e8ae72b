"""Measures what training costs with a configuration of any system: time and arithmetic by update, and memory."""

from __future__ import annotations

import json

import checkout  # noqa: F401

from ppstargan.cli import add_config, check_numbers, parser, place, run_tool
from ppstargan.costs import benchmark
from ppstargan.costs.inputs import domains_of
from ppstargan.costs.loader import FACE_SIZE
from ppstargan.errors import UsageError, UserError
from ppstargan.runtime import choose_device
from ppstargan.systems.load import load_config


def main() -> None:
    arguments = parser(__doc__, "python tools/benchmark.py -c configs/afhq.yaml -o train.batch_size=2 --compare")
    add = arguments.add_argument
    add_config(arguments)
    add("--iterations", type=int, default=5, metavar="N", help="how many to time, after one to warm up [%(default)s]")
    add("--domains", type=int, metavar="N", help="how many domains or classes [StarGAN v2: 3, cgan: 10, stargan: 8]")
    add("--compare", action="store_true", help="StarGAN v2: measure the plain form of the authors' code, too, in turn")
    add("--json", type=place, metavar="PATH", help="write the figures here too")
    given = arguments.parse_args()
    check_numbers(given, iterations=(1,), **({} if given.domains is None else {"domains": (1,)}))
    if given.json and (given.json.is_dir() or not given.json.absolute().parent.is_dir()):
        raise UsageError(f"--json {given.json}: give a file in a folder that exists")

    config = load_config(given.config, given.override, only="stargan_v2" if given.compare else None)
    domains = domains_of(config, given.domains)
    device = choose_device()
    print(
        f"device: {device}; {config.system}, {config.name} at {config.model.img_size} px, batches of "
        f"{config.train.batch_size}, {f'{domains} domains, ' if domains else ''}random weights and inputs; measuring",
        flush=True,
    )
    found = benchmark.run(config, device, given.iterations, given.compare, domains)
    print("\n".join(lines(found)))
    if given.json:
        try:
            given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot write {given.json}: {error.strerror}; choose another file") from None
        print(f"wrote {given.json}")


def lines(found: dict) -> list:
    """The report as text."""
    m = found["machine"]
    report = [
        f"machine: {m['cpu']}, {m['cores']} cores; {m['device']}; threads: {m['threads']}",
        "parameters: " + ", ".join(f"{name} {count:,}" for name, count in found["parameters"].items()),
    ]
    if found["turn"] > 1:
        report.append(f"an iteration: the mean of {found['turn']}, in the last of which all networks step")
    for title, form in (("ppstargan", found), ("plain form, as the authors' code computes", found.get("plain"))):
        if form:
            report += ["", *form_lines(title, form, found)]
    if "plain" in found:
        low, high = found["plain_over_fused_spread"]
        report += [
            "",
            f"plain / ppstargan, ratio of median times: {found['plain_over_fused']:.2f} "
            f"({low:.2f} to {high:.2f} of iterations in turn)",
        ]
    report.append("")
    if "loader_images_per_second" in found:
        report.append(
            f"loader alone: {found['loader_images_per_second']:.1f} image files/s from "
            f"{FACE_SIZE} px JPEGs, {m['loader_workers']} workers; training reads three an image: "
            f"{3 * found['images_per_second']:.1f}/s at the rate above"
        )
    return [*report, f"GFLOP: {found['gflop_counted']}"]


def form_lines(title: str, form: dict, found: dict) -> list:
    """Those of one form of the iteration."""
    seconds = f"seconds, median of {found['repeats']} (lowest to highest)"
    lines = [f"{title}, an iteration", f"  {'':17}{seconds:40}{'GFLOP':>11}{'GFLOP/s':>10}"]
    for part, s in form["seconds_per_iteration"].items():
        line = f"  {part:15}{s['median']:9.4f} ({s['min']:.4f} to {s['max']:.4f})"
        if part in form["gflop_per_iteration"]:
            line = f"{line:59}{form['gflop_per_iteration'][part]:11.4g}{form['gflop_per_second'][part]:10.4g}"
        lines.append(line)
    peak = form["peak_memory_bytes"]
    where = "of Paddle's tensors" if found["machine"]["device"].startswith("GPU") else "of the whole process"
    return [
        *lines,
        f"  {form['images_per_second']:.3f} images/s, {form['gflop_per_image_iteration']['total']:.4g} GFLOP an image; "
        f"peak memory {where}, in one of its own: {'unknown here' if peak is None else f'{peak / 2**30:.2f} GiB'}",
    ]


if __name__ == "__main__":
    run_tool(main)
