"""Labels in every form give the model that their two columns give."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import GridSearchCV, cross_val_score

from vilma import IISVOR_IMC, IISVOR_IMCCV
from vilma.intervals import IntervalStratifiedKFold, to_intervals
from vilma.labels import read_labels
from vilma.metrics import interval_coverage, interval_insensitive_loss, interval_scorer

NAN, INF = np.nan, np.inf
SCALE = [-3, -1, 0, 1, 2, 5, 9]  # negative numbers and gaps
NAMES = ["worst", "bad", "poor", "fair", "good", "better", "best"]


def draw(closed=False):
    """Random codes, X, and columns of numbers with infinite ends."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 4))
    level = np.digitize(X[:, 0] + 0.2 * rng.normal(size=60), np.linspace(-1.5, 1.5, 6))
    lower = np.maximum(level - rng.integers(0, 3, 60), 0)
    upper = np.minimum(level + rng.integers(0, 3, 60), 6)
    ends = np.array(SCALE, dtype=float)[np.column_stack([lower, upper])]
    if not closed:
        ends[lower == 0, 0] = -INF
        ends[upper == 6, 1] = INF
    return X, np.column_stack([lower, upper]), ends


def rows_of(ends, nothing):
    return [tuple(nothing if np.isinf(end) else int(end) for end in row) for row in ends]


def interval_objects(ends):
    """The same labels as pieces of the line that end between labels."""
    after = dict(zip(SCALE, [*SCALE[1:], 10], strict=True))
    return pd.arrays.IntervalArray.from_tuples(
        [(low, INF if np.isinf(up) else after[int(up)] - 0.5) for low, up in ends],
        closed="left",
    )


def strings(codes, nothing=None):
    return [tuple(NAMES[code] for code in row) for row in codes]


_, CODES, ENDS = draw()
_, _, CLOSED = draw(closed=True)
OBJECTS = interval_objects(ENDS)
CATEGORIES = pd.CategoricalDtype(NAMES, ordered=True)
FORMS = {
    "array": ENDS,
    "NaN": np.where(np.isinf(ENDS), NAN, ENDS),
    "integers": CLOSED.astype(int),
    "list of tuples": rows_of(ENDS, None),
    "object array": np.array(rows_of(ENDS, None), dtype=object),
    "structured array": np.array(rows_of(CLOSED, None), dtype=[("low", "i8"), ("up", "f4")]),
    "pandas": pd.DataFrame(ENDS, columns=["lower", "upper"], index=np.arange(60)[::-1]),
    "pandas nullable": pd.DataFrame(rows_of(ENDS, None), dtype="Int64"),
    "polars": pl.DataFrame(rows_of(ENDS, None), schema=["lower", "upper"], orient="row"),
    "IntervalArray": OBJECTS,
    "IntervalIndex": pd.IntervalIndex(OBJECTS),
    "Series of intervals": pd.Series(OBJECTS, index=np.arange(60)[::-1]),
    "list of intervals": list(OBJECTS),
}
STRING_FORMS = {
    "list of strings": strings(CODES),
    "array of strings": np.array(strings(CODES)),
    "categorical columns": pd.DataFrame(strings(CODES), columns=["l", "u"]).astype(CATEGORIES),
    "enum columns": pl.DataFrame(
        strings(CODES), schema={"l": pl.Enum(NAMES), "u": pl.Enum(NAMES)}, orient="row"
    ),
}


def take(y, rows):
    from sklearn.utils import _safe_indexing

    return _safe_indexing(y, rows)


def assert_same_use(y, classes, reference, reference_classes):
    """Fit, score, cross-validate and search, and compare with two columns."""
    X = draw()[0]

    def results(labels, scale):
        model = IISVOR_IMC(alpha=0.05, classes=scale).fit(X, labels)
        predicted = model.predict(X)
        folds = IntervalStratifiedKFold(3, classes=scale, shuffle=True, random_state=0)
        scorer = interval_scorer("zero_one", classes=scale)
        search = GridSearchCV(model, {"alpha": [1.0, 0.01]}, cv=folds, scoring=scorer)
        inner = IISVOR_IMCCV([1.0, 0.01], classes=scale, cv=3, scoring=scorer)
        return (
            model.coef_,
            model.thresholds_,
            model.score(X, labels),
            interval_insensitive_loss(labels, predicted, loss="zero_one", classes=scale),
            interval_coverage(labels, predicted, classes=scale),
            cross_val_score(model, X, labels, cv=folds, scoring=scorer),
            search.fit(X, labels).cv_results_["mean_test_score"],
            inner.fit(X, labels).cv_scores_,
        )

    for got, expected in zip(
        results(y, classes), results(reference, reference_classes), strict=True
    ):
        assert_array_equal(got, expected)


@pytest.mark.parametrize("form", FORMS)
def test_numbers(form):
    assert_same_use(FORMS[form], SCALE, CLOSED, SCALE)


@pytest.mark.parametrize("form", STRING_FORMS)
def test_strings(form):
    assert_same_use(STRING_FORMS[form], NAMES, CODES, range(7))


@pytest.mark.parametrize("form", ["categorical columns", "enum columns"])
def test_ordered_categories_need_no_classes(form):
    y, X = STRING_FORMS[form], draw()[0]
    model = IISVOR_IMC(alpha=0.05).fit(X, y)
    assert model.scale_.tolist() == NAMES
    assert model.classes_.tolist() == sorted(NAMES)
    assert_array_equal(model.coef_, IISVOR_IMC(alpha=0.05).fit(X, CODES).coef_)
    coded = [NAMES.index(name) for name in model.predict(X)]
    loss = interval_insensitive_loss(y, model.predict(X))
    assert loss == interval_insensitive_loss(CODES, coded)
    scores = cross_val_score(
        IISVOR_IMC(classes=NAMES), X, y, cv=IntervalStratifiedKFold(3), scoring=interval_scorer()
    )
    assert len(scores) == 3


def test_one_column_of_ordered_categories():
    X, codes, _ = draw()
    exact = codes[:, 0]
    column = pd.Series(pd.Categorical.from_codes(exact, dtype=CATEGORIES))
    model, twin = IISVOR_IMC(alpha=0.05).fit(X, column), IISVOR_IMC(alpha=0.05).fit(X, exact)
    assert_array_equal(model.coef_, twin.coef_)
    assert model.score(X, column) == twin.score(X, exact)


def test_brackets_made_by_pandas():
    ages = pd.Series([3, 17, 25, 42, 60, 88])
    cut = pd.cut(ages, [0, 18, 40, 100])
    assert to_intervals(cut).tolist() == [
        [1, 18], [1, 18], [19, 40], [41, 100], [41, 100], [41, 100],
    ]  # fmt: skip
    labels = read_labels(cut, classes=range(1, 101))
    assert labels.lower.tolist() == [0, 0, 18, 40, 40, 40]
    left = pd.cut(ages, [0, 18, 40, np.inf], right=False)
    assert to_intervals(left).tolist()[-1] == [40, INF]


def test_to_intervals():
    assert_array_equal(to_intervals([3, 5]), [[3, 3], [5, 5]])
    assert to_intervals([3, 5]).dtype.kind == "i"
    assert to_intervals([("a", None)]).tolist() == [["a", None]]
    assert to_intervals(STRING_FORMS["categorical columns"]).tolist() == [
        list(row) for row in strings(CODES)
    ]
    with pytest.raises(ValueError, match="above the upper end in row 0"):
        to_intervals([("b", "a")], classes=["a", "b"])
