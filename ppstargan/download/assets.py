"""The published files: where they are, what they should be, and what becomes of them in the folder ``data``."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import NamedTuple

from ppstargan import checkpoint
from ppstargan.convert.recognise import DESCRIPTIONS
from ppstargan.convert.weights import convert
from ppstargan.download.fetch import DiskError, disk_error, fetch, megabytes, sha256_of
from ppstargan.download.records import RECORDS, load_records, save_records
from ppstargan.download.several import fetch_files, install_files
from ppstargan.download.unpack import remove_partial, unpack_dataset
from ppstargan.errors import UserError
from ppstargan.face.mean import mean_landmarks
from ppstargan.files import remove_leftovers, replaced


class Asset(NamedTuple):
    """A published file. ``kind`` is "dataset", "landmarks", or what the converter calls the network.

    Of the kind "idx", it is ``files`` with their SHA-256 in the folder ``url`` and in its ``mirrors``.
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


_STARGAN = "https://www.dropbox.com/s/"  # the addresses in download.sh of github.com/clovaai/stargan-v2
_TORCHVISION = "https://download.pytorch.org/models/"
_NC = "CC BY-NC 4.0 (NAVER)"
_CELEBA = "CelebA's terms: research, not commercial"
_BSD = "BSD 3-Clause (torchvision); ImageNet's terms may apply"
_ANIMALS, _FACES = ("cat", "dog", "wild"), ("female", "male")
_MNIST = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
# Where the sums are known from: those of MNIST, many projects publish, all the same (its mirrors are torchvision's,
# TensorFlow's and Paddle's); of the other data sets, github.com/LS4GAN/uvcgan2 does; of the networks that judge
# images, the names of the published files hold the first eight digits (the second one each: the same weights in
# PyTorch's older format); of lpips, the PyPI package lpips 0.1.4 holds the file. Others are recorded on first use.
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
    "mnist": Asset(
        "MNIST, 70000 digits, 28 px", "idx", "https://ossci-datasets.s3.amazonaws.com/mnist/", "mnist",
        "CC BY-SA 3.0 (LeCun, Cortes)", size="11.6 MB", files=_MNIST,
        mirrors=("https://storage.googleapis.com/cvdf-datasets/mnist/", "https://dataset.bj.bcebos.com/mnist/"),
    ),
}  # fmt: skip


def download(name: str, folder: Path, mirror: str | None = None, local: Path | None = None) -> Path:
    """Brings ``ASSETS[name]`` to its target in ``folder`` and returns that; what is there already stays as it is.

    ``mirror`` is another address, or that of a folder with the published file name, if it ends in "/"; ``local`` is a
    file that is there already, which stays. A known SHA-256 must be met, and one that is not known is recorded in
    ``folder`` and checked from then on; of a local data set it is only told, since many sites pack these again, and
    its archive and layout are checked anyway. The target appears whole or not at all. Raises UserError; then, as on
    Ctrl-C, what has arrived stays in a ``.part`` file, and the same call goes on with it. What a killed call left
    beside that is removed.
    """
    folder = folder.absolute()
    asset, target = ASSETS[name], folder / ASSETS[name].target
    remove_leftovers(target)
    remove_leftovers(folder / RECORDS)
    if asset.kind == "dataset":
        remove_partial(target)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        print(f"{name}: there already, {target}; delete it to get it anew")
        with contextlib.suppress(OSError):
            part_of(name, folder).unlink()  # killed before this: nothing goes on with it
        return target
    records = load_records(folder)
    record = records.setdefault(name, {})
    if asset.kind == "idx":
        return _download_files(name, folder, mirror, local, records)
    if local is None:
        url = mirror or asset.url
        url += published_name(asset) if url.endswith("/") else ""
        source, origin = part_of(name, folder), url
        print(f"{name}: {asset.what}, from {url}; licence: {asset.licence}", flush=True)

        def begun(state: dict) -> None:
            record["part"] = state
            save_records(records, folder)

        fetch(url, source, record.get("part"), begun)
    else:
        source = local.absolute()
        origin = str(source)
        if not source.is_file():
            what = "is a folder; give the file itself" if source.is_dir() else "does not exist; check the path"
            raise UserError(f"{source} {what}")

    digest = sha256_of(source)
    print(_check(name, digest, record, source, is_own=local is None), flush=True)
    try:
        for line in _install(asset, source, target):
            print(line)
    except DiskError:
        raise
    except UserError as error:
        hint = "; it stays: to get it anew, delete it, and give the same command" if local is None else ""
        raise UserError(f"{error}{hint}") from None
    if local is None:
        source.unlink()
        record.pop("part", None)
    if "sha256" not in record:
        record.update({"sha256": digest, "source": origin})
        print(f"its SHA-256 is recorded in {folder / RECORDS}")
    save_records(records, folder)
    print(f"{name}: {target}", flush=True)
    return target


def _download_files(name: str, folder: Path, mirror: str | None, local: Path | None, records: dict) -> Path:
    """``download`` for a set of files; ``mirror`` is a folder's address, ``local`` a folder with the files."""
    asset, target, source = ASSETS[name], folder / ASSETS[name].target, part_of(name, folder)
    if mirror and not mirror.endswith("/"):
        raise UserError(f"{name} is {len(asset.files)} files; give the address of their folder, ending in /")
    if local is None:
        print(f"{name}: {asset.what}; licence: {asset.licence}", flush=True)
        state = records[name].setdefault("part", {})

        def begun(file: str, begun_with: dict) -> None:
            state[file] = begun_with
            save_records(records, folder)

        fetch_files(asset.files, (mirror,) if mirror else (asset.url, *asset.mirrors), source, state, begun)
    print(install_files(local.absolute() if local else source, target, own=local is None))
    records[name].pop("part", None)
    save_records(records, folder)
    print(f"{name}: {target}", flush=True)
    return target


def published_name(asset: Asset) -> str:
    """The name that the file has where it is published."""
    return asset.url.partition("?")[0].rpartition("/")[2]


def part_of(name: str, folder: Path) -> Path:
    """Where the file is while it arrives. Two files have one name at their publisher's, so the asset's goes first."""
    if ASSETS[name].kind == "idx":  # a folder
        return folder / f"{name}.part"
    return folder / f"{name}.{published_name(ASSETS[name]).rpartition('.')[2]}.part"


def overview(folder: Path) -> list:
    """Lines that say of each asset whether it is in ``folder``, its size, its SHA-256, its licence and its address."""
    records, lines = load_records(folder), []
    for name, asset in ASSETS.items():
        record, part = records.get(name, {}), part_of(name, folder)
        state = "there" if (folder / asset.target).exists() else "missing"
        if state == "missing" and part.exists():
            total = record.get("part", {}).get("bytes")
            arrived = part.stat().st_size if part.is_file() else sum(file.stat().st_size for file in part.iterdir())
            state = megabytes(arrived) + (f" of {megabytes(total)}" if total else "") + " arrived"
        whole = asset.files or any(len(s) == 64 for s in asset.sums)
        known = "known" if whole else "first 8 digits known" if asset.sums else None
        digest = known or ("recorded" if "sha256" in record else "not known, recorded on first use")
        lines.append(f"{name:<18}{state:<9} {asset.what}, {asset.size}")
        lines.append(f"{'':18}to {folder / asset.target}; licence: {asset.licence}; SHA-256: {digest}")
        lines.append(f"{'':18}{asset.url}")
    return lines


def _check(name: str, digest: str, record: dict, source: Path, is_own: bool) -> str:
    """A line on the digest of ``source``; raises UserError where it is not the known or recorded one."""
    asset = ASSETS[name]
    wanted = asset.sums or ((record["sha256"],) if "sha256" in record else ())
    if not wanted:
        return f"SHA-256 {digest}: none to compare with yet"
    if digest.startswith(wanted):
        return f"SHA-256 {digest}: as {'known' if asset.sums else 'recorded'}"
    expected = " or ".join(f"{s}..." if len(s) < 64 else s for s in wanted)
    if not is_own and asset.kind == "dataset":
        return f"SHA-256 {digest}, not {expected}: packed by others, or another file"
    why = "" if asset.sums else f", recorded from {record.get('source')}"
    if not is_own:
        what = "give another file"
    elif asset.sums:
        what = "delete it, and the same command gets it anew; or name a mirror by --mirror URL"
    else:
        what = f"delete it to get it anew, or {name} in {RECORDS} beside it if the publisher has changed the file"
    raise UserError(f"{source} has SHA-256 {digest}, not {expected}{why}; {what}")


def _install(asset: Asset, source: Path, target: Path) -> list:
    """Unpacks, converts or copies ``source`` to ``target``; returns lines to print."""
    if asset.kind == "dataset":
        counts = unpack_dataset(source, target, asset.domains)
        return [f"{part}: " + ", ".join(f"{d} {counts[part, d]}" for d in asset.domains) for part in ("train", "val")]
    if asset.kind == "landmarks":
        mean_landmarks(source)  # raises where tools/align.py would
        _copy(source, target)
        return []
    content, lines = convert(source)
    if lines[0] != f"recognised: {DESCRIPTIONS[asset.kind]}":
        raise UserError(f"{source} is another file than {asset.what}: {lines[0]}")
    if asset.domains:
        count = content["architecture"]["num_domains"]
        if count != len(asset.domains):
            raise UserError(f"{source} has {count} domains, and {asset.what} {len(asset.domains)}")
        content["domains"] = list(asset.domains)
    checkpoint.save(content, target)
    return lines


def _copy(source: Path, target: Path) -> None:
    try:
        with replaced(target) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise disk_error(error, target) from None
