"""A pool of earlier generated images, of which a discriminator is shown some (Shrivastava et al., CVPR 2017)."""

from __future__ import annotations

import numpy as np
import paddle

from ppstargan.training import distributed


class Pool:
    """Holds up to ``size`` images of one generator; with ``size`` 0 it gives back what it is given.

    Of several processes, each has the images of all, in the same order: so there is one pool however many train, any of
    them can write it into a checkpoint, and a run goes on with more or fewer of them.
    """

    def __init__(self, size: int):
        self.size = size
        self.images: list = []  # tensors [C, H, W]

    def exchange(self, images: paddle.Tensor, rng) -> paddle.Tensor:
        """What the discriminator is shown for ``images`` [N, C, H, W], without gradient, in the same order.

        Each in turn is stored while the pool is not full. From then on it is shown itself, or, where the number in
        [0, 1) that ``rng.random()`` draws is above 1/2, takes the place of number ``rng.integers(size)``, which is
        shown. All processes must come here together, with ``rng`` in the same state.
        """
        images = images.detach()
        if not self.size:
            return images
        # Copies: each is kept without the batch that it came in, and nobody writes to it.
        shown = [self._shown(image.clone(), rng) for image in distributed.gathered(images).unbind()]
        first = distributed.rank() * images.shape[0]
        return paddle.stack(shown[first : first + images.shape[0]])

    def _shown(self, image: paddle.Tensor, rng) -> paddle.Tensor:
        if len(self.images) < self.size:
            self.images.append(image)
        elif rng.random() > 0.5:
            place = int(rng.integers(self.size))
            image, self.images[place] = self.images[place], image
        return image

    def array(self) -> np.ndarray:
        """The images that it holds, [n, C, H, W], for a checkpoint; [0] where there are none."""
        return paddle.stack(self.images).numpy() if self.images else np.zeros(0, np.float32)

    def fill(self, array: np.ndarray) -> None:
        """The way back of ``array``; of more than ``size`` images the first are taken."""
        self.images = [paddle.to_tensor(image) for image in array[: self.size]]
