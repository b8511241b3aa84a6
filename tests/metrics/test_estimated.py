"""The absolute error on true labels, estimated from intervals."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error

from vilma.metrics import (
    estimated_absolute_error,
    interval_insensitive_loss,
    ordinal_scorer,
    threshold_shares,
)


def draw(n_samples, n_classes, seed=0):
    """Labels, and predictions that are off by up to three."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_samples)
    predicted = np.clip(truth + rng.integers(-2, 4, n_samples), 0, n_classes - 1)
    return truth, predicted, rng


def decide(truth, decided):
    """The interval that is left where some thresholds are decided on, row by row."""
    intervals = []
    for label, row in zip(truth, decided, strict=True):
        thresholds = np.flatnonzero(row)  # threshold k lies between k and k + 1
        below, above = thresholds[thresholds < label], thresholds[thresholds >= label]
        lower = below[-1] + 1 if len(below) else 0
        intervals.append((lower, above[0] if len(above) else len(row)))
    return np.array(intervals)


def ask(truth, n_classes, rng):
    """Annotations by one question for each row: is the label above a threshold?"""
    decided = np.zeros((len(truth), n_classes - 1), dtype=bool)
    decided[np.arange(len(truth)), rng.integers(0, n_classes - 1, len(truth))] = True
    return decide(truth, decided)


def naive_shares(intervals, n_classes):
    shares = []
    for k in range(n_classes - 1):
        at = [upper == k or lower == k + 1 for lower, upper in intervals]
        across = [lower <= k < upper for lower, upper in intervals]
        shares.append(sum(at) / (sum(at) + sum(across)))
    return np.array(shares)


def test_shares_by_a_loop():
    truth, _, rng = draw(300, 6)
    intervals = decide(truth, rng.random((300, 5)) < 0.5)
    shares = threshold_shares(intervals, classes=range(6))
    np.testing.assert_allclose(shares, naive_shares(intervals, 6), rtol=1e-14)
    twice = threshold_shares(np.repeat(intervals, 2, axis=0), classes=range(6))
    weighted = threshold_shares(intervals, classes=range(6), sample_weight=np.full(300, 2.0))
    np.testing.assert_allclose(twice, shares, rtol=1e-14)
    np.testing.assert_allclose(weighted, shares, rtol=1e-14)
    some = np.arange(300) < 200
    np.testing.assert_allclose(
        threshold_shares(intervals, classes=range(6), sample_weight=some),
        threshold_shares(intervals[some], classes=range(6)),
        rtol=1e-14,
    )


def test_shares_are_those_that_thresholds_were_drawn_with():
    truth, _, rng = draw(100_000, 6)
    drawn = np.array([0.4, 0.9, 0.5, 0.6, 0.8])
    intervals = decide(truth, rng.random((100_000, 5)) < drawn)
    np.testing.assert_allclose(threshold_shares(intervals, classes=range(6)), drawn, atol=0.01)


def test_rare_shares_are_raised_to_half_the_mean():
    # Two brackets of three labels, and one exact label inside.
    y = [(0, 2)] * 50 + [(3, 5)] * 50 + [(1, 1)]
    shares = threshold_shares(y, classes=range(6))
    mean = (100 * 1.0 + 2 * (1 / 51)) / 102
    np.testing.assert_allclose(shares, [mean / 2, mean / 2, 1.0, mean / 2, mean / 2])
    # Where no annotation tells anything, no prediction is outside.
    assert estimated_absolute_error([(0, 2), (0, 2)], [0, 1], classes=range(3)) == 0.0


def test_exact_labels_and_brackets_have_the_insensitive_error():
    truth, predicted, rng = draw(400, 9)
    weights = rng.random(400)
    expected = mean_absolute_error(truth, predicted, sample_weight=weights)
    error = estimated_absolute_error(truth, predicted, sample_weight=weights)
    assert error == pytest.approx(expected, rel=1e-14)
    brackets = np.stack([truth // 3 * 3, truth // 3 * 3 + 2], axis=1)
    assert estimated_absolute_error(brackets, predicted, classes=range(9)) == (
        interval_insensitive_loss(brackets, predicted)
    )


def test_the_error_of_thresholds_drawn_at_random_has_no_bias():
    truth, predicted, rng = draw(100_000, 6)
    intervals = decide(truth, rng.random((100_000, 5)) < [0.4, 0.9, 0.5, 0.6, 0.8])
    true_error = mean_absolute_error(truth, predicted)
    assert interval_insensitive_loss(intervals, predicted) < 0.8 * true_error
    error = estimated_absolute_error(intervals, predicted, classes=range(6))
    assert error == pytest.approx(true_error, rel=0.01)


def test_the_error_in_the_unit_of_the_labels():
    truth, predicted, rng = draw(100_000, 5, seed=1)
    prices = np.array([0, 2, 5, 20, 50])
    intervals = prices[decide(truth, rng.random((100_000, 4)) < [0.5, 0.7, 0.6, 0.9])]
    true_error = mean_absolute_error(prices[truth], prices[predicted])
    error = estimated_absolute_error(intervals, prices[predicted], classes=prices)
    assert error == pytest.approx(true_error, rel=0.01)
    names = np.array(["none", "low", "medium", "high", "very high"])
    places = decide(truth, rng.random((100_000, 4)) < [0.5, 0.7, 0.6, 0.9])
    of_names = estimated_absolute_error(names[places], names[predicted], classes=names)
    assert of_names == estimated_absolute_error(places, predicted, classes=range(5))


def test_one_question_orders_predictions_as_the_true_error_does():
    # Off by two in two fifths of the rows, or by one in all: proven errors say the opposite.
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 8, 100_000)
    intervals = ask(truth, 8, rng)
    sign = np.where(truth < 4, 1, -1)
    seldom = truth + 2 * sign * (rng.random(100_000) < 0.4)
    often = truth + sign
    assert mean_absolute_error(truth, seldom) < 0.82 * mean_absolute_error(truth, often)
    proven = [interval_insensitive_loss(intervals, each) for each in (seldom, often)]
    assert proven[0] > 1.1 * proven[1]
    errors = [
        estimated_absolute_error(intervals, each, classes=range(8)) for each in (seldom, often)
    ]
    assert errors[0] < 0.95 * errors[1]


def test_by_hand():
    y = [(1, 3), (3, 3), (2, None)]
    shares = [0.5, 0.25, 1.0]
    # Below: 1 away from 2, plus 1 / .25 - 1; right; above: 1 away from 3.
    error = estimated_absolute_error(y, [2, 3, 1], shares=shares, classes=[1, 2, 3, 4])
    assert error == pytest.approx((0 + 0 + 1 + 1) / 3)
    error = estimated_absolute_error(y, [4, 1, 1], shares=shares, classes=[1, 2, 3, 4])
    assert error == pytest.approx((1 + 2 + 3 + 1 + 1) / 3)


def test_bad_input():
    y = [(1, 2), (2, 3)]
    with pytest.raises(ValueError, match=r"shares should have shape \(2,\), one for each"):
        estimated_absolute_error(y, [1, 3], shares=[0.5], classes=[1, 2, 3])
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        estimated_absolute_error(y, [1, 3], shares=[0.5, 0.0], classes=[1, 2, 3])
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        estimated_absolute_error(y, [1, 3], shares=[0.5, np.nan], classes=[1, 2, 3])
    with pytest.raises(ValueError, match="y_true has 2 samples but y_pred has 1"):
        estimated_absolute_error(y, [1])
    with pytest.raises(ValueError, match="sample_weight should not be negative"):
        threshold_shares(y, sample_weight=[1, -1])


def test_scorer_takes_shares():
    model = DummyRegressor(strategy="constant", constant=1).fit([[0]], [1])
    scorer = ordinal_scorer("estimated_absolute_error", shares=[0.5, 1.0], classes=[1, 2, 3])
    assert scorer(model, [[0], [0]], [(2, 3), (1, 1)]) == -1.0
