import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    StratifiedKFold,
    cross_val_score,
)

from vilma.intervals import (
    IntervalStratifiedGroupKFold,
    IntervalStratifiedKFold,
    annotate_cells,
    interval_strata,
)
from vilma.metrics import interval_scorer

NAN = np.nan
RNG = np.random.default_rng(0)
LEVELS = RNG.integers(1, 31, 400)
Y = annotate_cells(LEVELS, width=6, exact=0.3, random_state=0).intervals
X = np.zeros((400, 1))


def test_strata_by_midpoint_are_in_order_and_about_equal():
    strata = interval_strata(Y, n_strata=5)
    middle = Y.mean(axis=1)
    assert set(strata) == set(range(5))
    assert all(middle[strata == s].max() < middle[strata == s + 1].min() for s in range(4))
    assert np.bincount(strata).min() >= 40


def test_strata_by_cell_are_equal_intervals():
    cells = np.array([(1, 3), (1, 3), (4, 6), (4, 6), (1, 3), (5, 5)])
    assert interval_strata(cells, by="cell").tolist() == [0, 0, 1, 1, 0, 2]
    # The lonely exact label goes along with the cell before it.
    assert interval_strata(cells, by="cell", least=2).tolist() == [0, 0, 1, 1, 0, 1]
    assert interval_strata(cells, by="cell", least=100).tolist() == [0] * 6


@pytest.mark.parametrize("by", ["midpoint", "cell"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_folds_have_every_stratum_in_equal_shares(by, shuffle):
    seed = 0 if shuffle else None
    splitter = IntervalStratifiedKFold(4, by=by, shuffle=shuffle, random_state=seed)
    strata = interval_strata(Y, by=by, least=4)
    tested = []
    for train, test in splitter.split(X, Y):
        tested.append(test)
        assert len(np.intersect1d(train, test)) == 0
        for stratum in np.unique(strata):
            members = strata == stratum
            assert abs(members[test].sum() - members.sum() / 4) < 1
    assert_array_equal(np.sort(np.concatenate(tested)), np.arange(400))
    reference = StratifiedKFold(4, shuffle=shuffle, random_state=seed).split(X, strata)
    for (_, test), (_, expected) in zip(splitter.split(X, Y), reference, strict=True):
        assert_array_equal(test, expected)
    assert splitter.get_n_splits() == 4


def test_groups_stay_together():
    groups = RNG.integers(0, 40, 400)
    splitter = IntervalStratifiedGroupKFold(4, n_strata=5)
    for train, test in splitter.split(X, Y, groups):
        assert len(np.intersect1d(groups[train], groups[test])) == 0
    reference = StratifiedGroupKFold(4).split(X, interval_strata(Y, n_strata=5), groups)
    for (_, test), (_, expected) in zip(splitter.split(X, Y, groups), reference, strict=True):
        assert_array_equal(test, expected)


@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
@pytest.mark.parametrize(
    "y",
    [
        Y,
        np.column_stack([Y[:, 0], np.where(Y[:, 1] > 29, np.inf, Y[:, 1])]),
        [(low, None if up > 25 else up) for low, up in Y.tolist()],
        pd.Series(pd.arrays.IntervalArray.from_arrays(Y[:, 0], Y[:, 1], closed="both")),
    ],
)
def test_splitters_serve_as_cv(y):
    class Constant(DummyClassifier):
        def fit(self, X, y):
            return super().fit(X, np.full(len(X), 15))

    scores = cross_val_score(
        Constant(), X, y, cv=IntervalStratifiedKFold(3), scoring=interval_scorer()
    )
    assert scores.std() < 0.5
    groups = np.arange(400) // 4
    search = GridSearchCV(
        Constant(),
        {"strategy": ["most_frequent"]},
        cv=IntervalStratifiedGroupKFold(3),
        scoring=interval_scorer(),
    )
    assert search.fit(X, y, groups=groups).best_score_ < 0


def test_few_rows_make_fewer_strata():
    y = [(1, 2), (3, 4), (1, 1), (4, 4), (2, 3)]
    tests = [test for _, test in IntervalStratifiedKFold(2).split(np.zeros((5, 1)), y)]
    assert sorted(map(len, tests)) == [2, 3]


def test_strings_need_their_scale():
    y = [("s", "m"), ("m", "l")] * 4
    folds = IntervalStratifiedKFold(2, classes=["s", "m", "l"])
    assert all(len(test) == 4 for _, test in folds.split(np.zeros((8, 1)), y))
    with pytest.raises(ValueError, match="Intervals of strings need `classes`"):
        list(IntervalStratifiedKFold(2).split(np.zeros((8, 1)), y))


def test_splitters_can_be_printed():
    assert "n_splits=3" in repr(IntervalStratifiedKFold(3))
    assert "by='cell'" in repr(IntervalStratifiedGroupKFold(3, by="cell"))


@pytest.mark.parametrize(
    ("splitter", "message"),
    [
        (IntervalStratifiedKFold(2, by="width"), "by should be 'midpoint' or 'cell', got 'width'"),
        (
            IntervalStratifiedKFold(2, n_strata=0),
            "n_strata should be an integer of at least 1, got 0",
        ),
        (IntervalStratifiedKFold(500), "Cannot have number of splits n_splits=500 greater than"),
    ],
)
def test_bad_arguments(splitter, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        list(splitter.split(X, Y))
