"""A trained or converted model for use: images in, the same in other domains and styles out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

import numpy as np
import paddle
from PIL import Image

from ppstargan import checkpoint
from ppstargan.arguments import domain_names, domain_number, share, told, whole
from ppstargan.data.reading import background_colour, to_rgb, upright
from ppstargan.data.transforms import FITS, fitted, for_testing, load_rgb
from ppstargan.errors import UserError
from ppstargan.face.weights import FAN_PATH, load_fan
from ppstargan.nets.stargan_v2 import AVERAGED, build, mean_latents
from ppstargan.pictures import to_uint8

Picture = Union[str, Path, Image.Image, np.ndarray]


class Translator:
    """G, F and E of a file of weights, ready to translate.

    ::

        model = Translator("data/afhq_ema.pdparams", domains=["cat", "dog", "wild"])
        style = model.style_from_reference("dog.jpg", "dog")  # or model.style_from_seed("dog", seed=3, psi=0.7)
        model.translate("cat.jpg", style).save("cat_as_dog.png")

    An image is a path, an 8-bit PIL image, or an RGB array uint8 [H, W, 3], of any size; several are a list of those,
    or an array [N, H, W, 3]. The networks see its middle square of ``img_size`` px, since a squashed face has a
    shape that they were not trained on (``fit="squash"`` shows them all of it, as training and evaluation do), and what
    comes out has that size. Images go through the networks ``batch_size`` at a time, and paths are read then.
    A style code is float32 [1, style_dim], N of them [N, style_dim]; weighted means of codes are codes too.
    A domain is given by its name or its number. Whatever cannot be used raises UserError.
    """

    def __init__(
        self,
        weights,
        domains=None,
        fan=FAN_PATH,
        batch_size: int = 8,
        fit: str = FITS[0],
        background: str | None = None,
        content: dict | None = None,
    ):
        """Loads a run's checkpoint or a converted file: its moving averages, or the networks where it has none.

        ``domains`` names the domains in the order of their numbers where the file does not (a converted one). ``fan``
        is the converted wing.ckpt, read where w_hpf > 0 and the file holds no face alignment network of its own.
        ``background`` is a colour to put behind transparent places, such as "white"; without one, the colours that a
        file hides there are used. ``content`` is what ``checkpoint.load`` gave of the file, where that is done already.
        Raises UserError for a file that is missing, damaged or of another kind or system, and for names that do not
        fit.
        """
        if not isinstance(weights, (str, os.PathLike)):
            raise UserError(f"weights is {told(weights)}; give the path of a file")
        if fit not in FITS:
            raise UserError(f"fit {told(fit)}: give one of {', '.join(FITS)}")
        self.fit, self.background = fit, background_colour(background)
        self.batch_size, self._means = whole("batch_size", batch_size, 1), {}
        content = checkpoint.load(weights) if content is None else content
        checkpoint.need_system(content, ("stargan_v2",), weights)
        parts = content.get("nets") or {}
        values = {**parts, **(content.get("averages") or {})}
        missing = [name for name in AVERAGED if name not in values]
        if missing:
            raise UserError(
                f"{Path(weights).absolute()} holds {', '.join(values) or 'nothing'}, and translating needs "
                f"{', '.join(missing)}; give a run's checkpoint, or the authors' *_nets_ema.ckpt converted by "
                "tools/convert_torch_weights.py"
            )
        self.weights = Path(weights).absolute()
        self.nets = build(content["architecture"], str(self.weights))  # D stays without values, and takes no memory
        self.architecture = self.nets.architecture
        self.img_size = self.architecture["img_size"]
        count = self.architecture["num_domains"]
        self.domains = domain_names(content.get("domains"), domains, count, self.weights)
        self.named = bool(domains or content.get("domains"))
        for name in AVERAGED:
            checkpoint.fill(getattr(self.nets, name), values[name], f"{self.weights}, {name}")
        if self.nets.fan is not None and "fan" in parts:
            checkpoint.fill(self.nets.fan, parts["fan"], f"{self.weights}, fan")
        elif self.nets.fan is not None:
            self.nets.see_by(load_fan(fan))

    def domain_number(self, domain) -> int:
        """The number of a domain given by name or number. Raises UserError naming the known ones.

        An int is a number; a text is a name first, since folders may be called 1, 2, 3.
        """
        return domain_number(domain, self.domains, self.named, self.weights)

    def read(self, images) -> np.ndarray:
        """Images as the networks see them: uint8 [N, img_size, img_size, 3].

        Raises UserError for an image that cannot be read, or an array or PIL image of another kind.
        """
        images = _listed(images)
        found = np.empty((len(images), self.img_size, self.img_size, 3), np.uint8)
        for row, image in zip(found, images):
            row[:] = to_uint8(self._seen(image)[None])[0]
        return found

    def _seen(self, image) -> np.ndarray:
        """One image as the networks see it: float32 [3, img_size, img_size] in [-1, 1]."""
        return for_testing(fitted(_rgb(image, self.background), self.fit), self.img_size)

    def _batches(self, images):
        """Yields (first, x): images [B, 3, S, S] in [-1, 1], and the place of the first of them."""
        for first in range(0, len(images), self.batch_size):
            batch = [self._seen(image) for image in images[first : first + self.batch_size]]
            yield first, paddle.to_tensor(np.stack(batch))

    @paddle.no_grad()
    def style_from_reference(self, images, domain) -> np.ndarray:
        """Style codes [N, style_dim] of N reference images; ``domain`` is that of all, or a list with one for each."""
        images = _listed(images)
        each = domain if isinstance(domain, (list, tuple, np.ndarray)) else [domain] * len(images)
        if len(each) != len(images):
            raise UserError(f"{len(images)} reference images have {len(each)} domains; give one, or one for each")
        y = np.array([self.domain_number(name) for name in each], np.int64)
        codes = [
            self.nets.style_from_reference(x, paddle.to_tensor(y[first : first + len(x)])).numpy()
            for first, x in self._batches(images)
        ]
        return np.concatenate(codes)

    @paddle.no_grad()
    def style_from_seed(self, domain, seed: int = 0, count: int = 1, psi: float = 1.0) -> np.ndarray:
        """Style codes [count, style_dim] of latents drawn by ``seed`` (0 or more) in one domain.

        ``psi`` in [0, 1] truncates: 1 leaves the codes alone, less moves them towards ``mean_style``. The same seed
        gives the same codes, and the first of them whatever ``count`` is; in all domains the latents are the same.
        """
        number = self.domain_number(domain)
        seed, count, psi = whole("seed", seed, 0), whole("count", count, 1), share("psi", psi)
        try:
            z = np.random.default_rng(seed).standard_normal((count, self.architecture["latent_dim"])).astype(np.float32)
        except (MemoryError, ValueError):
            raise UserError(f"count {count}: there is no memory for so many latents") from None
        mean = paddle.to_tensor(self._mean(number)) if psi < 1 else None
        return self.nets.style_from_latent(paddle.to_tensor(z), number, psi, mean).numpy()

    @paddle.no_grad()
    def mean_style(self, domain) -> np.ndarray:
        """Mean style code [1, style_dim] of a domain, over latents that are always the same."""
        return self._mean(self.domain_number(domain))

    @paddle.no_grad()
    def _mean(self, number: int) -> np.ndarray:
        if number not in self._means:
            self._means[number] = self.nets.mean_style(number, mean_latents(self.architecture["latent_dim"])).numpy()
        return self._means[number]

    @paddle.no_grad()
    def prepare(self, images) -> list:
        """What ``render`` needs of N images, computed once for any number of styles."""
        nets = self.nets
        return [(nets.generator.encode_content(x), nets.masks(x)) for _, x in self._batches(_listed(images))]

    @paddle.no_grad()
    def render(self, prepared: list, styles) -> np.ndarray:
        """The N prepared images in the styles [N, style_dim], or all in one [1, style_dim]: uint8 [N, S, S, 3]."""
        sizes = [content.bottleneck.shape[0] for content, _ in prepared]
        if not sizes:
            raise UserError("there are no prepared images in the list given")
        styles = np.split(self._codes(styles, sum(sizes)), np.cumsum(sizes)[:-1])
        images = [
            to_uint8(self.nets.generator.decode_content(content, paddle.to_tensor(s), masks))
            for (content, masks), s in zip(prepared, styles)
        ]
        return np.concatenate(images)

    def _codes(self, styles, count: int) -> np.ndarray:
        """``styles`` as float32 [count, style_dim]. Raises UserError for another shape, and for NaN."""
        dim, codes = self.architecture["style_dim"], _floats(styles)
        if codes.shape not in ((1, dim), (count, dim)):
            raise UserError(f"style codes {list(codes.shape)} do not fit {count} images; give [1 or {count}, {dim}]")
        return np.ascontiguousarray(np.broadcast_to(codes, (count, dim)))

    def translate(self, images, styles):
        """Images in the given styles, as RGB PIL images of ``img_size`` px.

        One image in one style gives one PIL image; one image in M styles, N images in one style, and N images in N
        styles, one each, give a list. Raises UserError as ``read`` does, and for styles of another shape.
        """
        listed, styles = _listed(images), _floats(styles)
        if len(listed) == 1 and len(styles) > 1:
            prepared = self.prepare(listed)
            return [Image.fromarray(self.render(prepared, style)[0]) for style in styles]
        codes, found = self._codes(styles, len(listed)), []
        for first in range(0, len(listed), self.batch_size):
            batch = slice(first, first + self.batch_size)
            found += map(Image.fromarray, self.render(self.prepare(listed[batch]), codes[batch]))
        return found[0] if _is_one(images) else found


def _is_one(images) -> bool:
    return isinstance(images, (str, os.PathLike, Image.Image)) or (isinstance(images, np.ndarray) and images.ndim != 4)


def _listed(images) -> list:
    if not _is_one(images) and not hasattr(images, "__iter__"):
        raise UserError(f"images are paths, PIL images or uint8 arrays, or a list of them, not {told(images)}")
    listed = [images] if _is_one(images) else list(images)
    if not listed:
        raise UserError("there are no images in the list given")
    return listed


def _rgb(image: Picture, background: tuple | None) -> Image.Image:
    """One image as 8-bit RGB, upright."""
    if isinstance(image, (str, os.PathLike)):
        return load_rgb(image, background)
    if isinstance(image, Image.Image):
        if image.mode[0] in "IF":  # to_rgb would guess what is white
            raise UserError(f"a PIL image of mode {image.mode} has no 8 bits; give its path, or turn it into RGB")
        found = to_rgb(upright(image), background)[0] if min(image.size) else image
    elif isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        found = Image.fromarray(image) if image.size else Image.new("RGB", image.shape[1::-1])
    else:
        what = f"{image.dtype} array {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UserError(f"an image is a path, a PIL image, or a uint8 array [H, W, 3], not a {what}")
    if min(found.size) < 1:
        raise UserError(f"an image of {found.width} x {found.height} pixels is empty; give one with pixels")
    return found


def _floats(styles) -> np.ndarray:
    """Style codes as float32 of two axes, or more."""
    try:
        with np.errstate(over="ignore"):  # what is too large for float32 is infinite, and refused below
            codes = np.atleast_2d(np.asarray(styles, np.float32))
    except (TypeError, ValueError):
        raise UserError("a style is the array that style_from_reference or style_from_seed gives") from None
    if not np.isfinite(codes).all():
        raise UserError("a style code holds NaN or infinity; give codes that style_from_reference or _seed gave")
    return codes
