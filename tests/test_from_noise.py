"""tools/sample.py for the systems that start from noise: sheets, files, videos, and which options a system takes."""

from pathlib import Path

import noise_model
import numpy as np
import pytest
import small_model
from PIL import Image

from ppstargan import checkpoint
from ppstargan.sampler import Sampler
from ppstargan.systems.load import names, system_named
from ppstargan.translate import from_noise


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    small_model.save(folder / "stargan_v2.pdparams", small_model.networks())
    critic = {"critic": checkpoint.arrays(noise_model.networks("wgan")["critic"])}
    noise_model.save(folder / "critic.pdparams", "wgan", nets=critic)
    content = checkpoint.load(noise_model.save(folder / "newer.pdparams", "gan"))
    checkpoint.save({**content, "system": "supergan"}, folder / "newer.pdparams")
    for system in noise_model.ARCHITECTURES:
        noise_model.save(folder / f"{system}.pdparams", system)
    return folder


@pytest.fixture
def sample(weights, run_sample):
    """Runs the tool with weights of a system; returns its exit code and what it printed."""

    def run(system, *arguments):
        return run_sample(weights / f"{system}.pdparams", *arguments)

    return run


def cells(path, columns, count):
    sheet = np.asarray(Image.open(path))
    return [small_model.cell(sheet, i // columns, i % columns, size=16) for i in range(count)]


def same(images, others):
    return len(images) == len(others) and all(np.array_equal(a, b) for a, b in zip(images, others))


def test_a_sheet(weights, sample, tmp_path):
    code, said, error = sample("gan", "--count", 20, "--seed", 5, "--out", "new/x.png")
    assert (code, error) == (0, "") and said.endswith("gan.pdparams: gan, 16 px\nwrote new/x.png\n")
    expected = Sampler(weights / "gan.pdparams").sample(20, seed=5)
    assert Image.open(tmp_path / "new" / "x.png").size == (2 + 8 * 18, 2 + 3 * 18)
    assert same(cells(tmp_path / "new" / "x.png", 8, 20), expected)
    code, said, _ = sample("wgan")
    written = tmp_path / said.splitlines()[-1][len("wrote ") :]
    assert code == 0 and written.parent == tmp_path / "output"
    assert same(cells(written, 8, 64), Sampler(weights / "wgan.pdparams").sample(64))
    assert sample("gan", "--count", 100, "--out", "square.png")[0] == 0
    assert Image.open("square.png").size == (2 + 10 * 18,) * 2


def test_one_picture_is_just_that(weights, sample):
    assert sample("cgan", "--count", 1, "--domain", "dog", "--out", "x.png")[0] == 0
    assert same([np.asarray(Image.open("x.png"))], Sampler(weights / "cgan.pdparams").sample(1, "dog"))


def test_a_column_for_each_class(weights, sample):
    model = Sampler(weights / "cgan.pdparams")
    code, said, _ = sample("cgan", "--out", "all.png", "--batch-size", 5)
    assert code == 0 and "cgan, 16 px, classes cat, dog, lion\n" in said
    assert same(cells("all.png", 3, 24), model.sample(24))
    assert sample("cgan", "--domain", "lion", "0", "--count", 6, "--out", "two.png")[0] == 0
    assert same(cells("two.png", 2, 6), model.sample(6, ["lion", "cat"]))
    assert sample("cgan", "--domain", 1, "--count", 6, "--columns", 4, "--out", "one.png")[0] == 0
    assert same(cells("one.png", 4, 6), model.sample(6, "dog"))


def test_several_sheets_by_rows(weights, sample):
    code, said, _ = sample("gan", "--count", 14, "--rows", 2, "--columns", 3, "--batch-size", 4, "--out", "x.png")
    assert code == 0 and said.count("wrote x_0") == 3
    expected = Sampler(weights / "gan.pdparams").sample(14)
    assert same([*cells("x_01.png", 3, 6), *cells("x_02.png", 3, 6), *cells("x_03.png", 2, 2)], expected)


def test_a_file_each(weights, sample):
    code, said, error = sample("cgan", "--count", 5, "--out-dir", "new/out", "--batch-size", 2)
    files = sorted(Path("new/out").iterdir())
    expected = ["000001_cat.png", "000002_dog.png", "000003_lion.png", "000004_cat.png", "000005_dog.png"]
    assert (code, error, [file.name for file in files]) == (0, "", expected)
    assert said.endswith(f"wrote 5 pictures into {Path.cwd()}/new/out: 000001_cat.png to 000005_dog.png\n")
    assert same([np.asarray(Image.open(file)) for file in files], Sampler(weights / "cgan.pdparams").sample(5))
    assert sample("gan", "--count", 2, "--out-dir", "gan")[0] == 0
    assert sorted(file.name for file in Path("gan").iterdir()) == ["000001.png", "000002.png"]


def test_nothing_is_replaced_unasked(sample):
    call = ("gan", "--count", 3, "--out-dir", "out")
    assert sample(*call)[0] == 0
    Path("out/000001.png").unlink()
    Path("out/000002.png").write_bytes(b"mine")
    code, _, error = sample(*call, "--seed", 1)
    assert code == 1 and "out/000002.png exists, as 2 of 3 files do; give another --out-dir, or --force" in error
    assert Path("out/000002.png").read_bytes() == b"mine" and not Path("out/000001.png").exists()
    assert sample(*call, "--force")[0] == 0 and Path("out/000002.png").read_bytes() != b"mine"
    code, _, error = sample("gan", "--out", "out/000001.png")
    assert code == 1 and error.endswith("000001.png exists; give another --out, or --force to replace it\n")


def test_a_video_goes_from_the_noise_of_each_seed_to_the_next(weights, sample):
    call = ("--video", "--count", 5, "--seed", 3, "--latents", 3, "--fps", 4, "--seconds", 1)
    code, said, _ = sample("gan", *call, "--columns", 2, "--out", "x.webp")
    assert code == 0 and "wrote x.webp: 12 frames, 3.0 seconds" in said
    with Image.open("x.webp") as video:
        assert video.n_frames == 12 and video.size == (2 + 2 * 18, 2 + 3 * 18)
    model = Sampler(weights / "gan.pdparams")
    frames = list(from_noise.moving(model, [model.noise(5, seed) for seed in (3, 4, 5)], [], 2, 4))
    for i, seed in enumerate((3, 4, 5)):
        sheet = [small_model.cell(frames[4 * i], j // 2, j % 2, size=16) for j in range(5)]
        assert same(sheet, model.sample(5, seed=seed))
    far = np.abs(frames[0].astype(int) - frames[4]).mean()
    assert all(np.abs(a.astype(int) - b).mean() < far for a, b in zip(frames, [*frames[1:], frames[0]]))


def test_between_two_noises_it_stays_standard_normal():
    class Told:
        def render(self, z, classes):
            seen.append(z)
            return np.zeros((1, 4, 4, 3), np.uint8)

    seen, rng = [], np.random.default_rng(0)
    list(from_noise.moving(Told(), list(rng.standard_normal((2, 1, 10_000))), [], 1, 4))
    assert len(seen) == 8 and all(z.std() == pytest.approx(1, abs=0.03) for z in seen)


def test_a_video_keeps_the_classes(weights, sample):
    assert sample("cgan", "--video", "--latents", 2, "--fps", 2, "--seconds", 1, "--out", "x.webp")[0] == 0
    with Image.open("x.webp") as video:
        assert video.n_frames == 4 and video.size == (2 + 3 * 18, 2 + 18)


@pytest.mark.parametrize(
    "system, call, code, message",
    [
        ("gan", ("--domain", 3), 2, "--domain is not for gan, which {weights} is of; it takes --count, --seed, "),
        ("wgan", ("--source", "x.png"), 2, "--source is not for wgan, "),
        ("cgan", ("--reference", "x.png"), 2, "--reference is not for cgan, which {weights} is of; it takes --domain,"),
        ("gan", ("--psi", 0), 2, "--psi is not for gan, "),
        ("gan", ("--fan", "data/wing.pdparams"), 2, "--fan is not for gan, "),
        ("gan", ("--domain-names", "a"), 2, "--domain-names is not for gan, "),
        ("stargan_v2", ("--count", 4), 2, "--count is not for stargan_v2, which {weights} is of; it takes --source, "),
        ("stargan_v2", (), 2, "give --source, the images to translate"),
        ("cgan", ("--domain", "bird"), 1, "unknown domain bird; {weights} has cat, dog, lion"),
        ("cgan", ("--count", 0), 2, "--count is 0; give 1 or more"),
        ("cgan", ("--count", 10**15), 2, "--count is 1000000000000000; give a number from 1 to 1000000"),
        ("cgan", ("--count", 1_000_000), 2, "a sheet of 1000000 pictures of 16 px is too large; give a smaller"),
        ("cgan", ("--latents", 3), 2, "--latents goes with --video only"),
        ("cgan", ("--video", "--latents", 1, "--out", "x.gif"), 2, "give --latents 2 or more"),
        ("cgan", ("--video", "--count", 90_000, "--columns", 300, "--out", "x.gif"), 2, "browsers play up to 4096"),
        ("cgan", ("--video", "--out", "x.png"), 2, "a video's name ends in .mp4"),
        ("critic", (), 1, "{weights} holds critic, and no generator; give a run's checkpoint, or a converted file of"),
        ("newer", (), 1, "{weights} is of the system supergan: update ppstargan, which has adain, "),
    ],
)
def test_mistakes_are_told_in_one_line(weights, sample, tmp_path, system, call, code, message):
    ended, _, error = sample(system, *call)
    assert ended == code and error.startswith("error: ") and error.count("\n") == 1
    assert message.format(weights=weights / f"{system}.pdparams") in error
    assert not list(tmp_path.iterdir())


def test_what_systems_take_are_options_of_the_tool(sample):
    code, said, _ = sample("gan", "--help")
    taken = {name for system in names() for name in system_named(system).TAKES}
    assert code == 0 and all(f"  --{name.replace('_', '-')}" in said for name in taken)
