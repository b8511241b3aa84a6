import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from vilma.intervals import (
    absolute_error_bound,
    annotate_cells,
    annotate_sliding,
    annotation_report,
    misplace_intervals,
    parse_brackets,
    spans_between_ends,
    zero_one_bound,
)
from vilma.intervals._ambiguity import shares_at_random, shares_given_truth
from vilma.labels import read_labels

LEVELS = np.repeat(np.arange(1, 9), 50)


def test_figures_by_hand():
    y = [(1, 3), (1, 3), (4, 4), (5, 6), (None, 3), (5, None)]
    report = annotation_report(y, classes=range(1, 8))
    assert report.n_annotations == 6
    assert report.exact_share == 1 / 6
    assert report.maximal_width == 3
    assert report.mean_width == (3 * 3 + 1 + 2 + 3) / 6
    assert report.support.tolist() == [0, 0, 4, 3, 0, 1]
    assert report.never_separated == [(1, 3), (5, 6)]
    assert report.wrong_rows is None


def test_exact_labels_are_told_apart():
    report = annotation_report([1, 2, 3, 2])
    assert report.never_separated == []
    assert report.ambiguity_degree == 0
    assert report.zero_one_bound(0.2) == 0.2
    assert report.absolute_error_bound(0.7) == 0.7
    assert "100 % exact labels.\nEvery label is told apart" in str(report)


def test_brackets_and_a_quarter_of_exact_labels():
    # Of every label, one exact and three annotations by cells of two: q = 3/4 inside of cells.
    y = [
        pair
        for k in (1, 2, 3, 4)
        for pair in [(k, k)] + 3 * [((k - 1) // 2 * 2 + 1, (k + 1) // 2 * 2)]
    ]
    report = annotation_report(y)
    assert report.ambiguity_degree == pytest.approx(0.75, abs=1e-6)
    assert report.zero_one_bound(0.1) == pytest.approx(0.4, abs=1e-5)
    assert report.absolute_error_bound(0.5) == 0.5 + 0.75 * 1
    counted = annotation_report(y, y_true=np.repeat([1, 2, 3, 4], 4))
    assert counted.ambiguity_degree == 0.75


def naive_shares(labels, truth):
    n = labels.n_classes
    shares = np.full((n, n), np.nan)
    for y in range(n):
        rows = truth == y
        for z in range(n):
            if rows.any():
                shares[y, z] = np.mean((labels.lower[rows] <= z) & (labels.upper[rows] >= z))
    return shares


def test_counted_shares_equal_the_naive_ones():
    rng = np.random.default_rng(0)
    ends = np.sort(rng.integers(0, 7, (80, 2)), axis=1)
    truth = rng.integers(0, 6, 80)
    labels = read_labels(ends, classes=range(7))
    assert_allclose(shares_given_truth(labels, truth), naive_shares(labels, truth))


def test_estimated_shares_satisfy_what_defines_them():
    rng = np.random.default_rng(1)
    ends = np.sort(rng.integers(0, 6, (60, 2)), axis=1)
    labels = read_labels(ends, classes=range(6))
    shares = shares_at_random(labels)
    possible = ~np.isnan(shares[:, 0])
    # The intervals of a true label contain it: P(I | y) sums to 1.
    assert_allclose(np.diag(shares)[possible], 1, atol=1e-4)
    # Naive expectation maximisation over rows.
    inside = (ends[:, :1] <= np.arange(6)) & (np.arange(6) <= ends[:, 1:])
    p = np.full(6, 1 / 6)
    for _ in range(3000):
        p = (inside * p / (inside @ p)[:, None]).mean(axis=0)
    weight = 1 / (inside @ p) / len(ends)
    naive = np.einsum("iy,iz,i->yz", inside, inside, weight)
    assert_allclose(shares[possible], naive[possible], atol=1e-4)


@pytest.mark.parametrize(
    ("annotate", "exact", "degree"),
    [
        (annotate_cells, 0.0, 1.0),
        (annotate_cells, 0.4, 0.6),
        (annotate_sliding, 0.0, 0.75),
        (annotate_sliding, 0.5, 0.375),
    ],
)
def test_the_degree_of_drawn_annotations_is_found(annotate, exact, degree):
    levels = np.tile(np.arange(1, 21), 2000)
    drawn = annotate(levels, width=4, exact=exact, random_state=0)
    estimated = annotation_report(drawn.intervals, classes=drawn.classes)
    counted = annotation_report(drawn.intervals, classes=drawn.classes, y_true=levels)
    assert counted.ambiguity_degree == pytest.approx(degree, abs=0.04)
    assert estimated.ambiguity_degree == pytest.approx(degree, abs=0.04)


def test_text_of_a_user_can_act_on():
    drawn = annotate_cells(np.arange(1, 101), width=10, exact=12, random_state=0)
    text = str(annotation_report(drawn.intervals, classes=drawn.classes))
    assert "100 annotations on a scale of 100 labels, 1 to 100.\n12 % exact labels; the" in text
    assert "the others allow 10.0 labels on average, 10 at most." in text
    assert "are never told apart: annotate some of them exactly" in text
    assert "Theorem 1" in text
    assert "at most 7.92 steps above" in text  # (1 - 0.12) * 9
    strings = annotation_report([("a", "b"), ("c", "c")], classes=["a", "b", "c"])
    assert "Labels a to b are never told apart" in str(strings)
    many = annotation_report(annotate_cells(np.arange(20), width=2).intervals)
    assert "8-9, 10-11 and 4 more runs are never told apart" in str(many)


def test_inconsistent_annotations_have_no_bounds():
    drawn = misplace_intervals(annotate_cells(LEVELS, width=3), share=0.1, random_state=0)
    report = annotation_report(drawn.intervals, classes=drawn.classes, y_true=LEVELS)
    assert report.wrong_rows.tolist() == np.flatnonzero(drawn.wrong).tolist()
    first = report.wrong_rows[0]
    for bound in (report.zero_one_bound, report.absolute_error_bound):
        with pytest.raises(
            ValueError, match=rf"those of 40 of 400 rows do not, first in row {first}"
        ):
            bound(0.1)
    assert "40 intervals (10 %) miss the true label" in str(report)
    assert "Theorems 1 and 2 do not hold" in str(report)


def test_brackets_alone_have_no_first_bound():
    drawn = annotate_cells(LEVELS, width=3)
    report = annotation_report(drawn.intervals, classes=drawn.classes)
    assert report.ambiguity_degree == 1
    assert "Theorem 1 gives no bound" in str(report)
    with pytest.raises(
        ValueError, match="Theorem 1 needs an ambiguity degree of at least 0 and below"
    ):
        report.zero_one_bound(0.1)


@pytest.mark.parametrize("annotate", [annotate_cells, annotate_sliding])
def test_the_theorems_hold_on_drawn_annotations(annotate):
    rng = np.random.default_rng(0)
    levels = rng.integers(1, 21, 20_000)
    drawn = annotate(levels, width=4, exact=0.3, random_state=1)
    report = annotation_report(drawn.intervals, classes=drawn.classes, y_true=levels)
    predicted = np.clip(levels + rng.integers(-3, 4, len(levels)), 1, 20)
    low, up = drawn.intervals.T
    outside = predicted - np.clip(predicted, low, up)
    assert np.mean(predicted != levels) <= report.zero_one_bound(np.mean(outside != 0))
    risk = np.abs(outside).mean()
    assert np.abs(predicted - levels).mean() <= report.absolute_error_bound(risk)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zero_one_bound(1.5, 0.1), "A 0/1 risk is between 0 and 1, got interval_risk=1.5"),
        (lambda: zero_one_bound(0.5, 1.0), "got 1.0. At 1, some wrong label is in every interval"),
        (lambda: zero_one_bound(0.5, -0.1), "at least 0 and below 1, got -0.1"),
        (
            lambda: absolute_error_bound(-1, 0.5, 3),
            "finite and not negative, got interval_risk=-1",
        ),
        (lambda: absolute_error_bound(1, 2, 3), "exact_share should be between 0 and 1, got 2"),
        (lambda: absolute_error_bound(1, 0.5, 0), "maximal_width counts the labels"),
        (lambda: annotation_report([1, 2], y_true=[1]), "y has 2 annotations but y_true has 1"),
        (
            lambda: annotation_report([1, 2], y_true=[(1, 2)]),
            "y_true should be a 1d array of true",
        ),
        (lambda: annotation_report([1, 2], y_true=[1, 5]), "y_true has the label 5 in row 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_brackets_that_do_not_overlap_are_proposed_as_levels():
    y = parse_brackets(["18-24", "25-34", "35-44", "45-54", "55-64"] * 4)
    report = annotation_report(y)
    assert report.disjoint
    assert "Labels 18-24, 25-34, 35-44, 45-54 and 55-64 are never told apart" in str(report)
    assert "spans_between_ends(y, whole=True)" in str(report)
    levels = spans_between_ends(y, whole=True)
    told = annotation_report(levels.intervals, classes=levels.classes)
    assert "100 % exact labels" in str(told)
    assert "spans_between_ends" not in str(told)


def test_cells_of_a_finer_scale_are_no_levels():
    report = annotation_report([(1, 3), (4, 6)], classes=range(1, 7))
    assert report.disjoint
    assert "spans_between_ends" not in str(report)


def test_brackets_that_overlap_are_not():
    report = annotation_report([(18, 24), (25, 34), (24, 25)])
    assert not report.disjoint
    assert "spans_between_ends" not in str(
        annotation_report([(1, 3), (2, 4)], classes=range(1, 7))
    )


def test_a_label_in_every_annotation_is_told():
    y = [(1, 7), (3, 7), (5, 7), (6, 7), (7, 7)]
    report = annotation_report(y, classes=range(1, 8))
    assert report.shared == (7, 7)
    assert "Every annotation contains 7: predicting it" in str(report)
    assert "told apart" not in str(report)
    several = annotation_report([(1, 5), (3, 7)], classes=range(1, 8))
    assert several.shared == (3, 5)
    assert "contains 3-5: predicting one of them" in str(several)


def test_thresholds_with_annotations_on_one_side_are_told():
    y = [(k, 7) if yes else (1, k - 1) for k in (4, 5) for yes in (True, False)]
    report = annotation_report([*y, (2, 6)], classes=range(1, 8))
    assert report.below.tolist() == [0, 0, 1, 2, 2, 3]
    assert report.above.tolist() == [3, 2, 2, 1, 0, 0]
    assert report.shared is None
    assert report.one_sided == [(1, 3), (5, 7)]
    assert "Among 1-3 and 5-7, annotations lie on one side only of every thr" in str(report)


def test_one_sided_thresholds_equal_the_naive_ones():
    rng = np.random.default_rng(0)
    for _ in range(200):
        n_classes, m = rng.integers(2, 8), rng.integers(1, 6)
        lower, upper = np.sort(rng.integers(0, n_classes, (m, 2)), axis=1).T
        if np.all(upper - lower == n_classes - 1):
            continue  # refused
        report = annotation_report(np.column_stack([lower, upper]), classes=range(n_classes))
        told = []
        for sides in (
            [all(upper > k) for k in range(n_classes - 1)],
            [all(lower <= k) for k in range(n_classes - 1)],
        ):
            found = [k for k in range(n_classes - 1) if sides[k]]
            ending = [k for k in found if k in upper or k + 1 in lower]
            if any(((lower <= k) & (upper > k)).any() for k in ending):
                told.append((found[0], found[-1] + 1))
        assert report.one_sided == told


def test_usual_annotations_are_not_one_sided():
    for annotate in (annotate_cells, annotate_sliding):
        drawn = annotate(LEVELS, width=3, exact=0.2, random_state=0)
        assert annotation_report(drawn.intervals, classes=drawn.classes).one_sided == []
    exact = annotation_report([5, 6, 7, 6], classes=range(10))
    assert exact.one_sided == []  # low labels that nobody mentions
