"""Batches of StarGAN v2 from folders of images, as a run with these settings draws them."""

from functools import partial
from types import SimpleNamespace

from ppstargan.data import batches
from ppstargan.systems import stargan_v2


def drawing(domains, img_size, latent_dim, crop_probability):
    model, data = (
        SimpleNamespace(img_size=img_size, latent_dim=latent_dim),
        SimpleNamespace(crop_probability=crop_probability),
    )
    return partial(stargan_v2.draw, domains, SimpleNamespace(model=model, data=data))


def training_batches(domains, *, img_size, latent_dim, crop_probability, **options):
    draw = drawing(domains, img_size, latent_dim, crop_probability)
    return batches.batches(draw, count=sum(map(len, domains.values())), **options)


def draw_batch(domains, iteration, **settings):
    return next(training_batches(domains, start=iteration, workers=0, **settings))


def batch_files(domains, iteration, *, batch_size, seed, **settings):
    return [batches.sample(drawing(domains, **settings), seed, iteration, i)[1] for i in range(batch_size)]
