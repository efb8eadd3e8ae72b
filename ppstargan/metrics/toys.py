"""What the toy configuration of each system is trained on, and how what it has learnt is measured."""

from __future__ import annotations

from functools import partial
from typing import Callable, NamedTuple

import numpy as np
import paddle
from PIL import Image

from ppstargan.data import idx, ponies
from ppstargan.data import landmarks as face_data
from ppstargan.data.batches import load_batch
from ppstargan.data.digits import CLASSES, write_digits
from ppstargan.data.outlines import write_outlines
from ppstargan.data.pairs import POOL, load_pairs
from ppstargan.data.patterns import write_patterns
from ppstargan.data.people_sets import write_attributes, write_landmarks, write_people
from ppstargan.data.styles import load_middles
from ppstargan.data.toy import write_cats_lions, write_dataset
from ppstargan.data.transforms import for_testing
from ppstargan.face.weights import load_fan
from ppstargan.metrics import attributes, digits, landmarks, masks, pairs, sides, styles, toy
from ppstargan.metrics.encoder import train_encoder
from ppstargan.nets.stargan import redrawn
from ppstargan.nets.unet import each_by_itself
from ppstargan.pictures import save_image

SAMPLES = 1000  # generated digits that the judge sees
TELLING_PEOPLE = 20  # epochs of a judge of women and men, who differ in less than cats and dogs
PEOPLE = 150  # each of whom is given every attribute
PICTURES = 24  # contents, and styles, each of which is tried on all of them
AT_ONCE = 50  # images that are translated together


class Toy(NamedTuple):
    """``draw(config)`` fills ``data.root``, unless it is filled; ``measure(trainer)`` returns a report with lines.

    ``halves``: its batch norms do as well with half a batch, so that two processes can share one.
    """

    what: str
    draw: Callable
    measure: Callable
    sheet: str  # the name of the one to look at
    halves: bool = False


def draw_faces(config) -> None:
    """Raises UserError as ``write_dataset``."""
    write_dataset(config.data.root, size=config.model.img_size, train_count=400, val_count=40, seed=0)


def draw_digits(config) -> None:
    """Raises UserError as ``write_digits``."""
    write_digits(config.data.root)


def draw_outlines(config) -> None:
    """Raises UserError as ``write_outlines``."""
    write_outlines(config.data.root, size=config.model.img_size)


def draw_ponies(config) -> None:
    """Raises UserError as ``write_ponies``."""
    ponies.write_ponies(config.data.root, size=config.model.img_size)


def draw_cats_lions(config) -> None:
    """Raises UserError as ``write_cats_lions``."""
    write_cats_lions(config.data.root, size=config.model.img_size)


def draw_patterns(config) -> None:
    """And the encoder, trained on them. Raises UserError as ``write_patterns`` and ``train_encoder``."""
    size = config.model.img_size
    write_patterns(config.data.root, size=size)
    print("\n".join(train_encoder(config.data.root, config.encoder.weights, size, config.model.width)), flush=True)


def draw_attributes(config) -> None:
    """Raises UserError as ``write_attributes``."""
    write_attributes(config.data.root, size=config.model.img_size)


def draw_people(config) -> None:
    """Raises UserError as ``write_landmarks``."""
    write_landmarks(config.data.root)


def draw_women_men(config) -> None:
    """Raises UserError as ``write_people``."""
    write_people(config.data.root, size=config.model.img_size)


def measure_faces(trainer, **judge) -> toy.Report:
    """Translations by the moving averages of ``trainer``; ``judge`` may give the ``epochs`` of ``toy.measure``."""
    nets, model = trainer.system.nets.sharing(trainer.averages), trainer.config.model
    return toy.measure(nets, trainer.data.train, trainer.data.val, model.img_size, model.latent_dim, **judge)


def measure_women_men(trainer) -> masks.Report:
    """As ``measure_faces``, and what masks do; a picture of that goes to the sheets. Raises UserError without a FAN."""
    nets, config = trainer.system.nets.sharing(trainer.averages), trainer.config
    fan, val = nets.fan or load_fan(config.face.fan), trainer.data.val
    judged = measure_faces(trainer, epochs=TELLING_PEOPLE)
    report, picture = masks.measure(nets, fan, judged, val, config.data.root, config.model.img_size)
    if trainer.folder:
        save_image(picture, trainer.folder / "samples" / f"{trainer.iteration:07d}_masks.png")
    return report


def measure_digits(trainer) -> digits.Report:
    """Digits by the moving average of the generator of ``trainer``; of a conditional one, as many of each class."""
    classes = np.arange(SAMPLES) % CLASSES if trainer.config.system == "cgan" else None
    made = generated(trainer.averages["generator"], SAMPLES, trainer.config.model.latent_dim, classes)
    drawn = idx.read(trainer.config.data.root)
    return digits.measure(drawn.train, drawn.test, made.mean(1, keepdims=True), classes)


def measure_outlines(trainer) -> pairs.Report:
    """What a pix2pix makes of held-out outlines, each normalised by itself."""
    model, data = trainer.config.model, trainer.data
    channels = (model.in_channels, model.out_channels)
    (_, known), (given, wanted) = (
        load_pairs(part[POOL], model.direction, model.img_size, channels) for part in (data.train, data.val)
    )
    generator = trainer.system.networks["generator"]
    return pairs.measure(lambda x: each_by_itself(generator, paddle.to_tensor(x)).numpy(), known, given, wanted)


def measure_ponies(trainer) -> sides.Report:
    """Both ways of a CycleGAN, against the true partners too. Raises UserError as ``partners``."""
    root, size = trainer.config.data.root, trainer.config.model.img_size
    true = [[for_testing(Image.fromarray(image), size) for image in ponies.partners(root, side)] for side in (0, 1)]
    return _measure_sides(trainer, ("G_A", "G_B"), ("plain ponies", "striped ones"), list(map(np.stack, true)))


def measure_cats_lions(trainer) -> sides.Report:
    """Both ways of a U-GAT-IT."""
    return _measure_sides(trainer, ("genA2B", "genB2A"), ("cats", "lions"))


def measure_patterns(trainer) -> styles.Report:
    """Held-out faces in held-out patterns. Raises UserError where a picture cannot be read."""
    size, val = trainer.config.model.img_size, trainer.data.val
    pictures = [load_middles(val[side][:PICTURES], size) for side in ("content", "style")]
    system = trainer.system
    return styles.measure(system.frozen["encoder"], system.networks["decoder"], *pictures)


def measure_attributes(trainer) -> attributes.Report:
    """What a StarGAN makes of held-out people."""
    model, (pool,) = trainer.config.model, trainer.data.val.values()
    images = load_batch(pool[:PEOPLE], model.img_size)
    generator = trainer.system.networks["generator"]
    return attributes.measure(partial(redrawn, generator), images, pool.labels[:PEOPLE], pool.names)


def measure_people(trainer) -> landmarks.Report:
    """Points of a FAN on held-out faces, against the true ones."""
    net, m = trainer.system.networks["fan"], trainer.config.model
    faces = trainer.data.val[face_data.POOL]
    opened = [face_data.opened(face, m.img_size) for face in faces]
    x = np.stack([image.transpose(2, 0, 1) for image, _ in opened]).astype(np.float32) / np.float32(255)
    parts = [landmarks.found(net, x[i : i + AT_ONCE], m.decoding)[0] for i in range(0, len(x), AT_ONCE)]
    true = np.stack([points for _, points in opened])
    return landmarks.Report(landmarks.errors(np.concatenate(parts), true))


def _measure_sides(trainer, generators: tuple, names: tuple, partners=None) -> sides.Report:
    size = trainer.config.model.img_size
    train, test = ([load_batch(part[s], size) for s in "AB"] for part in (trainer.data.train, trainer.data.val))

    def way(side: int, images: np.ndarray) -> np.ndarray:
        return translated(trainer.system.networks[generators[side]], images)

    return sides.measure(way, train, test, names, partners)


@paddle.no_grad()
def translated(generator, images: np.ndarray) -> np.ndarray:
    """float32 [N, 3, S, S] by running statistics; of a generator that gives more than the image, the image."""
    generator.eval()
    made = [generator(paddle.to_tensor(images[i : i + AT_ONCE])) for i in range(0, len(images), AT_ONCE)]
    generator.train()
    return np.concatenate([(part[0] if isinstance(part, tuple) else part).numpy() for part in made])


@paddle.no_grad()
def generated(generator, count: int, latent_dim: int, classes: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
    """``count`` images float32 [count, C, S, S] by running statistics, of ``classes`` [count] where there are any."""
    noise = np.random.default_rng(seed).standard_normal((count, latent_dim), dtype=np.float32)
    inputs = [noise] if classes is None else [noise, classes]
    generator.eval()
    parts = [generator(*map(paddle.to_tensor, part)) for part in zip(*(np.array_split(i, 10) for i in inputs))]
    generator.train()
    return paddle.concat(parts).numpy()


_DIGITS = Toy("digits", draw_digits, measure_digits, "samples")
TOYS = {  # by the system; faces is stargan_v2's second one
    "adain": Toy("faces and patterns", draw_patterns, measure_patterns, "styles"),
    "stargan_v2": Toy("faces", draw_faces, measure_faces, "reference"),
    "faces": Toy("women and men", draw_women_men, measure_women_men, "masks"),
    "gan": _DIGITS,
    "wgan": _DIGITS,
    "cgan": _DIGITS,
    "pix2pix": Toy("outlines and faces", draw_outlines, measure_outlines, "pairs"),
    "cyclegan": Toy("ponies", draw_ponies, measure_ponies, "a_to_b"),
    "stargan": Toy("people", draw_attributes, measure_attributes, "attributes"),
    "fan": Toy("people with landmarks", draw_people, measure_people, "faces", halves=True),
    "ugatit": Toy("cats and lions", draw_cats_lions, measure_cats_lions, "a2b"),
}
