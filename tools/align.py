"""Turns, scales and crops faces as in CelebA-HQ: photographs of any size in, squares of one size out, under the same
relative names. Needs the face alignment network (FAN) and the mean face's landmarks.

A photograph is not squashed: the network sees squares of it, black beyond its borders. First those around the upright
frontal faces that a cascade of local binary patterns sees, the largest first, then the whole photograph. The first in
which the landmarks reach --min-height is taken; one face of each photograph is aligned, and where the cascade sees
several, the line on the photograph says so. The cascade misses faces that are turned far, and may take an animal or a
pattern for one. The landmarks' height is the median peak of the network's heatmaps, about 1 where it is sure. Where no
square reaches --min-height, there is no face. Its default is the height below which a landmark counts for nothing in
the model's masks; it was not tuned on photographs, so look at what comes out: --debug shows why."""

import checkout  # noqa: F401

from ppstargan.cli import check_numbers, parser, place, run_tool
from ppstargan.face.find import MIN_HEIGHT
from ppstargan.face.mean import mean_landmarks
from ppstargan.face.photos import align_files, find_jobs
from ppstargan.face.weights import FAN_PATH, load_fan
from ppstargan.runtime import choose_device

LARGEST = 8192  # px of a side: no photograph has a face that large


def main() -> int:
    arguments = parser(__doc__, "python tools/align.py photos/female --out data/mine/train/female --debug debug")
    add = arguments.add_argument
    add("inputs", type=place, nargs="+", metavar="PATH", help="photographs: files, or folders with images at any depth")
    add("--out", type=place, required=True, metavar="FOLDER", help="folder to write to")
    add("--size", type=int, default=256, help="px of a side [%(default)s]")
    add("--fan", type=place, default=FAN_PATH, metavar="PATH", help="converted wing.ckpt [%(default)s]")
    mean = "data/celeba_lm_mean.npz"
    add("--mean", type=place, default=mean, metavar="PATH", help="the mean face's landmarks [%(default)s]")
    add("--min-height", type=float, default=MIN_HEIGHT, metavar="H", help="of a face's landmarks [%(default)s]")
    add("--debug", type=place, metavar="FOLDER", help="draw landmarks, masks and frames on the photographs, there")
    add("--force", action="store_true", help="replace what is there")
    given = arguments.parse_args()
    check_numbers(given, size=(8, LARGEST), min_height=(0,))

    jobs = find_jobs(given.inputs, given.out)
    todo = [job for job in jobs if given.force or not job.target.exists()]
    mean, fan = mean_landmarks(given.mean), load_fan(given.fan)
    print(f"device: {choose_device()}", flush=True)
    if len(todo) < len(jobs):
        print(f"{len(jobs) - len(todo)} of {len(jobs)} are there already and stay; --force makes them anew", flush=True)
    failed = align_files(todo, fan, mean, given.size, given.min_height, given.debug)
    print(f"aligned {len(todo) - failed} of {len(todo)} photographs into {given.out.absolute()}; {failed} left out")
    return 1 if failed else 0


if __name__ == "__main__":
    run_tool(main)
