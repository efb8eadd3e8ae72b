"""The published files: brought here, checked, and what becomes of them in the folder ``data``."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from ppstargan import checkpoint
from ppstargan.convert.recognise import described
from ppstargan.convert.weights import convert
from ppstargan.download.arranged import arrange
from ppstargan.download.cityscapes import write_pairs
from ppstargan.download.fetch import DiskError, disk_error, fetch, megabytes, sha256_of
from ppstargan.download.records import RECORDS, load_records, save_records
from ppstargan.download.several import fetch_files, install_files
from ppstargan.download.table import ASSETS, Asset
from ppstargan.download.unpack import remove_partial, unpack_dataset, unpack_folders
from ppstargan.errors import UserError
from ppstargan.face.mean import mean_landmarks
from ppstargan.files import remove_leftovers, replaced

UNPACKED = ("cityscapes", "arranged")  # kinds that are made of a folder of the user's, and have no address


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
    if asset.kind in ("dataset", "folders"):
        remove_partial(target)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        print(f"{name}: there already, {target}; delete it to get it anew")
        with contextlib.suppress(OSError):
            part_of(name, folder).unlink()  # killed before this: nothing goes on with it
        return target
    if asset.by_hand and local is None and (mirror is None or asset.kind in UNPACKED):
        raise UserError(f"{name} cannot be fetched from here: {asset.by_hand}")
    if asset.kind in UNPACKED:
        return _make(name, target, local.absolute())
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


def _make(name: str, target: Path, local: Path) -> Path:
    """``download`` for what is made of what a user has unpacked in the folder ``local``."""
    asset = ASSETS[name]
    if asset.kind == "cityscapes":
        print(f"{_counted(write_pairs(local, target))} pairs of a photograph and its labels, from {local}")
    else:
        print(f"{_counted(arrange(local, target, asset.places))} files, linked to {local}, which has to stay")
    print(f"{name}: {target}; licence: {asset.licence}", flush=True)
    return target


def _counted(counts: dict) -> str:
    return ", ".join(f"{folder}: {count}" for folder, count in counts.items())


def published_name(asset: Asset) -> str:
    """The name that the file has where it is published."""
    return asset.file or asset.url.partition("?")[0].rpartition("/")[2]


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
        lines.append(f"{'':18}{asset.by_hand or asset.url}")
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
    if not is_own and asset.kind in ("dataset", "folders"):
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
    if asset.kind == "folders":
        return [_counted(unpack_folders(source, target, asset.folders)) + " images"]
    if asset.kind == "landmarks":
        mean_landmarks(source)  # raises where tools/align.py would
        _copy(source, target)
        return []
    content, lines = convert(source)
    if lines[0] != f"recognised: {described(asset.kind)}":
        raise UserError(f"{source} is another file than {asset.what}: {lines[0]}")
    if asset.domains:
        count = content["architecture"]["num_domains"]
        if count != len(asset.domains):
            raise UserError(f"{source} has {count} domains, and {asset.what} {len(asset.domains)}")
        content["domains"] = list(asset.domains)
    if asset.kind == "adain/decoder" and "encoder" not in content["nets"]:  # of use with its encoder alone
        path = target.with_name(ASSETS["vgg_normalised"].target)
        if not path.is_file():
            raise UserError(f"{path}, its encoder, is missing: get vgg_normalised and adain, in this order")
        content["nets"]["encoder"] = checkpoint.load(path)["nets"]["encoder"]
        lines = [*(line for line in lines if "beside it" not in line), f"with the encoder of {path}"]
    checkpoint.save(content, target)
    return lines


def _copy(source: Path, target: Path) -> None:
    try:
        with replaced(target) as partial:
            shutil.copyfile(source, partial)
    except OSError as error:
        raise disk_error(error, target) from None
