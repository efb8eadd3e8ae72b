"""Makes inception_tf.npz: what pytorch-fid's network and clean-fid's resize give, on the kit's weights and pictures.

Needs neither Paddle nor published weights: pip install torch torchvision pytorch-fid==0.3.0 clean-fid==0.1.35 numpy,
then python tests/reference/inception_tf.py.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
import torchvision
from cleanfid.resize import build_resizer
from pytorch_fid import inception

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("fill", HERE.parents[1] / "ppstargan" / "parity" / "fill.py")
fill = importlib.util.module_from_spec(spec)  # by path: the package around it needs Paddle
spec.loader.exec_module(fill)

SIZES = ((200, 333), (512, 500))  # photos, height and width
KEPT = 101  # every 101st number of a resized photo


def main() -> None:
    empty = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    state = {
        key: torch.from_numpy(fill.weight("inception", key, value.shape)) if value.ndim else value
        for key, value in empty.state_dict().items()
    }
    inception.load_state_dict_from_url = lambda *args, **kwargs: state
    net = inception.fid_inception_v3().eval()
    net.fc = torch.nn.Identity()
    found = {}
    with torch.no_grad():
        x = torch.from_numpy(fill.image("inception_tf", (1, 3, 299, 299)))
        found["features"] = net(x).numpy()
    resize = build_resizer("clean")
    for height, width in SIZES:
        image = resize(fill.photo("inception_tf", height, width)).transpose(2, 0, 1)
        found[f"{height}x{width}"] = image.reshape(-1)[::KEPT]
    np.savez_compressed(HERE / "inception_tf.npz", **found)


if __name__ == "__main__":
    main()
