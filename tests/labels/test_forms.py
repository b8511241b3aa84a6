"""Masked arrays, and scales that come out of categories."""

import re

import numpy as np
import pandas as pd
import pytest

from vilma import IISVOR_IMC, OneHotCodes
from vilma.intervals import (
    IntervalStratifiedKFold,
    annotate_cells,
    annotation_report,
    combine_annotators,
    combine_by_item,
    interval_strata,
    to_intervals,
)
from vilma.labels import read_labels, read_scale
from vilma.metrics import (
    epsilon_error,
    interval_insensitive_loss,
    ranked_probability_score,
)

INF = np.inf
INTERVALS = np.ma.array([[1, 2], [2, 999], [-9, 3], [3, 3]], mask=[[0, 0], [0, 1], [1, 0], [0, 0]])
LEVELS = ["slight", "moderate", "heavy"]


@pytest.mark.parametrize(
    "y",
    [
        INTERVALS,
        INTERVALS.astype(float),
        INTERVALS.astype(object),
        list(INTERVALS),
        [(1, 2), (2, np.ma.masked), (np.ma.masked, 3), (3, 3)],
        np.ma.array(
            [(1, 2), (2, 999), (-9, 3), (3, 3)],
            mask=[(0, 0), (0, 1), (1, 0), (0, 0)],
            dtype=[("lower", int), ("upper", int)],
        ),
    ],
)
def test_a_masked_end_is_open(y):
    assert to_intervals(y).tolist() == [[1, 2], [2, INF], [-INF, 3], [3, 3]]
    labels = read_labels(y)
    assert labels.classes.tolist() == [1, 2, 3]
    assert labels.lower.tolist() == [0, 1, 0, 2]
    assert labels.upper.tolist() == [1, 2, 2, 2]


def test_masked_ends_in_fits_metrics_splits_and_reports():
    X = np.arange(12.0).reshape(-1, 1)
    codes = np.repeat([1, 2, 3], 4)
    y = np.ma.column_stack([codes, codes])
    y[3, 1] = y[7, 0] = np.ma.masked
    y.data[3, 1], y.data[7, 0] = 999, -999
    plain = [[a, b] for a, b in y.tolist()]
    model = IISVOR_IMC().fit(X, y)
    assert model.scale_.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(model.coef_, IISVOR_IMC().fit(X, plain).coef_)
    assert interval_insensitive_loss(y, codes[::-1]) == interval_insensitive_loss(
        plain, codes[::-1]
    )
    assert str(annotation_report(y)) == str(annotation_report(plain))
    assert interval_strata(y).tolist() == interval_strata(plain).tolist()
    for masked, listed in zip(
        IntervalStratifiedKFold(2).split(X, y),
        IntervalStratifiedKFold(2).split(X, plain),
        strict=True,
    ):
        np.testing.assert_array_equal(masked[1], listed[1])
    items = [1, 1, 2, 2]
    ends = combine_by_item(items, INTERVALS).intervals
    assert ends.tolist() == [[1, INF], [-INF, 3]]
    raters = [np.ma.array([1, 9], mask=[0, 1]), np.ma.array([2, 3])]
    assert combine_annotators(raters).intervals.tolist() == [[1, 2], [3, 3]]


MASKED = np.ma.array([1, 999, 2], mask=[False, True, False])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: read_labels(MASKED), "Input y contains NaN. The first one is in row 1"),
        (lambda: interval_insensitive_loss(MASKED, [1, 2, 2]), "y_true contains NaN"),
        (lambda: interval_insensitive_loss([1, 2, 2], MASKED), "y_pred contains NaN"),
        (lambda: read_scale(MASKED), "classes contains NaN. The first one is in row 1"),
        (lambda: combine_by_item(MASKED, [1, 2, 3]), "items is a masked array with 1 masked"),
        (
            lambda: OneHotCodes(np.ma.array([[0], [9]], mask=[[0], [1]]), 2),
            "codes is a masked array with 1 masked entries, the first one in row 1",
        ),
        (
            lambda: IISVOR_IMC().fit(np.ma.array([[0.0], [1.0]], mask=[[0], [1]]), [1, 2]),
            "X is a masked array with 1 masked entries, the first one in row 1. Fill them",
        ),
        (
            lambda: IISVOR_IMC().fit([[1.0], [2.0], [3.0]], [1, 2, 2], sample_weight=MASKED),
            "sample_weight is a masked array",
        ),
        (
            lambda: interval_insensitive_loss([1, 2, 2], [1, 2, 2], sample_weight=MASKED),
            "sample_weight is a masked array",
        ),
        (lambda: epsilon_error([1, 2, 2], [1, 2, 2], sigma=MASKED), "sigma is a masked array"),
        (
            lambda: ranked_probability_score(
                [0, 1], np.ma.array([[1.0, 0.0], [9.0, 9.0]], mask=[[0, 0], [1, 1]])
            ),
            "y_proba is a masked array with 2 masked entries, the first one in row 1",
        ),
    ],
)
def test_masked_entries_of_what_must_be_complete_are_refused(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()


@pytest.mark.parametrize("order", [[2, 0, 1], [0, 1, 2], [1, 2, 0]])
def test_the_order_of_a_dtype_is_the_scale(order):
    column = pd.Series(pd.Categorical.from_codes(order * 3, LEVELS, ordered=True))
    for classes in (column.unique(), column.cat.categories, pd.Series(column.unique())):
        assert read_scale(classes).tolist() == LEVELS
    X = np.array(order * 3, dtype=float).reshape(-1, 1)
    model = IISVOR_IMC(classes=column.unique()).fit(X, column.astype(str))
    assert model.scale_.tolist() == LEVELS
    assert model.score(X, column) == 1.0


def test_labels_out_of_use_are_not_on_a_scale_of_unique_values():
    column = pd.Categorical(["heavy", "slight"], LEVELS, ordered=True)
    assert read_scale(column.unique()).tolist() == ["slight", "heavy"]


def test_the_order_of_a_polars_enum_is_the_scale():
    pl = pytest.importorskip("polars")
    column = pl.Series(["heavy", "slight", "moderate"], dtype=pl.Enum(LEVELS))
    assert read_scale(column).tolist() == LEVELS


def test_unordered_categories_are_no_scale():
    column = pd.Categorical(["heavy", "slight", "heavy"])
    with pytest.raises(TypeError, match=r"unordered categories, \['heavy', 'slight'\]: the order"):
        read_scale(column.unique())
    assert read_scale(pd.Categorical([1, 3, 2]).categories).tolist() == [1, 2, 3]
    with pytest.raises(TypeError, match="classes is a dict, which has no order"):
        read_scale({"a": 1, "b": 2})


PARTLY = ["none", 1, 2, "3 or more"]


def test_partly_labelled_columns_are_read_in_the_order_of_their_dtype():
    column = pd.Series(pd.Categorical([2, "none", "3 or more", 1, 2], PARTLY, ordered=True))
    labels = read_labels(column)
    assert labels.classes.tolist() == ["none", "1", "2", "3 or more"]
    assert labels.lower.tolist() == [2, 0, 3, 1, 2]
    assert read_scale(column.unique()).tolist() == ["none", "1", "2", "3 or more"]
    X = [[2.0], [0.0], [3.0], [1.0], [2.0]]
    model = IISVOR_IMC(alpha=0.001).fit(X, column)
    assert model.predict(X).tolist() == ["2", "none", "3 or more", "1", "2"]
    assert model.score(X, column) == 1.0
    assert interval_insensitive_loss(column, model.predict(X)) == 0.0
    upper = pd.Series(pd.Categorical([2, 1, None, 2, "3 or more"], PARTLY, ordered=True))
    frame = pd.DataFrame({"lower": column.drop(2).reset_index(drop=True), "upper": upper[:4]})
    frame.loc[1, "lower"] = None
    labels = read_labels(frame)
    assert labels.lower.tolist() == [2, 0, 1, 2]
    assert labels.upper.tolist() == [2, 1, 3, 2]


def test_floats_among_the_categories_keep_their_short_names():
    column = pd.Categorical([2.0, "never"], ["never", 1.0, 2.0], ordered=True)
    assert read_labels(column).classes.tolist() == ["never", "1", "2"]
    column = pd.Categorical([1, "1"], ["1", 1], ordered=True)
    with pytest.raises(ValueError, match="both a string and a number named '1'"):
        read_labels(column)


@pytest.mark.parametrize(
    ("scale", "label"),
    [
        (["bad", "good", "Don't know"], "Don't know"),
        (["bad", "good", "don’t know"], "don’t know"),
        (["Refused", "bad", "good"], "Refused"),
        (["bad", "good", "N/A"], "N/A"),
        (["bad", "good", "Prefer not to say"], "Prefer not to say"),
        (["(no answer)", "bad", "good"], "(no answer)"),
    ],
)
def test_missing_answers_at_an_end_of_the_scale_get_a_hint(scale, label):
    message = f"label of the scale is {label!r}, which reads like a missing answer"
    with pytest.warns(UserWarning, match=re.escape(message)):
        read_labels(pd.Categorical(["bad", "good"], scale, ordered=True))
    read_labels(["bad", "good"], ["bad", "unknown", "good"])  # in the middle: people's own choice
    read_labels(["nation", "good"], ["nation", "naive", "good", "not good"])


@pytest.mark.parametrize("classes", [["heavy", "moderate", "slight"], LEVELS[1:] + LEVELS[:1]])
def test_a_scale_that_contradicts_an_ordered_dtype_is_refused(classes):
    column = pd.Series(pd.Categorical(["heavy", "slight", "moderate"] * 4, LEVELS, ordered=True))
    frame = pd.DataFrame({"lower": column, "upper": column})
    X = np.arange(12.0).reshape(-1, 1)
    plain = column.astype(str)
    fitted = IISVOR_IMC(classes=classes).fit(X, plain)
    message = re.escape(
        f"ordered categories, {LEVELS!r}, in another order than `classes`, {classes!r}. Correct"
    )
    for call in (
        lambda: read_labels(column, classes),
        lambda: read_labels(frame, classes),
        lambda: IISVOR_IMC(classes=classes).fit(X, column),
        lambda: fitted.score(X, column),
        lambda: interval_insensitive_loss(column, plain, classes=classes),
        lambda: to_intervals(column, classes),
        lambda: annotate_cells(column, width=2, classes=classes),
        lambda: combine_annotators([column, column], classes=classes),
        lambda: annotation_report(column, classes=classes),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("classes", [LEVELS, [*LEVELS, "fatal"], ["none", *LEVELS]])
def test_a_scale_may_know_more_than_an_ordered_dtype(classes):
    column = pd.Categorical(["heavy", "slight", "moderate"], LEVELS, ordered=True)
    assert read_labels(column, classes).classes.tolist() == classes
    more = pd.Categorical(["heavy", "slight"], ["none", *LEVELS, "fatal"], ordered=True)
    assert read_labels(more, LEVELS).lower.tolist() == [2, 0]


@pytest.mark.parametrize("categories", [[3, 2, 1], [2, 1, 3], [0.5, 0.25]])
def test_ordered_numbers_in_an_order_of_their_own_are_refused(categories):
    """An array of numbers does not tell their order, so that it would be lost on the way."""
    column = pd.Series(pd.Categorical(categories * 3, categories, ordered=True))
    message = re.escape(f"The ordered categories {categories!r} are numbers in an order of their")
    for call in (
        lambda: read_labels(column),
        lambda: to_intervals(column),
        lambda: IISVOR_IMC().fit(np.arange(len(column))[:, None], column),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(ValueError, match="in another order than `classes`"):
        read_labels(column, sorted(categories))
    with pytest.raises(ValueError, match="Labels in another order have to be strings"):
        read_scale(column.unique())
    names = read_labels(column.cat.rename_categories(str))
    assert names.classes.tolist() == [str(number) for number in categories]
    assert names.lower.tolist() == list(range(len(categories))) * 3
    assert read_labels(column.cat.codes).lower.tolist() == names.lower.tolist()
