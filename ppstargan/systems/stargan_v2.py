"""One training iteration: the four updates, in the paper's order, as the authors' code makes them.

    D on images in the styles of latents         d_latent
    D on images in the styles of references      d_reference
    G, F and E on the styles of latents          g_latent
    G alone on the styles of references          g_reference

A phase computes a loss and its parts; ``train_step`` says which networks step on it. What a phase shares or leaves
out changes no gradient that an optimiser uses, and the comments say why.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import NamedTuple

import paddle

from ppstargan import losses
from ppstargan.data.batches import Batch
from ppstargan.nets.stargan_v2 import NETWORKS, Networks
from ppstargan.training import distributed
from ppstargan.training.amp import GradScaler, autocast


class Weights(NamedTuple):
    """Weights of the terms of the full objective (equation 5); lambda_ds is the one of this iteration."""

    lambda_reg: float = 1.0
    lambda_sty: float = 1.0
    lambda_ds: float = 1.0
    lambda_cyc: float = 1.0


# Phase -> the networks whose optimisers step on it.
STEPPED = {
    "d_latent": ("discriminator",),
    "d_reference": ("discriminator",),
    "g_latent": ("generator", "mapping_network", "style_encoder"),
    "g_reference": ("generator",),
}


def lambda_ds_at(iteration: int, lambda_ds: float, ds_iter: int) -> float:
    """Weight of the diversity term: falls linearly from ``lambda_ds`` to 0 at iteration ``ds_iter``."""
    return lambda_ds * max(0.0, 1.0 - iteration / ds_iter)


@contextmanager
def gradients_for(nets: Networks, stepped):
    """Within it, only the networks named in ``stepped`` collect weight gradients; gradients still flow through."""
    idle = [p for name in NETWORKS if name not in stepped for p in getattr(nets, name).parameters()]
    try:
        for parameter in idle:
            parameter.stop_gradient = True
        yield
    finally:
        for parameter in idle:
            parameter.stop_gradient = False


def discriminator_loss(nets: Networks, batch: Batch, x_fake: paddle.Tensor, weights: Weights, amp: str = "none"):
    """Loss of D and its parts for fakes [N, 3, H, W] of the target domains, which carry no gradient."""
    x_real = batch.x_src.detach()
    x_real.stop_gradient = False  # R1 differentiates with respect to the image
    with autocast(amp):
        logits_fake = nets.discriminator(x_fake, batch.y_trg)
    logits = nets.discriminator(x_real, batch.y_src)  # in full precision, for the second derivatives of R1
    parts = {
        "real": losses.adversarial_loss(logits, 1),
        "fake": losses.adversarial_loss(logits_fake, 0),
        "reg": losses.r1_penalty(logits, x_real),
    }
    return parts["real"] + parts["fake"] + weights.lambda_reg * parts["reg"], parts


def generator_loss(nets: Networks, batch: Batch, s_trg, s_trg2, masks, weights: Weights, amp: str = "none"):
    """Full objective of G, F and E (equation 5) and its parts, for style codes [N, style_dim] of the targets.

    ``masks`` are those of ``batch.x_src`` (``Networks.masks``): two of [N, 1, M, M], or None where w_hpf is 0.
    """
    with autocast(amp):
        # Both diversity images and the cycle's start have one source, and the encoder does not see the style.
        content = nets.generator.encode_content(batch.x_src)
        x_fake = nets.generator.decode_content(content, s_trg, masks)
        with paddle.no_grad():  # the second image is a constant of the diversity term
            x_fake2 = nets.generator.decode_content(content, s_trg2, masks)

        s_found = nets.style_encoder(x_fake, batch.y_trg)
        s_src = nets.style_encoder(batch.x_src, batch.y_src)
        with autocast("none"):  # as the source's masks
            masks_back = nets.masks(x_fake.astype(batch.x_src.dtype))
        x_back = nets.generator(x_fake, s_src, masks_back)
        logits = nets.discriminator(x_fake, batch.y_trg)
    parts = {
        "adv": losses.adversarial_loss(logits, 1),
        "sty": losses.style_reconstruction_loss(s_found, s_trg),
        "ds": losses.diversity_loss(x_fake, x_fake2),
        "cyc": losses.cycle_loss(x_back, batch.x_src),
    }
    total = (
        parts["adv"]
        + weights.lambda_sty * parts["sty"]
        - weights.lambda_ds * parts["ds"]
        + weights.lambda_cyc * parts["cyc"]
    )
    return total, parts


def phase_losses(nets: Networks, batch: Batch, weights: Weights, amp: str = "none"):
    """Yields (phase, loss, parts) four times; between two of them the caller steps the optimisers.

    The total and the parts are scalars; ``loss.backward()`` gives the gradients of the networks in ``STEPPED``.
    """
    masks = nets.masks(batch.x_src)  # the FAN never changes: once an iteration
    with paddle.no_grad(), autocast(amp):  # D's fakes are constants, and G and E stay until the third phase
        content = nets.generator.encode_content(batch.x_src)
        s_latent = nets.mapping_network(batch.z_trg, batch.y_trg)
        s_reference = nets.style_encoder(batch.x_ref, batch.y_trg)

    for phase, s_trg in (("d_latent", s_latent), ("d_reference", s_reference)):
        with gradients_for(nets, STEPPED[phase]):
            with paddle.no_grad(), autocast(amp):
                x_fake = nets.generator.decode_content(content, s_trg, masks)
            yield (phase, *discriminator_loss(nets, batch, x_fake, weights, amp))

    with gradients_for(nets, STEPPED["g_latent"]):
        with autocast(amp):
            s_trg = nets.mapping_network(batch.z_trg, batch.y_trg)
            with paddle.no_grad():
                s_trg2 = nets.mapping_network(batch.z_trg2, batch.y_trg)
        yield ("g_latent", *generator_loss(nets, batch, s_trg, s_trg2, masks, weights, amp))

    with gradients_for(nets, STEPPED["g_reference"]):
        with autocast(amp):
            s_trg = nets.style_encoder(batch.x_ref, batch.y_trg)
            s_trg2 = nets.style_encoder(batch.x_ref2, batch.y_trg)
        yield ("g_reference", *generator_loss(nets, batch, s_trg, s_trg2, masks, weights, amp))


def adam_optimizers(
    nets: Networks,
    lr: float = 1e-4,
    f_lr: float = 1e-6,
    beta1: float = 0.0,
    beta2: float = 0.99,
    weight_decay: float = 1e-4,
) -> dict:
    """An Adam for each of the four networks; F learns at ``f_lr``. The weight decay is L2, as in PyTorch's Adam."""
    return {
        name: paddle.optimizer.Adam(
            f_lr if name == "mapping_network" else lr,
            beta1,
            beta2,
            parameters=getattr(nets, name).parameters(),
            weight_decay=weight_decay,
        )
        for name in NETWORKS
    }


def train_step(
    nets: Networks,
    optimizers: dict,
    batch: Batch,
    weights: Weights,
    *,
    accumulate: int = 1,
    amp: str = "none",
    scaler: GradScaler | None = None,
) -> dict:
    """One iteration of all four updates. Returns {"d_latent/real": float tensor, …}, what each phase reported.

    With ``accumulate`` k, each phase goes through the batch in k equal pieces, and steps on the mean of their
    gradients: no layer looks across a batch, so it is the whole batch's, in less memory. ``amp`` is that of
    ``autocast``; ``scaler`` belongs to float16. With several processes, ``batch`` is this one's share, and gradients
    and report are means over all.
    """
    pieces = [Batch(*piece) for piece in zip(*(paddle.split(field, accumulate) for field in batch))]
    runs = [phase_losses(nets, piece, weights, amp) for piece in pieces]
    report = {}
    for phase, stepped in STEPPED.items():
        for run in runs:  # a piece's forward and backward pass, then the next one's
            _, loss, parts = next(run)
            scale = (1.0 if scaler is None else scaler.scale) / accumulate
            (loss * scale).backward()
            for part, value in parts.items():
                key = f"{phase}/{part}"
                report[key] = report.get(key, 0.0) + value.detach() / accumulate
        parameters = [p for name in stepped for p in getattr(nets, name).parameters()]
        distributed.mean_over_processes(p.grad for p in parameters if p.grad is not None)
        in_range = scaler is None or scaler.unscale(parameters)
        for name in stepped:
            if in_range:
                optimizers[name].step()
            optimizers[name].clear_grad(set_to_zero=False)
    for run in runs:
        next(run, None)  # to its end, where all networks collect gradients again
    distributed.mean_over_processes(report.values())
    return report
