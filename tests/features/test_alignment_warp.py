"""Crops filled from images."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from vilma.features import canonical_crop
from vilma.features.alignment.fitting import apply, compose, resample
from vilma.features.alignment.warp import share_outside, warp_crop


def naive_warp(image, to_image, size, n_samples):
    """Pixel by pixel: means of samples interpolated by hand; the border goes on outside."""
    height, width = image.shape
    crop = np.zeros(size)
    for row in range(size[0]):
        for column in range(size[1]):
            values = []
            for i in range(n_samples):
                for j in range(n_samples):
                    place = np.array([[column + (j + 0.5) / n_samples - 0.5, 0.0]])
                    place[0, 1] = row + (i + 0.5) / n_samples - 0.5
                    x, y = apply(to_image, place)[0]
                    left, top = math.floor(x), math.floor(y)
                    for_x, for_y = x - left, y - top
                    value = 0.0
                    for dy, weight_y in ((0, 1 - for_y), (1, for_y)):
                        for dx, weight_x in ((0, 1 - for_x), (1, for_x)):
                            inside_y = min(max(top + dy, 0), height - 1)
                            inside_x = min(max(left + dx, 0), width - 1)
                            value += weight_y * weight_x * image[inside_y, inside_x]
                    values.append(value)
            crop[row, column] = np.mean(values)
    return crop


def noise(*shape):
    return np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)


def turned(scale, degrees, shift):
    angle = np.radians(degrees)
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, shift[0]], [s, c, shift[1]]])


@pytest.mark.parametrize(
    ("to_image", "n_samples"),
    [
        (turned(1.0, 0, (3, 2)), 1),
        (turned(0.7, 20, (5, 4)), 1),
        (turned(1.5, 35, (12, 3)), 2),
        (turned(2.6, -15, (2, 10)), 3),
        (turned(1.5, 80, (40, -3)), 2),  # partly outside
        (np.array([[1.2, 0.4, 3], [-0.3, 2.1, 6]]), 3),  # affine
    ],
)
def test_naive_twin(to_image, n_samples):
    image = noise(40, 50)
    crop = warp_crop(image, to_image, (9, 6))
    assert crop.dtype == np.uint8
    assert_allclose(crop, naive_warp(image, to_image, (9, 6), n_samples), atol=0.5 + 1e-6)


def test_three_times_the_size_is_the_mean_of_blocks():
    image = noise(200, 200)
    to_image = resample(3)
    to_image[:, 2] += (40, 10)
    crop = warp_crop(image, to_image, (60, 40))
    means = image[10:190, 40:160].reshape(60, 3, 40, 3).mean(axis=(1, 3))
    assert_array_equal(crop, np.rint(means))
    # the fixed crop rounds along rows as well
    assert np.abs(crop - canonical_crop(image, box=(40, 10, 160, 190)).astype(int)).max() <= 1


@pytest.mark.parametrize("scale", [4, 8, 20, 37])
def test_large_faces_are_means_of_blocks_too(scale):
    image = noise(6 * scale + 7, 4 * scale + 11)
    crop = warp_crop(image, resample(scale), (6, 4))
    means = image[: 6 * scale, : 4 * scale].reshape(6, scale, 4, scale).mean(axis=(1, 3))
    assert_allclose(crop, means, atol=4 if scale % 4 else 0.5 + 1e-9)


def test_stripes_of_a_pixel_do_not_alias():
    image = np.zeros((400, 400), dtype=np.uint8)
    image[:, ::2] = 255
    for scale in (2.0, 3.3, 5.1, 9.7):
        crop = warp_crop(image, turned(scale, 7, (60, 30)), (30, 20))
        assert_allclose(crop, 127.5, atol=35)
        assert abs(crop.mean() - 127.5) < 1


def test_the_part_used_does_not_matter():
    image = noise(300, 300)
    to_image = turned(1.7, 12, (150, 120))
    shifted = to_image.copy()
    shifted[:, 2] -= (100, 90)
    assert_array_equal(
        warp_crop(image, to_image, (30, 20)), warp_crop(image[90:, 100:], shifted, (30, 20))
    )


def test_colours_are_warped_one_by_one():
    image = noise(60, 50, 3)
    to_image = turned(1.3, 25, (14, 3))
    crop = warp_crop(image, to_image, (15, 10))
    assert crop.shape == (15, 10, 3)
    for channel in range(3):
        one = warp_crop(np.ascontiguousarray(image[..., channel]), to_image, (15, 10))
        assert_array_equal(crop[..., channel], one)


def test_the_border_goes_on():
    image = noise(10, 10)
    crop = warp_crop(image, np.array([[1.0, 0, -3], [0, 1, 0]]), (10, 8))
    assert_array_equal(crop[:, :4], np.repeat(image[:, :1], 4, axis=1))
    assert_array_equal(crop[:, 3:], image[:, :5])


def test_one_pixel():
    crop = warp_crop(np.array([[77]], dtype=np.uint8), turned(0.1, 10, (0, 0)), (6, 4))
    assert_array_equal(crop, np.full((6, 4), 77))


def test_share_outside():
    assert share_outside(np.array([[1.0, 0, 0], [0, 1, 0]]), (4, 4), (4, 4)) == 0
    assert share_outside(np.array([[1.0, 0, 1], [0, 1, 2]]), (4, 4), (4, 4)) == 1 - 6 / 16
    assert share_outside(np.array([[1.0, 0, 90], [0, 1, 2]]), (4, 4), (4, 4)) == 1
    half = compose(np.array([[1.0, 0, 0.6], [0, 1, 0]]), resample(1))
    assert share_outside(half, (4, 4), (4, 4)) == 0.25  # a centre is beyond the last pixel
