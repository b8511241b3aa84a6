"""Selectors of training rows: curricula, few samples a label, shifted labels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vilma.deep.protocols import FEW_SHOT_SIZES, distribution_shift, few_shot, nested_curricula

LONG_TAIL = np.repeat([10, 20, 30, 40, 50], [9, 2, 40, 5, 17])
exact_labels = st.lists(st.integers(0, 6), min_size=1, max_size=60)
plain = settings(derandomize=True, deadline=None, max_examples=30)


def counts_of(rows, y=LONG_TAIL):
    labels, counts = np.unique(y[rows], return_counts=True)
    return dict(zip(labels.tolist(), counts.tolist(), strict=True))


def test_curricula_cap_every_label_at_the_count_of_the_dividing_one():
    stages = nested_curricula(LONG_TAIL, random_state=0)
    assert [counts_of(rows) for rows in stages] == [
        {10: min(9, cap), 20: 2, 30: min(40, cap), 40: min(5, cap), 50: min(17, cap)}
        for cap in (2, 5, 9, 17, 40)
    ]


@plain
@given(y=exact_labels, seed=st.integers(0, 9))
def test_curricula_are_nested_and_end_with_everything(y, seed):
    stages = nested_curricula(y, random_state=seed)
    for smaller, larger in pairwise(stages):
        assert set(smaller) <= set(larger)
    np.testing.assert_array_equal(stages[-1], np.arange(len(y)))
    # the first stage is as balanced as its rarest label lets it be
    labels, counts = np.unique(y, return_counts=True)
    cap = np.sort(counts)[int(np.ceil(0.2 * len(labels))) - 1]
    _, chosen = np.unique(np.asarray(y)[stages[0]], return_counts=True)
    np.testing.assert_array_equal(chosen, np.minimum(counts, cap))


def test_dividing_lines_are_not_lifted_by_rounding():
    y = np.repeat(np.arange(10), np.arange(1, 11))  # 0.7 * 10 is a speck over 7
    (rows,) = nested_curricula(y, fractions=(0.7,), random_state=0)
    assert max(counts_of(rows, y).values()) == 7


@plain
@given(y=exact_labels, n=st.integers(1, 5), seed=st.integers(0, 9))
def test_few_shot_takes_n_of_every_label(y, n, seed):
    rows = few_shot(y, n, random_state=seed)
    assert list(rows) == sorted(set(rows))
    _, counts = np.unique(y, return_counts=True)
    _, chosen = np.unique(np.asarray(y)[rows], return_counts=True)
    np.testing.assert_array_equal(chosen, np.minimum(counts, n))
    assert set(rows) <= set(few_shot(y, n + 1, random_state=seed))


def test_the_cap_of_a_curriculum_is_rounded_up():
    y = np.repeat(np.arange(7), np.arange(1, 8))  # 7 labels with 1 to 7 samples
    # ceil(0.2 * 7) = 2, then 3, 5, 6 and 7; rounding would give 1, 3, 4, 6 and 7.
    sizes = [int(np.minimum(np.arange(1, 8), cap).sum()) for cap in (2, 3, 5, 6, 7)]
    assert [len(stage) for stage in nested_curricula(y, random_state=0)] == sizes


def test_rows_are_drawn_from_all_of_a_label():
    drawn = {int(few_shot([7] * 6, 1, random_state=seed)[0]) for seed in range(60)}
    assert drawn == set(range(6))
    assert FEW_SHOT_SIZES == (1, 2, 4, 8, 16, 32, 64)


def test_shift_thins_the_most_frequent_labels():
    rows = distribution_shift(LONG_TAIL, 2, 0.2, select="top", random_state=0)
    assert counts_of(rows) == {10: 9, 20: 2, 30: 8, 40: 5, 50: 3}


def test_shift_draws_labels_at_random():
    thinned = set()
    for seed in range(40):
        counts = counts_of(distribution_shift(LONG_TAIL, 2, 0.1, random_state=seed))
        full = counts_of(np.arange(len(LONG_TAIL)))
        changed = {label for label in full if counts[label] != full[label]}
        assert len(changed) == 2
        assert all(counts[label] == max(int(0.1 * full[label]), 1) for label in changed)
        thinned |= changed
    assert thinned == {10, 20, 30, 40, 50}


def test_shift_keeps_a_sample_and_does_not_lose_one_by_rounding():
    assert len(distribution_shift([1] * 9, 1, 0.0, random_state=0)) == 1
    assert len(distribution_shift([1] * 100, 1, 0.29, random_state=0)) == 29
    assert len(distribution_shift(LONG_TAIL, 0, 0.1, random_state=0)) == len(LONG_TAIL)


@pytest.mark.parametrize(
    "select",
    [
        lambda y, **more: nested_curricula(y, **more)[0],
        lambda y, **more: few_shot(y, 1, **more),
        lambda y, **more: distribution_shift(y, 1, 0.5, **more),
    ],
)
def test_intervals_count_for_their_middle_and_seeds_repeat(select):
    intervals = [(1, 3), (2, 2), (1, 4), (4, None), (5, 5), (2, 3)]
    middles = [2, 2, 2, 4, 5, 2]  # on the scale 1 to 5, the lower of two
    scale = range(1, 6)
    first = select(intervals, classes=scale, random_state=3)
    np.testing.assert_array_equal(first, select(intervals, classes=scale, random_state=3))
    np.testing.assert_array_equal(first, select(middles, classes=scale, random_state=3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nested_curricula([1, 2], fractions=(0.5, 0.5)), "increasing numbers above 0"),
        (lambda: nested_curricula([1, 2], fractions=(0.0, 1.0)), r"got \(0.0, 1.0\)"),
        (lambda: nested_curricula([1, 2], fractions=(0.5, 1.1)), "up to 1"),
        (lambda: nested_curricula([1, 2], fractions=()), r"got \(\)"),
        (lambda: few_shot([1, 2], 0), "n_per_label should be an integer of at least 1, got 0"),
        (lambda: few_shot([(2, 1)], 1), "row 0"),
        (lambda: distribution_shift([1, 2], 3, 0.1), "the 2 labels that occur, got 3"),
        (lambda: distribution_shift([1, 2], 1, 1.5), "share should be between 0 and 1, got 1.5"),
        (
            lambda: distribution_shift([1], 1, 0.5, select="rare"),
            "select should be one of 'random', 'top', got 'rare'",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
