"""The configuration: inheritance, overrides, and one clear line for each mistake."""

from pathlib import Path

import pytest

from ppstargan.config import to_yaml
from ppstargan.errors import UsageError
from ppstargan.systems.load import load_config

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.glob("*.yaml") if path.stem != "common"))
def test_every_configuration_loads_and_survives_being_saved(name, tmp_path):
    config = load_config(CONFIGS / name)
    (tmp_path / "saved.yaml").write_text(to_yaml(config))
    assert load_config(tmp_path / "saved.yaml") == config


def test_the_papers_values():
    afhq, celeba = load_config(CONFIGS / "afhq.yaml"), load_config(CONFIGS / "celeba_hq.yaml")
    assert (afhq.model.w_hpf, afhq.loss.lambda_ds) == (0, 2)
    assert (celeba.model.w_hpf, celeba.loss.lambda_ds) == (1, 1)
    for config in (afhq, celeba):
        t, m, loss = config.train, config.model, config.loss
        assert (t.lr, t.f_lr, t.beta1, t.beta2, t.weight_decay) == (1e-4, 1e-6, 0.0, 0.99, 1e-4)
        assert (t.ema_beta, t.ema_warmup, t.batch_size, t.iterations) == (0.999, False, 8, 100000)
        assert (m.img_size, m.style_dim, m.latent_dim, m.hidden_dim) == (256, 64, 16, 512)
        assert (m.channel_base, m.max_channels) == (2**14, 512)
        assert (loss.lambda_reg, loss.lambda_sty, loss.lambda_cyc, loss.ds_iter) == (1, 1, 1, 100000)


def test_overrides_win_and_keep_their_types():
    given = ["train.lr=1e-4", "train.ema_warmup=false", "name=7", "train.iterations=2e3"]
    config = load_config(CONFIGS / "toy.yaml", given)
    assert (config.train.lr, config.train.ema_warmup, config.name, config.train.iterations) == (1e-4, False, "7", 2000)
    assert config.model.img_size == 32


@pytest.mark.parametrize(
    "override, message",
    [
        ("train.batchsize=4", r"unknown key train\.batchsize; the nearest known one is train\.batch_size"),
        ("trian.batch_size=4", r"unknown key trian\.batch_size; the nearest known one is train\.batch_size"),
        ("batch_size=4", r"unknown key batch_size; the nearest known one is train\.batch_size"),
        ("train.EMA_beta=0.9", r"unknown key train\.EMA_beta; the nearest known one is train\.ema_beta"),
        ("system=FAN", "no system 'FAN'; the nearest is fan"),
        ("train=4", "train is a section"),
        ("train.lr", "has no '='"),
        ("train.lr=fast", r"train\.lr must be a number, not 'fast'"),
        ("train.batch_size=1.5", "must be a whole number"),
        ("train.batch_size=true", "must be a whole number"),
        ("train.ema_warmup=1", "must be true or false"),
        ("train.lr=[1", r"must be a number, not '\[1'"),
        ("train.lr.deep=1", r"unknown key train\.lr\.deep; the nearest known one is train\.lr"),
        ("model.img_size=100", "32, 64, 128, 256, 512 or 1024"),
        ("train.batch_size=0", "at least 1"),
        ("train.lr=-1", r"train\.lr must be above 0, not -1"),
        ("train.lr=0", "must be above 0"),
        ("train.lr=.nan", "must be a number, not '.nan'"),
        ("train.lr=1e999", r"train\.lr must be finite, not inf"),
        ("data.max_bad_share=1.1", "between 0 and 1"),
        ("name=../elsewhere", "plain folder name"),
    ],
)
def test_mistakes_are_named(override, message):
    with pytest.raises(UsageError, match=message) as raised:
        load_config(CONFIGS / "toy.yaml", [override])
    assert "\n" not in str(raised.value) and raised.value.exit_code == 2


@pytest.mark.parametrize(
    "content, message",
    [
        ("_base_: a.yaml", "leads back to itself"),
        ("_base_: nowhere.yaml", r"no configuration .*nowhere\.yaml"),
        ('_base_: "a\\0b"', r"line 1: _base_ would be 'a\\x00b', since double quotes"),
        ("name: [", "cannot be read as YAML"),
        ("- 1", "holds no keys"),
        ("name: x", "start the file with '_base_: base.yaml'"),
        ("!!python/object/apply:os.system ['true']", "holds no keys"),
        ("name: !!python/object/apply:os.system ['true']", "name is a list"),
    ],
)
def test_bad_files_are_named(tmp_path, content, message):
    path = tmp_path / "a.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as raised:
        load_config(path)
    assert "\n" not in str(raised.value)


def test_a_file_may_start_from_one_in_another_folder(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"_base_: {CONFIGS / 'afhq.yaml'}\nmodel:\n  img_size: 128\n")
    config = load_config(path)
    assert (config.model.img_size, config.loss.lambda_ds) == (128, 2)


def test_whole_numbers_stay_as_they_are():
    assert load_config(CONFIGS / "toy.yaml", ["train.iterations=999999999999"]).train.iterations == 999999999999
    assert load_config(CONFIGS / "toy.yaml", ["train.iterations=1e5"]).train.iterations == 100000


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.beta1=1", "train.beta1 must be 0 or more and below 1, not 1.0"),
        ("train.beta2=1.0", "train.beta2 must be 0 or more and below 1, not 1.0"),
        ("train.ema_beta=1", "train.ema_beta must be 0 or more and below 1, not 1.0"),  # averages that never move
        ("train.seed=99999999999999999999", "train.seed must be at most 4294967295, not 99999999999999999999"),
        ("train.iterations=1e17", "train.iterations must be at most 1000000000000, not 1"),  # no time holds so many
        ("data.workers=100000", "data.workers must be at most 1024, not 100000"),
        ("train.batch_size=1000000000", "train.batch_size must be at most 65536"),
        ("model.channel_base=64", r"at 32 px would have 2 channels, .*; give at least model\.channel_base=96"),
        ("model.max_channels=2", r"at 32 px would have 2 channels, .* and model\.max_channels=3"),
    ],
)
def test_what_a_library_would_refuse_later_with_a_trace(override, message):
    with pytest.raises(UsageError, match=message):
        load_config(CONFIGS / "toy.yaml", [override])


def test_a_file_may_write_a_key_with_its_dots(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        f"_base_: {CONFIGS / 'toy.yaml'}\ntrain.lr: 3.0e-4\ndata.root: data/mine\nname: a\n"
    )
    found = load_config(tmp_path / "mine.yaml", ["train.batch_size=3"])
    assert (found.train.lr, found.data.root, found.train.batch_size, found.name) == (3e-4, "data/mine", 3, "a")


def test_a_missing_base_names_the_file_that_asks_for_it(tmp_path):
    (tmp_path / "mine.yaml").write_text("_base_: none.yaml\n")
    with pytest.raises(UsageError, match=rf"no configuration {tmp_path}/none\.yaml, which {tmp_path}/mine\.yaml names"):
        load_config(tmp_path / "mine.yaml")
    with pytest.raises(UsageError, match=rf"no configuration {tmp_path}/x\.yaml; the ones that .* are in {CONFIGS}"):
        load_config(tmp_path / "x.yaml")
