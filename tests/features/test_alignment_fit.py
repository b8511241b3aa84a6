"""Fitting landmarks to the template, and refusing those that are no face."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from skimage.transform import SimilarityTransform

from vilma.features import FaceNotFoundError, face_template
from vilma.features.alignment.fitting import (
    apply,
    compose,
    fit_affine,
    fit_similarity,
    invert,
    resample,
)
from vilma.features.alignment.placing import check_landmarks, choose_layout, place_crop
from vilma.features.alignment.templates import EYE_DISTANCE, TEMPLATES

SQUARE = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])


def umeyama(points, places):
    """Scikit-image's fit of a similarity, by the name it has in this version."""
    if hasattr(SimilarityTransform, "from_estimate"):
        return SimilarityTransform.from_estimate(points, places).params[:2]
    fitted = SimilarityTransform()
    assert fitted.estimate(points, places)
    return fitted.params[:2]


def normal_equations(points, places):
    """Least squares over (x, y, 1)."""
    ones = np.column_stack([points, np.ones(len(points))])
    return np.linalg.solve(ones.T @ ones, ones.T @ places).T


def test_a_quarter_turn_twice_as_large():
    # (x, y) -> (3 - 2 y, 2 x - 1)
    places = np.column_stack([3 - 2 * SQUARE[:, 1], 2 * SQUARE[:, 0] - 1])
    expected = [[0, -2, 3], [2, 0, -1]]
    assert_allclose(fit_similarity(SQUARE, places), expected, atol=1e-12)
    assert_allclose(fit_affine(SQUARE, places), expected, atol=1e-12)


def test_a_mirror_image_is_affine_but_no_similarity():
    mirrored = SQUARE * [-1, 1]
    assert_allclose(fit_affine(SQUARE, mirrored), [[-1, 0, 0], [0, 1, 0]], atol=1e-12)
    assert np.abs(apply(fit_similarity(SQUARE, mirrored), SQUARE) - mirrored).max() > 0.4


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("fit", "reference"), [(fit_similarity, umeyama), (fit_affine, normal_equations)]
)
def test_fits_are_of_least_squares(fit, reference, seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(scale=40, size=(7, 2)) + 100
    linear = rng.normal(size=(2, 2)) if fit is fit_affine else [[2.0, -1.0], [1.0, 2.0]]
    places = points @ np.transpose(linear) + 5 + rng.normal(scale=0.5, size=(7, 2))
    assert_allclose(fit(points, places), reference(points, places), rtol=1e-8, atol=1e-6)


def test_maps_are_composed_and_inverted():
    first = np.array([[2.0, 1, 3], [0, 4, -1]])
    second = np.array([[0.0, -1, 5], [1, 0, 2]])
    assert_allclose(
        apply(compose(second, first), SQUARE), apply(second, apply(first, SQUARE)), atol=1e-12
    )
    assert_allclose(apply(invert(first), apply(first, SQUARE)), SQUARE, atol=1e-12)


def test_resampling_keeps_the_corners_of_pixels():
    # three pixels become one: the centre of the second is that of the whole
    assert_allclose(apply(resample(1 / 3), np.array([[1.0, 1.0]])), [[0, 0]], atol=1e-12)
    assert_allclose(apply(resample(2), np.array([[-0.5, 0.5]])), [[-0.5, 1.5]])


def test_the_templates_are_faces():
    eyes_outer = face_template("dlib5")[[2, 0]]
    ibug = face_template("ibug68")
    assert_allclose(face_template("dlib5"), ibug[[45, 42, 36, 39, 33]], atol=0.3)
    assert eyes_outer[0, 0] < eyes_outer[1, 0]
    centres = face_template("mtcnn5")
    assert_allclose(centres[0], ibug[36:42].mean(axis=0))
    assert_allclose(centres[2:], ibug[[30, 48, 54]])
    assert pytest.approx(26.3, abs=0.05) == EYE_DISTANCE
    assert np.isnan(ibug[:17]).all()
    assert not np.isnan(ibug[17:]).any()
    assert (np.nanmin(ibug[27:], axis=0) > 0).all()  # below the eyebrows
    assert (np.nanmax(ibug, axis=0) < [46, 60]).all()
    fgnet = face_template("fgnet68")
    assert_array_equal(np.flatnonzero(~np.isnan(fgnet[:, 0])), [31, 36, 48, 54, 67])
    assert_array_equal(fgnet[[31, 36, 67, 48, 54]], centres)


def test_a_template_of_another_size():
    canonical, large = face_template("dlib5"), face_template("dlib5", (180, 120))
    assert_allclose(large, 3 * canonical + 1)
    large[:] = 0  # the caller's own
    assert_array_equal(face_template("dlib5"), canonical)
    canonical[:] = 0
    assert face_template("dlib5")[0, 0] > 30


def test_templates_that_do_not_exist():
    with pytest.raises(ValueError, match=r"layout should be one of 'dlib5', .*, got 'seven'"):
        face_template("seven")
    with pytest.raises(ValueError, match="size must be a tuple"):
        face_template("dlib5", (60, 0))


@pytest.mark.parametrize("layout", list(TEMPLATES))
@pytest.mark.parametrize("warp", ["similarity", "affine"])
def test_exact_landmarks_give_the_map_they_were_made_with(layout, warp):
    turn = np.radians(30)
    to_image = np.array(
        [[3 * np.cos(turn), -3 * np.sin(turn), 70], [3 * np.sin(turn), 3 * np.cos(turn), -20]]
    )
    landmarks = apply(to_image, TEMPLATES[layout])
    assert_allclose(place_crop(landmarks, layout, warp, 12.0), to_image, atol=1e-9)


def test_an_affine_map_undoes_a_stretch():
    to_image = np.array([[2.0, 0.5, 10], [0, 3, 4]])
    landmarks = apply(to_image, TEMPLATES["mtcnn5"])
    assert_allclose(place_crop(landmarks, "mtcnn5", "affine", 12.0), to_image, atol=1e-9)


def test_too_much_stretch_is_refused():
    landmarks = TEMPLATES["mtcnn5"] * [0.9, 3.1]
    with pytest.raises(ValueError, match=r"stretch the face more than 3 times.*similarity"):
        place_crop(landmarks * 4, "mtcnn5", "affine", 1.0)


ORDERS = {
    "left and right exchanged": ("dlib5", TEMPLATES["dlib5"][[2, 3, 0, 1, 4]]),
    "dlib's points called mtcnn5": ("mtcnn5", TEMPLATES["dlib5"]),
    "mtcnn's points called dlib5": ("dlib5", TEMPLATES["mtcnn5"]),
    "columns y, x": ("dlib5", TEMPLATES["dlib5"][:, ::-1]),
    "the mirror image": ("mtcnn5", TEMPLATES["mtcnn5"] * [-1, 1]),
}


@pytest.mark.parametrize("layout_and_points", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("warp", ["similarity", "affine"])
def test_points_in_another_order_are_refused(layout_and_points, warp):
    layout, points = layout_and_points
    message = rf"no face in the order of layout='{layout}': at best they are [\d.]+ pixels .*off"
    with pytest.raises(ValueError, match=message):
        place_crop(5 * points + 100, layout, warp, 12.0)


def test_a_small_face_is_refused():
    landmarks = 0.4 * TEMPLATES["dlib5"]  # eyes 26.3 pixels apart become 10.5
    with pytest.raises(FaceNotFoundError, match=r"eyes are 10\.5 pixels apart, less than min_eye"):
        place_crop(landmarks, "dlib5", "similarity", 12.0)
    place_crop(landmarks, "dlib5", "similarity", 10.0)


def test_points_that_are_no_points():
    good = 3 * TEMPLATES["dlib5"]
    bad = good.copy()
    bad[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"must be finite; point 3 \(counted from 0\)"):
        place_crop(bad, "dlib5", "similarity", 12.0)
    with pytest.raises(ValueError, match=r"all landmarks are in one place, \(7\.0, 7\.0\)"):
        place_crop(np.full((5, 2), 7.0), "dlib5", "similarity", 12.0)
    with pytest.raises(ValueError, match="no face in the order"):
        place_crop(1e300 * good, "dlib5", "similarity", 12.0)


def test_points_that_are_not_fitted_may_be_missing():
    landmarks = 3 * TEMPLATES["ibug68"]
    assert np.isnan(landmarks[:17]).all()
    linear = place_crop(landmarks, "ibug68", "similarity", 12.0)[:, :2]
    assert_allclose(linear, 3 * np.eye(2), atol=1e-12)


@pytest.mark.parametrize(
    "landmarks", [np.zeros((5, 3)), np.zeros(10), [["a", "b"]], np.zeros((2, 5, 2)), None]
)
def test_landmarks_of_other_shapes(landmarks):
    with pytest.raises(ValueError, match=r"landmarks must be an array of numbers of shape"):
        check_landmarks(landmarks)


def test_the_layout_goes_by_the_number_of_points():
    assert choose_layout(None, 5) == "dlib5"
    assert choose_layout(None, 68) == "ibug68"
    assert choose_layout("mtcnn5", 5) == "mtcnn5"
    with pytest.raises(ValueError, match=r"must be 5 or 68 points \(x, y\), got 6"):
        choose_layout(None, 6)
    with pytest.raises(ValueError, match=r"must be 68 \(layout='fgnet68'\) points .* got 5"):
        choose_layout("fgnet68", 5)
