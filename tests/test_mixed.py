from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import vilma
from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    IISVOR_IMCCV,
    VILMA,
    MappedMatrix,
    MixedColumns,
    OneHotCodes,
)
from vilma.design_matrices import as_design_matrix, center_narrow_columns
from vilma.design_matrices.threads import BlockThreads
from vilma.metrics import interval_scorer

SCALES = [0.5, 1.0, 0.25]


def draw_blocks(n_samples=90, seed=0):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(n_samples, 4))
    sparse_part = sparse.random_array((n_samples, 6), density=0.3, rng=rng, format="csr")
    codes = OneHotCodes(rng.integers(0, 4, (n_samples, 5)), 4)
    return [dense, sparse_part, codes]


def naive(blocks, scales=SCALES):
    parts = [block.toarray() if hasattr(block, "toarray") else block for block in blocks]
    return np.hstack([scale * part for scale, part in zip(scales, parts, strict=True)])


def labelled(n_samples=90):
    blocks = draw_blocks(n_samples)
    whole = naive(blocks)
    rng = np.random.default_rng(3)
    scores = whole @ rng.normal(size=whole.shape[1]) + 0.2 * rng.normal(size=n_samples)
    labels = np.digitize(scores, np.quantile(scores, [0.2, 0.4, 0.6, 0.8]))
    labels = np.column_stack([np.maximum(labels - 1, 0), labels])
    return vilma.hstack(blocks, scales=SCALES), whole, labels


@pytest.mark.parametrize("n_samples", [0, 1, 1023, 1024, 1025, 2500])
def test_rows_put_together_some_at_a_time_are_those_of_the_whole(n_samples):
    blocks = draw_blocks(n_samples) if n_samples else [each[:0] for each in draw_blocks(5)]
    X = vilma.hstack(blocks, scales=SCALES).tocsr()
    dense, sparse_part, codes = blocks
    parts = [sparse.csr_array(dense), sparse_part, codes.tocsr()]
    whole = sparse.hstack(
        [scale * part for scale, part in zip(SCALES, parts, strict=True)], format="csr"
    )
    assert X.shape == whole.shape
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(X, name), getattr(whole, name))
    assert X.indices.dtype == X.indptr.dtype == np.int32


def test_conversion_takes_little_more_memory_than_its_result():
    rng = np.random.default_rng(0)
    codes = OneHotCodes(rng.integers(0, 4, (20_000, 20)), 4)
    X = vilma.hstack([rng.normal(size=(20_000, 20)), codes])
    tracemalloc.start()
    try:
        whole = X.tocsr()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * (whole.data.nbytes + whole.indices.nbytes + whole.indptr.nbytes)


def test_conversions_and_products_agree_with_the_whole():
    blocks = draw_blocks()
    X = vilma.hstack(blocks, scales=SCALES, names=["a", "b", "c"])
    whole = naive(blocks)
    assert X.shape == whole.shape
    assert len(X) == len(whole)
    np.testing.assert_array_equal(X.toarray(), whole)
    coef = np.random.default_rng(1).normal(size=(whole.shape[1], 2))
    np.testing.assert_allclose(X @ coef, whole @ coef, atol=1e-12)
    np.testing.assert_allclose(X @ coef[:, 0], whole @ coef[:, 0], atol=1e-12)
    with pytest.raises(ValueError, match=r"Cannot multiply shapes \(90, 30\) and \(3,\)"):
        X @ np.ones(3)


def test_products_are_those_of_the_parts_bit_by_bit():
    blocks = draw_blocks()
    rng = np.random.default_rng(1)
    with BlockThreads() as threads:
        X = as_design_matrix(vilma.hstack(blocks, scales=SCALES), threads)
        parts = [as_design_matrix(block, threads) for block in blocks]
        coef, gradient = rng.normal(size=X.shape[1]), rng.normal(size=X.shape[0])
        each = np.split(coef, [4, 10])
        products = [s * part.dot(w) for s, part, w in zip(SCALES, parts, each, strict=True)]
        expected = products[0] + products[1] + products[2]
        np.testing.assert_array_equal(X.dot(coef), expected)
        expected = [
            s * part.transpose_dot(gradient) for s, part in zip(SCALES, parts, strict=True)
        ]
        np.testing.assert_array_equal(X.transpose_dot(gradient), np.concatenate(expected))


@pytest.mark.parametrize(
    "rows",
    [slice(3, 9), [4, 4, 0], np.arange(90) % 3 == 0, np.array([], dtype=int), 5],
    ids=["slice", "list", "mask", "empty", "number"],
)
def test_indexing_rows(rows):
    blocks = draw_blocks()
    X = vilma.hstack(blocks, scales=SCALES)
    expected = np.atleast_2d(naive(blocks)[rows])
    np.testing.assert_array_equal(X[rows].toarray(), expected)
    np.testing.assert_array_equal(X[rows, :].toarray(), expected)
    np.testing.assert_array_equal(X[rows, ...].toarray(), expected)
    with pytest.raises(IndexError, match="MixedColumns can be indexed by rows only"):
        X[:, 0]


def test_select_blocks():
    blocks = draw_blocks()
    X = vilma.hstack(blocks, scales=SCALES, names=["a", "b", "c"])
    picked = X.select(["c", 0])
    assert picked.names == ("c", "a")
    np.testing.assert_array_equal(picked.toarray(), naive([blocks[2], blocks[0]], [0.25, 0.5]))
    with pytest.raises(ValueError, match="no block 'd'; the blocks have 'a', 'b', 'c'"):
        X.select(["d"])
    with pytest.raises(ValueError, match="no block 3; there are 3"):
        X.select([3])
    with pytest.raises(ValueError, match="at least one block"):
        X.select([])
    with pytest.raises(ValueError, match="no block 'a'; the blocks have no names"):
        vilma.hstack(blocks).select(["a"])


def test_blocks_of_mixed_columns_are_taken_one_by_one():
    blocks = draw_blocks()
    inner = vilma.hstack(blocks[:2], scales=SCALES[:2])
    outer = vilma.hstack([inner, blocks[2]], scales=[2.0, 1.0], names=["left", "right"])
    assert outer.names == ("left", "left", "right")
    assert vilma.hstack([outer]).names == outer.names
    assert vilma.hstack([outer, blocks[2]]).names is None
    np.testing.assert_array_equal(outer.select(["left"]).toarray(), 2 * inner.toarray())
    np.testing.assert_array_equal(outer.scales, [1.0, 2.0, 1.0])
    np.testing.assert_array_equal(outer.toarray(), naive(blocks, [1.0, 2.0, 1.0]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"blocks": []}, "at least one block"),
        ({"blocks": [np.ones((3, 1)), np.ones((2, 1))]}, r"same number of rows, got \[3, 2\]"),
        ({"blocks": [np.ones((3, 1)), [[np.nan]] * 3]}, "block 1 contains NaN"),
        ({"blocks": [np.ones((3, 1))], "scales": [1.0, 2.0]}, r"each of 1 blocks, got \(2,\)"),
        ({"blocks": [np.ones((3, 1))], "scales": [0.0]}, r"positive and finite, got \[0.0\]"),
        ({"blocks": [np.ones((3, 1))] * 2, "names": ["a"]}, "a name for each of 2 blocks"),
    ],
)
def test_bad_blocks(arguments, message):
    with pytest.raises(ValueError, match=message):
        vilma.hstack(**arguments)


@pytest.mark.parametrize("estimator", [IISVOR_IMC, IISVOR_EXP, VILMA])
@pytest.mark.parametrize("solver", ["cutting_plane", "coordinate_ascent", "conic"])
def test_estimators_fit_as_on_the_whole(estimator, solver):
    X, whole, y = labelled()
    mixed = estimator(0.01, solver=solver, tol=1e-4, classes=range(5)).fit(X, y)
    by_csr = estimator(0.01, solver=solver, tol=1e-4, classes=range(5))
    by_csr.fit(sparse.csr_array(whole), y)
    assert mixed.objective_ == pytest.approx(by_csr.objective_, rel=1e-6)
    np.testing.assert_array_equal(mixed.predict(X), mixed.predict(whole))
    assert mixed.n_features_in_ == 30


def test_weights_of_zero_and_bad_shapes():
    X, _, y = labelled()
    weight = np.ones(90)
    weight[::4] = 0.0
    kept = np.flatnonzero(weight)
    model = IISVOR_IMC(0.01, classes=range(5)).fit(X, y, sample_weight=weight)
    expected = IISVOR_IMC(0.01, classes=range(5)).fit(X[kept], y[kept])
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    with pytest.raises(ValueError, match="X has 10 features, but IISVOR_IMC is expecting 30"):
        model.predict(X.select([0, 1]))
    with pytest.raises(ValueError, match=r"0 sample\(s\).*required by IISVOR_IMC"):
        model.predict(X[:0])


def test_narrow_columns_are_centred_in_their_blocks():
    rng = np.random.default_rng(0)
    stamps = np.column_stack([1e15 + rng.integers(0, 9, 50), rng.normal(size=50)])
    codes = OneHotCodes(rng.integers(0, 3, (50, 2)), 3)
    X, center = center_narrow_columns(vilma.hstack([codes, stamps], scales=[1.0, 0.5]))
    expected = np.zeros(8)
    expected[6] = 0.5 * stamps[:, 0].min()
    np.testing.assert_array_equal(center, expected)
    np.testing.assert_array_equal(X.blocks[1][:, 0], stamps[:, 0] - stamps[:, 0].min())
    untouched = vilma.hstack([codes, stamps[:, 1:]])
    assert center_narrow_columns(untouched) == (untouched, None)


def test_mixed_columns_pass_through_model_selection():
    X, whole, y = labelled(120)
    train, test, _, _ = train_test_split(X, y, random_state=0)
    assert isinstance(train, MixedColumns)
    assert (len(train), len(test)) == (90, 30)
    model = make_pipeline(IISVOR_IMC(classes=range(5)))
    assert cross_val_score(model, X, y, cv=3, error_score="raise").shape == (3,)
    search = GridSearchCV(
        model,
        {"iisvor_imc__alpha": [0.01, 0.001]},
        scoring=interval_scorer("mae", classes=range(5)),
        cv=KFold(3),
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), search.predict(whole))
    chosen = IISVOR_IMCCV(cv=3, classes=range(5)).fit(X, y)
    assert chosen.alpha_ == IISVOR_IMCCV(cv=3, classes=range(5)).fit(whole, y).alpha_


def test_rows_on_disk_beside_others(tmp_path):
    X, whole, y = labelled()
    np.save(tmp_path / "dense.npy", X.blocks[0])
    for max_memory in (10**6, 800):  # all in memory, and a block at a time
        mapped = MappedMatrix.from_npy(tmp_path / "dense.npy", max_memory=max_memory)
        on_disk = vilma.hstack([mapped, *X.blocks[1:]], scales=SCALES)
        model = IISVOR_IMC(0.01, tol=1e-6, classes=range(5)).fit(on_disk, y)
        expected = IISVOR_IMC(0.01, tol=1e-6, classes=range(5)).fit(whole, y)
        assert model.objective_ == pytest.approx(expected.objective_, rel=2e-6)
        np.testing.assert_array_equal(model.predict(on_disk[::2]), model.predict(whole[::2]))
    with pytest.raises(ValueError, match="these rows stay on disk"):
        IISVOR_IMC(0.01, solver="coordinate_ascent", classes=range(5)).fit(on_disk, y)


def to_codes(X):
    return OneHotCodes((X > 0).astype(int), 2)


def test_scikit_learns_unions_give_mixed_columns():
    blocks = draw_blocks()
    union = FeatureUnion([("z", StandardScaler()), ("codes", FunctionTransformer(to_codes))])
    X = union.fit_transform(blocks[0])
    assert isinstance(X, MixedColumns)
    expected = [StandardScaler().fit_transform(blocks[0]), to_codes(blocks[0])]
    np.testing.assert_array_equal(X.toarray(), naive(expected, [1.0, 1.0]))
    columns = ColumnTransformer(
        [("z", StandardScaler(), [0, 1]), ("codes", FunctionTransformer(to_codes), [2])]
    )
    assert isinstance(columns.fit_transform(blocks[0]), MixedColumns)


def test_numpy_stacks_columns_and_nothing_else():
    dense, _, codes = draw_blocks()
    for X in (np.hstack([dense, codes]), np.concatenate([dense, codes], axis=1)):
        np.testing.assert_array_equal(X.toarray(), naive([dense, codes], [1.0, 1.0]))
    with pytest.raises(TypeError, match="not turned into a dense array unasked"):
        np.concatenate([codes, codes])
    with pytest.raises(TypeError, match=r"Other estimators take X\.tocsr\(\)"):
        np.asarray(vilma.hstack([codes]))


def test_pickle_and_print():
    blocks = draw_blocks()
    X = vilma.hstack(blocks, scales=SCALES, names=["a", "b", "c"])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(X)).toarray(), X.toarray())
    assert repr(X) == "MixedColumns(90 rows, 30 columns: a: dense 4, b: csr 6, c: one-hot 20)"
    assert repr(vilma.hstack([blocks[0]])[:1]) == "MixedColumns(1 row, 4 columns: dense 4)"
