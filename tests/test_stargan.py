"""StarGAN's system: what a sample is, its rates, whose turn it is, and its networks' norms."""

import numpy as np
import paddle
import pytest
from authors_form import refusal
from PIL import Image
from test_attributes import write

from ppstargan import checkpoint
from ppstargan.checkpoint import arrays
from ppstargan.config import CONFIGS
from ppstargan.data.attributes import Faces, prepared, targets
from ppstargan.nets.stargan import Generator, redrawn
from ppstargan.pictures import to_uint8
from ppstargan.systems import stargan
from ppstargan.systems.load import load_config
from ppstargan.training import state


def configured(*more):
    return load_config(CONFIGS / "stargan_toy.yaml", ["model.img_size=8", "data.crop_size=8", *more])


def drawn(images, config, seed=0, instead=None):
    """A sample, in which every image that is loaded is ``instead``, or itself."""

    def load(item, others):
        return Image.open(instead or item), instead or item

    return stargan.draw(images.train, config, np.random.default_rng(seed), load)


def test_a_sample_has_its_own_label_and_that_of_any_other(tmp_path):
    """Faces are told by their red; the labels are the bits of it."""
    root = write(tmp_path / "faces", count=12)
    config = configured(f"data.root={root}", "data.attributes=Black_Hair Male Blond_Hair")
    images = stargan.read(config)
    pool, asked, flipped = images.train["faces"], [], 0
    for seed in range(60):
        batch = drawn(images, config, seed)
        number = round((batch.x[0, 0, 0].item() + 1) * 127.5)
        assert batch.c.tolist() == [number >> bit & 1 for bit in range(3)] and batch.c.dtype == np.float32
        asked.append(tuple(batch.c_target))
        flipped += batch.mix.item()
    known = {tuple(label) for label in pool.labels.astype(np.float32)}
    assert set(asked) <= known and len(set(asked)) == len(known) and 20 < flipped < 40


def test_a_face_that_comes_for_a_bad_one_has_its_own_label(tmp_path):
    root = write(tmp_path / "faces", count=12)
    config = configured(f"data.root={root}", "data.attributes=Black_Hair Male Blond_Hair")
    images = stargan.read(config)
    pool = images.train["faces"]
    batch = drawn(images, config, instead=pool[3])
    assert batch.c.tolist() == pool.labels[3].tolist()


def test_classes_are_labels_with_a_single_one():
    pools = [["a", "b"], ["c"]]
    assert stargan.label(pools, 1, 0).tolist() == [0, 1]
    faces = Faces(["a"], np.array([[1, 0, 1]], np.uint8), ["x", "y", "z"])
    assert stargan.label([faces], 0, 0).tolist() == [1, 0, 1]


def test_rates_fall_as_in_the_code_and_as_in_the_paper():
    """The code's: by 1/100000 of the first, every 1000th of the last 100000 iterations; the paper's: to 0."""
    code = [stargan.rate(i, 1e-4, 100000, 100000, 1000) for i in (0, 100000, 100999, 101000, 199999)]
    np.testing.assert_allclose(code, [1e-4, 1e-4, 1e-4, 1e-4 * (1 - 1e-5), 1e-4 * (1 - 99e-5)], rtol=1e-12)
    paper = [stargan.rate(i, 1.0, 100, 50, 1) for i in (100, 101, 125, 150, 200)]
    np.testing.assert_allclose(paper, [1, 0.98, 0.5, 0, 0], atol=1e-12)
    assert stargan.rate(10**6, 0.5, 100, 0, 1) == 0.5


def test_the_generator_steps_at_every_fifth_iteration(tmp_path):
    config = configured(f"data.root={write(tmp_path / 'faces')}", "data.attributes=Male Young", "train.n_critic=5",
                        "model.g_width=2", "model.d_width=2", "model.g_blocks=0")  # fmt: skip
    images = stargan.read(config)
    system = stargan.System(config, images)
    one = drawn(images, config)
    batch = stargan.Batch(*(paddle.to_tensor(field[None]) for field in one))
    turns = [[update.name for update in system.updates(batch, i)] for i in range(10)]
    assert [i for i, names in enumerate(turns) if "generator" in names] == [4, 9]
    assert all(names[0] == "discriminator" for names in turns)


def test_the_norms_always_go_by_the_image_itself_and_move_in_training_alone():
    paddle.seed(0)
    net = Generator(2, 4, 1)
    x, c = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("f4"), np.eye(2, dtype="f4")
    with paddle.no_grad():
        trained = net(paddle.to_tensor(x), paddle.to_tensor(c)).numpy()
    moved = [buffer.numpy() for buffer in net.buffers()]
    assert any(np.abs(buffer).max() > 1e-3 for buffer in moved if buffer.ndim)
    np.testing.assert_allclose(redrawn(net, x, c), trained, atol=1e-5)
    assert net.training and all((a == b.numpy()).all() for a, b in zip(moved, net.buffers()))
    assert np.abs(redrawn(net, x, c[::-1].copy()) - trained).max() > 1e-3  # the label counts


@pytest.mark.parametrize(
    "override, said",
    [
        ("model.img_size=12", "model.img_size 12 is no multiple of 8"),
        ("data.attributes=Male Young Male", "data.attributes names one twice: Male Young Male"),
    ],
)
def test_what_does_not_fit_is_one_line(override, said):
    assert said in refusal(configured, override)


def tiny(root, names, *more):
    """A system with a small model on a set in ``root``, and its state."""
    if not root.exists():
        write(root, names=["Black_Hair", "Blond_Hair", "Male", "Young", "Smiling"])
    widths = ["model.g_width=2", "model.d_width=2", "model.g_blocks=1"]
    images = stargan.read(config := configured(f"data.root={root}", f"data.attributes={names}", *widths, *more))
    system = stargan.System(config, images)
    return system, state.State(system.networks, {}, {}, system.optimizers, system.architecture, images.names, "stargan")


def values(system):
    return {f"{name}/{key}": value for name, net in system.networks.items() for key, value in arrays(net).items()}


@pytest.mark.parametrize("others", ["Black_Hair Smiling", "Male Young Smiling"])
def test_other_attributes_start_from_what_does_not_depend_on_them(tmp_path, others):
    """As many others, or more."""
    source, its_state = tiny(tmp_path / "faces", "Male Young")
    checkpoint.save(state.content(its_state), tmp_path / "a.pdparams")
    system, mine = tiny(tmp_path / "faces", others)
    fresh, before = values(system), values(source)
    lines = state.initialise(mine, tmp_path / "a.pdparams")
    assert any(line.startswith("the file has 2 domains (Male, Young), this run ") for line in lines)
    for key, value in values(system).items():
        branch = key in ("generator/main.0.weight", "discriminator/conv2.weight")
        np.testing.assert_array_equal(value, (fresh if branch else before)[key], err_msg=key)


def test_other_widths_are_told_by_keys_that_a_configuration_has(tmp_path):
    """Whether labels are classes is none of them."""
    _, its_state = tiny(tmp_path / "faces", "Male Young")
    checkpoint.save(state.content(its_state), tmp_path / "a.pdparams")
    _, mine = tiny(tmp_path / "faces", "Male Young", "model.g_width=4")
    mine.architecture["exclusive"] = True
    said = refusal(state.initialise, mine, tmp_path / "a.pdparams")
    assert said.endswith("; for this file's networks: -o model.g_width=2")


def test_a_sheet_has_a_row_a_face_and_a_column_an_attribute(tmp_path):
    """Faces of the part for testing, with the targets that the authors look at."""
    names = ["Black_Hair", "Blond_Hair", "Male"]
    system, _ = tiny(tmp_path / "faces", " ".join(names))
    system.prepare(set())
    (sheet,) = system.sheets(system.networks).values()
    (path,) = system.data.val["faces"]
    assert sheet.shape == (12, 42, 3) and round(sheet[2, 2, 0]) == int(path.stem)
    x = prepared(Image.open(path), 8, 8)[None]
    own = system.data.val["faces"].labels.astype(np.float32)
    for column, asked in enumerate(targets(own, names, exclusive=False), 1):
        wanted = to_uint8(redrawn(system.networks["generator"], x, asked))[0]
        np.testing.assert_allclose(sheet[2:10, 2 + 10 * column : 10 + 10 * column].astype(int), wanted, atol=1)
