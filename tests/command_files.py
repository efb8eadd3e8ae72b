"""The folder for test_commands.py: like a checkout, with small configs and every file that the commands name."""

import shutil
from pathlib import Path

import noise_model
import numpy as np
import small_model
import yaml
from test_download_sets import scene

from ppstargan import checkpoint
from ppstargan.config import known_keys
from ppstargan.convert.weights import to_authors_file
from ppstargan.data.attributes import LIST
from ppstargan.data.digits import write_digits
from ppstargan.data.outlines import write_outlines
from ppstargan.data.patterns import write_patterns
from ppstargan.data.people_sets import write_attributes, write_landmarks
from ppstargan.data.ponies import write_ponies
from ppstargan.data.toy import write_cats_lions, write_dataset
from ppstargan.nets.fan import FAN
from ppstargan.nets.gans import build
from ppstargan.systems import stargan_v2

ROOT = Path(__file__).parents[1]
WILD = ["cat", "dog", "wild"]
SMALL = {  # StarGAN v2's base.yaml
    "model": {**small_model.SIZES, "w_hpf": 0},
    "data": {"workers": 1},
    "loss": {"ds_iter": 4},
    "train": {"iterations": 2, "batch_size": 2, "log_every": 1, "sample_every": 2, "save_every": 1},
}
PIX2PIX = {
    "img_size": 32, "direction": "BtoA", "in_channels": 3, "out_channels": 3, "levels": 5, "g_width": 4,
    "d_network": "basic", "d_width": 4, "d_layers": 2, "norm": "batch", "dropout": True,
}  # fmt: skip
CYCLEGAN = {
    "img_size": 32, "channels_a": 3, "channels_b": 3, "blocks": 1, "g_width": 4, "d_network": "basic", "d_width": 4,
    "d_layers": 2, "norm": "instance", "dropout": False,
}  # fmt: skip
UGATIT = {
    "img_size": 32, "light": True, "g_width": 4, "d_width": 4, "blocks": 1, "global_layers": 5, "local_layers": 4,
}  # fmt: skip

ADAIN = {"img_size": 32, "width": 4}
STARGAN = {
    "img_size": 32, "g_width": 4, "g_blocks": 1, "d_width": 4, "d_layers": 3, "exclusive": False, "num_domains": 5,
}  # fmt: skip
FAN_4HG = {"img_size": 256, "points": 98, "stacks": 4, "width": 8, "decoding": "peaks"}
ATTRIBUTES = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Male", "Young"]
EXPRESSIONS = ["angry", "happy", "sad"]


def write(root: Path) -> None:
    for folder in ("tools", "configs", "docs"):
        shutil.copytree(ROOT / folder, root / folder)
    for folder in ("tests", "assets"):
        (root / folder).symlink_to(ROOT / folder)
    base, known = yaml.safe_load((root / "configs" / "base.yaml").read_text()), known_keys(stargan_v2.Config)
    for section, values in SMALL.items():
        base[section].update({key: value for key, value in values.items() if f"{section}.{key}" in known})
    (root / "configs" / "base.yaml").write_text(yaml.safe_dump(base))
    of_stargan_v2(root)
    from_noise(root)
    from_pictures(root)
    of_faces(root)


def dataset(root, domains):
    write_dataset(root, size=40, train_count=4, val_count=6, seed=0)
    for part in ("train", "val"):
        for drawn, name in zip(small_model.DOMAINS, domains):
            (root / part / drawn).rename(root / part / name)
        for left in set(small_model.DOMAINS[len(domains) :]):
            shutil.rmtree(root / part / left)


def of_stargan_v2(root):
    dataset(root / "data" / "afhq", WILD)
    dataset(root / "data" / "celeba_hq", ["female", "male"])
    dataset(root / "data" / "mine", WILD)
    for name in ("PHOTOS", "photos", "ref", "dog"):
        shutil.copytree(root / "data" / "afhq" / "val", root / name)
    shutil.copy(next((root / "photos" / "cat").iterdir()), root / "cat.jpg")
    shutil.copy(next((root / "photos" / "dog").iterdir()), root / "dog.jpg")
    shutil.copy(root / "dog.jpg", root / "dog" / "1.jpg")
    shutil.make_archive(str(root / "afhq"), "zip", root / "data", "afhq")

    nets, faces = small_model.networks(), small_model.networks(num_domains=2, w_hpf=1)
    fan = {"fan": checkpoint.arrays(FAN())}
    averages = {"averages": small_model.values(nets)}
    small_model.save(root / "WEIGHTS.pdparams", nets, WILD, **averages)
    small_model.save(root / "output/afhq-DATE-TIME/checkpoints/0100000.pdparams", nets, WILD, **averages)
    small_model.save(root / "data" / "afhq_ema.pdparams", nets, None, **averages)
    of_faces = {"averages": small_model.values(faces), "nets": fan}
    small_model.save(root / "data" / "celeba_hq_ema.pdparams", faces, None, **of_faces)
    checkpoints = root / "output/celeba_hq-DATE-TIME/checkpoints"
    small_model.save(checkpoints / "0100000.pdparams", faces, ["female", "male"], **of_faces)
    checkpoint.save({"architecture": {}, "domains": None, "nets": fan}, root / "data" / "wing.pdparams")
    landmarks = np.load(ROOT / "tests" / "reference" / "parity" / "align.npz")["mean_landmarks"]
    np.savez(root / "data" / "celeba_lm_mean.npz", mean=landmarks)
    to_authors_file(root / "data" / "afhq_ema.pdparams", root / "100000_nets_ema.ckpt")


def from_noise(root):
    for name in ("toy_digits", "mnist"):
        write_digits(root / "data" / name, size=28, train_count=4, test_count=1)
    noise_model.save(root / "output/cgan_toy-DATE-TIME/checkpoints/0005000.pdparams", "cgan", ["1", "2", "3"])
    noise_model.save(root / "data" / "wgan.pdparams", "wgan")
    to_authors_file(root / "data" / "wgan.pdparams", root / "netG_epoch_24.pth")


def from_pictures(root):
    data = root / "data"
    write_outlines(data / "facades", size=40, train_count=4, val_count=2, seed=0)
    write_ponies(data / "horse2zebra", size=40, train_count=4, test_count=2, seed=0)
    for name in ("selfie2anime", "toy_cats_lions"):
        write_cats_lions(data / name, size=40, train_count=4, test_count=2, seed=0)
    shutil.make_archive(str(root / "selfie2anime"), "zip", data / "selfie2anime")  # its folders lie at the top
    for part, name in (("train", "aachen_0_19"), ("val", "lindau_0_19")):
        scene(root / "unpacked", part, name)
    for name, side in (("labels", "testA"), ("horses", "testA"), ("zebras", "testB")):
        shutil.copytree(data / "horse2zebra" / side, root / name)

    _save(data / "facades.pdparams", "pix2pix", PIX2PIX)
    to_authors_file(data / "facades.pdparams", root / "latest_net_G.pth")
    _save(data / "horse2zebra.pdparams", "cyclegan", CYCLEGAN)
    for net in ("G_A", "G_B"):
        to_authors_file(data / "horse2zebra.pdparams", root / f"200_net_{net}.pth", net=net)
    _save(data / "ugatit.pdparams", "ugatit", UGATIT)
    _save(root / "output/ugatit_toy-DATE-TIME/checkpoints/0001600.pdparams", "ugatit", UGATIT)
    to_authors_file(data / "ugatit.pdparams", root / "selfie2anime_params_0100000.pt")

    write_patterns(data / "coco_wikiart", size=32, train_count=4, val_count=2)
    for path in ("data/adain", "data/vgg_normalised", "output/adain_coco_wikiart-DATE-TIME/checkpoints/0160000"):
        _save(root / f"{path}.pdparams", "adain", ADAIN)
    for net, name in (("encoder", "vgg_normalised.pth"), ("decoder", "decoder.pth")):
        to_authors_file(data / "adain.pdparams", root / name, net=net)


def of_faces(root):
    data = root / "data"
    write_attributes(data / "celeba", size=40, train_count=54, test_count=6)
    listed = data / "celeba" / LIST
    listed.write_text(listed.read_text().replace("Pale_Skin", "Young"))  # which is not drawn
    dataset(data / "rafd", EXPRESSIONS)
    _save(data / "stargan.pdparams", "stargan", STARGAN)
    for net, letter in (("generator", "G"), ("discriminator", "D")):
        to_authors_file(data / "stargan.pdparams", root / f"200000-{letter}.ckpt", net=net)
    classes = {**STARGAN, "exclusive": True, "num_domains": len(EXPRESSIONS)}
    for name, architecture, labels in (("celeba", STARGAN, ATTRIBUTES), ("rafd", classes, EXPRESSIONS)):
        path = root / f"output/stargan_{name}-DATE-TIME/checkpoints/0200000.pdparams"
        _save(path, "stargan", architecture, labels)


    write_landmarks(data / "wflw", size=96, train_count=4, test_count=2)
    for path in (data / "wflw_4hg.pdparams", root / "output/fan_wflw-DATE-TIME/checkpoints/0225000.pdparams"):
        _save(path, "fan", FAN_4HG)
    to_authors_file(data / "wflw_4hg.pdparams", root / "WFLW_4HG.pth")


def _save(path, system, architecture, domains=None):
    nets = {name: checkpoint.arrays(net) for name, net in build(system, architecture).items()}
    checkpoint.save({"system": system, "architecture": architecture, "domains": domains, "nets": nets}, path)
