"""Cases of the system stargan."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import paddle
from PIL import Image

from ppstargan.data import attributes as faces
from ppstargan.losses import attributes_loss, classes_loss
from ppstargan.nets.stargan import Discriminator, Generator
from ppstargan.parity import fill, steps
from ppstargan.parity.data import OLD_PILLOW, ONE_LEVEL
from ppstargan.parity.kit import Case
from ppstargan.parity.networks import float64
from ppstargan.systems import stargan
from ppstargan.training.rates import adams

# CelebA's 40, in its order: the names of a list that the kit's numbers fill.
ATTRIBUTES = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair Blurry
Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male
Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace
Wearing_Necktie Young
""".split()
FORWARD, GRADIENTS = 3e-5, 3e-4
TERMS = {  # the kit's names of what the updates log, in the order of its columns
    "D_real": "discriminator/real",
    "D_fake": "discriminator/fake",
    "D_cls": "discriminator/cls",
    "D_gp": "discriminator/gp",
    "G_fake": "generator/adv",
    "G_rec": "generator/rec",
    "G_cls": "generator/cls",
}
NETWORKS = {"G": "generator", "D": "discriminator"}
CLASSIFY = {"CelebA": attributes_loss, "RaFD": classes_loss}


def attributes(name: str, count: int, labels: int) -> np.ndarray:
    """The kit's labels [count, labels] of attributes, 0 or 1."""
    return (fill.normal(name, (count, labels)) > 0).astype(np.float32)


def classes(name: str, count: int, labels: int) -> np.ndarray:
    """The kit's classes, as labels [count, labels] with one 1 each."""
    return np.eye(labels, dtype=np.float32)[np.floor(steps.uniform(name, (count,)) * labels).astype(int)]


LABELS = {"CelebA": attributes, "RaFD": classes}


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of both networks' outputs."""
    for row in case.settings["nets"]:
        name, labels = row["name"], row["c_dim"]
        where = f"{case.prefix}/{name}"
        x = steps.tensor(fill.image(f"{where}/x", (row["batch"], 3, row["size"], row["size"])))
        if row["net"] == "G":
            net = steps.filled(Generator(labels, row["conv_dim"], row["repeat_num"]), f"stargan/{name}")
            c = steps.tensor(attributes(f"{where}/c", row["batch"], labels))
            yield case.array(f"out/{name}", net(x, c).numpy(), FORWARD)
        else:
            net = Discriminator(row["size"], labels, row["conv_dim"], row["repeat_num"])
            for key, value in zip(("src", "cls"), steps.filled(net, f"stargan/{name}")(x)):
                yield case.array(f"{key}/{name}", value.numpy(), FORWARD)


def networks(case: Case, labels: int, guesses: int) -> dict:
    """Both networks with the kit's weights; the discriminator guesses ``guesses`` labels."""
    s = case.settings
    return {
        "generator": steps.filled(Generator(labels, s["g_conv_dim"], s["g_repeat_num"]), "stargan/G"),
        "discriminator": steps.filled(
            Discriminator(s["image_size"], guesses, s["d_conv_dim"], s["d_repeat_num"]), "stargan/D"
        ),
    }


def batch(case: Case, dataset: str, where: str) -> stargan.Batch:
    """The faces of a step, their labels, the targets that are a permutation of these, and the penalty's places."""
    s = case.settings
    both = s.get("dataset") == "Both"
    count, labels = s["batch"], s["c2_dim"] if both and dataset == "RaFD" else s["c_dim"]
    c = LABELS[dataset](f"{where}/label", count, labels)
    target = c[np.argsort(fill.normal(f"{where}/perm", (count,)), kind="stable")]
    if both:
        c, target = (with_mask(label, dataset, s) for label in (c, target))
    x = fill.image(f"{where}/x", (count, 3, s["image_size"], s["image_size"]))
    return stargan.Batch(*map(steps.tensor, (x, c, target, steps.uniform(f"{where}/alpha", (count, 1, 1, 1)))))


def with_mask(label: np.ndarray, dataset: str, s: dict) -> np.ndarray:
    """A label of one of two datasets, zeros for the other's, and which of the two is known."""
    parts = {"CelebA": np.zeros((len(label), s["c_dim"])), "RaFD": np.zeros((len(label), s["c2_dim"]))}
    parts[dataset] = label
    known = np.tile([[dataset == "CelebA", dataset == "RaFD"]], (len(label), 1))
    return np.concatenate([parts["CelebA"], parts["RaFD"], known], axis=1).astype(np.float32)


def classify(dataset: str, s: dict):
    """The loss of a guess; of two datasets, it looks at the part of the label that is known."""
    if s.get("dataset") != "Both":
        return CLASSIFY[dataset]
    part = slice(s["c_dim"]) if dataset == "CelebA" else slice(s["c_dim"], s["c_dim"] + s["c2_dim"])
    return lambda logits, c: CLASSIFY[dataset](logits[:, part], c[:, part])


def losses(case: Case):
    """Yields the checks of losses and gradients for both kinds of labels; nothing steps."""
    s = case.settings
    for dataset in s["datasets"]:
        with float64():
            nets = networks(case, s["c_dim"], s["c_dim"])
            data = batch(case, dataset, f"{case.prefix}/step0")
            found = steps.gradients(nets, stargan.updates(nets, data, loss_of(s), classify(dataset, s)))
        terms = {f"{update}/{term}": value for update, (part, _) in found.items() for term, value in part.items()}
        for key, term in TERMS.items():
            yield steps.number(case, f"{dataset}/{key}", terms[term])
        for key, name in NETWORKS.items():
            yield from steps.gradient_checks(case, f"{dataset}/grad/{key}/", found[name][1][name], GRADIENTS)


def loss_of(s: dict) -> stargan.Loss:
    """The weights of a case's terms."""
    return stargan.Loss(s["lambda_cls"], s["lambda_rec"], s["lambda_gp"])


def train(case: Case):
    """Yields the checks of a run on one dataset, or on both by turns within each iteration."""
    s, reports, rates = case.settings, [], []
    both = s["dataset"] == "Both"
    datasets = ("CelebA", "RaFD") if both else (s["dataset"],)
    guesses = s["c_dim"] + (s["c2_dim"] if both else 0)
    hold, fall, every = s["num_iters"] - s["num_iters_decay"], s["num_iters_decay"], s["lr_update_step"]
    with float64():
        nets = networks(case, guesses + 2 * both, guesses)
        optimizers = adams(nets, s["g_lr"], s["beta1"], s["beta2"])
        for i in range(s["num_iters"]):
            for optimizer, lr in zip(optimizers.values(), (s["g_lr"], s["d_lr"])):
                optimizer.set_lr(stargan.rate(i, lr, hold, fall, every))
            for dataset in datasets:
                where = f"{case.prefix}/step{i}/{dataset}" if both else f"{case.prefix}/step{i}"
                update = partial(
                    stargan.updates,
                    loss=loss_of(s),
                    classify=classify(dataset, s),
                    generator_due=(i + 1) % s["n_critic"] == 0,
                )
                found = steps.iteration(nets, optimizers, update, batch(case, dataset, where))
                reports.append([found.get(term, np.nan) for term in TERMS.values()])
                rates.append([optimizer.get_lr() for optimizer in optimizers.values()])
    yield case.largest("lr", rates, 1e-12)
    yield steps.trained(case, "losses", reports)
    yield from steps.final_checks(case, {key: nets[name] for key, name in NETWORKS.items()})


def targets(case: Case):
    """Yields the checks of the labels that are asked for in testing: equal."""
    for name, row in case.settings["tables"].items():
        exclusive = row["dataset"] == "RaFD"
        c = LABELS[row["dataset"]](f"{case.prefix}/{name}", row["batch"], row["c_dim"])
        yield case.largest(f"{name}/c_org", c.argmax(axis=1) if exclusive else c, 0.0)
        names = row["attrs"] or [str(number) for number in range(row["c_dim"])]
        yield case.largest(f"{name}/c_trg", faces.targets(c, names, exclusive), 0.0)


def data(case: Case):
    """Yields the checks of which faces a list gives to train and to test on, with which labels, and of pixels."""
    s = case.settings
    values = np.where(fill.normal(f"{case.prefix}/attributes", (s["lines"], len(ATTRIBUTES))) > 0, 1, -1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / faces.FOLDER).mkdir()
        lines = [str(s["lines"]), " ".join(ATTRIBUTES)]
        for number, row in enumerate(values.tolist(), 1):
            (Path(folder) / faces.FOLDER / f"{number:06d}.jpg").touch()
            lines.append(" ".join([f"{number:06d}.jpg", *map(str, row)]))
        (Path(folder) / faces.LIST).write_text("\n".join(lines) + "\n")
        found = faces.read_faces(folder, s["selected_attrs"])
    for part, pool in (("train", found.train[faces.POOL]), ("test", found.val[faces.POOL])):
        yield case.largest(f"split/{part}/count", len(pool), 0.0)
        kept = len(case.figures[f"split/{part}/number"])
        yield case.largest(f"split/{part}/number", [int(path.stem) for path in pool[:kept]], 0.0)
        yield case.largest(f"split/{part}/label", pool.labels[:kept], 0.0)
    for row in s["photos"]:
        height, width = row["photo"]
        image = Image.fromarray(fill.photo(f"{case.prefix}/{row['name']}", height, width))
        tolerance = 2 * ONE_LEVEL * (OLD_PILLOW and height > width) + 1e-6
        yield case.largest(f"photo/{row['name']}", faces.prepared(image, row["crop"], row["size"]), tolerance)


KINDS = {"forward": forward, "losses": losses, "train": train, "targets": targets, "data": data}
