"""StarGAN's page: a face with other attributes, each a switch, but for the colours of hair; or as another class."""

from __future__ import annotations

import argparse
from typing import Sequence

import numpy as np
from PIL import Image

from ppstargan.data.attributes import HAIR
from ppstargan.translate import labels
from ppstargan.translate.demo import Parts, chosen, read, switched
from ppstargan.translate.relabelled import Relabeller

NONE = ""  # of the colours of hair


def alternatives(model: Relabeller) -> list:
    """The names of which a face has one: all classes, or NONE and the colours of hair where these are several."""
    hair = [name for name in model.names if name in HAIR]
    return list(model.names) if model.exclusive else [NONE, *hair] if len(hair) > 1 else []


def switches(model: Relabeller) -> list:
    """The names of all other labels."""
    return [name for name in model.names if name not in alternatives(model)]


def label_of(model: Relabeller, values: Sequence) -> np.ndarray:
    """The label [C] of a page's fields: one of ``alternatives`` where there are any, then the ``switches``.

    Raises UserError for other values.
    """
    values, names = list(values), alternatives(model)
    what = ("a class", "类别") if model.exclusive else ("a colour of hair", "发色")
    one = [chosen(values.pop(0), names, *what)] if names else []
    on = [name for name, value in zip(switches(model), values) if switched(value, name, f" {name}")]
    return np.array([name in (*one, *on) for name in model.names], np.float32)


def fields_of(model: Relabeller, label: np.ndarray) -> list:
    """The way back of ``label_of``."""
    there = [name for name, value in zip(model.names, label) if value]
    one = [name for name in there if name in alternatives(model)]
    return [*[*one, NONE][: bool(alternatives(model))], *(name in there for name in switches(model))]


def redraw(model: Relabeller, source, *values) -> Image.Image:
    """The face in the file ``source`` with the label of the fields' ``values``."""
    label = label_of(model, values)
    picture = read(source, "source picture", model.read)
    wish = labels.Wish("these", lambda known: np.repeat(label[None], len(known), 0), True)
    return Image.fromarray(model.render(model.prepare(picture), wish)[0])


def look(model: Relabeller, source, *values) -> list:
    """What the fields are to show of a new ``source``: what it is taken for, or the ``values`` where nothing tells."""
    label = label_of(model, values)
    if source and model.judge is not None:
        label = model.label_of(read(source, "source picture", model.read)[0])
    return fields_of(model, label)


class Page:
    """The page of a model."""

    title = "StarGAN"

    def __init__(self, model: Relabeller):
        self.model = model
        self.about = f"{model.weights.name}, {model.img_size} px"

    def examples(self, folder) -> list:
        """None."""
        return []

    def fill(self, parts: Parts, examples: list) -> None:
        """Source, what it is to become, and the result. A new source sets the fields to what it is taken for."""
        names = alternatives(self.model)
        with parts.gr.Row():
            source = parts.source(examples)
            with parts.gr.Column():
                fields = []
                if names:
                    label = "Class / 类别" if self.model.exclusive else "Hair / 发色"
                    shown = [(name or "none of these / 都不是", name) for name in names]
                    fields.append(parts.choice(label, shown, names[0]))
                fields += [parts.switch(name) for name in switches(self.model)]
            result = parts.output()
        parts.button("Redraw / 重绘", self.redraw, [source, *fields], result, "redraw")
        parts.live(source, self.look, [source, *fields], fields)

    def redraw(self, *values) -> Image.Image:
        """``redraw`` by the page's model."""
        return redraw(self.model, *values)

    def look(self, *values):
        """``look`` by the page's model; of one field, its value alone."""
        found = look(self.model, *values)
        return found if len(found) > 1 else found[0]


def page(given: argparse.Namespace, content: dict) -> Page:
    """The page of the weights ``content``. Raises UserError as ``Relabeller``."""
    size = content["architecture"]["img_size"]
    model = Relabeller(content, given.weights, given.domain_names, (size, size))
    print(f"weights: {given.weights}: stargan, {size} px, {', '.join(model.names)}", flush=True)
    return Page(model)
