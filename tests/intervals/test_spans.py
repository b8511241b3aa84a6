"""Labels of intervals whose ends are real numbers."""

import re

import numpy as np
import pandas as pd
import pytest

from vilma import IISVOR_IMC
from vilma.intervals import spans_between_ends, to_intervals

INF = np.inf


def test_intervals_that_meet_are_neighbours():
    labels = spans_between_ends([(20, 50), (50, 70), (20, 70), (70, 95.5)])
    assert labels.edges.tolist() == [20, 50, 70, 95.5]
    assert labels.intervals.tolist() == [[0, 0], [1, 1], [0, 1], [2, 2]]
    assert labels.classes.tolist() == [0, 1, 2]
    assert labels.bounds([2, 0]).tolist() == [[70, 95.5], [20, 50]]


@pytest.mark.parametrize("closed", ["left", "right", "both", "neither"])
def test_pandas_intervals_of_any_side(closed):
    pieces = [(0.0, 49.0), (49.0, 50.0), (50.0, INF), (0.0, 50.0)]
    y = pd.arrays.IntervalArray.from_tuples(pieces, closed=closed)
    labels = spans_between_ends(y)
    assert labels.edges.tolist() == [0, 49, 50, INF]
    assert labels.intervals.tolist() == [[0, 0], [1, 1], [2, 2], [0, 1]]


def test_random_intervals_are_unions_of_spans():
    rng = np.random.default_rng(0)
    y = np.sort(rng.choice(np.linspace(0, 3, 13), (60, 2)), axis=1)
    y = y[y[:, 0] < y[:, 1]]
    y[::7, 0], y[3::7, 1] = -INF, INF
    labels = spans_between_ends(y)
    for (low, up), (first, last) in zip(y, labels.intervals, strict=True):
        assert labels.edges[first] == low
        assert labels.edges[last + 1] == up
    assert sorted(set(y.ravel())) == labels.edges.tolist()


def test_points_are_in_the_span_that_ends_there():
    labels = spans_between_ends([(1.0, 2.0), (2.0, 3.0), (2.0, 2.0), (1.0, 1.0)])
    assert labels.intervals.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]
    labels = spans_between_ends([0.5, 2.5, 1.5])
    assert labels.edges.tolist() == [0.5, 1.5, 2.5]
    assert labels.intervals.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_bids_are_learnt_and_predicted_in_their_unit():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 1))
    worth = 10.25 + 4 * X[:, 0]
    bids = np.array([-INF, 5.5, 8.25, 12.75, 15.0, INF])
    place = np.searchsorted(bids, worth)
    labels = spans_between_ends(np.column_stack([bids[place - 1], bids[place]]))
    model = IISVOR_IMC(alpha=1e-3, classes=labels.classes).fit(X, labels.intervals)
    low, up = labels.bounds(model.predict(X)).T
    assert ((low < worth) & (worth <= up)).mean() > 0.95
    assert to_intervals(labels.intervals).dtype == np.int64


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: spans_between_ends([(1, 2), (1, 2)]), ValueError, "The ends of y are [1.0, 2.0]"),
        (lambda: spans_between_ends([("a", "b")]), TypeError, "y holds strings; expected numbers"),
        (lambda: spans_between_ends([(2, 1)]), ValueError, "lower end above the upper end"),
        (
            lambda: spans_between_ends([(1, 2), (2, 3)]).bounds([2]),
            ValueError,
            "labels should be numbers of spans, 0 to 1, got [2]",
        ),
        (
            lambda: spans_between_ends([(1, 2), (2, 3)]).bounds(["a"]),
            ValueError,
            "labels should be numbers of spans",
        ),
    ],
)
def test_what_gives_no_spans(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_whole_numbers_are_neighbours():
    y = np.array([[-np.inf, 9], [10, 19], [20, np.inf], [10, np.inf], [12, 12]])
    labels = spans_between_ends(y, whole=True)
    spans = [[-np.inf, 9], [10, 11], [12, 12], [13, 19], [20, np.inf]]
    np.testing.assert_array_equal(labels.bounds(labels.classes), spans)
    np.testing.assert_array_equal(labels.intervals, [[0, 0], [1, 3], [4, 4], [1, 4], [2, 2]])


@pytest.mark.parametrize(("end", "message"), [(19.5, "no whole number"), (2.0**53, "up to 2")])
def test_what_is_not_whole_is_refused(end, message):
    with pytest.raises(ValueError, match=message):
        spans_between_ends([[-np.inf, 9], [10, end]], whole=True)
