from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from vilma import IISVOR_EXP, IISVOR_IMC, VILMA, OneHotCodes
from vilma.design_matrices import as_design_matrix, one_hot
from vilma.design_matrices.threads import BlockThreads
from vilma.features import MultiScaleLBP
from vilma.metrics import interval_scorer


def draw_codes(n_samples=50, sizes=(3, 7, 1, 12, 2, 5), seed=0):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, size, n_samples) for size in sizes])
    return codes, np.array(sizes)


def naive_dense(codes, sizes):
    starts = np.concatenate([[0], np.cumsum(sizes)])
    X = np.zeros((len(codes), starts[-1]))
    for i, row in enumerate(codes):
        for b, code in enumerate(row):
            X[i, starts[b] + code] = 1.0
    return X


def test_conversions_agree_with_a_naive_loop():
    codes, sizes = draw_codes()
    X = OneHotCodes(codes, sizes)
    expected = naive_dense(codes, sizes)
    assert X.shape == expected.shape
    assert len(X) == len(codes)
    assert X.codes.dtype == np.uint8
    np.testing.assert_array_equal(X.toarray(), expected)
    assert OneHotCodes.from_csr(sparse.csr_array(expected), sizes) == X
    w = np.random.default_rng(1).normal(size=expected.shape[1])
    np.testing.assert_allclose(X @ w, expected @ w)


def test_large_blocks_need_two_bytes():
    X = OneHotCodes([[300, 0], [0, 1]], [301, 2])
    assert X.codes.dtype == np.uint16
    np.testing.assert_array_equal(X.toarray(), naive_dense([[300, 0], [0, 1]], [301, 2]))
    assert OneHotCodes([[255]], 256).codes.dtype == np.uint8


@pytest.mark.parametrize(
    "rows",
    [slice(3, 9), [4, 4, 0], np.arange(50) % 3 == 0, np.array([], dtype=int)],
    ids=["slice", "list", "mask", "empty"],
)
def test_indexing_rows(rows):
    codes, sizes = draw_codes()
    X = OneHotCodes(codes, sizes)
    np.testing.assert_array_equal(X[rows].codes, codes[rows])
    assert X[rows, ...] == X[rows]
    assert X[rows, :] == X[rows]


def test_columns_cannot_be_indexed():
    X = OneHotCodes(*draw_codes())
    with pytest.raises(IndexError, match="rows only"):
        X[:, 0]


@pytest.mark.parametrize(
    ("codes", "sizes", "error", "message"),
    [
        ([[0, 3]], [2, 3], ValueError, r"Row 0 has the code 3 in block 1, .* codes 0 to 2"),
        ([[0, 1], [-1, 1]], 2, ValueError, "Row 1 has the code -1 in block 0"),
        ([[0.5]], 2, TypeError, "integer codes, got dtype float64"),
        ([0, 1], 2, ValueError, r"shape \(n_samples, n_blocks\), got shape \(2,\)"),
        ([[0, 1]], [2, 2, 2], ValueError, "one size for each of 2 blocks"),
        ([[0]], [0], ValueError, "from 1 to 65536"),
        ([[0]], [1.5], TypeError, "integer block sizes"),
    ],
)
def test_bad_codes(codes, sizes, error, message):
    with pytest.raises(error, match=message):
        OneHotCodes(codes, sizes)


def test_from_csr_names_the_row_that_is_not_one_hot():
    X = naive_dense(*draw_codes())
    X[7, 0] = 1 - X[7, 0]
    with pytest.raises(ValueError, match="Row 7 of X does not hold exactly one 1"):
        OneHotCodes.from_csr(sparse.csr_array(X), draw_codes()[1])
    with pytest.raises(ValueError, match="blocks have 6 columns together, but X has 30"):
        OneHotCodes.from_csr(sparse.csr_array(X), [3, 3])


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_products_agree_with_csr(n_threads, monkeypatch):
    monkeypatch.setattr(one_hot, "_WORK_PER_BLOCK", 40)
    codes, sizes = draw_codes(n_samples=203)
    X = OneHotCodes(codes, sizes)
    dense = naive_dense(codes, sizes)
    rng = np.random.default_rng(2)
    w, c = rng.normal(size=dense.shape[1]), rng.normal(size=len(codes))
    with BlockThreads(1) as one, BlockThreads(n_threads) as several:
        single, threaded = as_design_matrix(X, one), as_design_matrix(X, several)
        np.testing.assert_allclose(threaded.dot(w), dense @ w, atol=1e-12)
        np.testing.assert_allclose(threaded.transpose_dot(c), c @ dense, atol=1e-12)
        np.testing.assert_array_equal(threaded.dot(w), single.dot(w))
        np.testing.assert_array_equal(threaded.transpose_dot(c), single.transpose_dot(c))
        np.testing.assert_array_equal(threaded.squared_row_norms(), np.full(len(dense), 6.0))
        assert threaded.shape == dense.shape


def labelled_problem():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 6, 120)
    codes = np.clip(np.rint(rng.normal(size=(120, 15)) * 5 + y[:, None] + 20), 0, 49).astype(int)
    return OneHotCodes(codes, 50), np.column_stack([np.maximum(y - 1, 0), np.minimum(y + 1, 5)])


@pytest.mark.parametrize("estimator", [IISVOR_IMC, IISVOR_EXP, VILMA])
def test_estimators_fit_codes_as_csr(estimator):
    X, y = labelled_problem()
    by_codes = estimator(0.1, classes=range(6)).fit(X, y)
    by_csr = estimator(0.1, classes=range(6)).fit(X.tocsr(), y)
    assert by_codes.objective_ == pytest.approx(by_csr.objective_, rel=1e-9)
    np.testing.assert_array_equal(by_codes.predict(X), by_csr.predict(X.tocsr()))
    np.testing.assert_array_equal(by_codes.predict(X), by_codes.predict(X.tocsr()))
    assert by_codes.n_features_in_ == 750


def test_conic_solver_takes_codes():
    X, y = labelled_problem()
    model = IISVOR_IMC(0.1, classes=range(6), tol=1e-6, solver="conic").fit(X[:40], y[:40])
    exact = IISVOR_IMC(0.1, classes=range(6), tol=1e-6).fit(X[:40], y[:40])
    assert model.objective_ == pytest.approx(exact.objective_, rel=2e-6)


def test_codes_pass_through_model_selection():
    X, y = labelled_problem()
    train, test, _, _ = train_test_split(X, y, random_state=0)
    assert (len(train), len(test)) == (90, 30)
    model = make_pipeline(IISVOR_IMC(classes=range(6)))
    assert cross_val_score(model, X, y, cv=3, error_score="raise").shape == (3,)
    search = GridSearchCV(
        model,
        {"iisvor_imc__alpha": [1.0, 0.1]},
        scoring=interval_scorer("mae"),
        cv=KFold(3),
        n_jobs=2,
        error_score="raise",
    ).fit(X, y)
    np.testing.assert_array_equal(search.predict(X), search.best_estimator_.predict(X.tocsr()))


def test_wrong_number_of_columns_and_no_rows():
    X, y = labelled_problem()
    model = IISVOR_IMC(classes=range(6)).fit(X, y)
    with pytest.raises(ValueError, match="X has 20 features, but IISVOR_IMC is expecting 750"):
        model.predict(OneHotCodes([[1, 2]], 10))
    with pytest.raises(ValueError, match=r"0 sample\(s\).*required by IISVOR_IMC"):
        model.predict(X[:0])


def test_codes_pickle_and_print():
    X = OneHotCodes(*draw_codes())
    assert pickle.loads(pickle.dumps(X)) == X
    assert repr(X) == "OneHotCodes(50 rows, 6 blocks, 30 columns)"
    assert repr(X[:1]) == "OneHotCodes(1 row, 6 blocks, 30 columns)"
    assert X[:1] != X


def test_lbp_makes_codes():
    images = np.random.default_rng(0).integers(0, 256, (4, 60, 40), dtype=np.uint8)
    codes = MultiScaleLBP(output="codes").fit_transform(images)
    assert isinstance(codes, OneHotCodes)
    assert codes.shape == (4, 159_488)
    assert (codes.tocsr() != MultiScaleLBP().transform(images)).nnz == 0
    with pytest.raises(ValueError, match="must be 'csr' or 'codes'"):
        MultiScaleLBP(output="dense").fit(images)


def test_no_array_unasked():
    codes = OneHotCodes(*draw_codes())
    with pytest.raises(TypeError, match=r"Other estimators take X\.tocsr\(\)"):
        np.asarray(codes)
