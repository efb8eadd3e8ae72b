"""Running the parts one after another, and the report that says what became of each."""

from __future__ import annotations

import shlex
import sys
import time
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple

from ppstargan.files import whole_file
from ppstargan.gpu import apart, cards, halves, machine, parity, resume, speed
from ppstargan.gpu.plan import LEFT_OUT, WRONG, Found, Plan


class Part(NamedTuple):
    """A part of the check."""

    name: str
    function: Callable[[Plan], Found]
    environment: dict | None = None  # that has to be there before CUDA starts
    needs: str = ""  # why it needs a card
    starts_its_own: bool = False  # processes, beside which none of ours should hold a card


HALF = "Paddle has no half precision on a CPU"
PARTS = (
    Part("machine", machine.look),
    Part("parity, without TF32", parity.without_tf32, {"NVIDIA_TF32_OVERRIDE": "0"}),
    # Some versions of Paddle set 0 themselves where nothing is set. 1 leaves it to Paddle's own switches.
    Part("parity, with TF32", parity.with_tf32, {"NVIDIA_TF32_OVERRIDE": "1"}, needs="TF32 is a card's"),
    Part("mixed precision", halves.compare, needs=HALF),
    Part("resume", resume.compare),
    Part("cost: float32", partial(speed.cost, form="ours", precision="none")),
    Part("cost: bfloat16", partial(speed.cost, form="ours", precision="bfloat16"), needs=HALF),
    Part("cost: float16", partial(speed.cost, form="ours", precision="float16"), needs=HALF),
    Part("cost: plain form, float32", partial(speed.cost, form="plain", precision="none")),
    Part("waiting for data", speed.waiting),
    Part("two cards", cards.compare, starts_its_own=True),
)


def check(plan: Plan, out: Path, parts: tuple = PARTS) -> int:
    """Runs ``parts``, prints what becomes of each, and writes the report to ``out``, anew after each part.

    Returns 1 where one was WRONG, else 0. Raises UserError where ``out`` cannot be written.
    """
    found, begun = {}, time.monotonic()
    for i, part in enumerate(parts, 1):
        print(f"{i}/{len(parts)} {part.name} …", flush=True)
        start = time.monotonic()
        one = run(part, plan)
        found[part.name] = one._replace(lines=(*one.lines, f"(took {time.monotonic() - start:.0f} s)"))
        print(f"    {one.verdict}: {one.summary}", flush=True)
        with whole_file(out) as partial_file:
            partial_file.write_text(text(found, time.monotonic() - begun), encoding="utf-8")
    print("", *summary(found), f"wrote {out}", sep="\n")
    return int(any(one.verdict == WRONG for one in found.values()))


def run(part: Part, plan: Plan) -> Found:
    """What a part found. Where memory runs out, it is tried again with half the batch; any other error is one line."""
    if part.needs and not plan.gpu:
        return Found(LEFT_OUT, part.needs)
    batch, said = plan.batch, ""
    while True:
        now = plan._replace(batch=batch)
        try:
            if plan.apart and not part.starts_its_own:
                found = apart.call(part.function, now, environment=part.environment)
            else:
                found = part.function(now)
            return found._replace(summary=said + found.summary)
        except Exception as error:  # whatever it is, the other parts go on
            line = apart.last_line(error)
            if not apart.lacks_memory(error):
                return Found(WRONG, said + line)
            if batch == 1:
                return Found(LEFT_OUT, f"not enough memory for a batch of one ({line})")
            batch //= 2
            said = f"memory ran out at batches of {plan.batch}, so of {batch}: "


def summary(found: dict) -> list:
    """A line for each part."""
    widest = max(map(len, found))
    return [f"{name:{widest}}  {one.verdict:8}  {one.summary}" for name, one in found.items()]


def text(found: dict, seconds: float) -> str:
    """The report on {part: what it found}, in Markdown."""
    when = time.strftime("%Y-%m-%d %H:%M:%S %z")
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    blocks = [f"# ppstargan on this machine\n\n`{command}`, {when}, {seconds:.0f} seconds\n"]
    for name, one in found.items():
        lines = "\n".join(one.lines)
        blocks.append(f"## {name}\n\n{one.verdict}: {one.summary}\n\n```text\n{lines}\n```\n")
    lines = "\n".join(summary(found))
    blocks.append(f"## Summary\n\n```text\n{lines}\n```\n")
    return "\n".join(blocks)
