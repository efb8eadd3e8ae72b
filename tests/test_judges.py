"""The feature networks behind the figures: which weights they have, and what they are shown."""

import re
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from ppstargan import checkpoint
from ppstargan.convert import torch_writer
from ppstargan.convert.names import names
from ppstargan.convert.weights import convert_file
from ppstargan.data.transforms import for_inception
from ppstargan.download.assets import ASSETS
from ppstargan.errors import UserError
from ppstargan.metrics import judges
from ppstargan.metrics.alexnet import AlexNet
from ppstargan.metrics.inception import InceptionV3
from ppstargan.metrics.judges import ALEXNET, INCEPTION, LPIPS_HEADS, Judge, Judges, load_judges, prepare
from ppstargan.metrics.lpips import LPIPS
from ppstargan.parity import fill
from ppstargan.parity.kit import fill_weights

DEFAULTS = (INCEPTION, ALEXNET, LPIPS_HEADS)
REFERENCE = np.load(Path(__file__).parent / "reference" / "inception_tf.npz")  # inception_tf.py beside it made it


def torch_state(kind, net, prefix=""):
    """The network's weights as PyTorch's file has them."""
    values = net.state_dict()
    return {prefix + name.torch: fill.weight(kind, name.torch, values[name.paddle].shape) for name in names(net)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Converted files of the networks, from such as torchvision, pytorch-fid and LPIPS publish."""
    folder = tmp_path_factory.mktemp("weights")
    inception, heads = torch_state("inception", InceptionV3()), torch_state("lpips", LPIPS())
    states = {
        "inception_v3": {**inception, "fc.weight": np.zeros((1000, 2048), np.float32)},
        "inception_tf": {**inception, "fc.weight": np.zeros((1008, 2048), np.float32)},
        "alexnet": {**torch_state("alexnet", AlexNet(), "features."), "classifier.1.bias": np.zeros(3, np.float32)},
        "lpips": {key: value for key, value in heads.items() if not key.startswith("alexnet.")},
    }
    states["inception_v3"]["AuxLogits.fc.bias"] = np.zeros(1000, np.float32)  # torchvision's, and not used
    for kind, state in states.items():
        torch_writer.save(state, folder / f"{kind}.pth")
        convert_file(folder / f"{kind}.pth", folder / f"{kind}.pdparams")
        (folder / f"{kind}.pth").unlink()
    return {kind: str(folder / f"{kind}.pdparams") for kind in states}


@pytest.fixture(scope="module")
def tensorflow(files):
    return load_judges(files["inception_tf"], files["alexnet"], files["lpips"]).inception


def test_the_two_inceptions_are_told_apart_by_their_files(files, tensorflow):
    torchvision, lpips = load_judges(files["inception_v3"], files["alexnet"], files["lpips"])
    assert (torchvision.name, tensorflow.name, lpips.name) == ("torchvision", "tensorflow", "alexnet")
    assert "torchvision" in torchvision.title and "TensorFlow" in tensorflow.title
    x = paddle.to_tensor(fill.image("x", (1, 3, 139, 139)))
    ours = InceptionV3()
    fill_weights(ours, "inception")
    np.testing.assert_array_equal(torchvision.net(x).numpy(), ours(x).numpy())
    difference = np.abs(torchvision.net(x).numpy() - tensorflow.net(x).numpy()).max()
    assert difference > 0.05  # the weights are the same, and the pools are not


def test_lpips_from_its_two_files(files):
    _, lpips = load_judges(files["inception_v3"], files["alexnet"], files["lpips"])
    ours = LPIPS()
    fill_weights(ours, "lpips")
    fill_weights(ours.alexnet, "alexnet")
    x, y = (paddle.to_tensor(fill.image(name, (2, 3, 32, 32))) for name in "xy")
    np.testing.assert_array_equal(lpips.net(x, y).numpy(), ours(x, y).numpy())


def test_tensorflow_features_are_pytorch_fids(tensorflow):
    x = paddle.to_tensor(fill.image("inception_tf", (1, 3, 299, 299)))
    features = tensorflow.net(x).numpy()
    assert np.abs(features - REFERENCE["features"]).max() < 1e-5 * np.abs(REFERENCE["features"]).max()


@pytest.mark.parametrize(("height", "width"), [(200, 333), (512, 500)])
def test_tensorflow_input_is_clean_fids(tensorflow, height, width):
    x = prepare(tensorflow, Image.fromarray(fill.photo("inception_tf", height, width)), 256)
    assert x.shape == (3, 299, 299) and x.dtype == np.float32
    expected = (REFERENCE[f"{height}x{width}"] - 128) / 128
    np.testing.assert_allclose(x.reshape(-1)[::101], expected, atol=1e-5)


def judge_of(net):
    return Judge(net, "torchvision", "", "")


class Torchvision:
    tensorflow = False


def test_the_authors_input():
    image = Image.fromarray(fill.photo("inception", 300, 260))
    np.testing.assert_allclose(prepare(judge_of(Torchvision), image, 256), for_inception(image), atol=2e-6)


def test_the_authors_input_passes_through_the_size_of_the_model():
    image = Image.fromarray(fill.photo("inception", 256, 256))
    small = image.resize((64, 64), Image.Resampling.BILINEAR)
    at_64, at_256 = (prepare(judge_of(Torchvision), image, size) for size in (64, 256))
    np.testing.assert_array_equal(at_64, prepare(judge_of(Torchvision), small, 64))
    assert np.abs(at_64 - at_256).max() > 0.1


@pytest.mark.parametrize("kind", ["inception_v3", "inception_tf", "alexnet", "lpips"])
def test_a_missing_file_is_named_with_the_command_that_gets_it(files, tmp_path, kind):
    part = kind.split("_")[0]
    given = {**{k: files[k] for k in ("alexnet", "lpips")}, "inception": files["inception_v3"]}
    given[part] = str(tmp_path / f"{kind}.pdparams")
    with pytest.raises(UserError) as error:
        load_judges(**given)
    message = str(error.value)
    command = re.search(r"to get them: python tools/download\.py (\w+) ", message)[1]
    assert "python tools/download.py inception alexnet lpips brings all" in message
    assert given[part] in message and "\n" not in message
    assert ASSETS[command].kind == kind and f"data/{ASSETS[command].target}" in (
        *DEFAULTS,
        "data/inception_tf.pdparams",
    )


@pytest.mark.parametrize("part", ["inception", "lpips"])
def test_random_weights_in_place_of_a_missing_file_alone(files, tmp_path, part):
    given = {**{k: files[k] for k in ("alexnet", "lpips")}, "inception": files["inception_v3"]}
    given[part] = str(tmp_path / "none.pdparams")
    found = load_judges(**given, allow_random=True)
    names = ("random", "alexnet") if part == "inception" else ("torchvision", "random")
    assert (found.inception.name, found.lpips.name) == names
    assert f"RANDOM weights (no {given[part]})" in getattr(found, part).title


def test_the_wrong_file_is_refused_even_where_random_weights_would_do(files, tmp_path):
    with pytest.raises(UserError, match="holds alexnet, and inception_v3 or inception_tf is needed"):
        load_judges(files["alexnet"], files["alexnet"], files["lpips"], allow_random=True)
    damaged = tmp_path / "alexnet.pdparams"
    damaged.write_bytes(Path(files["alexnet"]).read_bytes()[:1000])
    with pytest.raises(UserError, match="is damaged"):
        load_judges(files["inception_v3"], str(damaged), files["lpips"], allow_random=True)
    content = checkpoint.load(files["lpips"])
    content["nets"]["lpips"].pop("lpips_weights.4.main.1.weight")
    checkpoint.save(content, damaged)
    with pytest.raises(UserError, match=r"lpips_weights\.4\.main\.1\.weight"):
        load_judges(files["inception_v3"], files["alexnet"], str(damaged))


def test_random_judges_are_the_same_every_time(tmp_path):
    missing = str(tmp_path / "none")
    state = paddle.get_rng_state()[0].current_seed()
    first, second = (load_judges(missing, missing, missing, allow_random=True) for _ in range(2))
    assert isinstance(first, Judges) and [judge.digest for judge in first] == [judge.digest for judge in second]
    assert paddle.get_rng_state()[0].current_seed() == state
    heads = first.lpips.net.lpips_weights
    assert all(float(head.main[1].weight.min()) >= 0 for head in heads)
    x = paddle.to_tensor(fill.image("x", (2, 3, 139, 139)))
    features = first.inception.net(x).numpy()
    assert np.isfinite(features).all() and 0.01 < features.std() < 10


def test_a_digest_tells_of_every_weight(files):
    net = AlexNet()
    before = judges.digest_of(net)
    bias = net[10].bias
    bias.set_value(bias + paddle.nn.functional.one_hot(paddle.to_tensor([7]), 256)[0])
    assert judges.digest_of(net) != before
