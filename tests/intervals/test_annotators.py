import re
import statistics

import numpy as np
import pandas as pd
import pytest

from vilma.intervals import combine_annotators, combine_by_item

INF = np.inf
SIZES = ["small", "medium", "large"]


def test_three_annotators_by_hand():
    annotators = [[(1, 3), (4, 4), (2, 9)], [(2, 5), (6, 8), (3, None)], [(3, 3), (5, 5), (1, 4)]]
    union = combine_annotators(annotators)
    assert union.intervals.tolist() == [[1, 5], [4, 8], [1, INF]]
    assert union.distance.tolist() == [0, 2, 0]
    assert union.disagree.tolist() == [False, True, False]
    assert union.counts.tolist() == [3, 3, 3]
    median = combine_annotators(annotators, how="median")
    assert median.intervals.tolist() == [[2, 3], [5, 5], [2, 9]]
    agreeing = [[y[0], y[2]] for y in annotators]
    both = combine_annotators(agreeing, how="intersection")
    assert both.intervals.tolist() == [[3, 3], [3, 4]]


@pytest.mark.parametrize("how", ["union", "intersection", "median"])
def test_combinations_equal_the_naive_ones(how):
    rng = np.random.default_rng(0)
    items = rng.integers(0, 12, 40)
    ends = np.sort(rng.integers(0, 9, (40, 2)), axis=1)
    if how == "intersection":  # all contain 4
        ends = np.column_stack([np.minimum(ends[:, 0], 4), np.maximum(ends[:, 1], 4)])
    combined = combine_by_item(items, ends, how=how)
    assert combined.items.tolist() == sorted(set(items.tolist()))
    for item, interval, count, distance in zip(
        combined.items, combined.intervals, combined.counts, combined.distance, strict=True
    ):
        low, up = ends[items == item].T.tolist()
        expected = {
            "union": [min(low), max(up)],
            "intersection": [max(low), min(up)],
            "median": [statistics.median_low(low), statistics.median_high(up)],
        }[how]
        assert interval.tolist() == expected
        assert count == len(low)
        assert distance == max(0, max(low) - min(up))


def test_who_says_nothing_does_not_count():
    combined = combine_annotators(
        [
            [3, None, None, 2],
            pd.Series([4, np.nan, 7, 2]),
            [(None, 5), (None, None), (6, 8), (2, 2)],
        ],
        how="median",
    )
    assert combined.intervals.tolist() == [[3, 4], [-INF, INF], [6, 8], [2, 2]]
    assert combined.counts.tolist() == [3, 0, 2, 3]


def test_strings_and_intervals_of_pandas():
    combined = combine_annotators(
        [["small", "large"], [("small", "medium"), (None, "large")], ["large", None]],
        classes=SIZES,
    )
    assert combined.intervals.tolist() == [["small", "large"], [None, "large"]]
    assert combined.distance.tolist() == [2, 0]
    ordered = pd.Series(pd.Categorical(["small", "large"], SIZES, ordered=True))
    same = combine_annotators([ordered, ["medium", "large"]])
    assert same.intervals.tolist() == [["small", "medium"], ["large", "large"]]
    pieces = pd.arrays.IntervalArray.from_tuples([(20, 30), (25, 40)])
    assert combine_by_item([1, 1], pieces, how="intersection").intervals.tolist() == [[26, 30]]


def test_the_report_counts_and_names_disagreement():
    combined = combine_by_item(["b", "a", "b", "c", "a"], [1, 5, 4, 2, 5])
    text = str(combined)
    assert text.startswith("3 items, 2 with several annotations, 0 with none; 1 of those (50.0%)")
    assert text.endswith("share no label. Farthest apart: b (by 3).")
    assert str(combine_annotators([[1, 2]])).endswith(
        "all that were annotated several times agree."
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: combine_annotators([[1, 2, 3], [1, 4, 9]], how="intersection"),
            ValueError,
            "The annotations of 2 item(s) share no label: 1, 2. Use how='median' or how='union'",
        ),
        (
            lambda: combine_annotators([[1, 2], [1, 2, 3]]),
            ValueError,
            "annotations[1] has 3 items but annotations[0] has 2",
        ),
        (lambda: combine_annotators([[1], [2]], how="mean"), ValueError, "how should be one of"),
        (lambda: combine_annotators([]), ValueError, "annotations is empty"),
        (
            lambda: combine_annotators(np.ones((3, 2))),
            TypeError,
            "annotations should be a list with the labels of each annotator, or a data frame with "
            "a column for each, got a ndarray",
        ),
        (
            lambda: combine_annotators([[1], [2]], how="quantiles", quantiles=(0.9, 0.1)),
            ValueError,
            "quantiles should be two increasing numbers between 0 and 1, got (0.9, 0.1)",
        ),
        (
            lambda: combine_annotators([["a"], ["b"]]),
            ValueError,
            "annotations[0] holds strings, which have no order by themselves: pass `classes`",
        ),
        (
            lambda: combine_annotators([[1], [7]], classes=[1, 2]),
            ValueError,
            "annotations[1] has the label 7 in row 0, which is not in classes",
        ),
        (
            lambda: combine_annotators([[1], [(3, 2)]]),
            ValueError,
            "annotations[1] has the lower end above the upper end in row 0",
        ),
        (
            lambda: combine_by_item([1, 2], [1, 2, 3]),
            ValueError,
            "items has shape (2,) but y has 3 annotations",
        ),
    ],
)
def test_bad_annotations(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    "items", [[1, 2, np.nan, np.nan], ["a", "b", "a", None], pd.Series(["a", "b", np.nan, "a"])]
)
def test_items_without_a_name_are_refused(items):
    with pytest.raises(ValueError, match=r"items has no name in row [23] .*leave it out"):
        combine_by_item(items, [1, 2, 3, 9])


def naive_quantiles(low, up, quantiles):
    """The largest lower end with few below, and the smallest upper end with few above."""
    below = [v for v in low if sum(each < v for each in low) <= quantiles[0] * len(low)]
    above = [v for v in up if sum(each > v for each in up) <= (1 - quantiles[1]) * len(up)]
    return [max(below), min(above)]


@pytest.mark.parametrize("quantiles", [(0.25, 0.75), (0.1, 0.9), (0, 1), (0.2, 0.6)])
def test_quantiles_of_many_raters(quantiles):
    rng = np.random.default_rng(1)
    votes = np.clip(rng.normal(5, 1.5, (30, 25)).round(), 1, 9)
    frame = pd.DataFrame(votes, columns=[f"rater {k}" for k in range(25)])
    combined = combine_annotators(frame, how="quantiles", quantiles=quantiles)
    assert combined.intervals.tolist() == [
        naive_quantiles(row, row, quantiles) for row in votes.tolist()
    ]
    assert combined.counts.tolist() == [25] * 30
    width = np.diff(combined.intervals).mean() + 1
    union = np.diff(combine_annotators(frame).intervals).mean() + 1
    assert width <= union
    if quantiles == (0.25, 0.75):
        assert width < 4 < union


def test_equal_quantiles_do_not_cross():
    for how in ({"how": "quantiles", "quantiles": (0.5, 0.5)}, {"how": "median"}):
        assert combine_annotators([[1], [5]], **how).intervals.tolist() == [[1, 5]]
    names = combine_by_item([1, 1, 1], ["small", "large", "large"], how="quantiles", classes=SIZES)
    assert names.intervals.tolist() == [["small", "large"]]


def test_frames_of_items_and_raters():
    frame = pd.DataFrame({"a": [3, 5, 7], "b": [4, 5, 9], "c": [4, None, 8]})
    combined = combine_annotators(frame, how="median")
    assert combined.intervals.tolist() == [[4, 4], [5, 5], [8, 8]]
    ordered = pd.DataFrame(
        {rater: pd.Categorical(["small", "large"], SIZES, ordered=True) for rater in "ab"}
    )
    assert combine_annotators(ordered).intervals.tolist() == [
        ["small", "small"],
        ["large", "large"],
    ]
    pl = pytest.importorskip("polars")
    assert combine_annotators(
        pl.DataFrame(frame.to_dict("list")), how="median"
    ).intervals.tolist() == [
        [4, 4],
        [5, 5],
        [8, 8],
    ]
