"""Converted models say what the estimators say."""

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
)
from vilma.probability.wrapped import project

pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

from vilma.onnx import to_onnx  # noqa: E402

N = 2000
TOLERANCE = {np.float32: 2e-4, np.float64: 1e-9}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 5))
    y = np.clip(np.round(X @ [1.0, 0.5, 0.0, 0.0, 0.0] + 2 + 0.5 * rng.normal(size=N)), 0, 4)
    return X, y.astype(int)


def run(model, X, dtype, **options):
    X = X.astype(dtype)
    session = onnxruntime.InferenceSession(
        to_onnx(model, X[:1], **options).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"X": X})


def near_a_change(model, X, tolerance):
    """Rows that rounding may carry over to the label beside them."""
    moved = [model.predict(X + sign * tolerance) for sign in (-1, 1)]
    if hasattr(model, "predict_proba"):
        below = np.cumsum(model.predict_proba(X), axis=1)
        near = (np.abs(below - 0.5) < tolerance).any(axis=1)
    elif hasattr(model, "project") and model.project(X).ndim == 1:
        distances = np.abs(model.project(X)[:, None] - model.thresholds_)
        near = (distances < tolerance).any(axis=1)
    else:
        near = np.zeros(len(X), dtype=bool)
    return near | (moved[0] != moved[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "model",
    [
        VILMA(),
        VILMA(loss="squared", alpha=1.0),
        VILMACV(cv=3),
        IISVOR_EXP(),
        IISVOR_EXPCV(cv=3),
        IISVOR_IMC(),
        IISVOR_IMCCV(cv=3),
        PWVILMA(correlation=0.5),
        PWVILMA(correlation=1.0),
        PWVILMACV(cv=3),
        OrderedLogit(),
        OrderedLogit(link="probit"),
        OrderedLogit(link="cloglog"),
        OrderedLogit(prediction="mode"),
        OrderedLogit(prediction="mean"),
        OrderedLogitCV(cv=3),
        CalibratedOrdinalClassifier(),
        CalibratedOrdinalClassifier(PWVILMA(correlation=0.5)),
        CalibratedOrdinalClassifier(VILMA(), link="probit"),
        CalibratedOrdinalClassifier(make_pipeline(StandardScaler(), VILMA())),
        make_pipeline(StandardScaler(), IISVOR_IMC()),
        make_pipeline(MinMaxScaler(), OrderedLogit()),
    ],
    ids=str,
)
def test_predictions(data, model, dtype):
    X, y = data
    model.fit(X[:300], y[:300])
    X = X.astype(dtype).astype(np.float64)  # both see the same numbers
    label, second = run(model, X, dtype)
    tolerance = TOLERANCE[dtype]
    clear = ~near_a_change(model, X, tolerance)
    assert clear.mean() > 0.98
    np.testing.assert_array_equal(label[clear], model.predict(X)[clear])
    if hasattr(model, "predict_proba"):
        # Normal noise is in single precision always.
        probit = "probit" in str(model)
        np.testing.assert_allclose(
            second, model.predict_proba(X), atol=1e-6 if probit else tolerance
        )
    elif hasattr(model, "label_scores"):
        scale = np.abs(model.label_scores(X)).max()
        np.testing.assert_allclose(second, model.label_scores(X), atol=tolerance * scale)
    else:
        np.testing.assert_allclose(second[:, 0], project(model, X), atol=tolerance * 10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "labels",
    [
        np.array([-3, 1, 2, 7, 100]),
        np.array([0.5, 1.25, 2.0, 3.5, 9.0]),
        np.array(["awful", "bad", "fair", "good", "great"]),
        np.array(["never", "rarely", "at times", "often", "always"], dtype=object),
    ],
    ids=lambda labels: labels.dtype.name,
)
@pytest.mark.parametrize("make", [IISVOR_IMC, OrderedLogit], ids=lambda make: make.__name__)
def test_labels_of_every_kind(data, labels, make, dtype):
    X, y = data
    model = make(classes=labels).fit(X[:300], labels[y[:300]])
    X = X.astype(dtype).astype(np.float64)
    label, second = run(model, X, dtype)
    clear = ~near_a_change(model, X, TOLERANCE[dtype])
    assert label[clear].tolist() == model.predict(X)[clear].tolist()
    if make is OrderedLogit:  # columns are those of the sorted labels
        np.testing.assert_allclose(second, model.predict_proba(X), atol=TOLERANCE[dtype])


def test_two_labels(data):
    X, y = data
    model = VILMA().fit(X[:300], y[:300] > 2)
    label, _ = run(model, X, np.float64)
    np.testing.assert_array_equal(label, model.predict(X))


def test_a_table(data):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X[:, :2].astype(np.float32), columns=["a", "b"])
    frame["kind"] = np.random.default_rng(0).choice(["u", "v"], N)
    model = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["kind"])),
        IISVOR_IMC(),
    ).fit(frame, y)
    session = onnxruntime.InferenceSession(to_onnx(model, frame[:1]).SerializeToString())
    inputs = {name: frame[[name]].to_numpy() for name in frame.columns}
    label, projection = session.run(None, inputs)
    reference = model[-1].project(model[:-1].transform(frame))
    np.testing.assert_allclose(projection[:, 0], reference, atol=1e-4)
    near = (np.abs(reference[:, None] - model[-1].thresholds_) < 1e-4).any(axis=1)
    np.testing.assert_array_equal(label[~near], model.predict(frame)[~near])


@pytest.mark.parametrize(
    "model",
    [VILMA(), PWVILMA(correlation=0.5), OrderedLogit(), CalibratedOrdinalClassifier()],
    ids=str,
)
def test_an_input_for_every_column_of_a_frame(data, model):
    pandas = pytest.importorskip("pandas")
    X, y = data
    frame = pandas.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])
    frame["x1"] = np.rint(X[:, 1]).astype(np.int64)
    frame["x2"] = X[:, 2].astype(np.float32)
    model.fit(frame[:300], y[:300])
    session = onnxruntime.InferenceSession(to_onnx(model, frame[:1]).SerializeToString())
    label, second = session.run(None, {name: frame[[name]].to_numpy() for name in frame})
    assert (label == model.predict(frame)).mean() > 0.98  # others are near a threshold
    assert second.dtype == np.float64


def test_a_frozen_estimator(data):
    X, y = data
    frozen = FrozenEstimator(VILMA().fit(X[:300], y[:300]))
    model = CalibratedOrdinalClassifier(frozen).fit(X[300:600], y[300:600])
    _, probabilities = run(model, X, np.float64)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("coverage", [None, 0.6])
@pytest.mark.parametrize(
    "estimator",
    [
        OrderedLogit(),
        None,
        CalibratedOrdinalClassifier(make_pipeline(StandardScaler(), PWVILMA(correlation=0.5))),
        make_pipeline(StandardScaler(), OrderedLogit()),
    ],
    ids=str,
)
def test_intervals(data, estimator, coverage, dtype):
    X, y = data
    labels = np.array(["awful", "bad", "fair", "good", "great"])
    model = ConformalOrdinalClassifier(estimator, classes=labels).fit(X[:600], labels[y[:600]])
    X = X.astype(dtype).astype(np.float64)
    options = {} if coverage is None else {"options": {id(model): {"coverage": coverage}}}
    label, probabilities, interval = run(model, X, dtype, **options)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=TOLERANCE[dtype])
    expected = model.predict_interval(X, coverage=coverage or 0.9)
    assert interval.shape == expected.shape == (N, 2)
    # Rows whose tail is within rounding of the bound may have one label more or less.
    least = {np.float64: 1.0, np.float32: 0.99}[dtype]
    assert (interval == expected).all(axis=1).mean() >= least
    assert (label == model.predict(X)).mean() >= least
    assert len({tuple(row) for row in interval}) > 4


def test_intervals_of_other_probabilities_are_refused(data):
    X, y = data
    model = ConformalOrdinalClassifier(LogisticRegression()).fit(X[:300], y[:300])
    with pytest.raises(RuntimeError, match="probabilities of LogisticRegression inside"):
        to_onnx(model, X[:1])


def test_an_old_opset_is_refused(data):
    X, y = data
    with pytest.raises(RuntimeError, match="opset 13 or later, target_opset is 12"):
        to_onnx(VILMA().fit(X[:100], y[:100]), X[:1], target_opset=12)
