"""The system fan: bad lists, conversion both ways, a narrow FAN in StarGAN v2, figures, and points in photographs."""

import re
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from authors_form import refusal

from ppstargan import checkpoint
from ppstargan.config import CONFIGS
from ppstargan.convert.weights import convert, convert_file, to_authors_file
from ppstargan.data import face_changes, heatmaps, landmarks
from ppstargan.data.landmark_lists import IMAGES, LIST, look_at_list
from ppstargan.data.people import draw_look, random_look
from ppstargan.data.people_sets import write_landmarks
from ppstargan.errors import UsageError, UserError
from ppstargan.face.weights import fan_of, load_fan
from ppstargan.losses import adaptive_wing, wing
from ppstargan.metrics import landmarks as figures
from ppstargan.nets.fan import FAN, centres, peaks
from ppstargan.nets.stargan_v2 import Networks, build
from ppstargan.systems import fan as system
from ppstargan.systems.load import load_config
from ppstargan.translate import faces

SIZES = {"stacks": 2, "points": 98, "width": 4, "img_size": 64}


def net(**sizes):
    paddle.seed(0)
    fan = FAN(**{**SIZES, **sizes}, trainable=True)
    for name, buffer in fan.named_buffers():
        if name.endswith(("_mean", "_variance")):  # statistics of its own
            buffer.set_value(0.5 + paddle.rand(buffer.shape))
    fan.eval()
    return fan


def stored(fan, path):
    architecture = {**fan.sizes, "decoding": "peaks"}
    content = {"system": "fan", "architecture": architecture, "domains": None, "nets": {"fan": checkpoint.arrays(fan)}}
    checkpoint.save(content, path)
    return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces") / "set"
    write_landmarks(root, size=96, train_count=2, test_count=3)
    return root


@pytest.fixture
def changed(drawn, tmp_path):
    """The drawn set with each of the lines {number: function of its fields} changed; its root."""

    def run(changes):
        root, name = tmp_path / "set", LIST.format(part="train")
        (root / name).parent.mkdir(parents=True)
        (root / IMAGES).symlink_to(drawn / IMAGES)
        lines = (drawn / name).read_text().splitlines()
        for number, change in changes.items():
            lines[number - 1] = " ".join(change(lines[number - 1].split(" ")))
        (root / name).write_text("\n".join(lines), encoding="utf-8-sig")
        return root

    return run


def test_training_stops_at_the_first_fault_of_a_list(changed):
    root = changed({2: lambda fields: ["north", *fields[1:]], 1: lambda fields: fields[:-1]})
    faults = look_at_list(root / LIST.format(part="train")).faults
    assert len(faults) == 2 and faults[0].startswith(f"{root / LIST.format(part='train')}, line 1 has 206 fields, ")
    assert refusal(landmarks.read_faces, root) == faults[0]


def test_a_picture_that_is_missing_is_named_with_its_line(changed):
    root = changed({2: lambda fields: [*fields[:-1], "train/none.png"]})
    said = refusal(landmarks.read_faces, root)
    assert said == f"{root / LIST.format(part='train')}, line 2: there is no picture {root / IMAGES}/train/none.png"


def test_a_list_says_where_a_face_is(changed):
    root = changed({1: lambda fields: [*"123456", "7", "8", "9", "10", *"010011", fields[-1]], 2: lambda fields: []})
    (face,) = landmarks.read_faces(root, 3).train[landmarks.POOL]
    assert face.points == ((1, 2), (3, 4), (5, 6)) and face.path == root / IMAGES / "train/00000.png"
    assert face.box == (7, 8, 9, 10) and face.attributes == (False, True, False, False, True, True)


def test_one_face_of_64_px_cannot_be_normalised():
    small = ["model.img_size=64", "train.batch_size=1"]
    with pytest.raises(UsageError, match=r"train\.batch_size=1 is too few .*; give 2"):
        load_config(CONFIGS / "fan_toy.yaml", small)
    assert load_config(CONFIGS / "fan_toy.yaml", [*small, "train.batch_size=2"]).train.batch_size == 2


def test_points_outside_of_the_picture_are_a_bad_image(drawn):
    face = landmarks.read_faces(drawn).train[landmarks.POOL][0]
    far = landmarks.Face(face.path, ((5000.0, 5000.0), *face.points[1:]), face.box, face.attributes, "list.txt, line 1")
    with pytest.raises(UserError, match=r"points far outside of it .*line 1"):
        landmarks.opened(far)


def test_a_mirrored_face_has_its_points_in_their_own_order(drawn):
    image, points = landmarks.opened(landmarks.read_faces(drawn).train[landmarks.POOL][0], 128)
    mirrored, moved = face_changes.flipped(image, points, heatmaps.FLIP)
    np.testing.assert_array_equal(mirrored, image[:, ::-1])
    np.testing.assert_allclose(moved[[60, 33, 16, 96]], points[[72, 46, 16, 97]] * (-1, 1) + (127, 0))
    again = face_changes.flipped(mirrored, moved, heatmaps.FLIP)
    np.testing.assert_allclose(again[1], points)
    np.testing.assert_array_equal(again[0], image)
    # Of a face that looks straight ahead, the mirror image is nearly the same, and each point is where it was.
    look = random_look(["Brown_Hair"], np.random.default_rng(0))._replace(turn=0.0, roll=0.0)
    straight = np.asarray(draw_look(look, 256)[1], np.float64)
    there = face_changes.flipped(np.zeros((256, 256, 3)), straight, heatmaps.FLIP)[1]
    there += (straight - there).mean(axis=0)
    distances = np.linalg.norm(there[:, None] - straight, axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), np.arange(98))
    assert heatmaps.flip_table([(0, 4), (1, 2)], 5).tolist() == [4, 2, 1, 3, 0]


def test_the_losses_have_no_step_where_their_pieces_meet():
    for loss, at, target in ((wing, 10.0, 0.0), (adaptive_wing, 0.5, 0.8)):
        places = paddle.to_tensor([at - 1e-4, at + 1e-4]) + target
        below, above = loss(places, paddle.full([2], target)).tolist()
        assert 0 < above - below < 0.01


def test_the_losses_are_their_formulas():
    def of(loss, difference, target=0.0):
        return loss(paddle.to_tensor([target - difference]), paddle.to_tensor([target])).item()

    assert of(wing, 3.0) == pytest.approx(10 * np.log(1 + 3 / 2))
    assert of(wing, 15.0) == pytest.approx(15 - 10 + 10 * np.log(1 + 10 / 2))
    assert of(adaptive_wing, 0.3, 0.8) == pytest.approx(14 * np.log(1 + 0.3**1.3))
    slope = 14 / (1 + 0.5**1.9) * 1.9 * 0.5**0.9  # at theta, for a target of 0.2
    assert of(adaptive_wing, 0.9, 0.2) == pytest.approx(14 * np.log(1 + 0.5**1.9) + 0.4 * slope, rel=1e-5)


def test_a_map_is_read_at_the_middle_of_its_pixel_and_a_quarter_towards_the_higher_neighbour():
    maps = np.zeros((1, 4, 6, 8), np.float32)
    maps[0, :, 2, 5] = 9
    maps[0, 1, 2, 6], maps[0, 1, 1, 5] = 1, 1  # to the right, and up
    maps[0, 2, 2, 4], maps[0, 2, 3, 5] = 2, 2  # to the left, and down
    maps[0, 3, 0, 3], maps[0, 3, 0, 4] = 10, 9  # on the border
    assert peaks(maps)[0].tolist() == [[5.5, 2.5], [5.75, 2.25], [5.25, 2.75], [3.5, 0.5]]
    np.testing.assert_allclose(centres(paddle.to_tensor(40 * maps[:, :1])).numpy(), [[[5.5, 2.5]]], atol=1e-5)


def test_points_are_read_from_their_bumps():
    points = np.array([[[40.0, 80.0], [203.0, 33.0]]])
    maps = np.stack([heatmaps.bumps(one, 64) for one in points])
    np.testing.assert_array_equal(peaks(maps), [[[10.5, 20.5], [50.5, 8.5]]])  # of the pixels that hold them
    np.testing.assert_allclose(centres(paddle.to_tensor(40 * maps)).numpy(), [[[10.5, 20.5], [50.5, 8.5]]], atol=0.05)


def test_the_last_stack_answers_and_all_of_them_train():
    fan, batch = net(), SimpleNamespace(x=paddle.rand([1, 3, 64, 64]))
    first, last = (maps.numpy() for maps, _ in fan.each_stack(batch.x))
    np.testing.assert_array_equal(fan(batch.x).numpy(), last)
    assert np.abs(last - first).max() > 0.01
    (update,) = system.updates({"fan": fan}, batch, lambda maps, batch: maps.mean())
    assert float(update.loss) == pytest.approx(float(first.mean() + last.mean()), abs=1e-6)
    assert list(update.terms) == ["stack0", "stack1"]


def test_figures_of_known_errors():
    true = np.random.default_rng(0).uniform(50, 200, (4, 98, 2))
    true[:, 60], true[:, 72] = (100, 100), (150, 100)
    nme = figures.errors(true + np.array([[1.0], [2.0], [4.0], [10.0]])[:, None] * (1, 0), true)
    np.testing.assert_allclose(nme, [0.02, 0.04, 0.08, 0.2])
    assert figures.failure_rate(nme) == 0.25
    assert figures.area(nme) == pytest.approx((0.8 + 0.6 + 0.2) / 4)
    assert figures.sampled_area(nme) == pytest.approx(figures.area(nme), abs=1e-3)
    assert figures.sampled_area(np.array([0.05]), nodes=3) == pytest.approx((0 + 4 + 1) / 6)  # Simpson's rule
    parts = figures.by_subset(nme, np.eye(4, 6))
    assert list(parts) == ["all", "pose", "expression", "illumination", "make_up"]
    assert parts["illumination"]["nme"] == pytest.approx(0.08)


def test_all_stacks_go_there_and_back(tmp_path):
    path = stored(net(img_size=256), tmp_path / "a.pdparams")
    to_authors_file(path, tmp_path / "a.pth")
    lines = convert_file(tmp_path / "a.pth", tmp_path / "b.pdparams")
    first, second = (checkpoint.load(tmp_path / name) for name in ("a.pdparams", "b.pdparams"))
    assert second["architecture"] == first["architecture"] and second["system"] == "fan", lines
    assert first["nets"]["fan"].keys() == second["nets"]["fan"].keys()
    for key, value in first["nets"]["fan"].items():
        np.testing.assert_array_equal(value, second["nets"]["fan"][key], key)


def test_the_first_stack_of_several_is_taken_and_said(tmp_path):
    path = stored(FAN(2, trainable=True), tmp_path / "two.pdparams")  # of full width: others are not StarGAN v2's
    two = checkpoint.load(path)["nets"]["fan"]
    to_authors_file(path, tmp_path / "two.pth")
    lines = convert_file(tmp_path / "two.pth", tmp_path / "one.pdparams")
    one = checkpoint.load(tmp_path / "one.pdparams")
    assert one["architecture"] == {} and any("the first of 2 stacks" in line for line in lines)
    assert {key for key in two.keys() - one["nets"]["fan"].keys() if not key.endswith("num_batches_tracked")} == {
        key for key in two if re.match(r"(m1|top_m_1|conv_last1|bn_end1|l1|bl0|al0)\.", key) and "tracked" not in key
    }
    for key, value in load_fan(tmp_path / "one.pdparams").state_dict().items():
        np.testing.assert_array_equal(value.numpy(), two[key], key)
    both, _ = convert(tmp_path / "two.pth", all_stacks=True)
    assert both["architecture"]["stacks"] == 2 and both["nets"]["fan"].keys() == two.keys()
    to_authors_file(tmp_path / "one.pdparams", tmp_path / "one.pth")
    again, _ = convert(tmp_path / "one.pth")
    np.testing.assert_array_equal(again["nets"]["fan"]["l0.weight"], two["l0.weight"])


def test_a_narrow_fan_gives_stargan_v2_its_masks(tmp_path):
    trained = net()
    fan = load_fan(stored(trained, tmp_path / "fan.pdparams"))
    x = paddle.rand([1, 3, 64, 64])
    with paddle.no_grad():
        expected = trained(x).numpy()
    np.testing.assert_array_equal(fan(x).numpy(), expected)
    nets = Networks(2, img_size=32, w_hpf=1, channel_base=128, max_channels=8)
    assert "fan_width" not in nets.architecture
    nets.see_by(fan)
    again = build(nets.architecture, "here")
    assert again.fan.sizes == SIZES
    content = {"architecture": nets.architecture, "nets": {"fan": checkpoint.arrays(fan)}}
    np.testing.assert_array_equal(fan_of(content, "here")(x).numpy(), expected)
    assert [mask.shape for mask in nets.masks(x)] == [[1, 1, 64, 64]] * 2


def test_a_photograph_gets_its_points_where_the_network_sees_them(drawn):
    photo, fan = landmarks.load_rgb(landmarks.read_faces(drawn).train[landmarks.POOL][0].path), net()
    x, view, points, maps = faces.look_at(fan, photo, "peaks")
    assert x.shape == (1, 3, 64, 64) and 0 <= x.min() and x.max() <= 1 and maps.shape == (1, 99, 16, 16)
    np.testing.assert_array_equal(points, figures.found(fan, x)[0])
    assert faces.sheet(x, points, maps).shape[2] == 3 and view.side > 0
