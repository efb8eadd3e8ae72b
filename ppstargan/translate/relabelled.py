"""placeholder"""
import numpy as np
import paddle
TAKES=(); MEASURES=()
def sample(*a): pass
def comparisons(*a): pass
@paddle.no_grad()
def render(generator, images, labels):
    generator.eval()
    made=generator(paddle.to_tensor(images), paddle.to_tensor(labels)).numpy()
    generator.train()
    return made
