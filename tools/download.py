"""Brings what the StarGAN v2 authors and others publish (data sets, networks) into the folder data: downloaded in
parts, checked, unpacked or converted. --list tells the names. Interrupted, the same command goes on."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import checkout  # noqa: F401

from ppstargan.cli import parser, place, run_tool, stopped_code
from ppstargan.download.assets import ASSETS, download, overview
from ppstargan.errors import UsageError


def main() -> int | None:
    arguments = parser(__doc__, "python tools/download.py wing mean_landmarks")
    add = arguments.add_argument
    add("names", nargs="*", metavar="NAME", help=", ".join(ASSETS))
    add("--list", action="store_true", help="what there is, what is here, licences and sizes")
    add("--out", type=place, default=Path("data"), help="folder to write to [%(default)s]")
    instead = arguments.add_mutually_exclusive_group()
    instead.add_argument("--mirror", metavar="URL", help="another address; ending in /, a folder with the file")
    here = "a file that is here already; mnist, and sets that are got by hand: the folder"
    instead.add_argument("--from", dest="local", type=place, metavar="FILE", help=here)
    given = arguments.parse_args()

    if given.list:
        print("\n".join(overview(given.out)))
        return None
    unknown = [name for name in given.names if name not in ASSETS]
    if unknown or not given.names:
        what = f"unknown name {unknown[0]}" if unknown else "name what to download"
        raise UsageError(f"{what}; the names are {', '.join(ASSETS)}")
    whole = given.local or (given.mirror and not given.mirror.endswith("/"))
    if whole and len(given.names) > 1:
        raise UsageError("--mirror and --from stand for one file; give one name, or a mirror's folder, ending in /")
    if given.mirror and not is_address(given.mirror):
        raise UsageError(f"--mirror {given.mirror} is no http:// or https:// address; a file goes by --from FILE")
    try:
        for name in given.names:
            download(name, given.out, given.mirror, given.local)
    except KeyboardInterrupt as stop:
        print(f"\ninterrupted; what has arrived is kept in {given.out.absolute()}, and the same command goes on")
        return stopped_code(stop)
    return None


def is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:  # half an IPv6 address
        return False


if __name__ == "__main__":
    run_tool(main)
