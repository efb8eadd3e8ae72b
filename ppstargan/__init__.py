"""StarGAN v2 (Choi et al., CVPR 2020), and the systems that it grew from, in PaddlePaddle's dynamic graph."""

from ppstargan import runtime

__version__ = "0.1.0"

THREADS = runtime.choose_threads()  # before the first import of Paddle, which reads what this sets
runtime.import_paddle()
