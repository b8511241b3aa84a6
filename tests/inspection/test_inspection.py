"""The table of a model: effects of columns where the user has them, and their intervals."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from vilma import (
    IISVOR_IMC,
    PWVILMA,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.features import TableFeatures
from vilma.inspection import coefficient_table
from vilma.inspection.coefficients import _percentiles

N = 300


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, N),
            "noise": rng.normal(0, 5, N),
            "member": rng.integers(0, 2, N),
            "town": np.array(["a", "b", "c"])[rng.integers(0, 3, N) * rng.integers(0, 2, N)],
            "same": 1.0,
        }
    )
    score = (
        0.08 * frame["age"] + 1.5 * frame["member"] + 2.0 * (frame["town"] == "b")
        + rng.logistic(0, 0.5, N)
    )  # fmt: skip
    return frame, np.digitize(score, [3.0, 4.0, 5.0, 6.0])


NUMBERS = ["age", "noise", "member"]


def test_behind_a_scaler_it_is_the_coefficient(data):
    frame, y = data
    model = make_pipeline(StandardScaler(), OrderedLogit(alpha=0.01)).fit(frame[NUMBERS], y)
    table = coefficient_table(model, frame[NUMBERS])
    scaler, logit = model
    assert table.names == NUMBERS
    np.testing.assert_allclose(table.per_unit, logit.coef_ / scaler.scale_)
    np.testing.assert_allclose(table.standard[:2], logit.coef_[:2])
    np.testing.assert_allclose(table.standard[2], table.per_unit[2])  # from 0 to 1
    np.testing.assert_allclose(table.deviations, scaler.scale_)
    assert table.per_unit_interval is None
    np.testing.assert_array_equal(table.thresholds, logit.thresholds_)


def test_changes_are_those_of_a_naive_count(data):
    frame, y = data
    X = frame[NUMBERS].to_numpy(float)
    model = OrderedLogit(alpha=0.01).fit(X, y)
    table = coefficient_table(model, X)
    assert table.names == ["x0", "x1", "x2"]
    older, none, all_members = X.copy(), X.copy(), X.copy()
    older[:, 0] += X[:, 0].std()
    none[:, 2], all_members[:, 2] = 0, 1
    for place, before, after in ((0, X, older), (2, none, all_members)):
        change = np.mean(model.predict(after) - model.predict(before))
        assert table.label_change[place] == pytest.approx(change)
        upper = [
            (model.predict_proba(after)[:, k:].sum(axis=1)
             - model.predict_proba(before)[:, k:].sum(axis=1)).mean()
            for k in range(1, 5)
        ]  # fmt: skip
        np.testing.assert_allclose(table.at_least[place], upper)


def by_hand():
    return make_column_transformer(
        (OneHotEncoder(drop="first"), ["town"]), (StandardScaler(), NUMBERS)
    )


@pytest.mark.parametrize(
    ("make", "with_probabilities"),
    [
        (lambda: make_pipeline(by_hand(), OrderedLogit(alpha=0.01)), True),
        (lambda: make_pipeline(TableFeatures(["linear"]), OrderedLogitCV([0.01])), True),
        (lambda: make_pipeline(TableFeatures(n_trees=5), VILMACV([0.01], cv=2)), False),
        (lambda: GridSearchCV(
            make_pipeline(by_hand(), VILMA(loss="squared")), {"vilma__alpha": [0.1, 0.01]}, cv=2
        ), False),
        (lambda: CalibratedOrdinalClassifier(
            make_pipeline(by_hand(), IISVOR_IMC(0.01)), cv=2
        ), True),
        (lambda: ConformalOrdinalClassifier(make_pipeline(by_hand(), OrderedLogit(0.01))), True),
    ],
)  # fmt: skip
def test_of_whatever_wraps_a_model(data, make, with_probabilities):
    frame, y = data
    model = make().fit(frame, y)
    table = coefficient_table(model, frame, y, n_resamples=5)
    assert table.names == [
        "age", "noise", "member", "town: b against a", "town: c against a",
    ]  # fmt: skip
    assert np.isnan(table.deviations[3:]).all()
    assert table.standard[0] > 3 * abs(table.standard[1])
    assert table.label_change[3] > 0.5 > abs(table.label_change[4])
    assert (table.at_least is not None) == with_probabilities
    assert table.standard_interval.shape == (5, 2)
    assert np.all(table.standard_interval[:, 0] <= table.standard_interval[:, 1])
    assert table.n_resamples == 5


def test_forms_of_a_table_give_the_same(data):
    frame, y = data
    frame = frame.drop(columns="same")
    model = make_pipeline(TableFeatures(["linear"]), OrderedLogit(alpha=0.01))
    tables = []
    for X, names in (
        (frame, None),
        (pl.DataFrame({name: frame[name].tolist() for name in frame}), None),
        (frame.to_numpy(dtype=object), list(frame)),
        (frame.assign(town=frame["town"].astype("category")), None),
    ):
        tables.append(coefficient_table(model.fit(X, y), X, names=names))
        assert tables[-1].names == tables[0].names
        np.testing.assert_allclose(tables[-1].per_unit, tables[0].per_unit)
        np.testing.assert_allclose(tables[-1].at_least, tables[0].at_least, atol=1e-12)


def test_resamples_are_fits_to_repeated_rows(data):
    frame, y = data
    X = StandardScaler().fit_transform(frame[NUMBERS])
    model = OrderedLogit(alpha=0.01, classes=range(5)).fit(X, y)
    table = coefficient_table(model, X, y, n_resamples=8, level=0.5, random_state=3)
    rng = np.random.RandomState(3)
    coefs = []
    for _ in range(8):
        rows = np.sort(rng.randint(0, N, N))
        coefs.append(OrderedLogit(alpha=0.01, classes=range(5)).fit(X[rows], y[rows]).coef_)
    np.testing.assert_allclose(
        table.per_unit_interval[:2].T, np.quantile(coefs, [0.25, 0.75], axis=0)[:, :2], rtol=1e-4
    )
    again = coefficient_table(model, X, y, n_resamples=8, level=0.5, random_state=3)
    np.testing.assert_array_equal(again.per_unit_interval, table.per_unit_interval)


def test_groups_are_drawn_whole(data):
    """Every row ten times: intervals of rows are too narrow, those of groups are right."""
    frame, y = data
    X, groups = frame[NUMBERS].to_numpy(float)[:100], np.arange(100)
    model = make_pipeline(StandardScaler(), OrderedLogit(alpha=0.01))
    options = {"n_resamples": 60}
    single = coefficient_table(model.fit(X, y[:100]), X, y[:100], **options)
    X10, y10 = np.repeat(X, 10, axis=0), np.repeat(y[:100], 10)
    model.fit(X10, y10)
    rows = coefficient_table(model, X10, y10, **options)
    whole = coefficient_table(model, X10, y10, groups=np.repeat(groups, 10), **options)

    def width(table):
        return np.ptp(table.standard_interval[0])

    assert width(rows) < 0.5 * width(single)
    assert width(whole) == pytest.approx(width(single), rel=0.3)


def test_frames_and_text(data):
    frame, y = data
    model = OrderedLogit(alpha=0.01).fit(frame[NUMBERS], y)
    table = coefficient_table(model, frame[NUMBERS], y, n_resamples=5)
    shown = table.to_frame()
    assert list(shown.index) == NUMBERS
    assert {"per_unit", "standard_lower", "label_change_upper", "P(y >= 4)"} <= set(shown.columns)
    assert list(table.thresholds_to_frame().index) == ["0|1", "1|2", "2|3", "3|4"]
    text = str(table)
    assert "95% interval per dev." in text
    assert f"{table.standard[0]:9.3f}" in text
    assert "thresholds" in repr(table)


def test_of_intervals(data):
    frame, y = data
    intervals = np.column_stack([np.maximum(y - 1, 0), np.minimum(y + 1, 4)])
    model = IISVOR_IMC(0.01, classes=range(5)).fit(frame[NUMBERS], intervals)
    table = coefficient_table(model, frame[NUMBERS], intervals, n_resamples=3)
    assert table.at_least is None
    assert table.threshold_interval.shape == (4, 2)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_thresholds_beyond_all_labels_have_intervals(data):
    frame, y = data
    below = np.minimum(y, 3)
    model = OrderedLogit(classes=range(6)).fit(frame[NUMBERS], below)
    assert model.thresholds_[-1] == np.inf
    table = coefficient_table(model, frame[NUMBERS], below, n_resamples=5)
    assert not np.isnan(table.threshold_interval).any()
    np.testing.assert_array_equal(table.threshold_interval[-1], [np.inf, np.inf])
    assert np.isfinite(table.threshold_interval[:3]).all()


def test_quantiles_take_the_outer_one_of_two_values_if_one_is_infinite():
    values = [np.array([k, k, -k]) for k in (1.0, 2.0, 3.0)] + [np.array([4.0, np.inf, -np.inf])]
    found = _percentiles(values, [0.1, 0.9])
    np.testing.assert_allclose(found, [[1.3, 3.7], [1.3, np.inf], [-np.inf, -1.3]])


def test_what_cannot_be_shown(data):
    frame, y = data
    X = frame[NUMBERS]
    with pytest.raises(TypeError, match=r"needs a linear estimator of vilma.*LogisticRegression"):
        coefficient_table(LogisticRegression(max_iter=1000).fit(X, y), X)
    with pytest.raises(TypeError, match=r"a single direction. PWVILMA has \d"):
        coefficient_table(PWVILMA(0.1).fit(X, y), X)
    model = OrderedLogit(alpha=0.01).fit(X, y)
    with pytest.raises(ValueError, match=r"names has 1 names for 3 columns of X"):
        coefficient_table(model, X, names=["age"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        coefficient_table(model, X, y[:-1])
    with pytest.raises(ValueError, match="level should lie between 0 and 1"):
        coefficient_table(model, X, y, level=95)
    with pytest.raises(TypeError, match="X is sparse"):
        coefficient_table(model, sparse.csr_array(X.to_numpy(float)))
    with pytest.raises(ValueError, match="resamples have nothing to learn"):
        coefficient_table(model, X, [[0, 4]] * N, n_resamples=3)


def test_words_are_explained(data):
    frame, y = data
    with pytest.raises(ValueError, match=r"columns of words are town\. Words need columns"):
        OrderedLogit().fit(frame, y)
    with pytest.raises(ValueError, match=r"TableFeatures\(\) before the estimator"):
        IISVOR_IMC().fit(frame.to_numpy(dtype=object), y)


def test_it_is_drawn(data):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from vilma.displays import CoefficientsDisplay

    frame, y = data
    model = OrderedLogit(alpha=0.01).fit(frame[NUMBERS], y)
    for kind in ("score", "label"):
        axes = Figure().subplots()
        display = CoefficientsDisplay.from_estimator(
            model, frame[NUMBERS], y, kind=kind, ax=axes, n_resamples=3
        )
        assert next(each.get_text() for each in axes.get_yticklabels()) == "noise"
        assert len(axes.collections[0].get_segments()) == 3
    with pytest.raises(ValueError, match="kind should be one of"):
        display.plot(axes, kind="odds")


def test_the_chosen_estimator_is_that_of_the_choice(data):
    frame, y = data
    X = StandardScaler().fit_transform(frame[NUMBERS])
    search = VILMACV([0.1, 0.01], cv=2).fit(X, y)
    single = search.chosen_estimator()
    assert (single.alpha, single.loss) == (search.alpha_, search.loss_)
    np.testing.assert_array_equal(single.fit(X, y).coef_, search.coef_)


def test_weights_are_repeated_rows(data):
    frame, y = data
    times = np.random.default_rng(1).integers(0, 4, N)
    X = frame[NUMBERS].to_numpy(float)
    model = OrderedLogit(alpha=0.01, classes=range(5)).fit(X, y, sample_weight=times)
    weighted = coefficient_table(model, X, sample_weight=times)
    repeated = coefficient_table(model, np.repeat(X, times, axis=0))
    np.testing.assert_allclose(weighted.label_change[2], repeated.label_change[2])  # no deviation
    np.testing.assert_allclose(weighted.at_least[2], repeated.at_least[2])
    resampled = coefficient_table(model, X, y, sample_weight=times, n_resamples=30)
    ends = resampled.per_unit_interval[:3]
    assert ((ends[:, 0] < model.coef_) & (model.coef_ < ends[:, 1])).all()
    rng = np.random.RandomState(0)
    drawn = np.bincount(rng.randint(0, N, N), minlength=N)
    level = 1.0 - 1e-9  # the ends are the two resamples, the first of which is drawn here
    two = coefficient_table(model, X, y, sample_weight=times, n_resamples=2, level=level)
    refit = OrderedLogit(alpha=0.01, classes=range(5)).fit(X, y, sample_weight=drawn * times)
    nearest = np.abs(two.per_unit_interval - refit.coef_[:, None]).min(axis=1)
    np.testing.assert_array_less(nearest, 1e-4 * np.abs(refit.coef_))


def test_weights_that_are_none_are_refused(data):
    frame, y = data
    model = make_pipeline(StandardScaler(), OrderedLogit(alpha=0.01)).fit(frame[NUMBERS], y)
    with pytest.raises(ValueError, match="negative"):
        coefficient_table(model, frame[NUMBERS], sample_weight=np.full(N, -1.0))
    with pytest.raises(ValueError, match="there are"):
        coefficient_table(model, frame[NUMBERS], sample_weight=[1.0])


def test_deviations_are_those_of_the_weighted_rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = np.digitize(X[:, 0] + rng.logistic(size=300), [-1.0, 1.0])
    X[200:] *= 10.0
    weights = np.repeat([1.0, 0.0], [200, 100])
    model = OrderedLogit(0.01).fit(X, y, sample_weight=weights)
    weighted = coefficient_table(model, X, sample_weight=weights)
    counted = coefficient_table(model, X[:200])
    np.testing.assert_allclose(weighted.deviations, counted.deviations)
    np.testing.assert_allclose(weighted.standard, counted.standard)
    np.testing.assert_allclose(weighted.label_change, counted.label_change)


def test_intervals_need_resamples_that_differ():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 1))
    y = np.digitize(X[:, 0] + rng.logistic(size=60), [-1.0, 1.0])
    model = OrderedLogit(0.01).fit(X, y)
    with pytest.raises(ValueError, match="two groups or more, but all rows are in one"):
        coefficient_table(model, X, y, groups=np.zeros(60))
    with pytest.raises(ValueError, match="n_resamples should be an integer of at least 2"):
        coefficient_table(model, X, y, n_resamples=1)
