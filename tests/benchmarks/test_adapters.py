from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse

from benchmarks.adapters import ADAPTERS
from benchmarks.adapters.label_forms import LATENT_RANGE, LatentScale, PointLabels
from vilma import MappedMatrix

N_CLASSES = 5


def make_problem(first: int):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5))
    X[:, 0] *= 3.0
    labels = first + np.searchsorted([-3.0, -1.0, 1.0, 3.0], X[:, 0] + 0.3 * rng.normal(size=200))
    half = rng.random(200) < 0.5
    lower = np.where(half, labels, np.maximum(labels - 1, first))
    upper = np.where(half, labels, np.minimum(labels + 1, first + N_CLASSES - 1))
    return X, np.column_stack([lower, upper]), labels, np.arange(first, first + N_CLASSES)


@pytest.mark.parametrize("container", ["dense", "csr"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_learn(name, container, tmp_path):
    make = ADAPTERS[name]
    reason = make.unsuitable(container, (200, 5))
    if reason is not None:
        pytest.skip(reason)
    X, intervals, labels, classes = make_problem(first=2)
    options = make.candidates({})[-1]
    if "alpha" in options and make.package == "vilma":
        options["alpha"] = 0.01
    if container == "csr":
        X = sparse.csr_array(X)
    if make.memory_budget(options) is not None:
        if container == "csr":
            pytest.skip("the rows on disk are dense here")
        np.save(tmp_path / "X.npy", X)
        X = MappedMatrix.from_npy(tmp_path / "X.npy", max_memory=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # competitors use what others have deprecated
        adapter = make(options, classes, threads=1)
        adapter.fit(X, intervals)
        predicted = adapter.predict(X)
        certificate = adapter.certificate(X)
    assert predicted.shape == labels.shape
    assert set(np.unique(predicted)) <= set(classes)
    if "loss" not in options and name != "logistic":
        assert np.abs(predicted - labels).mean() < 0.45
    if make.package == "vilma":
        assert certificate["gap"] <= options["tol"]
        assert certificate["pair_seconds"] > 0.0
        history = certificate["history"]
        assert len(history["seconds"]) == len(history["gap"]) == certificate["n_iter"]
    else:
        assert certificate == {}


def test_what_an_adapter_cannot_take_is_said(monkeypatch):
    assert ADAPTERS["statsmodels"].unsuitable("csr", (10, 10)) in (
        "takes dense data only",
        "install statsmodels",
    )
    assert ADAPTERS["ridge"].unsuitable("codes", (10, 10)) == "takes csr or dense data only"
    assert ADAPTERS["vilma-conic"].unsuitable("dense", (10**5, 10)) == (
        "meant for at most 100,000 values"
    )
    assert ADAPTERS["vilma-conic"].unsuitable("dense", None) is None
    monkeypatch.setattr(ADAPTERS["ridge"], "module", "no_such_module")
    assert ADAPTERS["ridge"].unsuitable("dense", (10, 10)) == "install scikit-learn"


def test_candidates_are_the_product_of_lists():
    vilma = ADAPTERS["vilma"]
    changed = vilma.candidates({"alpha": [1.0, 0.1], "tol": 0.01})
    assert [(each["alpha"], each["tol"], each["loss"]) for each in changed] == [
        (1.0, 0.01, "mae"),
        (0.1, 0.01, "mae"),
    ]
    assert ADAPTERS["statsmodels"].candidates({}) == [{}]
    with pytest.raises(ValueError, match="ridge has no option 'C'; it has: alpha"):
        ADAPTERS["ridge"].candidates({"C": 1.0})
    with pytest.raises(ValueError, match="The list of ridge's option 'alpha' is empty"):
        ADAPTERS["ridge"].candidates({"alpha": []})


def test_point_labels_leave_no_gaps():
    points = PointLabels(np.array([[3, 3], [5, 7], [9, 9], [3, 3]]))
    np.testing.assert_array_equal(points.codes, [0, 1, 2, 0])
    np.testing.assert_array_equal(points.decode(np.array([2, 0])), [9, 3])
    probabilities = np.array([[0.5, 0.1, 0.4], [0.4, 0.2, 0.4], [0.0, 0.3, 0.7]])
    np.testing.assert_array_equal(points.median(probabilities), [3, 6, 9])


def test_latent_scale_opens_at_its_ends_and_comes_back():
    scale = LatentScale(np.arange(1, 12))  # a unit is 1 latent
    lower, upper = scale.bounds(np.array([[1, 2], [5, 5], [9, 11]]))
    np.testing.assert_allclose(lower, [-np.inf, 3.5, 7.5])
    np.testing.assert_allclose(upper, [1.5, 4.5, np.inf])
    np.testing.assert_allclose(scale.labels(np.array([0.0, 4.0, LATENT_RANGE])), [1, 5, 11])
