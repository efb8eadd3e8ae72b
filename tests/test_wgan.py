"""WGAN's parts: the critic's turns, clipping, the penalty, and who steps."""

import numpy as np
import paddle
import pytest

from ppstargan import losses
from ppstargan.nets.dcgan import DCGAN_D, DCGAN_G
from ppstargan.nets.mlp import Discriminator, Generator
from ppstargan.systems import gan, wgan


def test_the_critics_turns_are_a_function_of_the_iteration():
    """The closed form against the authors' loop, over two periods of 500 turns and more."""
    for critic_steps in (1, 5):
        due, steps = [], 0
        while len(due) < 12000:
            turn = 100 if steps < 25 or steps % 500 == 0 else critic_steps
            due += [False] * (turn - 1) + [True]
            steps += 1
        ours = [wgan.generator_is_due(i, critic_steps) for i in range(len(due))]
        assert ours == due
    assert [i for i in range(12) if wgan.generator_is_due(i, 5, long_turns=False)] == [4, 9]


def test_clipping_leaves_running_statistics():
    critic = DCGAN_D(16, 3, 4)
    norm = next(layer for name, layer in critic.named_sublayers() if name.endswith("batchnorm"))
    norm._mean.set_value(np.full(norm._mean.shape, 3, "float32"))
    wgan.clip_weights(critic, 0.01)
    assert max(float(p.abs().max()) for p in critic.parameters()) == pytest.approx(0.01)
    assert float(norm.weight.min()) == pytest.approx(0.01)  # a scale of about 1 is clipped as well
    assert float(norm._mean.min()) == 3 and float(norm._variance.min()) == 1


def test_the_penalty_of_a_linear_critic_is_that_of_its_weight():
    weight = paddle.to_tensor(np.random.default_rng(0).normal(size=12).astype("float32"), stop_gradient=False)
    x, y = (paddle.to_tensor(np.random.default_rng(i).normal(size=(3, 3, 2, 2)).astype("float32")) for i in (1, 2))
    mix = paddle.to_tensor([[0.1], [0.5], [0.9]]).reshape([3, 1, 1, 1])
    penalty = losses.gradient_penalty(lambda x: x.reshape([3, -1]) @ weight, x, y, mix)
    norm = np.linalg.norm(weight.numpy())
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-5)
    penalty.backward()
    np.testing.assert_allclose(weight.grad.numpy(), 2 * (norm - 1) * weight.numpy() / norm, rtol=1e-4)


def test_the_penalty_looks_between_real_and_fake():
    seen = []

    def critic(x):
        seen.append(x.numpy())
        return x.reshape([2, -1]).sum(axis=1)

    x, y = paddle.ones([2, 1, 2, 2]), paddle.full([2, 1, 2, 2], -1.0)
    losses.gradient_penalty(critic, x, y, paddle.to_tensor([1.0, 0.25]).reshape([2, 1, 1, 1]))
    assert seen[0][0].max() == 1 and seen[0][1].max() == -0.5  # mix is the share of the real one


def test_a_flat_critic_has_a_penalty_without_nan():
    weight = paddle.zeros([4])
    weight.stop_gradient = False
    x = paddle.ones([2, 1, 2, 2])
    penalty = losses.gradient_penalty(lambda x: x.reshape([2, -1]) @ weight, x, x, paddle.zeros([2, 1, 1, 1]))
    penalty.backward()
    assert float(penalty) == 1 and np.isfinite(weight.grad.numpy()).all()


def convolutional():
    return {"generator": DCGAN_G(16, 4, 1, 4), "second": DCGAN_D(16, 1, 4)}


def multilayer():
    return {"generator": Generator(8, 1, 4), "second": Discriminator(8, 1)}


CASES = {
    "gan": (gan.updates, gan.Batch, convolutional, "discriminator", 16),
    "gan_script": (gan.script_updates, gan.Batch, multilayer, "discriminator", 8),
    "clipping": (wgan.clipping_updates, wgan.Batch, convolutional, "critic", 16),
    "penalty": (wgan.penalty_updates, wgan.Batch, multilayer, "critic", 8),
}


@pytest.mark.parametrize("name", CASES)
def test_gradients_reach_exactly_who_steps(name):
    updates, kind, make, second, size = CASES[name]
    nets = make()
    nets = {"generator": nets["generator"], second: nets["second"]}
    fields = [paddle.randn([3, 1, size, size]), paddle.randn([3, 4]), paddle.randn([3, 4])]
    batch = kind(*fields, *[paddle.rand([3, 1, 1, 1])] * (kind is wgan.Batch))
    names = []
    for update in updates(nets, batch):
        update.loss.backward()
        names.append(update.name)
        for net_name, net in nets.items():
            reached = [p.grad is not None for p in net.parameters()]
            assert all(reached) if net_name in update.steps else not any(reached), (update.name, net_name)
            for parameter in net.parameters():
                parameter.clear_gradient(False)
    assert sorted(names) == sorted(["generator", second])
    assert all(not p.stop_gradient for net in nets.values() for p in net.parameters())


def test_a_saturated_probability_has_a_finite_loss():
    logits = paddle.to_tensor([200.0, -200.0], stop_gradient=False)
    loss = losses.probability_loss(logits, 0)  # log(1 - 1) counts as -100
    loss.backward()
    assert float(loss) == pytest.approx(50) and np.isfinite(logits.grad.numpy()).all()
    assert float(losses.probability_loss(paddle.to_tensor([0.3]), 1)) == pytest.approx(
        float(losses.adversarial_loss(paddle.to_tensor([0.3]), 1)), rel=1e-6
    )
