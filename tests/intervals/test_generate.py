import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from vilma.intervals import (
    annotate_asymmetric,
    annotate_cells,
    annotate_questions,
    annotate_sliding,
    misplace_intervals,
)

ALL_LABELS = np.repeat(np.arange(1, 12), 200)
PROCESSES = [
    lambda y, **options: annotate_cells(y, width=4, **options),
    lambda y, **options: annotate_sliding(y, width=4, **options),
    lambda y, **options: annotate_asymmetric(y, below=1, above=3, **options),
]


def test_cells_are_those_of_the_paper():
    drawn = annotate_cells(np.arange(1, 12), width=5)
    assert drawn.intervals.tolist() == [[1, 5]] * 5 + [[6, 10]] * 5 + [[11, 11]]
    assert_array_equal(drawn.classes, np.arange(1, 12))
    assert_array_equal(drawn.truth, np.arange(1, 12))
    # Cells are cut from the first label of the scale on.
    assert annotate_cells([3, 9], width=5, classes=range(12)).intervals.tolist() == [
        [0, 4],
        [5, 9],
    ]


def test_labels_without_an_example_belong_to_cells():
    assert annotate_cells([1, 6, 9], width=3).intervals.tolist() == [[1, 3], [4, 6], [7, 9]]


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(
    ("exact", "count"), [(0, 0), (7, 7), (2200, 2200), (0.25, 550), (1.0, 2200)]
)
def test_so_many_are_exact(process, exact, count):
    drawn = process(ALL_LABELS, exact=exact, random_state=0)
    assert drawn.exact.sum() == count
    assert_array_equal(drawn.intervals[drawn.exact, 0], ALL_LABELS[drawn.exact])
    assert_array_equal(drawn.intervals[drawn.exact, 1], ALL_LABELS[drawn.exact])


@pytest.mark.parametrize("process", PROCESSES)
def test_processes_are_consistent_and_seeded(process):
    drawn = process(ALL_LABELS, exact=100, random_state=3)
    low, up = drawn.intervals.T
    assert np.all((low <= ALL_LABELS) & (up >= ALL_LABELS))
    assert np.all((low >= 1) & (up <= 11))
    assert np.all(up - low < 5)
    assert not drawn.wrong.any()
    again = process(ALL_LABELS, exact=100, random_state=3)
    assert_array_equal(again.intervals, drawn.intervals)
    assert np.any(process(ALL_LABELS, exact=100, random_state=4).exact != drawn.exact)


def test_sliding_intervals_are_everywhere_equally_often():
    low, up = annotate_sliding(ALL_LABELS, width=4, random_state=0).intervals[ALL_LABELS == 6].T
    assert_array_equal(up - low, 3)
    assert np.all(np.bincount(6 - low, minlength=4) > 30)  # of 200


def test_asymmetric_intervals_reach_as_far_as_they_may():
    low, up = annotate_asymmetric(ALL_LABELS, below=0, above=3, random_state=0).intervals.T
    assert_array_equal(low, ALL_LABELS)
    assert set((up - ALL_LABELS)[ALL_LABELS < 9]) == {0, 1, 2, 3}
    assert np.all(up <= 11)


def test_strings_and_categories():
    sizes = ["s", "m", "l", "xl"]
    assert annotate_cells(["m", "xl"], width=2, classes=sizes).intervals.tolist() == [
        ["s", "m"],
        ["l", "xl"],
    ]
    column = pd.Series(pd.Categorical(["m", "l"], sizes, ordered=True))
    drawn = annotate_cells(column, width=3)
    assert drawn.intervals.tolist() == [["s", "l"], ["s", "l"]]
    assert drawn.classes.tolist() == sizes


@pytest.mark.parametrize("process", PROCESSES)
def test_misplaced_intervals_leave_their_label_out(process):
    drawn = process(ALL_LABELS, exact=0.3, random_state=0)
    moved = misplace_intervals(drawn, share=0.2, random_state=1)
    low, up = moved.intervals.T
    outside = (low > ALL_LABELS) | (up < ALL_LABELS)
    assert_array_equal(moved.wrong, outside)
    assert moved.wrong.sum() == 440
    assert np.all((low >= 1) & (up <= 11))
    assert_array_equal(up - low, np.diff(drawn.intervals, axis=1).ravel())
    assert_array_equal(moved.intervals[~moved.wrong], drawn.intervals[~moved.wrong])
    assert not np.any(moved.exact & moved.wrong)
    assert not drawn.wrong.any()
    again = misplace_intervals(drawn, share=0.2, random_state=1)
    assert_array_equal(again.intervals, moved.intervals)
    more = misplace_intervals(moved, share=0.1, random_state=2)
    assert more.wrong.sum() == 660


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: annotate_cells([1, 2], width=2, exact=3),
            "exact=3 exact labels are wanted of 2 ro",
        ),
        (lambda: annotate_cells([1, 2], width=2, exact=-1), "expected a number from 0 to 2"),
        (
            lambda: annotate_cells([1, 2], width=2, exact=1.5),
            "a share between 0.0 and 1.0 (float)",
        ),
        (
            lambda: annotate_cells([1, 2], width=0),
            "width should be an integer of at least 1, got 0",
        ),
        (lambda: annotate_cells([1, 2], width=1.5), "width should be an integer of at least 1"),
        (
            lambda: annotate_asymmetric([1, 2], below=-1, above=2),
            "below should be an integer of at least 0, got -1",
        ),
        (lambda: annotate_cells(["a"], width=2), "Strings have no order by themselves"),
        (lambda: annotate_cells([1, 2.5], width=2), "label 2.5 in row 1, which is not a whole"),
        (lambda: annotate_cells([(1, 2)], width=2), "1d array of true labels, got intervals"),
        (lambda: annotate_cells([1, 9], width=2, classes=[1, 2]), "y has the label 9 in row 1"),
        (
            lambda: misplace_intervals(annotate_cells([1, 2], width=2), share=2),
            "share should be between 0 and 1, got 2",
        ),
        (
            lambda: misplace_intervals(annotate_cells([1, 2], width=2), share=0.5),
            "1 of 2 intervals are to be made wrong, but only 0 can leave their label out",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


def test_answers_to_questions():
    drawn = annotate_questions(ALL_LABELS, random_state=0)
    low, up = drawn.intervals.T
    assert np.all((low <= ALL_LABELS) & (up >= ALL_LABELS))
    assert np.all((low == 1) != (up == 11))  # one side is open, and one only
    asked = np.where(low > 1, low, up + 1)
    assert np.all(np.bincount(asked, minlength=12)[2:] > 150)  # of 2,200 in ten
    exact = annotate_questions(ALL_LABELS, n_questions=10, random_state=0).intervals
    assert_array_equal(exact, np.column_stack([ALL_LABELS, ALL_LABELS]))
    assert annotate_questions(ALL_LABELS, exact=7, random_state=0).exact.sum() == 7


def test_answers_of_a_row_are_joined():
    drawn = annotate_questions(
        np.repeat(3, 300), n_questions=2, classes=range(1, 6), random_state=0
    )
    found = set(map(tuple, drawn.intervals.tolist()))
    # Asked at least 2, 3, 4 or 5, two of these: (3, 4) tells the label.
    assert found == {(3, 5), (2, 3), (2, 4), (3, 3), (3, 4), (1, 3)}


def test_more_questions_than_thresholds():
    with pytest.raises(ValueError, match=r"5 questions are wanted .* a scale of 5 labels has 4"):
        annotate_questions([1, 5], n_questions=5)
