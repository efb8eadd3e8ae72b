"""What would make a GPU wait for the host, or the host for it, counted on a CPU."""

from contextlib import contextmanager

import paddle

READS = ("numpy", "item", "tolist", "__float__", "__int__", "__bool__", "__index__", "__array__", "cpu")
COPIES = ("set_value", "get_tensor")


@contextmanager
def counted():
    """Yields a list that gets the name of every read of a tensor's values, and of every copy of a host's values.

    An outer read that calls an inner one, as ``float`` does ``numpy``, is one. Copies are ``paddle.to_tensor`` and
    ``set_value``, which in Paddle 2.6 is an array's.
    """
    found, within = [], [False]

    def noting(name, call):
        def noted(*arguments, **options):
            if within[0]:
                return call(*arguments, **options)
            found.append(name)
            within[0] = True
            try:
                return call(*arguments, **options)
            finally:
                within[0] = False

        return noted

    places = [(paddle.Tensor, name) for name in (*READS, *COPIES)] + [(paddle, "to_tensor")]
    places = [(owner, name, getattr(owner, name)) for owner, name in places]
    try:
        for owner, name, call in places:
            setattr(owner, name, noting(name, call))
        yield found
    finally:
        for owner, name, call in places:
            setattr(owner, name, call)
