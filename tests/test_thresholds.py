"""Thresholds and biases by hand, by brute force and by what they predict."""

import numpy as np
import pytest

from vilma import IISVOR_EXP, IISVOR_IMC, PWVILMA, VILMA
from vilma.surrogates import LabeledWeights
from vilma.thresholds import (
    hull_thresholds,
    share_thresholds,
    spread_thresholds,
    supported_thresholds,
    to_biases,
    untold_thresholds,
)


def labels(lower, upper, n_classes, weight=None):
    weight = np.ones(len(lower)) if weight is None else np.asarray(weight, float)
    return LabeledWeights(np.asarray(lower), np.asarray(upper), weight, n_classes)


def predict(thresholds, scores):
    return np.searchsorted(thresholds, scores, side="left")


def test_biases_by_hand():
    assert to_biases(np.array([2.0, -1.0, 0.5])).tolist() == [0.0, -2.0, -1.0, -1.5]


def test_biases_and_thresholds_go_round():
    theta = np.sort(np.random.default_rng(0).normal(size=9))
    biases = to_biases(theta)
    assert biases.shape == (10,)
    np.testing.assert_allclose(biases[:-1] - biases[1:], theta, atol=1e-15)


def test_hull_by_hand():
    # b = 0, -2, -1: from the first to the last vertex the slope is 1/2, label 1 is never best.
    assert hull_thresholds(np.array([2.0, -1.0])).tolist() == [0.5, 0.5]
    # b = 0, 1, 0: already concave.
    assert hull_thresholds(np.array([-1.0, 1.0])).tolist() == [-1.0, 1.0]
    assert hull_thresholds(np.array([0.3])).tolist() == [0.3]


def test_ordered_thresholds_stay_as_they_are():
    rng = np.random.default_rng(0)
    for n in range(1, 12):
        theta = np.sort(rng.normal(size=n))
        np.testing.assert_array_equal(hull_thresholds(theta), theta)
        np.testing.assert_array_equal(hull_thresholds(np.zeros(n)), np.zeros(n))


def test_hull_predicts_as_the_biases_do():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        n_classes = int(rng.integers(2, 10))
        differences = rng.normal(size=n_classes - 1)
        if seed % 3 == 0:  # equal slopes, collinear points
            differences = np.round(2.0 * differences) / 2.0
        thresholds = hull_thresholds(differences)
        assert np.all(np.diff(thresholds) >= 0.0)
        scores = rng.uniform(-4.0, 4.0, size=400)  # almost surely on no threshold
        by_biases = np.argmax(
            scores[:, None] * np.arange(n_classes) + to_biases(differences), axis=1
        )
        np.testing.assert_array_equal(predict(thresholds, scores), by_biases, f"seed {seed}")


def test_exact_labels_support_every_threshold_between_them():
    assert supported_thresholds(labels([0, 1, 2], [0, 1, 2], 3)).tolist() == [True, True]
    # Nobody has label 2 or 3: the thresholds 1 | 2 and 3 | 4 are next to one that somebody has.
    codes = [0, 1, 4]
    assert supported_thresholds(labels(codes, codes, 5)).tolist() == [True, True, False, True]


def test_brackets_support_their_borders_alone():
    found = supported_thresholds(labels([0, 3, 6], [2, 5, 8], 9))
    assert found.tolist() == [False, False, True, False, False, True, False, False]


def test_a_few_exact_labels_do_not_support_the_inside_of_brackets():
    lower = [0] * 50 + [5] * 50 + [2, 7]
    upper = [4] * 50 + [9] * 50 + [2, 7]
    assert np.flatnonzero(supported_thresholds(labels(lower, upper, 10))).tolist() == [4]


def test_many_exact_labels_do():
    lower = [0] * 5 + [5] * 5 + list(range(10)) * 20
    upper = [4] * 5 + [9] * 5 + list(range(10)) * 20
    assert supported_thresholds(labels(lower, upper, 10)).all()


def test_intervals_that_slide_along_the_scale_support_all_thresholds():
    rng = np.random.default_rng(0)
    lower = rng.integers(-4, 20, size=3000)
    found = supported_thresholds(labels(np.maximum(lower, 0), np.minimum(lower + 4, 19), 20))
    assert found.all()


def test_thresholds_that_annotations_pass_over_are_untold():
    inside = untold_thresholds(labels([0, 3, 6, 4], [2, 5, 8, 4], 9))
    assert inside.tolist() == [True, True, False, False, False, False, True, True]
    assert not untold_thresholds(labels([0, 1, 4], [0, 1, 4], 5)).any()  # nobody passes over any
    assert untold_thresholds(labels([0, 0], [2, 2], 3)).all()


def test_weights_count_like_repetitions():
    rng = np.random.default_rng(1)
    lower = rng.integers(0, 8, size=40)
    upper = np.minimum(lower + rng.integers(0, 4, size=40), 7)
    counts = rng.integers(1, 5, size=40)
    np.testing.assert_array_equal(
        supported_thresholds(labels(lower, upper, 8, counts)),
        supported_thresholds(labels(np.repeat(lower, counts), np.repeat(upper, counts), 8)),
    )


def test_spreading_by_hand():
    supported = np.array([False, True, False, False, True, False])
    thresholds = np.array([1.0, 1.0, 1.0, 4.0, 4.0, 4.0])
    np.testing.assert_allclose(
        spread_thresholds(thresholds, supported), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    )
    assert thresholds.tolist() == [1.0, 1.0, 1.0, 4.0, 4.0, 4.0]  # left alone


@pytest.mark.parametrize(
    "supported", [[True, True, True], [False, True, False], [False, False, False]]
)
def test_nothing_to_spread(supported):
    thresholds = np.array([0.0, 0.0, 1.0])
    spread = spread_thresholds(thresholds, np.array(supported))
    np.testing.assert_array_equal(spread, thresholds)


def test_spread_thresholds_stay_ordered_and_keep_the_supported_ones():
    for seed in range(100):
        rng = np.random.default_rng(seed)
        thresholds = np.sort(np.round(rng.normal(size=12), 1))
        supported = rng.random(12) < 0.4
        spread = spread_thresholds(thresholds, supported)
        assert np.all(np.diff(spread) >= -1e-12)
        np.testing.assert_array_equal(spread[supported], thresholds[supported])


def two_brackets(scores, border, n_classes):
    """Annotations by their side of a border at 0, none wrong, and thresholds that tie there."""
    lower = np.where(scores > 0.0, border + 1, 0)
    upper = np.where(scores > 0.0, n_classes - 1, border)
    return labels(lower, upper, n_classes), np.zeros(n_classes - 1)


def test_sharing_by_hand():
    # Half below: shares are even, each label has one row, thresholds lie between them.
    scores = np.array([-4.0, -2.0, 1.0, 5.0])
    annotations, ties = two_brackets(scores, 1, 4)
    np.testing.assert_allclose(
        share_thresholds(ties, 1, annotations, scores, annotations.weight), [-3.0, 0.0, 3.0]
    )


@pytest.mark.parametrize(("n_classes", "border"), [(3, 0), (3, 1), (4, 1), (7, 2)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_shared_labels_are_as_frequent_as_the_curve_says(n_classes, border, share):
    n_samples = 4000
    scores = np.arange(n_samples) + 0.5 - share * n_samples
    annotations, ties = two_brackets(scores, border, n_classes)
    placed = share_thresholds(ties, border, annotations, scores, annotations.weight)
    assert np.all(np.diff(placed) > 0.0)
    assert placed[border] == 0.0
    counts = np.bincount(predict(placed, scores), minlength=n_classes) / n_samples
    assert counts[: border + 1].sum() == pytest.approx(share)
    # Frequencies go on smoothly: falling where the labels below are the fuller ones per label.
    step = share / (border + 1) - (1.0 - share) / (n_classes - border - 1)
    assert np.all(np.diff(counts) * step <= 1e-3)
    weights = np.full(n_samples, 0.5)
    again = share_thresholds(ties, border, annotations._replace(weight=weights), scores, weights)
    np.testing.assert_array_equal(again, placed)


def test_scores_that_tie_go_to_the_middle_label():
    annotations = labels([0, 0, 3, 3, 3], [2, 2, 4, 4, 4], 5)
    scores = np.array([-1.0, -1.0, 1.0, 1.0, 2.0])
    placed = share_thresholds(np.zeros(4), 2, annotations, scores, annotations.weight)
    assert predict(placed, scores).tolist() == [1, 1, 3, 3, 4]


def test_no_rows_on_one_side():
    annotations = labels([0, 0, 2], [1, 1, 3], 4)
    scores = np.array([-3.0, -2.0, -1.0])
    placed = share_thresholds(np.zeros(3), 1, annotations, scores, annotations.weight)
    assert placed[0] < placed[1] == placed[2] == 0.0
    one_sided = labels([0, 0, 0], [1, 1, 3], 4)  # nothing is known to lie above
    placed = share_thresholds(np.zeros(3), 1, one_sided, scores, one_sided.weight)
    assert placed[0] < placed[1] == placed[2] == 0.0


@pytest.mark.parametrize(
    "model",
    [VILMA(), VILMA(loss="squared"), IISVOR_IMC(), IISVOR_EXP(), PWVILMA(), PWVILMA(n_pieces=1)],
    ids=["mae", "squared", "imc", "exp", "pieces", "one piece"],
)
def test_two_brackets_are_divided_by_the_data_whatever_the_loss(model):
    """The surrogates leave the outer thresholds anywhere, the squared loss out of the data."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 3))
    y = np.digitize(X[:, 0] + 0.3 * rng.normal(size=600), [0.3, 1.3, 1.9])
    brackets = np.where((y <= 1)[:, None], [0, 1], [2, 3])
    model = model.set_params(classes=np.arange(4), alpha=0.01).fit(X, brackets)
    predicted = model.predict(X)
    assert np.abs(predicted - y).mean() < 0.3  # a guess within the brackets: 0.5
    counts = np.bincount(predicted, minlength=4)
    assert np.all(np.diff(counts) < 0)
    assert counts[3] > 0
    assert model.thresholds_[1] == model.surrogate_thresholds_[1]


def test_one_piece_has_the_thresholds_of_one_direction():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 2))
    brackets = np.where((X[:, 0] < 0.5)[:, None], [0, 2], [3, 4])
    one = VILMA(0.1, classes=np.arange(5)).fit(X, brackets)
    pieces = PWVILMA(0.1, classes=np.arange(5)).fit(X, brackets)
    np.testing.assert_allclose(pieces.thresholds_, one.thresholds_, rtol=1e-9)
