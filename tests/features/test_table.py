from __future__ import annotations

import datetime
import re
import warnings
from io import StringIO

import numpy as np
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from threadpoolctl import threadpool_info, threadpool_limits

import vilma
from vilma import IISVOR_IMC, IISVOR_IMCCV, MixedColumns, OneHotCodes, OrderedLogit
from vilma.exceptions import ColumnWarning
from vilma.features import LeafCodes, TableFeatures, Union, table
from vilma.inspection import coefficient_table
from vilma.metrics import interval_scorer

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")

N_ROWS = 120


def values(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "age": np.where(np.arange(N_ROWS) % 7 == 0, np.nan, rng.normal(40, 10, N_ROWS)),
        "rooms": rng.integers(1, 6, N_ROWS),
        "colour": rng.choice(np.array(["red", "green", None], dtype=object), N_ROWS),
        "garden": rng.random(N_ROWS) > 0.5,
    }


def frame(seed=0):
    return pandas.DataFrame(values(seed))


def small(**parameters):
    return TableFeatures(**{"n_trees": 4, "max_depth": 2, "n_components": 9, **parameters})


@parametrize_with_checks([small(output="csr"), small(parts=["linear"], output="csr")])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_linear_columns_by_hand():
    X = small(parts=["linear"]).fit_transform(frame())
    given = values()
    known = ~np.isnan(given["age"])
    age = np.where(known, given["age"], np.median(given["age"][known]))
    numbers = np.column_stack([age, given["rooms"], given["garden"], ~known]).astype(float)
    numbers = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
    colours = np.array([[c == word for word in ("green", "red", None)] for c in given["colour"]])
    other = np.zeros((N_ROWS, 1))
    expected = np.hstack([numbers, other, colours]) / np.sqrt(5)  # four columns and one of colours
    np.testing.assert_allclose(X.toarray(), expected, atol=1e-12)
    assert (X.toarray() ** 2).sum(axis=1).mean() == pytest.approx(1.0)


def test_names_say_what_columns_mean():
    features = small(n_trees=40)
    X = features.fit_transform(frame())
    names = features.get_feature_names_out()
    assert len(names) == X.shape[1]
    assert list(names[:8]) == [
        "age",
        "rooms",
        "garden",
        "age is missing",
        "colour = other",
        "colour = green",
        "colour = red",
        "colour = missing",
    ]
    assert names[-1] == "kernel8"
    rules = " ".join(names[8:-9])
    assert "age <= " in rules
    # A rule of categories is true of exactly the rows with a 1.
    pattern = re.compile(r"tree\d+: colour in \{([^}]*)\}")
    found = [(i, match) for i, name in enumerate(names) if (match := pattern.fullmatch(name))]
    assert found
    colour = frame()["colour"].fillna("missing")
    for place, match in found:
        chosen = colour.isin(match.group(1).split(", "))
        np.testing.assert_array_equal(X.toarray()[:, place] > 0, chosen)


@pytest.mark.parametrize("part", ["linear", "leaves", "kernel"])
def test_each_part_alone_is_what_it_is_beside_the_others(part):
    features = small().fit(frame())
    whole = features.transform(frame(1))
    alone = small(parts=[part]).fit(frame()).transform(frame(1))
    np.testing.assert_array_equal(alone.toarray(), whole.select([part]).toarray())
    assert set(alone.names) == {part}


def test_kernel_approximates_the_gaussian_kernel(monkeypatch):
    monkeypatch.setattr(table, "_CHUNK", 50)  # several chunks
    features = small(n_components=N_ROWS, gamma=0.7)
    monkeypatch.setattr(table, "_CHUNK", N_ROWS)  # all rows are landmarks
    X = features.fit_transform(frame())
    monkeypatch.setattr(table, "_CHUNK", 50)
    kernel = features.transform(frame()).select(["kernel"]).toarray()
    expected = rbf_kernel(X.select(["linear"]).toarray(), gamma=0.7)
    np.testing.assert_allclose(kernel @ kernel.T, expected, atol=1e-6)


def test_landmarks_of_many_rows_are_rows(monkeypatch):
    monkeypatch.setattr(table, "_CHUNK", 30)
    features = small()
    linear = features.fit_transform(frame()).select(["linear"]).toarray()
    for landmark in features.kernel_.components_:
        assert np.abs(linear - landmark).sum(axis=1).min() < 1e-12


def test_frames_of_pandas_and_polars_and_arrays_give_the_same():
    expected = small().fit_transform(frame()).toarray()
    of_polars = polars.DataFrame({**values(), "colour": values()["colour"].tolist()})
    nullable = frame().astype({"age": "Float64", "rooms": "Int64", "colour": "category"})
    for X in (of_polars, nullable, frame().to_numpy(dtype=object)):
        np.testing.assert_array_equal(small().fit_transform(X).toarray(), expected)


def test_new_and_rare_categories_share_a_column():
    rng = np.random.default_rng(0)
    words = rng.choice(["a", "b", "c", "d"], 200, p=[0.5, 0.4, 0.06, 0.04])
    X = pandas.DataFrame({"x": words})
    features = small(parts=["linear"], max_categories=2).fit(X)
    assert list(features.get_feature_names_out()) == ["x = other", "x = a", "x = b"]
    codes = features.transform(pandas.DataFrame({"x": ["a", "c", "new", None]})).blocks[0].codes
    assert codes.ravel().tolist() == [1, 0, 0, 0]


def test_categories_that_another_file_holds_as_numbers():
    frame = pandas.DataFrame(
        {
            "code": ["1", "2", "3.0", "unknown"] * 5,
            "flag": ["True", "False", "True", "?"] * 5,
            "region": pandas.Categorical([7, 8, 9, 8] * 5),
        }
    )
    transformer = TableFeatures(["linear"]).fit(frame)
    assert transformer.categories_[2] == ["7", "8", "9"]  # a Categorical holds no numbers
    others = frame[frame["code"] != "unknown"]
    expected = transformer.transform(others).toarray()
    text = others.to_csv(index=False)
    read = pandas.read_csv(StringIO(text))
    assert [column.kind for column in read.dtypes] == ["f", "b", "i"]
    np.testing.assert_array_equal(transformer.transform(read).toarray(), expected)
    read["code"] += 10
    with pytest.warns(UserWarning, match="'code' has none of the categories that fit saw"):
        transformer.transform(read)


def test_categories_are_found_and_missed_whatever_cells_are_missing():
    numbers = np.tile([1, 2, 3, 4], 10)
    frame = pandas.DataFrame({"code": pandas.Categorical(numbers), "x": np.arange(40.0)})
    frame.loc[1, "code"] = np.nan
    transformer = TableFeatures(["linear"]).fit(frame)
    expected = transformer.transform(frame).toarray()
    for kind in (float, np.int8):
        again = frame.assign(code=pandas.Categorical(numbers.astype(kind)))
        again.loc[1, "code"] = np.nan
        np.testing.assert_array_equal(transformer.transform(again).toarray(), expected)
    new = frame.assign(code=[None, *["a", "b", "c"] * 13])
    with pytest.warns(ColumnWarning, match="'code' has none of the categories that fit saw: all"):
        transformer.transform(new)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer.transform(frame.assign(code=None))  # nothing new
        transformer.transform(new[:2])  # one cell may be new


@pytest.mark.parametrize(
    "values",
    [
        [(1, 2), (3, 4), (5, 6)],
        list(pandas.interval_range(0, 3)),
        [datetime.date(2020, 1, 1), datetime.date(2021, 1, 1), None],
        [True, False, None],
        [1.5, 2, None],
        [1, "b", 2.5],
    ],
)
def test_a_categorical_holds_whatever_it_holds(values):
    frame = pandas.DataFrame({"c": pandas.Categorical(values * 20), "x": np.arange(60.0)})
    model = make_pipeline(TableFeatures(["linear"]), OrderedLogit(0.01))
    y = np.arange(60) % 3
    model.fit(frame, y)
    words = model[0].categories_[0]
    assert {str(value) for value in values if value is not None} >= set(words) - {None, "2.0"}
    table = coefficient_table(model, frame)
    assert len(table.names) == len([word for word in words if word is not None])
    assert np.abs(table.per_unit[:-1]).min() > 1.0  # one that is not found changes nothing


def test_a_column_of_numbers_that_is_a_categorical_now():
    transformer = TableFeatures(["linear"]).fit(pandas.DataFrame({"a": np.arange(9.0)}))
    for values, found in (([1, 2, 3], "categories"), (["x", "y", "z"], "'x'")):
        with pytest.raises(ValueError, match=f"'a' held numbers in fit, now it has {found}"):
            transformer.transform(pandas.DataFrame({"a": pandas.Categorical(values)}))


def test_an_empty_column_of_numbers_is_told():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(30, 2)), np.full(30, np.nan), np.ones(30)])
    transformer = TableFeatures(["linear"]).fit(X)
    empty = np.full((5, 4), np.nan)
    empty[:, 0] = 1.0
    with pytest.warns(ColumnWarning, match="Column 'x1' is empty: its median in fit") as caught:
        transformer.transform(empty)
    assert len(caught) == 1  # the others had nothing to tell
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        transformer.transform(empty[:1])


def told(X, y=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_pipeline(small(), IISVOR_IMCCV([0.1, 0.01], cv=3)).fit(X, y)
    return [str(each.message) for each in caught if each.category is ColumnWarning]


NUMBERS = np.random.default_rng(0).normal(size=90).round(3)
WITH_MARKS = np.where(np.arange(90) % 9 == 0, "?", NUMBERS.astype(str))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (
            WITH_MARKS,
            r"'x' is taken for categories: 80 of 90 values are numbers, 10 are not \('\?'",
        ),
        ([w if w == "?" else float(w) for w in WITH_MARKS], "80 of 90 values are numbers, 10"),
        (NUMBERS.astype(str), r"numbers, written as texts \('0\.126'\)"),
        ([str(v).replace(".", ",") for v in NUMBERS], "numbers with a comma, such as '0,126'"),
        (
            [f"1,{k:03},000.5" if k % 2 else "7.5" for k in range(90)],
            "with a comma, such as '1,001",
        ),
        ([v.replace(".", ",") for v in WITH_MARKS], "80 of 90 values are numbers, 10 are not"),
        ([f"u{k}" for k in range(90)], "'x' has 90 different texts in 90 rows, .*; leave it out"),
        (
            NUMBERS * 1e-9,
            r"'x' has numbers that differ by .*e-09 at most, which trees take for eq",
        ),
        (NUMBERS * 1e-200, r"'x' has numbers that differ by .*e-200 at most"),
    ],
)
def test_columns_that_are_not_what_they_are_taken_for_are_told_once(column, message):
    X = pandas.DataFrame({"x": column, "z": NUMBERS})
    messages = told(X, np.arange(90) % 3)
    assert len(messages) == 1
    assert re.search(message, messages[0])


def test_names_that_are_new_in_every_file_are_no_column_read_otherwise():
    X = pandas.DataFrame({"id": [f"u{k}" for k in range(160)], "z": np.arange(160.0)})
    with pytest.warns(ColumnWarning, match="'id' has 80 different texts"):
        features = small().fit(X[:80])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features.transform(X[80:])


@pytest.mark.parametrize(
    "column",
    [
        [str(k) if k < 10 else "10+" for k in np.arange(90) % 11],  # no more than ten numbers
        [f"{k}b" if k % 2 else str(k) for k in np.arange(90) % 25],
        [f"E{k}" if k % 4 == 0 else str(k) for k in np.arange(90) % 28],  # three for one
        [f"{k % 13},{k % 7},{k % 5}" for k in range(90)][:30] * 3,  # several answers
        pandas.Categorical(np.arange(90) % 30),
        NUMBERS * 1e-5,
    ],
)
def test_codes_are_categories(column):
    X = pandas.DataFrame({"x": column, "z": NUMBERS})
    assert told(X, np.arange(90) % 3) == []


def test_an_order_of_labels_is_asked_for_by_name():
    X, y = np.arange(30.0)[:, None], np.repeat(["low", "medium", "high"], 10)
    with pytest.warns(UserWarning, match="give `classes` to TableFeatures or LeafCodes") as caught:
        TableFeatures(["leaves"]).fit_transform(X, y)
    assert len(caught) == 1
    with pytest.raises(ValueError, match=r"brackets? of numbers.*give `classes` to TableFeatures"):
        TableFeatures(["leaves"]).fit(X, np.repeat(["20-29", "30-39", "40-49"], 10))


def test_intervals_cost_nothing_and_a_given_ensemble_reads_them():
    X = frame()
    label = X["rooms"].to_numpy() - 1
    y = np.column_stack([label, np.minimum(label + 1, 4)])
    by_labels = small(estimator=RandomForestRegressor(3, max_depth=2, random_state=0))
    by_labels.set_params(classes=range(5)).fit(X, y)
    assert len(by_labels.leaves_.n_leaves_) == 3
    model = make_pipeline(small(), IISVOR_IMC(0.001, classes=range(5))).fit(X, y)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (pandas.DataFrame({"t": pandas.date_range("2020", periods=3)}), TypeError, "'t' holds d"),
        (pandas.DataFrame({"t": [datetime.date(2020, 1, 1)] * 3}), TypeError, "'t' holds dates"),
        (pandas.DataFrame({"t": pandas.period_range("2020", periods=3)}), TypeError, "'t' holds"),
        (polars.DataFrame({"a": [1.0]}).with_columns(t=polars.date(2020, 1, 1)), TypeError, "'t'"),
        (pandas.DataFrame({"a": [1.0, np.inf]}), ValueError, "'a' contains infinity in row 1"),
        (sparse.csr_array(np.eye(3)), TypeError, "Sparse data were passed"),
        (
            pandas.DataFrame({"a": [1.0, 2e200]}),
            ValueError,
            r"'a' contains 2e\+200 in row 1, more",
        ),
        (pandas.Series([1.0, 2.0]), ValueError, "Expected 2D array, got 1D array instead: a "),
        (polars.Series([1.0, 2.0]), ValueError, "Expected 2D array, got 1D array instead"),
        (pandas.DataFrame({"a": [1j, 2.0]}), ValueError, "expected real numbers in column 'a'"),
        (np.array([[1j], [2.0]], dtype=object), ValueError, "Complex data not supported: .* in X"),
        (pandas.DataFrame({"a": []}), ValueError, r"0 sample\(s\)"),
        (pandas.DataFrame(index=[0, 1]), ValueError, r"0 feature\(s\)"),
        (np.array([["x", {}]], dtype=object), TypeError, "must be a string or a number"),
    ],
)
def test_bad_tables(X, error, message):
    with pytest.raises(error, match=message):
        small().fit(X)


def test_bad_parameters_and_columns():
    with pytest.raises(ValueError, match=r"parts must be some of .*; got \['linear', 'curves'\]"):
        small(parts=["linear", "curves"]).fit(frame())
    features = small().fit(frame())
    with pytest.raises(ValueError, match=r"Column 'rooms' held numbers in fit, now .* 'many'"):
        features.transform(frame().assign(rooms="many"))
    with pytest.raises(ValueError, match="feature names"):
        features.transform(frame().rename(columns={"age": "years"}))


def test_trees_are_grown_on_the_middle_of_annotations():
    X = np.random.default_rng(0).normal(size=(200, 3))
    lower = np.digitize(X[:, 0] * X[:, 1], [-0.5, 0.0, 0.5])
    y = np.column_stack([lower, np.minimum(lower + 1, 3)])
    features = small(parts=["leaves"]).fit(X, y)
    forest = ExtraTreesRegressor(
        4, min_samples_leaf=5, max_leaf_nodes=256, max_features=1 / 3, random_state=0
    )
    # Trees of scikit-learn see single precision.
    forest.fit(X.astype(np.float32), y.mean(axis=1))
    np.testing.assert_array_equal(features.leaves_.estimator_.apply(X), forest.apply(X))
    (codes,) = features.transform(X).blocks
    for tree in range(4):
        assert np.bincount(codes.codes[:, tree]).min() >= 5


def test_folds_have_columns_that_know_the_labels_of_their_own_training_rows_only():
    rng = np.random.default_rng(0)
    X, words = frame(), np.array(["low", "middle", "high"])
    y = rng.choice(words, N_ROWS)
    made = small(classes=words).fit_transform(X, y)
    train, others = np.arange(0, N_ROWS, 2), np.arange(1, N_ROWS, 2)
    own = small(classes=words).fit(X.iloc[train], y[train])
    for _ in range(2):  # the second time by a transformer that is fitted already
        columns, rest = made.remake(train, others)
        np.testing.assert_array_equal(columns.toarray(), own.transform(X.iloc[train]).toarray())
        np.testing.assert_array_equal(rest.toarray(), own.transform(X.iloc[others]).toarray())
    changed = y.copy()
    changed[others] = rng.permutation(y[others])
    again, _ = small(classes=words).fit_transform(X, changed).remake(train, others)
    np.testing.assert_array_equal(again.toarray(), columns.toarray())
    assert made[train].remake is None
    assert small().fit_transform(X).remake is None
    assert small(estimator="random").fit_transform(X, y).remake is None
    assert small(parts=["linear", "kernel"]).fit_transform(X, y).remake is None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_search_scores_what_the_whole_pipeline_does_to_rows_that_it_has_not_seen(n_jobs):
    rng = np.random.default_rng(1)
    X = pandas.DataFrame({"a": rng.normal(size=90), "b": rng.choice(["x", "y"], 90)})
    X.index += 5
    lower = rng.integers(0, 4, 90)  # no signal: the scores would be far better with known labels
    y = np.column_stack([lower, np.minimum(lower + rng.integers(0, 2, 90), 3)])
    folds = KFold(3, shuffle=True, random_state=0)
    scoring = interval_scorer("mae")
    search = IISVOR_IMCCV([0.1, 0.001], cv=folds, n_jobs=n_jobs, scoring=scoring)
    search = make_pipeline(small(n_trees=20), search).fit(X, y)[-1]
    for place, alpha in enumerate(search.alphas_):
        whole = make_pipeline(small(n_trees=20), IISVOR_IMC(alpha, classes=np.arange(4)))
        scores = cross_val_score(whole, X, y, cv=folds, scoring=scoring)
        np.testing.assert_allclose(search.cv_scores_[place], scores, atol=1e-12)


def test_random_trees_see_no_labels():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.arange(60) % 4
    random = small(parts=["leaves"], estimator="random")
    expected = LeafCodes(n_trees=4, max_depth=2).fit_transform(X).toarray()
    for columns in (
        random.fit_transform(X, y),
        random.fit_transform(X, y[::-1]),
        small(parts=["leaves"]).fit_transform(X),
    ):
        np.testing.assert_array_equal(columns.toarray(), expected / 2)
    with pytest.raises(ValueError, match="'estimator' parameter of TableFeatures"):
        small(estimator="forest").fit(X, y)


# scikit-learn's FeatureUnion fits the transformers it was given, too.
FITS_ITS_PARAMETERS = dict.fromkeys(
    ["check_estimators_overwrite_params", "check_dont_overwrite_parameters"],
    "fits the transformers it was given, as FeatureUnion does",
)


@parametrize_with_checks(
    [Union([("linear", StandardScaler()), ("leaves", LeafCodes(n_trees=3))], output="csr")],
    expected_failed_checks=lambda estimator: FITS_ITS_PARAMETERS,
)
def test_scikit_learn_checks_of_unions(estimator, check):
    check(estimator)


def to_codes(X):
    return OneHotCodes((np.asarray(X) > 0).astype(int), 2)


def test_union_scales_blocks_of_any_kind():
    X = np.random.default_rng(0).normal(size=(80, 3)) * [1, 10, 100]
    union = Union(
        [
            ("raw", FunctionTransformer()),
            ("sparse", FunctionTransformer(sparse.csr_array)),
            ("codes", FunctionTransformer(to_codes)),
            ("mixed", TableFeatures(["linear"])),
        ]
    )
    columns = union.fit_transform(X)
    assert isinstance(columns, MixedColumns)
    assert columns.names == ("raw", "sparse", "codes", "mixed")
    for name in columns.names:
        norms = (columns.select([name]).toarray() ** 2).sum(axis=1)
        assert norms.mean() == pytest.approx(1.0)
    # Scales are those of fit, whatever is transformed.
    np.testing.assert_array_equal(union.transform(X[:9]).toarray(), columns[:9].toarray())
    np.testing.assert_array_equal(union.fit(X[:50]).scales_[2], 1 / np.sqrt(3))
    plain = Union([("z", StandardScaler()), ("leaves", LeafCodes())], scale="none").fit(X)
    np.testing.assert_array_equal(plain.scales_, [1.0, 1.0])
    np.testing.assert_array_equal(
        clone(union).set_params(output="csr").fit_transform(X).toarray(), columns.toarray()
    )
    with pytest.raises(ValueError, match="'scale' parameter of Union"):
        Union([("z", StandardScaler())], scale="twice").fit(X)


CONTAINERS = {
    "TableFeatures": TableFeatures(n_trees=5, n_components=10),
    "LeafCodes": LeafCodes(n_trees=5),
    "Union": Union([("z", StandardScaler()), ("leaves", LeafCodes(n_trees=5))]),
}


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_data_frames_are_refused_as_output(name, kind):
    features = clone(CONTAINERS[name])
    for asked in (features, make_pipeline(StandardScaler(), features, IISVOR_IMC())):
        with pytest.raises(ValueError, match=rf"{name} has no output '{kind}': .*from_spmatrix"):
            asked.set_output(transform=kind)
    assert features.set_output(transform="default").set_output(transform=None) is features


@pytest.mark.parametrize("name", CONTAINERS)
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_data_frames_asked_of_all_transformers_change_nothing(name, kind):
    pytest.importorskip(kind)
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    features = clone(CONTAINERS[name])
    expected = features.fit(X, y).transform(X).toarray()
    with config_context(transform_output=kind):
        np.testing.assert_array_equal(features.fit(X, y).transform(X).toarray(), expected)
        make_pipeline(StandardScaler(), features, IISVOR_IMC()).fit(X, y).predict(X)


@pytest.mark.parametrize("name", CONTAINERS)
def test_columns_can_be_looked_at_as_the_message_says(name):
    X = np.random.default_rng(0).normal(size=(60, 3))
    features = clone(CONTAINERS[name]).fit(X, np.digitize(X[:, 0], [0.0]))
    frame = pandas.DataFrame.sparse.from_spmatrix(
        features.transform(X).tocsr(), columns=features.get_feature_names_out()
    )
    np.testing.assert_array_equal(frame.to_numpy(), features.transform(X).toarray())


def test_open_ends_are_warned_of_once():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = np.column_stack([rng.integers(0, 3, 60), np.full(60, 2.0)])
    y[y[:, 0] == 2, 1] = np.inf
    model = make_pipeline(TableFeatures(), IISVOR_IMC(alpha=0.1))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    told = [each for each in caught if "are taken as exact" in str(each.message)]
    assert len(told) == 1
    assert "spans_between_ends" in str(told[0].message)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_beside_other_columns_a_search_scores_rows_that_it_has_not_seen(n_jobs):
    rng = np.random.default_rng(2)
    X = pandas.DataFrame({"a": rng.normal(size=90), "b": rng.normal(size=90)})
    y = rng.integers(0, 4, 90)  # no signal: the scores would be far better with known labels
    folds = KFold(3, shuffle=True, random_state=0)
    together = Union(
        [("table", small(n_trees=20)), ("more", LeafCodes(n_trees=3, max_depth=2))], scale="none"
    )
    search = IISVOR_IMCCV([0.001], cv=folds, n_jobs=n_jobs)
    search = make_pipeline(together, search).fit(X, y)[-1]
    columns = small(n_trees=20).fit_transform(X, y)
    more = LeafCodes(n_trees=3, max_depth=2).fit(X).transform(X)
    expected = []
    for train, test in folds.split(y):
        known, rest = columns.remake(train, test)
        model = IISVOR_IMC(0.001, classes=np.arange(4))
        model.fit(vilma.hstack([known, more[train]]), y[train])
        predicted = model.predict(vilma.hstack([rest, more[test]]))
        expected.append(-np.abs(predicted - y[test]).mean())
    np.testing.assert_allclose(search.cv_scores_[0], expected, atol=1e-12)
    # Of the same columns, trees have seen the labels of the rows that are held out.
    seen = together.fit_transform(X, y)
    seen.remake = None
    assert (
        search.cv_scores_.mean() < IISVOR_IMCCV([0.001], cv=folds).fit(seen, y).cv_scores_.mean()
    )


def test_some_blocks_are_made_anew_as_all_are():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(60, 2)), np.arange(60) % 3
    train, others = np.arange(40), np.arange(40, 60)
    columns = small(n_trees=5).fit_transform(X, y)
    for chosen in (["leaves"], ["kernel", "linear"], [1]):
        for some, all_of_them in zip(
            columns.select(chosen).remake(train, others),
            columns.remake(train, others),
            strict=True,
        ):
            np.testing.assert_array_equal(some.toarray(), all_of_them.select(chosen).toarray())
    scaled = vilma.hstack([columns, X], scales=[2.0, 0.5], names=["table", "raw"])
    for made, part, rows in zip(
        scaled.remake(train, others), columns.remake(train, others), (train, others), strict=True
    ):
        np.testing.assert_array_equal(
            made.toarray(), np.hstack([2.0 * part.toarray(), 0.5 * X[rows]])
        )
        assert set(made.names) == {"table", "raw"}
    assert vilma.hstack([X, X]).remake is None


def test_the_categories_that_were_seen_are_known():
    X = pandas.DataFrame(
        {"a": ["x", None, "y", "x"], "b": [1.0, 2, 3, 4], "c": ["u", "u", "v", "w"]}
    )
    features = TableFeatures(["linear"], max_categories=1).fit(X)
    assert features.categories_ == {0: ["x", "y", None], 2: ["u", "v", "w"]}  # rare ones, too
    assert TableFeatures(["linear"]).fit(X[["b"]]).categories_ == {}


@pytest.mark.parametrize(("n_jobs", "asked"), [(None, 1), (2, 2)])
def test_the_kernel_takes_no_more_blas_threads_than_asked_for(n_jobs, asked, monkeypatch):
    seen = []

    def note(method):
        def noted(*args):
            seen.extend(p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas")
            return method(*args)

        return noted

    for name in ("fit", "transform"):
        method = getattr(table.Nystroem, name)
        monkeypatch.setattr(table.Nystroem, name, note(method))
    with threadpool_limits(3, user_api="blas"):
        small(n_jobs=n_jobs, parts=("kernel",)).fit_transform(frame())
    assert max(seen) <= asked
