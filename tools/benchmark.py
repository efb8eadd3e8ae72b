"""Measures what training costs with a configuration: time and arithmetic by update, memory, and the loader's rate."""

from __future__ import annotations

import json

import checkout  # noqa: F401

from ppstargan.cli import add_config, check_numbers, parser, place, run_tool
from ppstargan.costs import benchmark
from ppstargan.errors import UsageError, UserError
from ppstargan.runtime import choose_device
from ppstargan.systems.load import load_config


def main() -> None:
    arguments = parser(__doc__, "python tools/benchmark.py -c configs/afhq.yaml -o train.batch_size=2 --compare")
    add = arguments.add_argument
    add_config(arguments)
    add("--iterations", type=int, default=5, metavar="N", help="how many to time, after one to warm up [%(default)s]")
    add("--domains", type=int, default=3, metavar="N", help="how many domains [%(default)s]")
    add("--compare", action="store_true", help="also measure the plain form of the authors' code, in turn with ours")
    add("--json", type=place, metavar="PATH", help="write the figures here too")
    given = arguments.parse_args()
    check_numbers(given, iterations=(1,), domains=(1,))
    if given.json and (given.json.is_dir() or not given.json.absolute().parent.is_dir()):
        raise UsageError(f"--json {given.json}: give a file in a folder that exists")

    config = load_config(given.config, given.override, only="stargan_v2")
    device = choose_device()
    print(
        f"device: {device}; {config.name} at {config.model.img_size} px, batches of "
        f"{config.train.batch_size}, {given.domains} domains, random weights and inputs; measuring",
        flush=True,
    )
    found = benchmark.run(config, device, given.iterations, given.compare, given.domains)
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
    report = [f"machine: {m['cpu']}, {m['cores']} cores; {m['device']}; threads: {m['threads']}"]
    forms = {"fused": found, **({"plain": found["plain"]} if "plain" in found else {})}
    for name, form in forms.items():
        title = "plain form, as the authors' code computes" if name == "plain" else "ppstargan"
        report += [
            "",
            f"{title}: seconds an iteration, median of {found['repeats']} (lowest to highest), and GFLOP an image",
        ]
        for part, s in form["seconds_per_iteration"].items():
            gflop = form["gflop_per_image_iteration"].get(part)
            times = f"{s['median']:9.3f} ({s['min']:.3f} to {s['max']:.3f})"
            report.append(f"  {part:12}{times:32}{gflop:12.3f}" if gflop is not None else f"  {part:12}{times}")
        peak = form["peak_memory_bytes"]
        where = "of Paddle's tensors" if m["device"].startswith("GPU") else "of the whole process"
        report.append(
            f"  {form['images_per_second']:.3f} images/s; peak memory {where}, in one of its own: "
            + ("unknown here" if peak is None else f"{peak / 2**30:.2f} GiB")
        )
    if "plain" in found:
        low, high = found["plain_over_fused_spread"]
        report += [
            "",
            f"plain / ppstargan, ratio of median times: {found['plain_over_fused']:.2f} "
            f"({low:.2f} to {high:.2f} of iterations in turn)",
        ]
    report += [
        "",
        f"loader alone: {found['loader_images_per_second']:.1f} image files/s from "
        f"{benchmark.FACE_SIZE} px JPEGs, {m['loader_workers']} workers; training reads three an image: "
        f"{3 * found['images_per_second']:.1f}/s at the rate above",
        f"GFLOP: {found['gflop_counted']}",
    ]
    return report


if __name__ == "__main__":
    run_tool(main)
