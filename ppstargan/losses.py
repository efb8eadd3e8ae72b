"""The terms of the objective (section 2.2), pure functions of tensors. Each returns a scalar, of float32 at least."""

from __future__ import annotations

import math

import paddle
from paddle.nn import functional as F

from ppstargan.nets.convolution import gradients_of_inputs_alone


def _full(x: paddle.Tensor) -> paddle.Tensor:
    """``x``, in float32 where a network gave it in half precision: means over an image need the digits."""
    return x.astype("float32") if x.dtype in (paddle.float16, paddle.bfloat16) else x


def adversarial_loss(logits: paddle.Tensor, target: float) -> paddle.Tensor:
    """Cross entropy of logits [N] with the label ``target``, 1 for real and 0 for fake (equation 1).

    G minimises it with target 1 on its own images, the non-saturating form of the equation.
    """
    logits = _full(logits)
    return F.binary_cross_entropy_with_logits(logits, paddle.full_like(logits, target))


def r1_penalty(logits: paddle.Tensor, x_real: paddle.Tensor) -> paddle.Tensor:
    """R1: half the squared norm of the gradient of logits [N] with respect to x_real [N, 3, H, W], mean over N.

    ``x_real`` must have ``stop_gradient=False`` (Mescheder et al., ICML 2018; appendix of the paper).
    """
    with gradients_of_inputs_alone():
        gradient = paddle.grad(logits.sum(), x_real, create_graph=True)[0]
    return 0.5 * gradient.square().sum() / x_real.shape[0]


def style_reconstruction_loss(s_predicted: paddle.Tensor, s: paddle.Tensor) -> paddle.Tensor:
    """Mean absolute difference of the style codes [N, S] that E finds and that G was given (equation 2)."""
    return (_full(s_predicted) - _full(s)).abs().mean()


def diversity_loss(x_fake: paddle.Tensor, x_fake2: paddle.Tensor) -> paddle.Tensor:
    """Mean absolute difference of two images [N, 3, H, W] of one source in two styles; G maximises it (equation 3).

    The second image is a constant: no gradient flows into it.
    """
    return (_full(x_fake) - _full(x_fake2.detach())).abs().mean()


def cycle_loss(x_back: paddle.Tensor, x_src: paddle.Tensor) -> paddle.Tensor:
    """Mean absolute difference of source and its image [N, 3, H, W] turned back to its own style (equation 4)."""
    return (_full(x_back) - x_src).abs().mean()


def saturating_loss(logits: paddle.Tensor) -> paddle.Tensor:
    """The generator's side of GAN's minimax game: mean of log(1 - p) of its images' logits [N] (Goodfellow et al.)."""
    return -adversarial_loss(logits, 0)


def probability_loss(logits: paddle.Tensor, target: float) -> paddle.Tensor:
    """``adversarial_loss`` by way of the probabilities, with each logarithm no lower than -100: PyTorch-GAN's form.

    Where a sigmoid has reached 0 or 1, no gradient flows; the form on logits has one everywhere.
    """
    probabilities = F.sigmoid(_full(logits))
    return F.binary_cross_entropy(probabilities, paddle.full_like(probabilities, target))


def least_squares_loss(scores: paddle.Tensor, target: float) -> paddle.Tensor:
    """Mean squared difference of scores [N] from ``target``, 1 for real and 0 for fake (Mao et al., ICCV 2017)."""
    return (_full(scores) - target).square().mean()


def critic_mean(scores: paddle.Tensor) -> paddle.Tensor:
    """Mean of a critic's values [N]: the difference of two such means is Wasserstein's estimate."""
    return _full(scores).mean()


def wasserstein_loss(scores: paddle.Tensor, target: float) -> paddle.Tensor:
    """Mean of scores [N], negative for ``target`` 1, real, and positive for 0, fake."""
    return (1 - 2 * target) * critic_mean(scores)


def gradient_penalty(critic, x_real: paddle.Tensor, x_fake: paddle.Tensor, mix: paddle.Tensor) -> paddle.Tensor:
    """Mean over the samples of (norm of the critic's gradient - 1)^2 between real and fake (Gulrajani et al., 2017).

    ``mix`` [N, 1, 1, 1] in [0, 1) is each sample's share of x_real [N, C, H, W]. ``critic`` gives a value for each
    sample; a batch norm in it would make the penalty another one, since its gradients are then not a sample's own.
    """
    x = (mix * x_real + (1 - mix) * x_fake).detach()
    x.stop_gradient = False
    with gradients_of_inputs_alone():
        gradient = paddle.grad(critic(x).sum(), x, create_graph=True)[0]
    square = _full(gradient).square().sum(axis=[1, 2, 3])
    return (square.clip(min=1e-30).sqrt() - 1).square().mean()  # clipped: the root has no slope at 0


def feature_loss(x: paddle.Tensor, target: paddle.Tensor) -> paddle.Tensor:
    """Mean squared difference of features of one shape; AdaIN's content loss, and half of a layer's style loss."""
    return (_full(x) - _full(target)).square().mean()


def attributes_loss(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """Cross entropy of logits [N, C] of attributes with labels [N, C] of 0 and 1: their sum, mean over N (StarGAN)."""
    logits = _full(logits)
    total = F.binary_cross_entropy_with_logits(logits, labels.astype(logits.dtype), reduction="sum")
    return total / logits.shape[0]


def classes_loss(logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
    """Cross entropy of logits [N, C] of classes with labels [N, C], which have one 1 each; mean over N."""
    logits = _full(logits)
    return F.cross_entropy(logits, labels.argmax(axis=1))


def wing_loss(predicted: paddle.Tensor, target: paddle.Tensor, w: float = 10.0, epsilon: float = 2.0) -> paddle.Tensor:
    """Mean over coordinates of w ln(1 + d / epsilon), d below w, else d - C (Feng et al., CVPR 2018); no kink at w."""
    return wing(predicted, target, w, epsilon).mean()


def wing(predicted: paddle.Tensor, target: paddle.Tensor, w: float = 10.0, epsilon: float = 2.0) -> paddle.Tensor:
    """``wing_loss`` of each element, in the shape of ``predicted``."""
    d = (_full(predicted) - target).abs()
    return paddle.where(d < w, w * paddle.log1p(d / epsilon), d - (w - w * math.log1p(w / epsilon)))


def adaptive_wing(
    predicted: paddle.Tensor,
    target: paddle.Tensor,
    omega: float = 14.0,
    theta: float = 0.5,
    epsilon: float = 1.0,
    alpha: float = 2.1,
) -> paddle.Tensor:
    """The Adaptive Wing loss of each element of heatmaps, ``target`` in [0, 1] (Wang et al., ICCV 2019).

    With d the difference and e = alpha - target: omega ln(1 + (d / epsilon)^e) below theta, and beyond it the line that
    goes on from there. Near a point small errors count, in the background they hardly do.
    """
    d, power = (_full(predicted) - target).abs(), alpha - target
    edge = paddle.exp(power * math.log(theta / epsilon))  # (theta / epsilon)^e; pow takes ten times as long on a CPU
    slope = omega * power * edge / (theta * (1 + edge))
    near = d.clip(min=1e-30, max=theta)
    curve = omega * F.softplus(power * paddle.log(near / epsilon))  # softplus(log y) is log(1 + y)
    return curve + slope * F.relu(d - theta)


def weighted_mean(values: paddle.Tensor, mask: paddle.Tensor, weight: float) -> paddle.Tensor:
    """Mean of ``values`` times (weight * mask + 1), over all of them; ``mask`` of zeros and ones has their shape."""
    return (values * (weight * mask + 1)).mean()
