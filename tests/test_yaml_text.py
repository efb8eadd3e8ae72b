"""What stands in a configuration is what it means: by its key, and not by YAML's guesses."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from ppstargan.config import to_yaml
from ppstargan.errors import UsageError
from ppstargan.systems.load import load_config

TOY = Path(__file__).parents[1] / "configs" / "toy.yaml"
SAVED = """name: '007'
output: /runs/a folder with a name that is so long that YAML of earlier versions broke its line right
  here
model: {img_size: 32, style_dim: 64, latent_dim: 16, hidden_dim: 128, w_hpf: 0.0, channel_base: 512, max_channels: 64}
data: {root: "/photos/\\uDCC4\\uDCE3", crop_probability: 0.5, max_bad_share: 0.05, workers: 1}
face: {fan: '', allow_random_fan: false}
loss: {lambda_reg: 1.0, lambda_sty: 1.0, lambda_ds: 1.0e-07, lambda_cyc: 0.1, ds_iter: 2400}
train: {iterations: 2400, batch_size: 8, accumulate: 1, amp: none, tf32: true, channels_last: false, lr: 0.0003,
  f_lr: 9.0e-06, beta1: 0.0, beta2: 0.99, weight_decay: 0.0001, ema_beta: 0.98, ema_warmup: true, seed: 777,
  log_every: 50, sample_every: 400, save_every: 400, keep_last: 3, keep_every: 10000, eval_every: 0, eval_sources: 50}
"""


def loaded(folder, content, *overrides):
    path = folder / "mine.yaml"
    content = content.encode() if isinstance(content, str) else content
    path.write_bytes(f"_base_: {TOY}\n".encode() + content)
    return load_config(path, overrides)


def refused(folder, content, *overrides):
    with pytest.raises(UsageError) as raised:
        loaded(folder, content, *overrides)
    told = str(raised.value)
    assert "\n" not in told
    return told.replace(f"{folder}/", "")


TEXTS = "007 010 0x1F 1e3 1_000 1:30 20240130_1 2023-02-30 2023-01-02 yes no on off true null 3.10 = <<".split()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_taken_as_it_stands(tmp_path, text):
    assert loaded(tmp_path, "", f"name={text}").name == text
    if text not in ("=", "<<"):  # YAML's own signs
        assert loaded(tmp_path, f"name: {text}\n").name == text
        assert loaded(tmp_path, f"name: '{text}'\n").name == text


@pytest.mark.parametrize("text", ["/data/set #2", "/a: b", "- x", "[x", "*x", "D:\\new", "/data/x ", "'a", "{a}"])
def test_an_override_needs_no_quotes(text, tmp_path):
    assert loaded(tmp_path, "", f"data.root={text}").data.root == text


def test_quotes_around_a_value_are_none_of_it(tmp_path):
    assert loaded(tmp_path, "", "data.root='/data/set #2'").data.root == "/data/set #2"
    assert loaded(tmp_path, 'data.root: "D:\\\\new set"\n').data.root == "D:\\new set"
    assert loaded(tmp_path, "data.root: 'D:\\new'\n").data.root == "D:\\new"


def test_numbers_are_decimal(tmp_path):
    found = loaded(tmp_path, "train:\n  iterations: 0100\n  lr: 1e-4\n", "data.workers=010", "train.seed=+8.0")
    assert (found.train.iterations, found.train.lr, found.data.workers, found.train.seed) == (100, 1e-4, 10, 8)


@pytest.mark.parametrize("text", ["1:30", "0x10", "0o17", "1_000", "1e999", "9" * 5000, "2024-01-30", "", "4 # a"])
def test_others_are_no_numbers(tmp_path, text):
    assert "train.iterations must be a whole number, not '" in refused(tmp_path, "", f"train.iterations={text}")
    assert "train.tf32 must be true or false, not '" in refused(tmp_path, "", f"train.tf32={text}")


@pytest.mark.parametrize("text", ["yes", "no", "on", "off", "1"])
def test_true_and_false_are_said_so(tmp_path, text):
    assert refused(tmp_path, f"train.tf32: {text}\n").endswith(f"train.tf32 must be true or false, not {text!r}")
    assert loaded(tmp_path, "train.tf32: False\n").train.tf32 is False


def test_what_runs_have_saved_loads_as_before(tmp_path):
    (tmp_path / "config.yaml").write_text(SAVED)
    found = load_config(tmp_path / "config.yaml")
    stored = dataclasses.asdict(found)
    assert stored["train"].pop("deterministic") is False  # a key of later
    assert stored.pop("system") == "stargan_v2" and stored == yaml.safe_load(SAVED)
    assert found.data.root == "/photos/\udcc4\udce3" and found.output.endswith("broke its line right here")
    (tmp_path / "again.yaml").write_text(to_yaml(found))
    assert load_config(tmp_path / "again.yaml") == found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("train:\n  lr: 1\n  f_lr: 2\n  lr: 3\n", "train.lr stands in line 3 and again in line 5; remove one"),
        ("train.lr: 1\ntrain:\n  lr: 3\n", "mine.yaml: train.lr stands in line 2 and again in line 4; remove one"),
        ("train:\n  lr: 1\ntrain:\n  f_lr: 3\n", "mine.yaml: train stands in line 2 and again in line 4; remove one"),
        ("_base_: a.yaml\n", "mine.yaml: _base_ stands in line 1 and again in line 2; remove one"),
        ("train:\n  lr:2e-4\n", "line 3: train is a section; set a key in it, such as train.iterations; a key's colon"),
        ("train:\n  lr:2e-4\n  f_lr: 1\n", "mine.yaml, line 3: there is no space behind lr:"),
        ("train:\n  f_lr: 1\n  lr:2e-4\n", "mine.yaml, line 4: there is no space behind lr:"),
        ("train:\n  f_lr: 1\n  lr：2e-4\n", "mine.yaml, line 4: there is no space behind lr:"),
        ("name: a\n  train.lr:2e-4\n", "mine.yaml, line 3: there is no space behind train.lr:"),
        ("train: {lr:2e-4}\n", "unknown key train.lr:2e-4; the nearest known one is train.lr, and docs/"),
        ('data.root: "D:\\new\\train"\n', "line 2: data.root would be 'D:\\new\\train', since double quotes"),
        ('data.root: "D:\\data"\n', "line 2, found unknown escape character 'd'; put it in single quotes"),
        ('data.root: "D:\\users"\n', "but found 's'; put it in single quotes"),
        ('data.root: "D:\\_old"\n', "put the value in single quotes"),
        ("data.root: |\n  /x\n", "data.root must be one line without control characters, not '/x\\n'"),
        ('name: "\\UFFFFFFFF"\n', "mine.yaml cannot be read as YAML"),
        ("train:\n\tlr: 1\n", "line 3, found character '\\t' that cannot start any token; indent by spaces, not tabs"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("a: &x {b: *x}\n", "unknown key a.b"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\n", "line 2: a is a list, and takes one value"),
        ("train:\n  <<: {lr: 1}\n", "line 3: '<<' is not for configurations"),
        ("name: a\0b\n", "line 2 holds the character '\\x00'"),
        ("name: 文\n".encode("gbk"), "mine.yaml is no UTF-8 text; save it as UTF-8"),
        ("name: !!int 3\n", "line 2: name has the tag"),
        ("name:\n", "line 2: name has no value"),
        ("on: 1\n", "line 2: unknown key on;"),
        ("? [a]\n: 1\n", "line 2: a key is a name"),
        ('"a\\nb": 1\n', "unknown key 'a\\nb';"),
        ("data.root: ~nobody_here/x\n", "~nobody_here/x: the home folder that ~ stands for is not known"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, content, told):
    assert told in refused(tmp_path, content)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_what_editors_on_windows_save(tmp_path, encoding):
    (tmp_path / "a.yaml").write_bytes(f"_base_: {TOY}\r\nname: 猫\r\n".encode(encoding))
    assert load_config(tmp_path / "a.yaml").name == "猫"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("name", "override 'name' has no '='; write it as one word without spaces, such as train.batch_size=4"),
        ("train.iterations", "override 'train.iterations' has no '='; write it as one word without spaces, such as "
         "train.iterations=4"),
        ("=3", "override '=3' has no key"),
        ("name = x", "override 'name = x' has a space before the '='"),
        ("data.root=", "override 'data.root=': data.root has no value"),
        ('data.root="D:\\new"', "put the value in single quotes"),
        ("name=a\tb", "name must be one line without control characters"),
    ],
)
def test_a_bad_override_is_one_line(tmp_path, override, told):
    assert told in refused(tmp_path, "", override)


def test_of_a_key_given_twice_the_last_override_holds(tmp_path):
    assert loaded(tmp_path, "train.lr: 1\n", "train.lr=2", "train.lr=3").train.lr == 3


def test_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = loaded(tmp_path, "output: ~/runs\nface: {fan: ~/wing.pdparams}\n", "data.root=~/photos", "name=~")
    places = (found.output, found.data.root, found.face.fan)
    assert places == (f"{tmp_path}/runs", f"{tmp_path}/photos", f"{tmp_path}/wing.pdparams") and found.name == "~"
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.yaml").write_text("_base_: ~/mine.yaml\n")
    assert load_config(tmp_path / "sub" / "b.yaml").output == f"{tmp_path}/runs"


def test_files_that_are_none(tmp_path):
    (tmp_path / "link.yaml").symlink_to("gone.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "a.yaml").write_text(f"_base_: ../{tmp_path.name}/a.yaml\n")
    told = {"link.yaml": "is a link to gone.yaml, which is not there", "loop.yaml": "cannot be read (Too many levels"}
    for name, what in {**told, "": "is a folder; name a configuration in it", "a.yaml": "leads back to itself"}.items():
        with pytest.raises(UsageError) as raised:
            load_config(tmp_path / name)
        assert str(raised.value).startswith(f"{tmp_path / name}") and what in str(raised.value)
