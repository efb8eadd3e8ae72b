"""The sheets of a run and what is drawn of its weights later show the same styles."""

import numpy as np
import paddle
import small_model

from ppstargan import pictures
from ppstargan.translate.sheets import sample_sheets
from ppstargan.translator import Translator


def test_a_sheets_styles_are_truncated_as_later(tmp_path, monkeypatch):
    """Whatever the run's seed: a domain's mean style belongs to the weights alone."""
    model = Translator(small_model.save(tmp_path / "a.pdparams", small_model.networks(1)))
    seen = []
    monkeypatch.setattr(pictures, "latent_sheets", lambda nets, x, z, means: seen.append((z, means)) or {})
    x, y = paddle.zeros([2, 3, 32, 32]), paddle.to_tensor([0, 1])
    with paddle.no_grad():
        for seed in (0, 5):
            sample_sheets(small_model.networks(1), (x, y, x, y), 4, seed)
    assert not np.array_equal(seen[0][0].numpy(), seen[1][0].numpy())  # the latents shown are the seed's
    for _, means in seen:
        assert len(means) == len(small_model.DOMAINS)
        for domain, mean in zip(small_model.DOMAINS, means):
            np.testing.assert_array_equal(mean.numpy(), model.mean_style(domain))
