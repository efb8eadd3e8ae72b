"""Cases of the system fan: Wing and Adaptive Wing losses, targets, WFLW's cuts, metrics, and training of the FAN."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import paddle

from ppstargan.data import face_changes, heatmaps, landmarks
from ppstargan.data.landmark_lists import read_face
from ppstargan.losses import adaptive_wing, weighted_mean, wing_loss
from ppstargan.metrics import landmarks as figures
from ppstargan.nets.fan import FAN, peaks
from ppstargan.parity import fill, steps
from ppstargan.parity.kit import Case, Check, read_case
from ppstargan.parity.networks import float64, torch_arrays
from ppstargan.systems import fan
from ppstargan.training.rmsprop import RMSProp
from ppstargan.training.step import iterate

FORWARD = 2e-5
# Two codes in float64 agree to 3e-12. Paddle 2 keeps the constants of an operation in float32.
EXACT = steps.TRAIN if paddle.__version__.startswith("2.") else 1e-9
LINE_PIXELS = 0.03  # of a boundary: points on whole coordinates lie on the edge of two pixels
ROUNDED, DIGITS = 1e-6, 1e-6
TURNED = 2.0 if cv2.__version__ < "5" else 1.0  # grey levels: OpenCV 4 turns an image to within 1/32 px


def targets_of(points: np.ndarray, size: int, stride: int = heatmaps.STRIDE) -> tuple:
    """(maps, mask) [N, P + 1, size, size] of points [N, P, 2], with the highest bump of the face line as boundary."""
    maps = np.stack([heatmaps.bumps(one, size, stride) for one in points])
    maps = np.concatenate([maps, maps[:, :33].max(axis=1, keepdims=True)], axis=1)
    return maps, np.stack(list(map(heatmaps.weight_mask, maps)))


def losses(case: Case):
    """Yields the checks of both losses and their gradients."""
    s, points = case.settings, case.figures["landmarks"]
    shapes = {key: s[key] for key in ("omega", "theta", "epsilon", "alpha")}
    with float64():
        error = fill.normal(f"{case.prefix}/error", points.shape).astype(np.float64)
        predicted = _leaf(points + s["error"] * error)
        loss = wing_loss(predicted, paddle.to_tensor(points), s["w"], s["wing_epsilon"])
        loss.backward()
        yield case.scalar("wing/loss", float(loss), EXACT)
        yield case.array("wing/grad", predicted.grad.numpy(), EXACT)
        y = np.broadcast_to(np.array([[0], [0.2], [0.5], [0.8], [1]]), (5, 30))
        predicted = _leaf(y + np.linspace(-1.45, 1.45, 30))
        table = adaptive_wing(predicted, paddle.to_tensor(np.ascontiguousarray(y)), **shapes)
        table.sum().backward()
        yield case.array("awing/table", table.numpy(), EXACT)
        yield case.array("awing/table_grad", predicted.grad.numpy(), EXACT)
        maps, mask = targets_of(points, 64)
        maps = maps.astype(np.float64)
        predicted = _leaf(0.7 * maps + 0.3 * fill.normal(f"{case.prefix}/pred", maps.shape).astype(np.float64))
        values = adaptive_wing(predicted, paddle.to_tensor(maps), **shapes)
        loss = weighted_mean(values, steps.tensor(mask), s["W"])
        loss.backward()
        yield case.scalar("awing/plain", float(values.mean()), EXACT)
        yield case.scalar("awing/weighted", float(loss), EXACT)
        yield case.array("awing/grad", predicted.grad.numpy(), EXACT)
        yield case.scalar("awing/mask_share", float(mask.astype(np.float64).mean()), EXACT)


def _leaf(array: np.ndarray) -> paddle.Tensor:
    return paddle.to_tensor(array, stop_gradient=False)


def targets(case: Case):
    """Yields the checks of heatmaps, boundary and weights, of a turned face, and of the borders' quirks."""
    s = case.settings
    for i, points in enumerate(case.figures["landmarks"]):
        maps, mask = heatmaps.targets(points, 64)
        line = heatmaps.boundary(points, 64)
        image = fill.photo(f"{case.prefix}/photo{i}", 256, 256)
        yield case.largest(f"{i}/heatmap", maps[:-1], ROUNDED)
        yield case.largest(f"{i}/heatmap_sums", maps[:-1].astype(np.float64).sum(axis=(1, 2)), 1e-4)
        different = np.mean(line != case.figures[f"{i}/boundary"])
        yield Check(case.name, f"{i}/boundary", float(different), LINE_PIXELS, line, case.figures[f"{i}/boundary"])
        yield _mask(case, f"{i}/weight_map", mask[:-1], mask)
        sums = mask.sum(axis=(1, 2))
        yield _sums(case, f"{i}/weight_sums", sums)
        yield _image(case, f"{i}/image", image)
        turned, moved = face_changes.turned(image, points, s["rotate"][i], s["scale"])
        yield case.largest(f"{i}/rotated_landmarks", moved, DIGITS)
        yield _image(case, f"{i}/rotated_image", turned, TURNED)
        yield case.largest(f"{i}/rotated_heatmap", heatmaps.bumps(moved, 64), ROUNDED)
    yield case.largest("edge_maps", heatmaps.bumps(np.array(s["edge"]), 64), ROUNDED)
    yield case.largest("flip", heatmaps.FLIP, 0.0)


def _mask(case: Case, key: str, points: np.ndarray, whole: np.ndarray) -> Check:
    """The points' masks exactly, and the boundary's but for some of its pixels; ``whole`` is what the case has.

    A case keeps a sample of all maps, whose last ones are the boundary's.
    """
    reference, ours = case.figures[key].reshape(-1), case.sample(key, whole)
    first = round(len(ours) * len(points) / len(whole))
    wrong = float(np.abs(ours[:first] - reference[:first]).max(initial=0))
    line = float(np.mean(ours[first:] != reference[first:]))
    return Check(case.name, key, max(wrong, line), 2 * LINE_PIXELS, ours, reference)


def _sums(case: Case, key: str, sums: np.ndarray) -> Check:
    """How many pixels each mask has: exact, and of the boundary within a share."""
    reference = case.figures[key].astype(np.float64)
    error = np.abs(sums - reference) / reference
    exact = np.append(np.where(error[:-1] > 0, 1.0, 0.0), error[-1])
    return Check(case.name, key, float(exact.max()), 2 * LINE_PIXELS, sums, reference)


def _image(case: Case, key: str, image: np.ndarray, levels: float = 1.0) -> Check:
    """An image uint8 [H, W, 3], which a case may keep in [0, 1] and with the channels first; ``levels`` may differ."""
    if tuple(case.figures[key + ".shape"]) != image.shape:
        return case.largest(key, image.transpose(2, 0, 1) / 255, levels / 255 + ROUNDED)
    return case.largest(key, image, levels)


def data(case: Case):
    """Yields the checks of a list's line and of both cuts."""
    for i, (height, width, _, _) in enumerate(case.settings["photos"]):
        face = read_face(str(case.figures[f"{i}/line"]))
        yield case.largest(f"{i}/landmarks", face.points, DIGITS)
        yield case.largest(f"{i}/box", face.box.ravel(), 0.0)
        photo = fill.photo(f"{case.prefix}/{i}", height, width)
        image, points = landmarks.first_cut(photo, face.points, face.box.ravel())
        yield case.largest(f"{i}/landmarks450", points, DIGITS)
        yield _image(case, f"{i}/image450", image)
        image, points = landmarks.second_cut(image, points)
        yield case.largest(f"{i}/landmarks256", points, DIGITS)
        yield _image(case, f"{i}/image256", image)
        yield case.largest(f"{i}/heatmap", heatmaps.bumps(points, 64), ROUNDED)


def metrics(case: Case):
    """Yields the checks of decoding and of all figures."""
    points = case.figures["gt"].astype(np.float32)
    maps = np.stack([heatmaps.bumps(one, 64) for one in case.figures["guess"]])
    maps = maps + np.float32(0.02) * fill.normal(f"{case.prefix}/noise", maps.shape)
    predicted = peaks(maps)
    yield case.largest("predicted", predicted, 0.0)
    nme = figures.errors(predicted * heatmaps.STRIDE, points)
    yield case.largest("nme", nme, DIGITS)
    yield case.scalar("nme_mean", nme.mean(), DIGITS)
    yield case.scalar("nme_sum_batch", nme.sum(), DIGITS)
    yield case.largest("fr", figures.failure_rate(nme), DIGITS)
    yield case.largest("auc", figures.sampled_area(nme), DIGITS)
    yield case.largest("auc_exact", figures.area(nme), DIGITS)


@paddle.no_grad()
def forward(case: Case):
    """Yields the checks of every stack's heatmaps, and of the last channels that its hourglass sees."""
    for tag, s in case.settings["nets"].items():
        net = _net(s)
        net.eval()  # which returns None in Paddle 2
        x = fill.image(f"{case.prefix}/{tag}/x", (s["batch"], 3, s["img_size"], s["img_size"]))
        for i, (maps, last) in enumerate(net.each_stack(steps.tensor((x + 1) / 2))):
            yield case.array(f"{tag}/stack{i}", maps.numpy(), FORWARD)
            yield case.array(f"{tag}/last_channels{i}", last.numpy(), FORWARD)


def _net(settings: dict) -> FAN:
    sizes = {key: settings[key] for key in ("stacks", "img_size", "width", "points") if key in settings}
    return steps.filled(FAN(**sizes, trainable=True), "wing/fan")


def _batch(case: Case, step: int) -> fan.Batch:
    s = case.settings
    shape = (s["batch"], 3, s["img_size"], s["img_size"])
    x = fill.image(f"{case.prefix}/step{step}/x", shape).astype(np.float64)
    points = case.figures["landmarks"][step]
    maps, mask = targets_of(points, s["img_size"] // heatmaps.STRIDE)
    return fan.Batch(*map(steps.tensor, ((x + 1) / 2, maps, mask, points)))


def _loss(settings: dict):
    shapes = {key: settings[key] for key in ("omega", "theta", "epsilon", "alpha") if key in settings}
    return lambda predicted, batch: weighted_mean(
        adaptive_wing(predicted, batch.maps, **shapes), batch.mask, settings.get("W", 0.0)
    )


def grad(case: Case):
    """Yields the check of each gradient of the first step of the case that this is ``of``."""
    of = read_case(case.folder, case.settings["of"]) if "of" in case.settings else case
    with float64():
        net = _net(of.settings)
        update = next(fan.updates({"fan": net}, _batch(of, 0), _loss(of.settings)))
        update.loss.backward()
        arrays = torch_arrays(net, {k: p.grad for k, p in net.named_parameters() if p.grad is not None})
    for key in case.keys("grad/"):
        name = key[len("grad/") :]
        if not (name.endswith(".bias") and _before_norm(name)):
            yield case.array(key, arrays[name], EXACT)


def _before_norm(name: str) -> bool:
    """Whether a bias stands in front of batch norms alone, which take it away: its gradient is rounding."""
    first, *_ = name.split(".")
    return first == "conv1" or ".coordconv." in name or first.startswith(("conv_last", "bl", "al"))


def train(case: Case):
    """Yields the checks of a run: every stack's loss of every step, the final weights and statistics."""
    s, found = case.settings, []
    with float64():
        net = _net(s)
        net.train()
        optimizer = RMSProp(s["lr"], net.parameters(), weight_decay=s["weight_decay"])
        system = SimpleNamespace(networks={"fan": net}, optimizers={"fan": optimizer})
        system.updates = lambda batch, _: fan.updates(system.networks, batch, _loss(s))
        lr = s["lr"]
        for step in range(s["steps"]):
            report = iterate(system, _batch(case, step), step)
            found.append([float(report[f"fan/stack{i}"]) for i in range(s["stacks"])])
            if step + 1 in s["milestones"]:
                lr *= 0.1
                optimizer.set_lr(lr)
        values = torch_arrays(net, net.state_dict())
    yield steps.trained(case, "losses", found)
    for key in case.keys("final/"):
        yield case.array(key, values[key[len("final/") :]], steps.TRAIN)


KINDS = {
    "losses": losses,
    "targets": targets,
    "data": data,
    "metrics": metrics,
    "forward": forward,
    "grad": grad,
    "train": train,
}
