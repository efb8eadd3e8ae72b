"""Corners of the masks that the heatmaps of the parity kit do not reach."""

import numpy as np
import paddle

from ppstargan.nets.masks import masks_from_heatmaps

NOSE = 53  # a landmark whose map moves up by four pixels, and is not sharpened


def coarse_mask(landmark_map):
    """The coarse mask [256, 256] where only the landmark of the nose has a map."""
    heatmaps = np.zeros((1, 98, 256, 256), np.float32)
    heatmaps[0, NOSE] = landmark_map
    return masks_from_heatmaps(paddle.to_tensor(heatmaps))[0].numpy()[0, 0]


def test_a_map_is_normalised_from_its_lowest_value_to_its_highest():
    landmark_map = np.full((256, 256), 0.5)
    landmark_map[100, 60], landmark_map[101, 60] = 0.9, 0.6
    expected = np.zeros((256, 256))
    expected[96, 60], expected[97, 60] = 1, 0.25
    np.testing.assert_allclose(coarse_mask(landmark_map), expected, atol=1e-5)


def test_only_what_lies_below_the_threshold_is_cut():
    landmark_map = np.zeros((256, 256), np.float32)
    landmark_map[100, 60:64] = 1, 0.1, np.nextafter(np.float32(0.1), np.float32(0)), -2
    expected = np.zeros((256, 256))
    expected[96, 60:62] = 1, 0.1
    np.testing.assert_allclose(coarse_mask(landmark_map), expected, atol=1e-5)
