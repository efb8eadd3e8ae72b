"""The report on an AdaIN: the two losses on held-out contents and styles, as the paper has them."""

from __future__ import annotations

import json
from pathlib import Path

import paddle

from ppstargan.data.styles import load_middles, read_styles
from ppstargan.errors import UserError
from ppstargan.metrics import store, styles
from ppstargan.metrics.inputs import good_images
from ppstargan.metrics.protocol import choose
from ppstargan.translate.evaluate import name_of
from ppstargan.translate.stylizer import Stylizer

MEASURES = ("count",)  # options of tools/evaluate.py
COUNT = 32  # contents, and styles: every one of these in every one of those


def evaluate(config, weights, content: dict, count: int | None = None, batch_size: int = 8, folder=None) -> list:
    """Measures the ``content`` of the file ``weights`` on val (or test) of ``config``; returns the lines of a report.

    Of all pictures, the middle at model.img_size of ``config`` is used. Writes evaluation.json and evaluation.md to
    ``folder``, by default OUTPUT/evaluation/NAME. Bad files are left out, as in training. Raises UserError for what
    cannot be read or measured.
    """
    images, weights, size = read_styles(config.data.root), Path(weights), config.model.img_size
    if not images.val:
        raise UserError(f"{config.data.root} has no content_val and style_val, which are measured on; add them")
    folder = Path(folder or Path(config.output) / "evaluation" / name_of(weights))
    store.need_folder(folder, "name another by --to")
    model = Stylizer(content, weights)
    chosen = {side: choose(paths, count or COUNT) for side, paths in images.val.items()}
    good, warning = good_images(chosen, "val", config.data.max_bad_share)
    pictures = [load_middles(good[side], size) for side in ("content", "style")]
    report = styles.measure(model.encoder, model.decoder, *pictures, batch_size)
    pairs = f"{report.contents} contents of {len(images.val['content'])} in {report.styles} styles of "
    found = {
        "title": f"Losses of {weights.name}",
        "weights": str(weights.absolute()),
        "data": f"{Path(config.data.root).absolute()}, val, the middle at {size} px",
        "pairs": f"{pairs}{len(images.val['style'])}, every one in every one",
        "software": f"Paddle {paddle.__version__} on {paddle.device.get_device()}",
        "warnings": [warning] if warning else [],
        **report._asdict(),
        "content_share": report.content_share,
        "style_share": report.style_share,
    }
    text = "\n".join(_lines(found, report)) + "\n"
    store.write_text(folder / "evaluation.json", json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    store.write_text(folder / "evaluation.md", text)
    return [text, f"wrote {folder / 'evaluation.json'}\nwrote {folder / 'evaluation.md'}"]


def _lines(found: dict, report: styles.Report) -> list:
    facts = [f"- {name}: {found[name]}" for name in ("weights", "data", "pairs", "software")]
    facts += [f"- warning: {line}" for line in found["warnings"]]
    rows = (
        ("content", report.content, "the style pictures as they are", report.content_of_style, report.content_share),
        ("style", report.style, "the content pictures as they are", report.style_of_content, report.style_share),
    )
    table = ["| loss, without weight | stylized | compared with | these | share |", "| --- | --- | --- | --- | --- |"]
    table += [f"| {name} | {ours:.4g} | {other} | {its:.4g} | {share:.3f} |" for name, ours, other, its, share in rows]
    return [f"# {found['title']}", "", *facts, "", *table]
