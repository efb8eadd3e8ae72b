"""tools/align.py's way from a drawn person anywhere in a large picture to an aligned face, against the truth."""

import numpy as np
import paddle
import pytest
from PIL import Image, ImageDraw

from ppstargan.data.people import draw_look
from ppstargan.data.people_sets import MEAN, person, write_people
from ppstargan.face import find, photos
from ppstargan.face.align import similarity
from ppstargan.face.mean import mean_landmarks
from ppstargan.nets.fan import FAN

CANVAS, SIZE = 512, 256
PUPILS, MAGENTA = [96, 97], (255, 0, 255)


class Knows(FAN):
    """In place of a trained one: sees the points ``true`` of a photograph, in whichever part of it it is shown."""

    def __init__(self, true, monkeypatch):
        super().__init__(width=4, img_size=128)
        self.true, self.view, see = true, None, find.see

        def seen(photo, view, size):
            x, self.view = see(photo, view, size)
            return x, self.view

        monkeypatch.setattr(find, "see", seen)

    def heatmaps(self, x):
        side = self.map_size
        points = (self.true - (self.view.left, self.view.top)) * (side / self.view.side)
        rows, columns = np.mgrid[:side, :side] + 0.5
        apart = (columns - points[:, 0, None, None]) ** 2 + (rows - points[:, 1, None, None]) ** 2
        return paddle.to_tensor(np.exp(-apart[None] / 6).astype(np.float32))


@pytest.fixture(scope="module")
def mean(tmp_path_factory):
    root = tmp_path_factory.mktemp("people") / "toy"
    write_people(root, size=32, train_count=12, val_count=1)
    return mean_landmarks(root / MEAN)


def test_the_mean_face_of_drawn_people_is_upright_and_in_the_middle(mean):
    left, right = mean[PUPILS]
    assert abs(left[1] - right[1]) < 3 and 40 < right[0] - left[0] < 70
    assert abs((left + right)[0] / 2 - 128) < 6 and abs(mean[16, 0] - 128) < 6 and mean[16, 1] > mean[PUPILS, 1].max()


@pytest.mark.parametrize("number", [0, 3, 8])
def test_eyes_of_a_turned_face_come_to_lie_where_the_truth_says(number, mean, monkeypatch):
    """The pupils, marked in the photograph, are looked for in the aligned picture; the cascade sees these faces."""
    look = person(2, "test", 3, number, wild=True)
    image, true, _ = draw_look(look, CANVAS)
    photo, radius = Image.fromarray(image), 0.02 * look.scale * CANVAS
    for x, y in true[PUPILS]:
        ImageDraw.Draw(photo).ellipse((x - radius, y - radius, x + radius, y + radius), fill=MAGENTA)
    fan, boxes = Knows(true, monkeypatch), find.frontal_faces(photo)
    (box,) = boxes
    assert box.left < true[54, 0] < box.left + box.side and box.top < true[54, 1] < box.top + box.side  # the nose
    face = find.find_face(fan, photo, boxes)
    aligned = photos.align_photo(photo, face.landmarks, mean, SIZE)
    matrix = similarity(true, mean)
    marked = np.abs(aligned.astype(int) - MAGENTA).sum(2) < 200
    for x, y in true[PUPILS] @ matrix[:2, :2].T + matrix[:2, 2]:
        rows, columns = np.mgrid[:SIZE, :SIZE][
            :, marked & (np.hypot(*(np.mgrid[:SIZE, :SIZE][::-1].T - (x, y)).T) < 12)
        ]
        assert len(rows) > 3 and np.hypot(columns.mean() - x, rows.mean() - y) < 2, (
            columns.mean() - x,
            rows.mean() - y,
        )
