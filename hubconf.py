"""What ``paddle.hub`` offers of this repository: ``paddle.hub.load(PLACE, "translator", source=…, weights=…)``.

PLACE is a folder with ``source="local"``, or OWNER/REPOSITORY:BRANCH with "github" or "gitee"; nothing else needs to be
installed than what ``dependencies`` lists. Weights are a run's checkpoint or a converted file; those of the drawn cats,
dogs and lions come along.
Whatever cannot be used raises ``ppstargan.errors.UserError``, which says what to do.
"""

from pathlib import Path as _Path

from ppstargan import errors as _errors  # from this folder; public callables here are the entries

dependencies = ["paddle", "numpy", "PIL", "cv2", "skimage", "yaml"]


def translator(weights=None, **options):
    """StarGAN v2 for images: ``ppstargan.translator.Translator`` of the file ``weights`` [assets/showcase.pdparams].

    Options: ``domains``, the names of the domains where the file has none; ``fan``, the path of the converted wing.ckpt
    for w_hpf > 0; ``batch_size`` [8]; ``fit``, "square" or "squash"; ``background``, put behind transparent places.

        model = paddle.hub.load(".", "translator", source="local", weights="afhq.pdparams", domains=["cat", "dog"])
        model.translate("cat.jpg", model.style_from_reference("dog.jpg", "dog"))  # a PIL image
    """
    from ppstargan.translator import Translator

    return Translator(weights or _Path(__file__).parent / "assets" / "showcase.pdparams", **options)


def sampler(weights, **options):
    """GAN, WGAN or conditional GAN for images: ``ppstargan.sampler.Sampler`` of the file ``weights``.

    Options: ``domains``, the names of a conditional GAN's classes where the file has none; ``batch_size`` [64].

        model = paddle.hub.load(".", "sampler", source="local", weights="cgan.pdparams")
        model.sample(count=16, domain="3", seed=0)  # PIL images
    """
    from ppstargan.sampler import Sampler

    return Sampler(weights, **options)


def stargan_v2(weights=None, **options):
    """The networks of StarGAN v2: an object with the layers ``generator``, ``mapping_network`` and ``style_encoder``.

    With ``weights``, those of the file (its moving averages, where it has them), and ``discriminator`` is None; option:
    ``fan``, as for "translator". Without, random ones and a ``discriminator``; options: ``num_domains`` [2],
    ``img_size`` [256], ``style_dim`` [64], ``latent_dim`` [16], ``hidden_dim`` [512], ``w_hpf`` [0], ``channel_base``
    [16384] and ``max_channels`` [512].

    Images x are float32 [N, 3, img_size, img_size] in [-1, 1], domains y int64 [N], noise z [N, latent_dim]:
    ``nets.translate(x, s)`` with s from ``nets.style_from_latent(z, y)`` or ``nets.style_from_reference(x, y)``.
    """
    from ppstargan.nets.stargan_v2 import AVERAGED, Networks
    from ppstargan.translator import Translator

    if weights is None:
        return Networks(**{"num_domains": 2, **options})
    nets = Translator(weights, **options).nets
    return nets.sharing({name: getattr(nets, name) for name in AVERAGED})


def picture_generator(weights, direction=None):
    """The generator of CycleGAN, pix2pix or U-GAT-IT in the file ``weights``, a ``paddle.nn.Layer``.

    Option: ``direction``, "AtoB" or "BtoA" [the first that the file has].

    Images float32 [N, C, H, W] in [-1, 1] -> such images of the other side; of U-GAT-IT (images, logits, heatmap). The
    same from Python: ``ppstargan.translate.generator.generator``.

        net = paddle.hub.load(".", "picture_generator", source="local", weights="horse2zebra.pdparams")
    """
    from ppstargan.translate import generator as pictures

    return pictures.generator(weights, direction)


def generator(weights=None, config="gan_mnist", num_domains=10):
    """The generator of GAN, WGAN or conditional GAN, a ``paddle.nn.Layer``.

    Of the file ``weights``, ready to draw; or without it a random one, of the sizes in ``config``, a file or one of
    ``configs/`` by its name (gan_mnist, wgan_mnist, wgan_lsun, cgan_mnist), and of ``num_domains`` classes.

    Noise z float32 [N, latent_dim], and of a conditional GAN classes y int64 [N] -> images [N, channels, img_size,
    img_size] in [-1, 1].
    """
    import dataclasses

    from ppstargan.config import find
    from ppstargan.nets.gans import build
    from ppstargan.sampler import SYSTEMS, Sampler
    from ppstargan.systems.load import load_config

    if weights is not None:
        net = Sampler(weights).generator
        net.to(dtype="float32")
        return net
    given = load_config(find(config))
    if given.system not in SYSTEMS:
        raise _errors.UsageError(f"{config} is a configuration of {given.system}; give one of {', '.join(SYSTEMS)}")
    return build(given.system, {**dataclasses.asdict(given.model), "num_domains": num_domains})["generator"]
