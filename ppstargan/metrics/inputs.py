"""What is to be measured, looked at before the work: bad files are left out as in training, and few images told of."""

from __future__ import annotations

import contextlib

from ppstargan.data.bad_files import BadFiles, BadImage, listing
from ppstargan.data.checked import check_images
from ppstargan.errors import UserError
from ppstargan.metrics import manifold
from ppstargan.metrics.figures import LEAST_REAL, MANIFOLD
from ppstargan.metrics.kid import LEAST

NEEDS = (  # what is left out with too few images: which figure needs how many real ones, and which how many generated
    ("KID is", ("KID", LEAST), ("KID", LEAST)),
    (f"{MANIFOLD} are", ("coverage", manifold.LEAST_REAL), ("recall", manifold.LEAST_FAKE)),
)


def good_images(images: dict, part: str, max_bad_share: float, least: int = 1) -> tuple:
    """({domain: paths} without the files that cannot be read, a warning on these or None), after reading all.

    ``images`` are {domain: paths} of ``part``, train or val. Each bad file is named on stderr. Raises UserError where
    more than the share ``max_bad_share`` is bad, and where a domain has fewer than ``least`` good images.
    """
    if not images:
        return {}, None
    paths = [path for some in images.values() for path in some]
    bad_files = BadFiles(len(paths), max_bad_share, f"{part} images")
    with contextlib.closing(check_images(paths)) as checks:
        bad_files.add(BadImage(checked.path, checked.bad) for checked in checks if checked.bad)
    bad = bad_files.found
    good = {domain: [path for path in some if path not in bad] for domain, some in images.items()}
    for domain, some in good.items():
        if len(some) < least:
            told = listing(bad[path] for path in images[domain] if path in bad)
            raise UserError(f"domain {domain} has {len(some)} good images in {part}; bad are {told}; replace them")
    return (
        good,
        f"{len(bad)} of {len(paths)} images of {part} are bad and left out: {listing(bad.values())}" if bad else None,
    )


def left_out(real: dict, generated: dict) -> list:
    """Why KID cannot be measured, and why precision and the like cannot, a line each.

    ``real`` and ``generated`` are {domain: number of images}. FID and LPIPS can. Raises UserError where a domain has
    too few real ones for FID, too.
    """
    for domain, count in real.items():
        if count < LEAST_REAL:
            raise UserError(f"domain {domain} has {count} image in train, and FID needs {LEAST_REAL}; add images")
    lines = []
    for what, (of_real, least_real), (of_generated, least_generated) in NEEDS:
        few = [f"domain {d} has {n} images in train, and {of_real} needs {least_real}"
               for d, n in real.items() if n < least_real]  # fmt: skip
        few += [f"{n} images are generated from domain {d}, and {of_generated} needs {least_generated}"
                for d, n in generated.items() if n < least_generated]  # fmt: skip
        if few:
            lines.append(f"{what} left out: {few[0]}")
    return lines
