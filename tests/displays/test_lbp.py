"""Weights of local binary patterns, drawn back onto the image."""

import matplotlib
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from vilma import IISVOR_IMC
from vilma.displays import LBPWeightsDisplay
from vilma.features import MultiScaleLBP

matplotlib.use("Agg")
from matplotlib import pyplot as plt

SIZE = (21, 16)  # an odd side: level 1 leaves the last row out


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (30, *SIZE), dtype=np.uint8)


@pytest.fixture(scope="module")
def coef():
    return np.random.default_rng(1).normal(size=MultiScaleLBP(size=SIZE).n_features_out_)


def maps(display):
    return [ax.images[-1].get_array() for ax in display.ax_]


def test_deviation_over_patterns(coef):
    lbp = MultiScaleLBP(size=SIZE)
    display = LBPWeightsDisplay.from_coef(coef, lbp)
    assert [image.shape for image in maps(display)] == [(10, 8), (5, 4)]
    seen = 0
    for level, image in zip((1, 2), maps(display), strict=True):
        assert np.isnan(np.ma.filled(image, np.nan)[[0, -1]]).all()
        for row in range(1, image.shape[0] - 1):
            for column in range(1, image.shape[1] - 1):
                here = [
                    coef[k]
                    for k in range(seen, seen + 256)
                    if lbp.describe_feature(k)[:3] == (level, row, column)
                ]
                assert len(here) == 256
                assert image[row, column] == pytest.approx(np.std(here))
                seen += 256
    assert seen == len(coef)


def test_deviation_over_images_and_the_mean_face(coef, images):
    lbp = MultiScaleLBP(size=SIZE, drop_full_resolution=False, levels=2)
    coef = np.random.default_rng(2).normal(size=lbp.n_features_out_)
    display = LBPWeightsDisplay.from_coef(coef, lbp, images=images)
    X = lbp.transform(images).toarray()
    found = (X * coef).reshape(len(images), -1, 256).sum(axis=2)
    expected = dict(zip(map(tuple, lbp.positions_.tolist()), found.std(axis=0), strict=True))
    for level, image in enumerate(maps(display)):
        for row, column in np.argwhere(~np.ma.getmaskarray(image)):
            assert image[row, column] == pytest.approx(expected[level, row, column], rel=1e-5)
    for ax in display.ax_:
        np.testing.assert_allclose(ax.images[0].get_array(), images.mean(axis=0))


def test_panels_share_the_canonical_image_and_the_colours(coef):
    display = LBPWeightsDisplay.from_coef(coef, MultiScaleLBP(size=SIZE))
    titles = [ax.get_title() for ax in display.ax_]
    assert titles == ["level 1: 10 × 8", "level 2: 5 × 4"]
    extents = [ax.images[-1].get_extent() for ax in display.ax_]
    assert extents == [[-0.5, 15.5, 19.5, -0.5]] * 2  # the last row belongs to no pixel
    assert {ax.get_ylim() for ax in display.ax_} == {(20.5, -0.5)}
    assert len({ax.images[-1].get_clim() for ax in display.ax_}) == 1
    assert "in units of the projection" in display.figure_.axes[-1].get_ylabel()


def test_colour_images_give_a_grey_mean(coef, images):
    lbp = MultiScaleLBP(size=SIZE)
    colour = np.repeat(images[..., None], 3, axis=3)
    display = LBPWeightsDisplay.from_coef(coef, lbp, images=colour)
    np.testing.assert_allclose(display.mean_image, images.mean(axis=0))


def test_pipelines_and_own_axes(images):
    model = make_pipeline(MultiScaleLBP(size=SIZE), IISVOR_IMC(alpha=0.1))
    model.fit(images, np.arange(30) // 10)
    _, axes = plt.subplots(1, 2)
    display = LBPWeightsDisplay.from_estimator(model, ax=axes)
    assert display.ax_.tolist() == axes.tolist()
    given = LBPWeightsDisplay.from_estimator(model[-1], model[0])
    for ours, theirs in zip(maps(display), maps(given), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ValueError, match="draws 2 panels, but `ax` has 1"):
        LBPWeightsDisplay.from_estimator(model, ax=axes[0])
    with pytest.raises(TypeError, match="needs the MultiScaleLBP that made the features: pass"):
        LBPWeightsDisplay.from_estimator(model[-1])
    with pytest.raises(ValueError, match=r"but the MultiScaleLBP makes \d+ features; expected"):
        LBPWeightsDisplay.from_estimator(model[-1], MultiScaleLBP())
    with pytest.raises(TypeError, match="needs an estimator of vilma"):
        LBPWeightsDisplay.from_estimator(Ridge(), MultiScaleLBP())


def test_weights_of_zero_are_drawn():
    lbp = MultiScaleLBP(size=SIZE)
    display = LBPWeightsDisplay.from_coef(np.zeros(lbp.n_features_out_), lbp)
    assert display.ax_[0].images[-1].get_clim() == (0, 1)
