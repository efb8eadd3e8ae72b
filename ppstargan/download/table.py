"""The table of published files: where they are, and what they should be."""

from __future__ import annotations

from typing import NamedTuple


class Asset(NamedTuple):
    """A published file. ``kind`` is "dataset", "landmarks", or what the converter calls the network.

    Of the kind "idx", it is ``files`` with their SHA-256 in the folder ``url`` and in its ``mirrors``. Of the kind
    "folders", it is an archive with these ``folders``. Two kinds are made of what a user has unpacked: "cityscapes",
    and "arranged" by its ``places``, {place in the target: its name at the publisher's}.
    """

    what: str
    kind: str
    url: str
    target: str  # in the folder `data`
    licence: str
    size: str = "size unknown"  # of the published file, where known; for people
    sums: tuple = ()  # known SHA-256, or their beginnings; any of them will do
    domains: tuple = ()  # in the order of their numbers
    files: dict | None = None
    mirrors: tuple = ()
    folders: tuple = ()
    places: dict | None = None
    file: str = ""  # its name at its publisher's, where the address does not end in it
    by_hand: str = ""  # what to do where no address gives it: ``url`` is a page then


_STARGAN = "https://www.dropbox.com/s/"  # the addresses in download.sh of github.com/clovaai/stargan-v2
_TORCHVISION = "https://download.pytorch.org/models/"
_NC = "CC BY-NC 4.0 (NAVER)"
_CELEBA = "CelebA's terms: research, not commercial"
_BSD = "BSD 3-Clause (torchvision); ImageNet's terms may apply"
_ANIMALS, _FACES = ("cat", "dog", "wild"), ("female", "male")
_EFROS = "http://efrosgans.eecs.berkeley.edu/"  # in the authors' own scripts, without https
_SIDES = ("trainA", "trainB", "testA", "testB")
_KAGGLE = "https://www.kaggle.com/datasets/arnaud58/selfie2anime"
_CITYSCAPES = "https://www.cityscapes-dataset.com/downloads/"
_COCO = "http://images.cocodataset.org/zips/train2014.zip"
_PAINTER = "https://www.kaggle.com/competitions/painter-by-numbers"
_CELEBA_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
_RAFD = "https://rafd.socsci.ru.nl"
_WFLW = "https://wywu.github.io/projects/LAB/WFLW.html"
_ADAIN = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0/"
_MNIST = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
# Where the sums are known from: those of MNIST, many projects publish, all the same (its mirrors are torchvision's,
# TensorFlow's and Paddle's); of horse2zebra, tensorflow_datasets does, for its former address, where the file had the
# same 116867962 bytes; of the other data sets, github.com/LS4GAN/uvcgan2 does; of the networks that judge images, the
# names of the published files hold the first eight digits (the second one each: the same weights in PyTorch's older
# format); of lpips, the PyPI package lpips 0.1.4 holds the file; of AdaIN's networks, several projects that use them
# publish the same. Others are recorded on first use.
# The sizes of facades and horse2zebra are those in others' logs; of selfie2anime and Cityscapes, what others write.
# None of these four was fetched from where this was written, nor any of the sets that are got by hand.
ASSETS = {
    "afhq": Asset(
        "AFHQ, 16130 animals, 512 px", "dataset", _STARGAN + "t9l9o3vsx2jai3z/afhq.zip?dl=1", "afhq", _NC,
        sums=("7f63dcc14ef58c0e849b59091287e1844da97016073aac20403ae6c6132b950f",), domains=_ANIMALS,
    ),
    "afhq_v2": Asset(
        "AFHQ v2, 15803 animals, 512 px, PNG", "dataset", _STARGAN + "vkzjokiwof5h8w6/afhq_v2.zip?dl=1", "afhq_v2", _NC,
        size="7.0 GB", domains=_ANIMALS,
    ),
    "celeba_hq": Asset(
        "CelebA-HQ, 30000 faces", "dataset", _STARGAN + "f7pvjij2xlpff59/celeba_hq.zip?dl=1", "celeba_hq", _CELEBA,
        size="2.6 GB", sums=("f56b0d8c505aa01ec4792f8ee2fc2ca128e2cc669277438c0b27d5d69b7e4514",), domains=_FACES,
    ),
    "afhq_network": Asset(
        "the authors' networks for AFHQ", "nets_ema", _STARGAN + "etwm810v25h42sn/100000_nets_ema.ckpt?dl=1",
        "afhq_ema.pdparams", _NC, size="about 232 MB", domains=_ANIMALS,
    ),
    "celeba_hq_network": Asset(
        "the authors' networks for CelebA-HQ", "nets_ema", _STARGAN + "96fmei6c93o8b8t/100000_nets_ema.ckpt?dl=1",
        "celeba_hq_ema.pdparams", _NC, size="about 267 MB", domains=_FACES,
    ),
    "wing": Asset(
        "face alignment network", "fan", _STARGAN + "tjxpypwpt38926e/wing.ckpt?dl=1", "wing.pdparams", _NC,
    ),
    "mean_landmarks": Asset(
        "the mean face's landmarks", "landmarks", _STARGAN + "91fth49gyb7xksk/celeba_lm_mean.npz?dl=1",
        "celeba_lm_mean.npz", _NC,
    ),
    "alexnet": Asset(
        "torchvision's AlexNet, for LPIPS", "alexnet", _TORCHVISION + "alexnet-owt-7be5be79.pth", "alexnet.pdparams",
        _BSD, size="244 MB",
        sums=("7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02", "4df8aa71"),
    ),
    "inception": Asset(
        "torchvision's Inception v3, for FID", "inception_v3", _TORCHVISION + "inception_v3_google-0cc3c7bd.pth",
        "inception_v3.pdparams", _BSD, size="109 MB", sums=("0cc3c7bd", "1a9a5a14"),
    ),
    "inception_tf": Asset(
        "the TensorFlow Inception, for the FID of most papers", "inception_tf",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
        "inception_tf.pdparams", "Apache-2.0 (TensorFlow, pytorch-fid)", size="96 MB",
        sums=("6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",),
    ),
    "lpips": Asset(
        "linear heads of LPIPS v0.1 on AlexNet", "lpips",
        "https://github.com/richzhang/PerceptualSimilarity/raw/master/lpips/weights/v0.1/alex.pth", "lpips.pdparams",
        "BSD 2-Clause", size="6 kB", sums=("df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",),
    ),
    "vgg_normalised": Asset(
        "AdaIN's encoder, a VGG-19", "adain/encoder", _ADAIN + "vgg_normalised.pth", "vgg_normalised.pdparams",
        "MIT (pytorch-AdaIN)", size="80 MB",
        sums=("804ca2835ecf7539f0cd2a7ac3c18ce81e6f8468969ae7117ac0c148d286bb4a",),
    ),
    "adain": Asset(
        "AdaIN's decoder, to which vgg_normalised's encoder is added", "adain/decoder", _ADAIN + "decoder.pth",
        "adain.pdparams", "MIT (pytorch-AdaIN)", size="14 MB",
        sums=("379ca41d59f3a37eed3599bbbc2560c19da5c458870a5ffd3a9dd41aa88f9472",),
    ),
    "mnist": Asset(
        "MNIST, 70000 digits, 28 px", "idx", "https://ossci-datasets.s3.amazonaws.com/mnist/", "mnist",
        "CC BY-SA 3.0 (LeCun, Cortes)", size="11.6 MB", files=_MNIST,
        mirrors=("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://dataset.bj.bcebos.com/mnist/"),
    ),
    "facades": Asset(
        "facades and their labels side by side, 606 pairs, 256 px", "folders",
        _EFROS + "pix2pix/datasets/facades.tar.gz", "facades", "not stated; from the CMP Facade Database",
        size="30 MB", folders=("train", "val", "test"),
    ),
    "horse2zebra": Asset(
        "1187 horses and 1474 zebras, 256 px", "folders", _EFROS + "cyclegan/datasets/horse2zebra.zip", "horse2zebra",
        "ImageNet's terms: research, not commercial", size="117 MB", folders=_SIDES,
        sums=("a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",),
    ),
    "selfie2anime": Asset(
        "3500 selfies and 3500 anime faces, 256 px", "folders", _KAGGLE, "selfie2anime", "not stated by the authors",
        size="about 400 MB", folders=_SIDES, file="selfie2anime.zip",
        by_hand=f"sign in and get it at {_KAGGLE}, or take the authors' file at "
        "https://drive.google.com/file/d/1xOWj1UVgp6NKMT3HbPhBbtq2A4EDkghF/view, and give --from FILE.zip",
    ),
    "cityscapes": Asset(
        "3475 street scenes and their labels, made 256 px side by side", "cityscapes", _CITYSCAPES, "cityscapes",
        "Cityscapes' terms: not commercial", size="11.2 GB to fetch",
        by_hand=f"sign in at {_CITYSCAPES}, get gtFine_trainvaltest.zip (241 MB) and leftImg8bit_trainvaltest.zip "
        "(11 GB), unpack both into one folder, and give --from FOLDER, of which the pairs are made",
    ),
    "celeba": Asset(
        "CelebA, 202599 faces aligned, 178 x 218 px, and 40 attributes of each", "arranged", _CELEBA_PAGE, "celeba",
        _CELEBA, size="1.4 GB", places={"list_attr_celeba.txt": "list_attr_celeba.txt", "images": "img_align_celeba"},
        by_hand=f"get Img/img_align_celeba.zip and Anno/list_attr_celeba.txt from the Google Drive of {_CELEBA_PAGE}, "
        "unpack the archive beside the list, and give --from FOLDER, which then has to stay",
    ),
    "rafd": Asset(
        "RaFD, 4824 frontal faces with 8 expressions", "arranged", _RAFD, "rafd", "RaFD's terms: research, by request",
        places={"train": "train", "val": "test"},
        by_hand=f"ask for it at {_RAFD}, cut the faces out, put those of each expression into a folder, train/angry "
        "and so on, a tenth of them into test/angry and so on, and give --from FOLDER, which then has to stay",
    ),
    "coco_wikiart": Asset(
        "82783 photographs of MS-COCO, and 79433 paintings of WikiArt", "arranged", _PAINTER, "coco_wikiart",
        "the photographers', under Flickr's terms; WikiArt's: research", size="13 GB and 36 GB to fetch",
        places={"content": "train2014", "style": "train"},
        by_hand=f"get {_COCO} (13 GB), sign in at {_PAINTER} and get train.zip (36 GB), "
        "unpack both into one folder, and give --from FOLDER, which then has to stay",
    ),
    "wflw": Asset(
        "WFLW, 10000 faces with 98 points each", "arranged", _WFLW, "wflw", "not stated; research",
        places={"WFLW_annotations": "WFLW_annotations", "WFLW_images": "WFLW_images"},
        by_hand=f"get WFLW_images.tar.gz and WFLW_annotations.tar.gz from the addresses in {_WFLW}, "
        "unpack both into one folder, and give --from FOLDER, which then has to stay",
    ),
}  # fmt: skip
