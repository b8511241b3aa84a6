"""Numbers that overflow or vanish, and damaged matrices."""

import json
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from scipy import sparse

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    VILMA,
    CalibratedOrdinalClassifier,
    MappedMatrix,
    OneHotCodes,
    hstack,
    save_mapped,
)
from vilma.mapped.checksums import write_checksums
from vilma.metrics import (
    error_by_label,
    interval_coverage,
    interval_insensitive_loss,
    ranked_probability_score,
)


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, np.digitize(X[:, 0], [-0.5, 0.5])


HUGE = np.full(60, 1.7e308)


@pytest.mark.parametrize(
    "measure",
    [
        lambda model, X, y: model.score(X, y, HUGE),
        lambda model, X, y: interval_insensitive_loss(y, y, sample_weight=HUGE),
        lambda model, X, y: interval_coverage(y, y, sample_weight=HUGE),
        lambda model, X, y: error_by_label(y, y, sample_weight=HUGE),
        lambda model, X, y: ranked_probability_score(y, np.eye(3)[y], sample_weight=HUGE),
        lambda model, X, y: CalibratedOrdinalClassifier().fit(X, y, HUGE),
    ],
)
def test_weights_whose_sum_overflows_are_refused_in_scores(measure):
    X, y = data()
    model = IISVOR_IMC().fit(X, y)
    message = "The sum of sample_weight overflows float64 (the largest is 1.7e+308)"
    with pytest.raises(ValueError, match=re.escape(message)):
        measure(model, X, y)


@pytest.mark.parametrize("make", [IISVOR_EXP, IISVOR_IMC, VILMA])
@pytest.mark.parametrize("weight", [1e-320, 1e300, 1.7e308])
def test_fits_depend_on_ratios_of_weights(make, weight):
    X, y = data()
    model = make().fit(X, y, np.full(60, weight))
    assert model.objective_ == pytest.approx(make().fit(X, y).objective_, rel=2e-3)


@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e-200])
def test_losses_that_vanish_are_refused(scale):
    X, y = data()
    model = VILMA(loss=lambda d: scale * d)
    with pytest.raises(ValueError, match=r"The largest cost of the loss is .*vanishes in float64"):
        model.fit(X, y)
    assert vars(model).keys() == VILMA().get_params().keys()
    VILMA(loss=lambda d: 1e-6 * d, alpha=1e-8).fit(X, y)


def damaged(kind):
    X = sparse.csr_array(np.eye(4))
    X.has_canonical_format = True  # what was checked once is not checked again
    if kind == "negative":
        X.indices[1] = -1
    elif kind == "beyond":
        X.indices[1] = 10**6
    elif kind == "falling":
        X.indptr[2] = 0
    else:
        X = sparse.coo_array(np.eye(4))
        X.coords[1][1] = -1
    return X


DAMAGES = ["negative", "beyond", "falling", "coordinates"]


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_sparse_matrices_are_refused(kind, tmp_path):
    message = r"(X|block 0) is a damaged c[so][ro]_array of shape \(4, 4\)"
    fitted = IISVOR_IMC().fit(sparse.csr_array(np.eye(4)), [0, 1, 1, 0])
    for call in (
        lambda X: IISVOR_IMC().fit(X, [0, 1, 1, 0]),
        fitted.predict,
        fitted.decision_function,
        lambda X: save_mapped(X, tmp_path / "folder"),
        lambda X: OneHotCodes.from_csr(X, 4),
        lambda X: hstack([X, np.eye(4)]),
    ):
        with pytest.raises(ValueError, match=message):
            call(damaged(kind))
    assert not (tmp_path / "folder").exists()


def test_entries_behind_the_last_row_are_left_out_and_left_alone(tmp_path):
    X = sparse.csr_array(np.eye(4))
    X.indices = np.append(X.indices, [9, 9]).astype(np.int32)  # behind the last row
    X.data = np.append(X.data, [1.0, 1.0])
    model = IISVOR_IMC().fit(X, [0, 1, 1, 0])
    expected = IISVOR_IMC().fit(sparse.csr_array(np.eye(4)), [0, 1, 1, 0])
    np.testing.assert_array_equal(model.coef_, expected.coef_)
    save_mapped(X, tmp_path / "folder")
    np.testing.assert_array_equal(
        MappedMatrix.open(tmp_path / "folder").read().toarray(), np.eye(4)
    )
    assert len(X.indices) == len(X.data) == 6


@pytest.mark.parametrize("shape", ["(2305843009213693952, 8)", "(2305843009213693953, 8)"])
def test_headers_that_declare_too_many_rows_are_refused(tmp_path, shape):
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((4, 8)))
    content = path.read_bytes()
    start, end = content.index(b"{"), content.index(b"\n")
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}"
    path.write_bytes(content[:start] + header.ljust(end - start).encode() + content[end:])
    with pytest.raises(ValueError, match="is cut short: an array of shape"):
        MappedMatrix.from_npy(path)
    folder = tmp_path / "folder"
    save_mapped(np.zeros((4, 8)), folder)
    (folder / "dense.npy").write_bytes(path.read_bytes())
    meta = json.loads((folder / "meta.json").read_text())
    meta["shape"] = list(map(int, shape.strip("()").split(",")))
    (folder / "meta.json").write_text(json.dumps(meta))
    write_checksums(folder)  # else the change itself is noticed
    with pytest.raises(ValueError, match="is cut short"):
        MappedMatrix.open(folder)


def test_a_damaged_matrix_does_not_end_the_process():
    code = """
        import numpy as np
        from scipy import sparse
        from vilma import IISVOR_IMC
        X = sparse.random_array((500, 50), density=0.1, format="csr", rng=0)
        X.has_canonical_format = True
        X.indices[::7] = 2**30
        try:
            IISVOR_IMC().fit(X, np.arange(500) % 3)
        except ValueError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("X is a damaged csr_array of shape (500, 50)")
