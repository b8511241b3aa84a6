"""Matrices on disk: what is read, what is refused, and how much is held."""

from __future__ import annotations

import itertools
import pickle
import tracemalloc
from contextlib import closing

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    IISVOR_IMCCV,
    VILMA,
    MappedMatrix,
    OneHotCodes,
    save_mapped,
    vilma_path,
)
from vilma.design_matrices import as_design_matrix
from vilma.design_matrices.blocked import BlockedMatrix
from vilma.design_matrices.threads import BlockThreads
from vilma.mapped import checksums
from vilma.mapped import matrix as mapped_matrix
from vilma.mapped.growing import GrowingArray
from vilma.mapped.scratch import Scratch
from vilma.mapped.spans import cut_blocks, element_ranges, spans
from vilma.metrics import interval_scorer

# Small problems with large alphas: the median for everybody is what these tests ask for.

N_ROWS = 240


def _labels():
    return np.random.default_rng(0).integers(0, 6, N_ROWS)


def _intervals():
    y = _labels()
    return np.column_stack([np.maximum(y - 1, 0), np.minimum(y + 1, 5)])


def _make(kind):
    """Return a matrix that tells something of the labels."""
    rng = np.random.default_rng(1)
    y = _labels()[:, None]
    if kind == "float64":
        return rng.normal(size=(N_ROWS, 7)) + 0.3 * y
    if kind == "float32":
        return (rng.normal(size=(N_ROWS, 7)) + 0.3 * y).astype(np.float32)
    if kind == "int16":
        return rng.integers(-5, 5, (N_ROWS, 7)).astype(np.int16) + y.astype(np.int16)
    if kind == "codes":
        codes = np.clip(np.rint(rng.normal(size=(N_ROWS, 15)) * 5 + y + 20), 0, 49)
        return OneHotCodes(codes.astype(int), 50)
    if kind == "wide codes":
        return OneHotCodes(rng.integers(0, 300, (N_ROWS, 5)) + 10 * y, 350)
    X = sparse.random_array((N_ROWS, 40), density=0.2, random_state=0, format="csr")
    X = sparse.csr_array(X.multiply(y + 1.0))
    if kind == "binary csr":
        X.data[:] = 1.0
    return X


KINDS = ["float64", "float32", "int16", "codes", "wide codes", "csr", "binary csr"]


@pytest.fixture(params=KINDS)
def pair(request, tmp_path):
    """A matrix in memory and its folder."""
    X = _make(request.param)
    save_mapped(X, tmp_path / "X")
    return X, tmp_path / "X"


def _dense(X):
    return np.asarray(X, dtype=float) if isinstance(X, np.ndarray) else X.toarray()


def _as_float(X):
    return X.astype(float) if isinstance(X, np.ndarray) else X


# Rows


def test_reading_gives_the_matrix_back(pair):
    X, folder = pair
    mapped = MappedMatrix.open(folder)
    assert mapped.shape == X.shape
    assert len(mapped) == N_ROWS
    np.testing.assert_array_equal(_dense(mapped.read()), _dense(X))
    np.testing.assert_array_equal(_dense(mapped.read(17, 60)), _dense(X[17:60]))
    assert mapped.read(5, 5).shape == (0, X.shape[1])


@pytest.mark.parametrize(
    "rows",
    [
        slice(3, 90),
        slice(200, 3, -7),
        np.arange(N_ROWS) % 3 == 0,
        np.random.default_rng(3).permutation(N_ROWS),
        [5, 5, 0, 239, 5],
        [-1, -240],
        np.array([], dtype=int),
    ],
    ids=["slice", "backwards", "mask", "shuffled", "repeated", "negative", "empty"],
)
def test_selected_rows(pair, rows):
    X, folder = pair
    mapped = MappedMatrix.open(folder)
    expected = _dense(X)[rows]
    np.testing.assert_array_equal(_dense(mapped[rows].read()), expected)
    np.testing.assert_array_equal(_dense(mapped[rows, ...].read()), expected)
    np.testing.assert_array_equal(_dense(mapped[rows][1:4].read()), expected[1:4])
    half = np.arange(N_ROWS) % 2 == 0
    np.testing.assert_array_equal(
        _dense(mapped[10:][: len(expected)].read()), _dense(X)[10:][: len(expected)]
    )
    if len(expected) == N_ROWS:
        np.testing.assert_array_equal(_dense(mapped[rows][half].read()), expected[half])


def test_rows_stay_on_disk(pair, monkeypatch):
    _, folder = pair
    mapped = MappedMatrix.open(folder)

    def refuse(*arguments, **keywords):
        raise AssertionError("read")

    monkeypatch.setattr(type(mapped._store), "read", refuse)
    train, test = train_test_split(mapped, random_state=0)
    assert (len(train), len(test), train[::2].shape[0]) == (180, 60, 90)
    assert isinstance(train, MappedMatrix)


def test_indexing_columns_is_refused(pair):
    mapped = MappedMatrix.open(pair[1])
    assert mapped[3].shape[0] == 1
    with pytest.raises(IndexError, match="rows only"):
        mapped[:, 0]
    with pytest.raises(IndexError, match="rows only"):
        mapped[[0, 2], np.array([0, 1])]
    with pytest.raises(IndexError, match="out of bounds"):
        mapped[[0, N_ROWS]]


def test_pickles_by_path(pair):
    X, folder = pair
    mapped = MappedMatrix.open(folder, max_memory=12345)
    mapped.read()
    text = pickle.dumps(mapped)
    assert len(text) < 3000
    back = pickle.loads(text)
    assert back.max_memory == 12345
    np.testing.assert_array_equal(_dense(back.read()), _dense(X))
    part = pickle.loads(pickle.dumps(mapped[[7, 3]]))
    np.testing.assert_array_equal(_dense(part.read()), _dense(X)[[7, 3]])


def test_no_array_unasked(pair):
    mapped = MappedMatrix.open(pair[1])
    with pytest.raises(TypeError, match=r"Read it, or some of its rows, by X\.read\(\)"):
        np.asarray(mapped)


def test_repr(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((3, 2)))
    mapped = MappedMatrix.from_npy(tmp_path / "X.npy")
    assert repr(mapped) == "MappedMatrix(dense, 3 rows, 2 columns)"
    assert repr(mapped[0]) == "MappedMatrix(dense, 1 row, 2 columns)"


def test_pieces_are_grouped_as_by_a_loop():
    rng = np.random.default_rng(0)
    for gap, piece in ((0, 10), (5, 40), (50, 60)):
        lengths = rng.integers(0, 20, 60)
        begin = np.cumsum(lengths + rng.integers(0, 30, 60)) - lengths
        end = begin + lengths
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("vilma.mapped.spans._GAP", gap)
            patch.setattr("vilma.mapped.spans._PIECE", piece)
            found = list(spans(begin, end))
        expected, start = [], 0
        for i in range(1, 61):
            if i == 60 or begin[i] - end[i - 1] > gap or end[i] - begin[start] > piece:
                expected.append((start, i))
                start = i
        assert found == expected


def test_element_ranges():
    starts, lengths = np.array([5, 0, 9]), np.array([2, 0, 3])
    assert element_ranges(starts, lengths).tolist() == [5, 6, 9, 10, 11]
    assert element_ranges(starts[:0], lengths[:0]).tolist() == []


def test_scratch_is_used_again():
    scratch = Scratch(1000)
    first = scratch.empty((10, 5), np.float64, order="F")
    assert first.flags.f_contiguous
    assert not np.shares_memory(first, scratch.empty(10, np.int8))
    large = scratch.empty(5000, np.uint8)  # has memory of its own
    assert not np.shares_memory(first, large)
    scratch.clear()
    assert np.shares_memory(first, scratch.empty(3, np.int64))


# Products


@pytest.mark.parametrize("budget", [1, 600, 5000, 20_000])
@pytest.mark.parametrize("shuffled", [False, True])
def test_products_agree_with_memory(pair, budget, shuffled, monkeypatch):
    monkeypatch.setattr("vilma.design_matrices.blocked._READING", 100)
    X, folder = pair
    mapped, expected = MappedMatrix.open(folder, max_memory=budget), _dense(X)
    if shuffled:
        order = np.random.default_rng(5).integers(0, N_ROWS, N_ROWS)
        mapped, expected = mapped[order], expected[order]
    rng = np.random.default_rng(2)
    w, c = rng.normal(size=expected.shape[1]), rng.normal(size=N_ROWS)
    with BlockThreads(1) as one, BlockThreads(3) as several:
        single, threaded = as_design_matrix(mapped, one), as_design_matrix(mapped, several)
        assert single.shape == expected.shape
        squared_norms = np.linalg.norm(expected, axis=1) ** 2
        for _ in range(2):  # the second time some blocks are in memory
            np.testing.assert_allclose(single.dot(w), expected @ w, atol=1e-12)
            np.testing.assert_allclose(single.transpose_dot(c), c @ expected, atol=1e-11)
            np.testing.assert_allclose(single.squared_row_norms(), squared_norms)
        several_w, several_c = np.stack([w, 2 * w, w + 1], axis=1), np.stack([c, c - 1], axis=1)
        np.testing.assert_allclose(single.dot(several_w), expected @ several_w, atol=1e-10)
        products = expected.T @ several_c
        np.testing.assert_allclose(single.transpose_dot(several_c), products, atol=1e-10)
        np.testing.assert_array_equal(threaded.dot(w), single.dot(w))
        np.testing.assert_array_equal(threaded.transpose_dot(c), single.transpose_dot(c))
    np.testing.assert_allclose(mapped @ w, expected @ w, atol=1e-12)


def test_multiplication_with_several_vectors(pair):
    X, folder = pair
    mapped = MappedMatrix.open(folder)
    expected = X.toarray() if hasattr(X, "toarray") else np.asarray(X)
    columns = np.random.default_rng(2).normal(size=(mapped.shape[1], 3))
    np.testing.assert_allclose(mapped @ columns, expected @ columns, atol=1e-10)
    with pytest.raises(ValueError, match=r"expected \d+ numbers, or as many rows of numbers"):
        mapped @ np.ones(mapped.shape[1] + 1)


def test_cut_blocks():
    assert cut_blocks(np.array([3, 3, 3, 9, 1, 1]), 6) == [(0, 2), (2, 3), (3, 4), (4, 6)]
    assert cut_blocks(np.array([0, 0, 5]), 4) == [(0, 2), (2, 3)]


def test_what_fits_is_read_once_and_gives_the_same_bits(pair, monkeypatch):
    X, folder = pair
    mapped = MappedMatrix.open(folder)
    rng = np.random.default_rng(2)
    w, c = rng.normal(size=X.shape[1]), rng.normal(size=N_ROWS)
    with BlockThreads(1) as threads:
        on_disk = as_design_matrix(mapped, threads)
        in_memory = as_design_matrix(_as_float(X), threads)
        monkeypatch.setattr(MappedMatrix, "read", None)
        np.testing.assert_array_equal(on_disk.dot(w), in_memory.dot(w))
        np.testing.assert_array_equal(on_disk.transpose_dot(c), in_memory.transpose_dot(c))


def test_first_blocks_are_kept_within_the_budget(tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", np.ones((1000, 8)))
    mapped = MappedMatrix.from_npy(tmp_path / "X.npy", max_memory=32_000)  # half of it
    monkeypatch.setattr("vilma.design_matrices.blocked._READING", 0)
    ranges = []
    read = MappedMatrix.read

    def spy(self, start, stop, **keywords):
        ranges.append((start, stop))
        return read(self, start, stop, **keywords)

    monkeypatch.setattr(MappedMatrix, "read", spy)
    with BlockThreads(1) as threads:
        X = as_design_matrix(mapped, threads)
        assert isinstance(X, BlockedMatrix)
        for _ in range(3):
            X.dot(np.ones(8))
    blocks = sorted(set(ranges))
    assert blocks[0][0] == 0
    assert all(b[0] == a[1] for a, b in itertools.pairwise(blocks))
    assert {(stop - start) * 64 for start, stop in blocks[:-1]} == {62 * 64}  # an eighth
    kept = [block for block in blocks if ranges.count(block) == 1]
    assert kept == blocks[:6]  # two eighths are on their way
    assert all(ranges.count(block) == 3 for block in blocks[6:])


@pytest.mark.parametrize("kind", ["dense", "codes", "csr"])
def test_memory_is_bounded(tmp_path, kind):
    rng = np.random.default_rng(0)
    budget, n_rows = 6 * 2**20, 20_000
    if kind == "dense":
        X = rng.normal(size=(n_rows, 150))  # 24 MB
    elif kind == "codes":
        X = OneHotCodes(rng.integers(0, 4, (n_rows, 1200)), 4)  # 24 MB
    else:
        X = OneHotCodes(rng.integers(0, 40, (n_rows, 240)), 40).tocsr()  # 24 MB and ones
    save_mapped(X, tmp_path / "X")
    n_features = X.shape[1]
    del X
    mapped = MappedMatrix.open(tmp_path / "X", max_memory=budget)
    numbers = 8 * (4 * n_rows + 4 * n_features)  # scores, offsets, coefficients
    with BlockThreads(1) as threads:
        tracemalloc.start()
        try:
            X = as_design_matrix(mapped, threads)
            for _ in range(2):
                X.dot(np.ones(n_features))
                X.transpose_dot(np.ones(n_rows))
            assert tracemalloc.get_traced_memory()[1] < budget + numbers
        finally:
            tracemalloc.stop()


# Estimators


@pytest.mark.parametrize("estimator", [IISVOR_IMC, IISVOR_EXP, VILMA])
def test_fits_equal_those_in_memory(pair, estimator):
    X, folder = pair
    y = _intervals()
    in_memory = estimator(1.0, classes=range(6), tol=1e-9).fit(_as_float(X), y)
    for budget in (10**9, 6000):
        mapped = MappedMatrix.open(folder, max_memory=budget)
        model = estimator(1.0, classes=range(6), tol=1e-9).fit(mapped, y)
        assert model.objective_ == pytest.approx(in_memory.objective_, rel=1e-9)
        assert model.n_features_in_ == X.shape[1]
        np.testing.assert_allclose(model.project(mapped), model.project(_as_float(X)), atol=1e-10)
        np.testing.assert_array_equal(model.predict(mapped), model.predict(_as_float(X)))
        np.testing.assert_allclose(
            model.decision_function(mapped), model.decision_function(_as_float(X)), atol=1e-9
        )
        assert model.score(mapped, y) == model.score(_as_float(X), y)


def test_warm_starts_notice_that_a_file_was_written_anew(tmp_path):
    path, y = tmp_path / "X.npy", _intervals()
    np.save(path, _make("float64"))
    mapped = MappedMatrix.from_npy(path, max_memory=6000)
    model = IISVOR_IMC(1.0, classes=range(6), tol=1e-9, warm_start=True).fit(mapped, y)
    assert model.fit(mapped, y).n_iter_ <= 2  # the planes are there
    np.save(path, _make("float64")[::-1])
    model.fit(mapped, y)
    expected = IISVOR_IMC(1.0, classes=range(6), tol=1e-9).fit(_make("float64")[::-1], y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=2e-9)
    assert model.lower_bound_ <= expected.objective_


@pytest.mark.parametrize("pair", ["float32", "codes", "binary csr"], indirect=True)
def test_rows_of_weight_zero_count_as_none(pair):
    X, folder = pair
    mapped, y = MappedMatrix.open(folder, max_memory=6000), _intervals()
    weight = np.random.default_rng(0).integers(0, 3, N_ROWS).astype(float)
    model = IISVOR_IMC(1.0, classes=range(6), tol=1e-9).fit(mapped, y, sample_weight=weight)
    other = IISVOR_IMC(1.0, classes=range(6), tol=1e-9)
    other.fit(_as_float(X), y, sample_weight=weight)
    assert model.objective_ == pytest.approx(other.objective_, rel=1e-9)


@pytest.mark.parametrize("pair", ["float32", "codes", "binary csr"], indirect=True)
def test_model_selection(pair):
    X, folder = pair
    mapped, y = MappedMatrix.open(folder, max_memory=6000), _intervals()
    model = make_pipeline(IISVOR_IMC(classes=range(6), tol=1e-6))
    keywords = {"cv": KFold(3, shuffle=True, random_state=0), "error_score": "raise"}
    np.testing.assert_allclose(
        cross_val_score(model, mapped, y, **keywords),
        cross_val_score(model, _as_float(X), y, **keywords),
        atol=0.05,
    )


def test_grid_search_in_other_processes(tmp_path):
    save_mapped(_make("codes"), tmp_path / "X")
    mapped, y = MappedMatrix.open(tmp_path / "X", max_memory=2000), _intervals()
    search = GridSearchCV(
        IISVOR_IMC(classes=range(6)),
        {"alpha": [1.0, 0.1]},
        scoring=interval_scorer("mae"),
        cv=KFold(3),
        n_jobs=2,
        error_score="raise",
    ).fit(mapped, y)
    assert search.best_estimator_.n_features_in_ == 750


@pytest.mark.parametrize("pair", ["float32", "codes", "binary csr"], indirect=True)
def test_path_and_cross_validation(pair):
    X, folder = pair
    mapped, y = MappedMatrix.open(folder, max_memory=6000), _intervals()
    template = IISVOR_IMC(classes=range(6), tol=1e-8)
    for ours, theirs in zip(
        vilma_path(mapped, y, [1.0, 0.3], estimator=template),
        vilma_path(_as_float(X), y, [1.0, 0.3], estimator=template),
        strict=True,
    ):
        assert ours.objective_ == pytest.approx(theirs.objective_, rel=1e-8)
    model = IISVOR_IMCCV([1.0, 0.3], cv=3, classes=range(6)).fit(mapped, y)
    assert model.cv_scores_.shape == (2, 3)
    assert model.predict(mapped).shape == (N_ROWS,)


def test_conic_solver_reads_everything(tmp_path):
    save_mapped(_make("binary csr"), tmp_path / "X")
    mapped, y = MappedMatrix.open(tmp_path / "X")[:50], _intervals()[:50]
    conic = IISVOR_IMC(1.0, classes=range(6), tol=1e-6, solver="conic").fit(mapped, y)
    exact = IISVOR_IMC(1.0, classes=range(6), tol=1e-8).fit(mapped, y)
    assert conic.objective_ == pytest.approx(exact.objective_, rel=2e-6)


def test_wrong_number_of_columns_and_no_rows(tmp_path):
    save_mapped(_make("float64"), tmp_path / "X")
    save_mapped(_make("float64")[:, :3], tmp_path / "narrow")
    mapped = MappedMatrix.open(tmp_path / "X")
    model = IISVOR_IMC(classes=range(6)).fit(mapped, _intervals())
    with pytest.raises(ValueError, match="X has 3 features, but IISVOR_IMC is expecting 7"):
        model.predict(MappedMatrix.open(tmp_path / "narrow"))
    with pytest.raises(ValueError, match=r"0 sample\(s\).*required by IISVOR_IMC"):
        model.predict(mapped[:0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(mapped[:9], _intervals())


# Sources


def test_memory_maps_as_sources(tmp_path):
    X = _make("csr")
    for name in ("data", "indices", "indptr"):
        np.save(
            tmp_path / f"{name}.npy", getattr(X, name).astype(float if name == "data" else int)
        )
    maps = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("indices", "indptr")]
    mapped = MappedMatrix.from_csr(*maps, tmp_path / "data.npy", n_features=40)
    np.testing.assert_array_equal(mapped.read().toarray(), X.toarray())
    ones = MappedMatrix.from_csr(*maps, n_features=40)
    np.testing.assert_array_equal(ones.read().toarray(), X.toarray() != 0)

    raw = np.memmap(tmp_path / "raw", np.float32, "w+", offset=12, shape=(5, 3))
    raw[:] = np.arange(15).reshape(5, 3)
    raw.flush()
    np.testing.assert_array_equal(MappedMatrix.from_npy(raw).read(), raw)
    with pytest.raises(ValueError, match="is a part of another, in Fortran order"):
        MappedMatrix.from_npy(raw[1:])

    codes = _make("codes")
    np.save(tmp_path / "codes.npy", np.ascontiguousarray(codes.codes))
    assert MappedMatrix.from_codes(tmp_path / "codes.npy", 50).read() == codes


def test_bytes_in_the_other_order(tmp_path):
    X = _make("float64")
    np.save(tmp_path / "X.npy", X.astype(X.dtype.newbyteorder("S")))
    np.testing.assert_array_equal(MappedMatrix.from_npy(tmp_path / "X.npy").read(), X)


def test_files_are_plain_arrays(pair):
    X, folder = pair
    if isinstance(X, OneHotCodes):
        np.testing.assert_array_equal(np.load(folder / "codes.npy", mmap_mode="r"), X.codes)
        np.testing.assert_array_equal(np.load(folder / "block_sizes.npy"), X.block_sizes)
    elif isinstance(X, np.ndarray):
        stored = np.load(folder / "dense.npy", mmap_mode="r")
        assert stored.dtype == X.dtype
        np.testing.assert_array_equal(stored, X)
    else:
        np.testing.assert_array_equal(np.load(folder / "indices.npy"), X.indices)
        assert (folder / "data.npy").exists() == (not (X.data == 1).all())


def test_fortran_order_is_written_in_rows(tmp_path):
    X = np.asfortranarray(_make("float64"))
    save_mapped(X, tmp_path / "X")
    np.testing.assert_array_equal(MappedMatrix.open(tmp_path / "X").read(), X)


def test_duplicates_are_summed(tmp_path):
    X = sparse.csr_array(([1.0, 2.0, 3.0], [2, 0, 2], [0, 3]), shape=(1, 4))
    save_mapped(X, tmp_path / "X")
    assert X.nnz == 3  # left as it was
    stored = MappedMatrix.open(tmp_path / "X").read()
    assert stored.nnz == 2
    np.testing.assert_array_equal(stored.toarray(), [[2, 0, 4, 0]])


@pytest.mark.parametrize("n_rows", [0, 1])
def test_few_rows(tmp_path, n_rows):
    save_mapped(np.zeros((n_rows, 3)), tmp_path / "dense")
    save_mapped(sparse.csr_array((n_rows, 3)), tmp_path / "csr")
    save_mapped(OneHotCodes(np.zeros((n_rows, 3), int), 2), tmp_path / "codes")
    for name in ("dense", "csr", "codes"):
        assert MappedMatrix.open(tmp_path / name).read().shape[0] == n_rows


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ([[1.0]], TypeError, "Expected a numeric array.* of at most 8 bytes, got list"),
        (np.array([["a"]]), TypeError, "ndarray of dtype <U1"),
        (np.ones((2, 2), np.clongdouble), TypeError, r"ndarray of dtype .* X\.astype\(float\)"),
        (sparse.csr_array([[1j]]), TypeError, "csr_array of dtype complex128"),
        (np.zeros(3), ValueError, r"Expected a matrix, got an array of shape \(3,\)"),
    ],
)
def test_saving_other_things(tmp_path, X, error, message):
    with pytest.raises(error, match=message):
        save_mapped(X, tmp_path / "X")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(np.dtype(np.longdouble).itemsize == 8, reason="no such numbers here")
def test_saving_numbers_of_more_than_8_bytes(tmp_path):
    X = np.ones((2, 2), np.longdouble)
    for each in (X, sparse.csr_array(X)):
        with pytest.raises(TypeError, match="real numbers of at most 8 bytes, got"):
            save_mapped(each, tmp_path / "X")


def test_saving_whole_or_not_at_all(tmp_path, monkeypatch):
    save_mapped(np.zeros((2, 2)), tmp_path / "X")
    with pytest.raises(FileExistsError, match="Choose another name, or remove it first"):
        save_mapped(np.zeros((2, 2)), tmp_path / "X")

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(GrowingArray, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        save_mapped(np.zeros((2, 2)), tmp_path / "Y")
    assert [path.name for path in tmp_path.iterdir()] == ["X"]


# Bad folders and files


def test_growing_goes_on_where_it_was_left(tmp_path):
    rows = np.arange(12, dtype=np.uint8).reshape(4, 3)
    with closing(GrowingArray(tmp_path / "once.npy", np.uint8, 3)) as array:
        array.append(rows)
        array.finish()
    with closing(GrowingArray(tmp_path / "twice.npy", np.uint8, 3)) as array:
        array.append(rows[:2])
        array.append(rows[3:])  # will not count
    assert np.load(tmp_path / "twice.npy").shape == (0, 3)
    with closing(GrowingArray(tmp_path / "twice.npy", np.uint8, 3, n_rows=2)) as array:
        array.append(rows[2:3])
        array.append(rows[:0])
        array.append(rows[3:])
        assert array.n_rows == 4
        array.finish()
    assert (tmp_path / "once.npy").read_bytes() == (tmp_path / "twice.npy").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "once.npy"), rows)
    with pytest.raises(ValueError, match="fewer than the 9 rows"):
        GrowingArray(tmp_path / "once.npy", np.uint8, 3, n_rows=9)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.asfortranarray(np.zeros((3, 2))), ValueError, "is in Fortran order"),
        (np.zeros((3, 2), dtype=complex), TypeError, "holds complex128; expected real numbers"),
        (np.zeros(3), ValueError, r"has the shape \(3,\); a dense matrix needs two dimensions"),
        (np.array([[None]]), TypeError, "holds Python objects"),
    ],
)
def test_bad_arrays(tmp_path, array, error, message):
    np.save(tmp_path / "X.npy", array)
    with pytest.raises(error, match=message):
        MappedMatrix.from_npy(tmp_path / "X.npy")


def test_files_that_are_no_arrays(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((3, 2)))
    whole = path.read_bytes()
    path.write_bytes(whole[:-8])
    with pytest.raises(ValueError, match=r"is cut short: .* needs 176 bytes, the file has 168"):
        MappedMatrix.from_npy(path)
    for content in (b"", b"file,label\n", whole[:50]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"X\.npy is not a readable \.npy file"):
            MappedMatrix.from_npy(path)
    with pytest.raises(FileNotFoundError):
        MappedMatrix.from_npy(tmp_path / "missing.npy")


def test_sources_that_are_no_files():
    with pytest.raises(TypeError, match=r"path of a \.npy file or a numpy\.memmap, got ndarray"):
        MappedMatrix.from_npy(np.zeros((2, 2)))


def test_a_file_that_shrinks_while_it_is_used(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((3, 2)))
    mapped = MappedMatrix.from_npy(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(OSError, match="has become shorter: 8 bytes are missing"):
        mapped.read()


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ("{", "is damaged"),
        ("3", "is damaged"),
        ('{"format": "vilma-matrix-1", "kind": "dense"}', r"is damaged \(KeyError: 'shape'\)"),
        ('{"format": "other", "kind": "dense", "shape": [2, 2]}', "says format 'other'"),
        ('{"format": "vilma-matrix-1", "kind": "new", "shape": [2, 2]}', "kind 'new'"),
        ('{"format": "vilma-matrix-1", "kind": "dense", "shape": [3, 2]}', r"\(3, 2\), but the"),
    ],
)
def test_bad_meta(tmp_path, meta, message):
    save_mapped(np.zeros((2, 2)), tmp_path / "X")
    (tmp_path / "X" / "checksums.json").unlink()  # as a folder that others write
    (tmp_path / "X" / "meta.json").write_text(meta)
    with pytest.raises(ValueError, match=message):
        MappedMatrix.open(tmp_path / "X")


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no meta\.json\. Expected one written by"):
        MappedMatrix.open(tmp_path)
    save_mapped(np.zeros((2, 2)), tmp_path / "X")
    (tmp_path / "X" / "dense.npy").unlink()
    with pytest.raises(FileNotFoundError, match=r"dense\.npy"):
        MappedMatrix.open(tmp_path / "X")


@pytest.mark.parametrize(
    ("memory", "error"), [(0, ValueError), (2.5, TypeError), (True, TypeError)]
)
def test_bad_budgets(tmp_path, memory, error):
    np.save(tmp_path / "X.npy", np.zeros((2, 2)))
    with pytest.raises(error, match="max_memory must be"):
        MappedMatrix.from_npy(tmp_path / "X.npy", max_memory=memory)


# Bad content


def _fit(mapped):
    IISVOR_IMC(classes=range(6)).fit(mapped, _intervals()[: len(mapped)])


@pytest.mark.parametrize("budget", [10**9, 1000])
def test_values_that_are_not_finite(tmp_path, budget):
    X = _make("float32")
    X[37, 2] = np.nan
    np.save(tmp_path / "X.npy", X)
    mapped = MappedMatrix.from_npy(tmp_path / "X.npy", max_memory=budget)
    with pytest.raises(ValueError, match=r"Row 37 of .*X\.npy contains NaN or infinity"):
        _fit(mapped)
    with pytest.raises(ValueError, match="Row 37 of"):  # the row of the file
        _fit(mapped[::-1])
    _fit(mapped[:37])


@pytest.mark.parametrize("budget", [10**9, 1000])
def test_codes_outside_their_block(tmp_path, budget):
    codes = np.ascontiguousarray(_make("codes").codes)
    codes[55, 3] = 50
    np.save(tmp_path / "codes.npy", codes)
    mapped = MappedMatrix.from_codes(tmp_path / "codes.npy", 50, max_memory=budget)
    with pytest.raises(ValueError, match=r"Row 55 of .* has the code 50 in block 3, .* 0 to 49"):
        _fit(mapped)
    _fit(MappedMatrix.from_codes(tmp_path / "codes.npy", 51, max_memory=budget))


def test_bad_codes(tmp_path):
    np.save(tmp_path / "codes.npy", np.zeros((4, 3), dtype=np.int64))
    with pytest.raises(TypeError, match="holds int64; expected uint8 or uint16 codes"):
        MappedMatrix.from_codes(tmp_path / "codes.npy", 5)
    np.save(tmp_path / "codes.npy", np.zeros((4, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match="one size for each of 3 blocks"):
        MappedMatrix.from_codes(tmp_path / "codes.npy", [5, 5])


@pytest.mark.parametrize("budget", [10**9, 1000])
@pytest.mark.parametrize(
    ("place", "column"), [(0, 40), (0, -1), (1, 3), (0, 2**40)], ids=["far", "neg", "same", "int"]
)
def test_columns_out_of_order_or_range(tmp_path, budget, place, column):
    X = _make("csr")
    indices = X.indices.astype(np.int64)
    start = X.indptr[60]
    indices[start : start + 2] = 3, 4
    indices[start + place] = column
    np.save(tmp_path / "indices.npy", indices)
    np.save(tmp_path / "indptr.npy", X.indptr)
    mapped = MappedMatrix.from_csr(
        tmp_path / "indices.npy", tmp_path / "indptr.npy", n_features=40, max_memory=budget
    )
    with pytest.raises(
        ValueError, match=r"Row 60 of .*indices\.npy has columns that do not ascend"
    ):
        _fit(mapped)


def test_sparse_values_that_are_not_finite(tmp_path):
    X = _make("csr")
    X.data[X.indptr[80] + 1] = np.inf
    save_mapped(X, tmp_path / "X")
    with pytest.raises(ValueError, match=r"Row 80 of .* contains NaN or infinity"):
        _fit(MappedMatrix.open(tmp_path / "X"))


@pytest.mark.parametrize(
    ("indptr", "message"),
    [
        ([0, 2, 1, 3], r"falls at row 1; expected offsets that ascend from 0 to the 3 entries"),
        ([0, 1, 2, 2], "does not; expected offsets"),
        ([], "is empty; expected one more entry than rows"),
    ],
)
def test_bad_offsets(tmp_path, indptr, message):
    np.save(tmp_path / "indices.npy", np.array([0, 1, 2]))
    np.save(tmp_path / "indptr.npy", np.array(indptr, dtype=int))
    with pytest.raises(ValueError, match=message):
        MappedMatrix.from_csr(
            tmp_path / "indices.npy", tmp_path / "indptr.npy", n_features=3
        ).read()


def test_arrays_that_do_not_fit_together(tmp_path):
    np.save(tmp_path / "indices.npy", np.array([0, 1, 2]))
    np.save(tmp_path / "indptr.npy", np.array([0, 3]))
    np.save(tmp_path / "data.npy", np.ones(2))
    paths = [tmp_path / f"{name}.npy" for name in ("indices", "indptr", "data")]
    with pytest.raises(ValueError, match=r"has 2 entries, but .*indices\.npy has 3"):
        MappedMatrix.from_csr(*paths, n_features=3)
    with pytest.raises(ValueError, match="one-dimensional arrays, integers but for its data"):
        MappedMatrix.from_csr(paths[2], paths[1], n_features=3)


def test_default_budget(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((2, 2)))
    assert MappedMatrix.from_npy(tmp_path / "X.npy").max_memory == mapped_matrix.DEFAULT_MEMORY


# Damage -----------------------------------------------------------------------------------------


def matrices_of_every_kind():
    rng = np.random.default_rng(0)
    values = sparse.csr_array(rng.normal(size=(900, 40)) * (rng.uniform(size=(900, 40)) < 0.3))
    return {
        "dense": rng.normal(size=(900, 30)).astype(np.float32),
        "one-hot": OneHotCodes(rng.integers(0, 200, (900, 40)).astype(np.uint8), [256] * 40),
        "csr": values,
        "csr of ones": sparse.csr_array((values > 0).astype(np.int8)),
    }


@pytest.mark.parametrize("kind", matrices_of_every_kind())
def test_flipped_bits_are_noticed(tmp_path, kind):
    """In any file of a folder, in any place of it."""
    folder = tmp_path / "X"
    save_mapped(matrices_of_every_kind()[kind], folder)
    expected = MappedMatrix.open(folder).read()
    files = sorted(folder.iterdir())
    rng = np.random.default_rng(1)
    for path in files:
        content = path.read_bytes()
        for bit in rng.choice(8 * len(content), 6, replace=False).tolist():
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="is damaged"):
                MappedMatrix.open(folder).read()
        path.write_bytes(content)
    assert_equal(MappedMatrix.open(folder).read(), expected)


def assert_equal(one, other):
    one, other = (each.toarray() if hasattr(each, "toarray") else each for each in (one, other))
    np.testing.assert_array_equal(one, other)


def test_a_block_is_verified_when_a_row_of_it_is_read(tmp_path):
    X = np.arange(20_000.0).reshape(-1, 2)  # forty blocks
    save_mapped(X, tmp_path / "X")
    path = tmp_path / "X" / "dense.npy"
    content = bytearray(path.read_bytes())
    content[128 + 16 * 5_000] ^= 1
    path.write_bytes(content)
    mapped = MappedMatrix.open(tmp_path / "X")
    np.testing.assert_array_equal(mapped[[0, 9_999, 200]].read(), X[[0, 9_999, 200]])
    block = (128 + 16 * 5_000) // 2**12 * 2**12
    for rows in (slice(None), [5_000], [5_003, 4_998]):
        with pytest.raises(ValueError, match=f"its block of 4 kB from byte {block} has changed"):
            mapped[rows].read()


def test_a_block_is_verified_once(tmp_path, monkeypatch):
    save_mapped(np.arange(20_000.0).reshape(-1, 2), tmp_path / "X")
    mapped = MappedMatrix.open(tmp_path / "X")
    mapped.read()
    monkeypatch.setattr(checksums, "sum_blocks", None)
    mapped.read()
    mapped[[7, 9_000]].read()
    with pytest.raises(TypeError):
        MappedMatrix.open(tmp_path / "X").read()


def test_exchanged_and_empty_blocks_are_noticed():
    content = np.random.default_rng(0).integers(0, 256, 2**13 + 100, dtype=np.uint8)
    sums = checksums.sum_blocks(content)
    assert sums.shape == (3,)
    block = 2**12
    for change in ("exchanged", "empty", "shifted"):
        damaged = content.copy()
        if change == "exchanged":
            damaged[:block], damaged[block : 2 * block] = content[block:-100], content[:block]
        elif change == "empty":
            damaged[: 2 * block] = 0
        else:
            damaged[: 2 * block] = np.roll(content[: 2 * block], 1)
        np.testing.assert_array_equal(
            checksums.sum_blocks(damaged) == sums, [False, False, True], err_msg=change
        )


def test_block_sums_are_those_of_the_definition():
    content = np.random.default_rng(0).integers(0, 256, 2**12 + 4, dtype=np.uint8)
    padded = content.tobytes() + bytes(2**12 - 4)
    expected = []
    for begin in (0, 2**12):
        words = [
            int.from_bytes(padded[place : place + 8], "little")
            for place in range(begin, begin + 2**12, 8)
        ]
        expected.append(sum(words) % 2**64)
    assert checksums.sum_blocks(content).tolist() == expected


def test_digests_do_not_depend_on_what_was_verified(tmp_path):
    save_mapped(np.zeros((5, 2)), tmp_path / "X")
    mapped = MappedMatrix.open(tmp_path / "X")
    before = pickle.dumps(mapped)
    mapped.read()
    assert pickle.dumps(mapped) == before
    np.testing.assert_array_equal(pickle.loads(before).read(), np.zeros((5, 2)))


def test_a_folder_without_checksums_is_read(tmp_path):
    save_mapped(np.ones((5, 2)), tmp_path / "X")
    for path in [*(tmp_path / "X").glob("*.sums.npy"), tmp_path / "X" / "checksums.json"]:
        path.unlink()
    np.testing.assert_array_equal(MappedMatrix.open(tmp_path / "X").read(), np.ones((5, 2)))
