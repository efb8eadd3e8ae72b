"""What stands in for a function is really called: patched where nobody looks, it would change nothing, and unheard."""

from contextlib import ExitStack
from unittest import mock

import paddle
from one_step import LOSS
from paddle.nn import functional as F

from ppstargan.config import CONFIGS
from ppstargan.costs import plain
from ppstargan.costs.benchmark import random_batch
from ppstargan.nets import generator, resample
from ppstargan.nets.blocks import AdaIN
from ppstargan.nets.stargan_v2 import Networks
from ppstargan.systems.load import load_config
from ppstargan.translate.inference_forms import forms_for_inference

SMALL = {"num_domains": 2, "img_size": 32, "style_dim": 4, "hidden_dim": 8, "channel_base": 128, "max_channels": 8}


def counted(places, patches) -> dict:
    """{name: 0} for functions, (where, name), of which each call counts until ``patches`` are undone."""
    calls = {}

    def counting(name, function):
        calls[name] = 0

        def call(*arguments, **options):
            calls[name] += 1
            return function(*arguments, **options)

        return call

    for where, name in places:
        patches.enter_context(mock.patch.object(where, name, counting(name, getattr(where, name))))
    return calls


def test_the_plain_forms():
    names = ("pool", "upsample", "conv_pool", "upsample_conv", "domain_linear", "_shortcut_down", "_shortcut_up")
    with ExitStack() as patches:
        calls = counted([(plain, name) for name in names], patches)
        nets, config = Networks(**SMALL), load_config(CONFIGS / "toy.yaml")
        assert len(list(plain.updates(nets, random_batch(config, 1, 2), LOSS))) == 4
        assert min(calls.values()) > 0, calls


def test_the_forms_for_inference():
    places = [(resample, name) for name in ("conv_pool", "upsample_conv", "pool", "upsample")]
    places += [(F, "interpolate"), (AdaIN, "forward"), (generator, "high_pass")]
    x, y = paddle.rand([1, 3, 32, 32]), paddle.to_tensor([1])
    originals = [getattr(where, name) for where, name in places]
    used = set()
    for w_hpf in (0, 1):  # with masks, a block of the decoder has no shortcut; without them, nothing is interpolated
        nets = Networks(**SMALL, w_hpf=w_hpf)
        with ExitStack() as patches, paddle.no_grad():
            patches.enter_context(forms_for_inference(nets.generator))
            assert all(getattr(where, name) is not it for (where, name), it in zip(places, originals))
            calls = counted(places, patches)
            nets.generator(x, nets.style_encoder(x, y), nets.masks(x))
            used |= {name for name, count in calls.items() if count}
    assert used == {name for _, name in places}
    assert all(getattr(where, name) is it for (where, name), it in zip(places, originals))
