"""The same checks for every container: two products, a norm, and the same bits on any threads."""

import itertools

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from scipy import sparse
from threadpoolctl import threadpool_info, threadpool_limits

from vilma._numba import njit
from vilma.design_matrices import BorderedMatrix, as_design_matrix, csr, one_hot
from vilma.design_matrices.csr import BinaryCSRMatrix, CSRMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.design_matrices.mixed import MixedMatrix
from vilma.design_matrices.replaced import ReplacedColumns
from vilma.design_matrices.rows import (
    reorder_rows,
    row_add,
    row_add_four,
    row_bytes,
    row_dot,
    row_dot_four,
)
from vilma.design_matrices.threads import BlockThreads, row_blocks
from vilma.mixed import hstack
from vilma.one_hot import OneHotCodes


def dense(m=37, n=11):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m, n)) * (rng.random((m, n)) < 0.4)
    X[[0, m // 2, m - 1]] = 0.0  # rows without entries: first, in between, last
    return X


def memory_mapped(folder):
    np.save(folder / "X.npy", dense())
    return np.load(folder / "X.npy", mmap_mode="r")


def read_only(X):
    X = X.copy()
    for array in (X,) if isinstance(X, np.ndarray) else (X.data, X.indices, X.indptr):
        array.flags.writeable = False
    return X


def with_index_dtype(X, dtype):
    X = X.copy()
    X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    return X


def unsorted():
    X = sparse.csr_array(dense())
    indices, data = X.indices.copy(), X.data.copy()
    for start, stop in zip(X.indptr[:-1], X.indptr[1:], strict=True):
        indices[start:stop] = indices[start:stop][::-1]
        data[start:stop] = data[start:stop][::-1]
    return sparse.csr_array((data, indices, X.indptr), shape=X.shape)


def duplicated():
    X = sparse.csr_array(dense())
    return sparse.csr_array(
        (np.repeat(X.data, 2) / 2, np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape
    )


def explicit_zeros():
    X = sparse.csr_array(dense())
    X.data[::3] = 0.0
    return X


def binary(container=sparse.csr_array):
    return container((dense() != 0).astype(float))


def codes():
    rng = np.random.default_rng(1)
    sizes = np.array([1, 3, 300, 2])
    return OneHotCodes(rng.integers(0, sizes, size=(29, 4)), sizes)


def mixed(m=29):
    """Every kind of block: with values, of ones, codes, dense; scaled and not."""
    blocks = [dense(m, 3), sparse.csr_array(dense(m, 5)), codes()[:m], dense(m, 4) != 0]
    blocks[3] = sparse.csr_array(blocks[3].astype(float))
    return hstack(blocks, scales=[0.3, 1.0, 0.5, 2.0])


CONTAINERS = {
    "dense C": dense,
    "dense F": lambda: np.asfortranarray(dense()),
    "dense strided": lambda: np.repeat(dense(), 2, axis=1)[:, ::2],
    "dense read-only": lambda: read_only(dense()),
    "dense one row": lambda: dense()[1:2],
    "dense one column": lambda: dense()[:, :1],
    "csr_array": lambda: sparse.csr_array(dense()),
    "csr_matrix": lambda: sparse.csr_matrix(dense()),
    "csr int32": lambda: with_index_dtype(sparse.csr_array(dense()), np.int32),
    "csr int64": lambda: with_index_dtype(sparse.csr_array(dense()), np.int64),
    "csr float32": lambda: sparse.csr_array(dense().astype(np.float32)),
    "csr read-only": lambda: read_only(sparse.csr_array(dense())),
    "csr unsorted": unsorted,
    "csr duplicated": duplicated,
    "csr explicit zeros": explicit_zeros,
    "csr one row": lambda: sparse.csr_array(dense()[1:2]),
    "csr empty": lambda: sparse.csr_array((5, 3)),
    "binary": binary,
    "binary int64": lambda: with_index_dtype(binary(), np.int64),
    "binary read-only": lambda: read_only(binary()),
    "binary matrix": lambda: binary(sparse.csr_matrix),
    "binary one row": lambda: binary()[1:2],
    "codes": codes,
    "codes one row": lambda: codes()[:1],
    "mixed": mixed,
    "mixed one row": lambda: mixed()[1:2],
    "mixed one block": lambda: hstack([codes()], scales=[0.5]),
}


def as_numpy(X):
    return X.toarray() if hasattr(X, "toarray") else np.asarray(X)


def check(matrix, X):
    """Products and norm against NumPy's."""
    rng = np.random.default_rng(2)
    assert matrix.shape == X.shape
    for _ in range(2):  # the second call may reuse what the first one set up
        coef, coefficients = rng.normal(size=X.shape[1]), rng.normal(size=X.shape[0])
        coefficients[::4] = 0.0  # examples without a loss
        scores, gradient = matrix.dot(coef), matrix.transpose_dot(coefficients)
        assert scores.shape == (X.shape[0],)
        assert gradient.shape == (X.shape[1],)
        assert scores.dtype == gradient.dtype == np.float64
        np.testing.assert_allclose(scores, X @ coef, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(gradient, X.T @ coefficients, rtol=1e-6, atol=1e-12)
    for n_vectors in (1, 3, 4, 9):  # several at once, side by side
        coef, gradient = (rng.normal(size=(length, n_vectors)) for length in X.shape[::-1])
        scores, sums = matrix.dot(coef), matrix.transpose_dot(gradient)
        assert (scores.shape, sums.shape) == ((X.shape[0], n_vectors), (X.shape[1], n_vectors))
        assert scores.dtype == sums.dtype == np.float64
        np.testing.assert_allclose(scores, X @ coef, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(sums, X.T @ gradient, rtol=1e-6, atol=1e-12)
    norms = np.linalg.norm(X, axis=1) ** 2
    np.testing.assert_allclose(matrix.squared_row_norms(), norms, rtol=1e-6)


def rows_of(container):
    """Rows that can be visited in any order, and the same as an array."""
    with BlockThreads() as threads:
        rows = as_design_matrix(container, threads).rows()
    if rows is None:
        pytest.skip("a kind whose rows cannot be visited in any order")
    return rows, as_numpy(container)


@njit
def visit(rows, order, coef, out):
    """Product of every row with `coef`; and the rows times their places, added to `out`."""
    scores = np.empty(order.shape[0])
    for i in order:
        scores[i] = row_dot(rows, i, coef)
        row_add(rows, i, i + 1.0, out)
    return scores


@pytest.mark.parametrize("function", [visit, visit.py_func], ids=["compiled", "python"])
def test_rows_in_any_order(container, function):
    rows, X = rows_of(container)
    rng = np.random.default_rng(5)
    coef, out = rng.normal(size=X.shape[1]), np.zeros(X.shape[1])
    scores = function(rows, rng.permutation(len(X)), coef, out)
    np.testing.assert_allclose(scores, X @ coef, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(out, np.arange(1.0, len(X) + 1.0) @ X, rtol=1e-6, atol=1e-12)


@njit
def visit_four(rows, order, coef, out):
    """As `visit`, with four vectors; the rows are multiplied by four factors of their places."""
    scores, factors = np.zeros((order.shape[0], 4)), np.empty((1, 4))
    for i in order:
        row_dot_four(rows, i, coef, scores[i : i + 1])
        for j in range(4):
            factors[0, j] = (i + 1.0) * (j - 1.0)
        row_add_four(rows, i, factors, out)
    return scores


@pytest.mark.parametrize("function", [visit_four, visit_four.py_func], ids=["compiled", "python"])
def test_rows_and_four_vectors(container, function):
    rows, X = rows_of(container)
    rng = np.random.default_rng(5)
    coef, out = rng.normal(size=(X.shape[1], 4)), np.zeros((X.shape[1], 4))
    scores = function(rows, rng.permutation(len(X)), coef, out)
    np.testing.assert_allclose(scores, X @ coef, rtol=1e-6, atol=1e-12)
    sums = np.arange(1.0, len(X) + 1.0) @ X
    np.testing.assert_allclose(out, np.outer(sums, [-1, 0, 1, 2]), rtol=1e-6, atol=1e-12)


def test_rows_copied_into_another_order(container):
    rows, X = rows_of(container)
    order = np.random.default_rng(6).permutation(len(X))[: len(X) // 2 + 1]
    copied = reorder_rows(rows, order)
    assert [part.dtype for part in copied] == [part.dtype for part in rows]
    coef = np.random.default_rng(7).normal(size=X.shape[1])
    products = [row_dot(copied, i, coef) for i in range(len(order))]
    np.testing.assert_allclose(products, X[order] @ coef, rtol=1e-6, atol=1e-12)
    assert row_bytes(copied) == pytest.approx(row_bytes(rows), rel=0.5)


@pytest.fixture(params=[*CONTAINERS, "dense memory-mapped"])
def container(request, tmp_path):
    if request.param == "dense memory-mapped":
        return memory_mapped(tmp_path)
    return CONTAINERS[request.param]()


def test_products_and_norm(container):
    with BlockThreads() as threads:
        check(as_design_matrix(container, threads), as_numpy(container).astype(np.float64))


def test_a_border_of_further_variables(container):
    X = as_numpy(container)
    bordered = np.block([[X, np.zeros((len(X), 3))], [np.zeros((3, X.shape[1])), np.eye(3)]])
    with BlockThreads() as threads:
        check(BorderedMatrix(as_design_matrix(container, threads), 3), bordered)


def test_replaced_columns(container):
    X = as_numpy(container).astype(np.float64)
    rng = np.random.default_rng(6)
    places = rng.permutation(X.shape[1])[:2]
    columns = rng.normal(size=(len(X), len(places)))
    weight, few = rng.random(len(X)), sparse.random_array((len(X), 3), density=0.5, rng=rng)
    with BlockThreads() as threads:
        matrix = ReplacedColumns(as_design_matrix(container, threads), places, columns)
        X[:, places] = columns
        check(matrix, X)
        np.testing.assert_allclose(matrix.gram(weight), X.T @ (weight[:, None] * X), atol=1e-12)
        found = matrix.transpose_dot_columns(sparse.csr_array(few))
        np.testing.assert_allclose(found, X.T @ few.toarray(), atol=1e-12)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_many_blocks(container, n_jobs, monkeypatch):
    monkeypatch.setattr(csr, "_WORK_PER_BLOCK", 10)
    monkeypatch.setattr(one_hot, "_WORK_PER_BLOCK", 10)
    with BlockThreads(n_jobs) as threads:
        check(as_design_matrix(container, threads), as_numpy(container).astype(np.float64))


@pytest.mark.parametrize("make", [lambda: sparse.csr_array(dense(900, 20)), binary, codes, mixed])
def test_any_number_of_threads_gives_the_same_bits(make, monkeypatch):
    monkeypatch.setattr(csr, "_WORK_PER_BLOCK", 10)
    monkeypatch.setattr(one_hot, "_WORK_PER_BLOCK", 10)
    X = make()
    rng = np.random.default_rng(3)
    coef, coefficients = rng.normal(size=X.shape[1]), rng.normal(size=X.shape[0])
    results = []
    for n_jobs in (1, 2, 3):
        with BlockThreads(n_jobs) as threads:
            matrix = as_design_matrix(X, threads)
            results.append((matrix.dot(coef), matrix.transpose_dot(coefficients)))
    for scores, gradient in results[1:]:
        assert np.array_equal(scores, results[0][0])
        assert np.array_equal(gradient, results[0][1])


def test_which_matrix_serves_which_container():
    with BlockThreads() as threads:
        assert isinstance(as_design_matrix(dense(), threads), DenseMatrix)
        assert isinstance(as_design_matrix(sparse.csr_array(dense()), threads), CSRMatrix)
        assert isinstance(as_design_matrix(binary(), threads), BinaryCSRMatrix)
        assert isinstance(as_design_matrix(explicit_zeros(), threads), CSRMatrix)
        assert isinstance(as_design_matrix(codes(), threads), one_hot.OneHotMatrix)
        assert isinstance(as_design_matrix(mixed(), threads), MixedMatrix)
        # 1/2 + 1/2: not binary as stored, but as meant.
        halves = sparse.csr_array(([0.5, 0.5, 1, 1], [0, 0, 0, 1], [0, 2, 4]), shape=(2, 2))
        assert isinstance(as_design_matrix(halves, threads), BinaryCSRMatrix)


def test_one_hot_blocks_are_found():
    def served_by(X):
        with BlockThreads() as threads:
            return as_design_matrix(sparse.csr_array(X), threads)

    found = served_by(codes().tocsr())
    assert isinstance(found, one_hot.OneHotMatrix)
    # Blocks are those that the rows have, whatever was meant: here columns 1 and 4 are empty.
    X = np.array([[1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1]], dtype=float)
    found = served_by(X)
    assert isinstance(found, one_hot.OneHotMatrix)
    np.testing.assert_array_equal(found.dot(np.arange(6.0)), X @ np.arange(6.0))
    np.testing.assert_array_equal(
        found.transpose_dot(np.array([2.0, 3.0])), [2.0, 0.0, 3.0, 2.0, 0.0, 3.0]
    )
    np.testing.assert_array_equal(found.squared_row_norms(), [2.0, 2.0])
    for other in (
        [[1, 1, 0], [0, 1, 0]],  # rows of different lengths
        [[1, 1, 0], [0, 1, 1]],  # column 1 is the second entry here, the first one there
        [[1, 0, 2], [0, 1, 1]],  # not of ones
    ):
        assert isinstance(served_by(np.array(other, float)), CSRMatrix | BinaryCSRMatrix)
    wide = sparse.csr_array((np.ones(2), [0, 70_000], [0, 1, 2]), shape=(2, 70_001))
    assert isinstance(served_by(wide), BinaryCSRMatrix)


@pytest.mark.parametrize("make", [duplicated, unsorted, explicit_zeros])
def test_the_users_matrix_is_left_alone(make):
    X = make()
    before = X.data.copy(), X.indices.copy(), X.indptr.copy()
    with BlockThreads() as threads:
        as_design_matrix(X, threads).dot(np.ones(X.shape[1]))
    for array, copy in zip((X.data, X.indices, X.indptr), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_blocks_cover_all_rows_once():
    for n_rows, work, per_block, most in [
        (10, 100, 30, 8),
        (3, 100, 1, 8),
        (1, 9, 1, 4),
        (7, 0, 1, 3),
    ]:
        blocks = row_blocks(n_rows, work, per_block, most)
        assert 1 <= len(blocks) <= min(most, n_rows)
        assert blocks[0][0] == 0
        assert blocks[-1][1] == n_rows
        assert all(a[1] == b[0] for a, b in itertools.pairwise(blocks))
    assert row_blocks(10, 89, 30, 8) == [(0, 5), (5, 10)]
    assert row_blocks(10, 29, 30, 8) == [(0, 10)]


def test_threads_pass_errors_on():
    def fail(start, stop):
        raise ZeroDivisionError(f"in block {start}")

    with BlockThreads(2) as threads, pytest.raises(ZeroDivisionError, match="in block 0"):
        threads.map(fail, [(0, 1), (1, 2)])


def test_n_jobs_follows_joblib():
    with parallel_config(backend="threading", n_jobs=2), BlockThreads(None) as threads:
        assert threads._n_threads == 2
    with BlockThreads(None) as threads:
        assert threads._n_threads == 1


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_fits_that_overlap_leave_blas_as_it_was():
    # As in threads of GridSearchCV: the first to come is the first to go.
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        first, second = BlockThreads(1), BlockThreads(1)
        first.__enter__()
        second.__enter__()
        first.__exit__()
        second.__exit__()
        assert blas_threads() == before


def products_in_a_worker(X, coef):
    with BlockThreads(2) as threads:
        return as_design_matrix(X, threads).dot(coef)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_inside_joblib(backend):
    X = sparse.csr_array(dense())
    coef = np.ones(X.shape[1])
    results = Parallel(n_jobs=2, backend=backend)(
        delayed(products_in_a_worker)(X, coef) for _ in range(3)
    )
    for result in results:
        np.testing.assert_allclose(result, X @ coef)
