"""Conversion to ONNX: fitted models for runtimes without Python.

Importing this module registers converters with ``skl2onnx``, so that its functions convert the
estimators of vilma and pipelines that end in one. :func:`to_onnx` is a shortcut that picks the
type of the input. It needs the extra ``onnx``.

The outputs of a converted estimator are

=================================  ===============================================================
one direction (`VILMA`, ...)       ``label``, ``projection`` (n, 1)
several (`PWVILMA`, ...)           ``label``, ``label_scores`` (n, n_classes) along the scale
`OrderedLogit`, `OrderedLogitCV`,  ``label``, ``probabilities`` (n, n_classes) in the order of
`CalibratedOrdinalClassifier`      ``classes_``
`ConformalOrdinalClassifier`       the same, and ``interval`` (n, 2) of labels
=================================  ===============================================================

Intervals have the coverage .9, or that of ``options={id(model): {"coverage": 0.8}}``.

Labels are as `predict` gives them: integers, numbers or strings. In single precision rows that
lie within rounding of a threshold may get the label beside it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from vilma import CalibratedOrdinalClassifier, ConformalOrdinalClassifier, estimators
from vilma._optional import require
from vilma.estimators.base import LinearOrdinalModel
from vilma.estimators.ordered_logit import CumulativeClassifier
from vilma.estimators.piecewise import PiecewiseLinearModel
from vilma.labels import encode, in_class_order
from vilma.likelihood import LINKS

__all__ = ["to_onnx"]

skl2onnx = require("skl2onnx", "onnx", "Conversion to ONNX")

from onnx import TensorProto  # noqa: E402  (the package above brings it)
from skl2onnx._parse import parse_sklearn  # noqa: E402
from skl2onnx.common.data_types import (  # noqa: E402
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)

_LEAST_OPSET = 13  # ReduceSum takes its axes as an input since


def to_onnx(model: Any, X: Any, **options: Any) -> Any:
    """Convert a fitted estimator or pipeline to ONNX.

    Parameters
    ----------
    model : object
        A fitted estimator of vilma, or a pipeline of one behind transformers that ``skl2onnx``
        converts, such as ``StandardScaler``, ``OneHotEncoder`` and ``ColumnTransformer``.
    X : array-like of shape (n_samples, n_features)
        A few rows as `predict` takes them. Their type is that of the model's input: float32 or
        float64 decides the precision of the computation.
    **options
        Further arguments of ``skl2onnx.to_onnx``, such as ``target_opset``.

    Returns
    -------
    onnx.ModelProto
        Its ``SerializeToString()`` is the content of a file.

    Raises
    ------
    ImportError
        If ``skl2onnx`` is not installed.
    skl2onnx.common.exceptions.MissingShapeCalculator
        If there is no converter for a step of the pipeline, as for transformers of
        ``vilma.features``.

    Examples
    --------
    >>> import numpy as np
    >>> from onnxruntime import InferenceSession
    >>> from vilma import VILMA
    >>> from vilma.onnx import to_onnx
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> model = VILMA().fit(X, [1, 1, 1, 2, 2, 2, 3, 3])
    >>> session = InferenceSession(to_onnx(model, X[:1]).SerializeToString())
    >>> label, projection = session.run(None, {"X": X})
    >>> label.tolist()
    [1, 1, 1, 2, 2, 2, 3, 3]
    """
    return skl2onnx.to_onnx(model, X, **options)


class _Graph:
    """The nodes of one operator, in the precision of its input.

    `inputs` are those that hold features, all by default.
    """

    def __init__(
        self, scope: Any, operator: Any, container: Any, inputs: list | None = None
    ) -> None:
        inputs = operator.inputs if inputs is None else inputs
        self._scope, self._container = scope, container
        if container.target_opset < _LEAST_OPSET:
            raise RuntimeError(
                f"vilma converts to opset {_LEAST_OPSET} or later, target_opset is "
                f"{container.target_opset}."
            )
        double = isinstance(_precision(inputs), DoubleTensorType)
        self._float = TensorProto.DOUBLE if double else TensorProto.FLOAT
        kind = DoubleTensorType if double else FloatTensorType
        names = [
            each.full_name
            if isinstance(each.type, kind)
            else self.node("Cast", each.full_name, to=self._float)
            for each in inputs
        ]
        # A data frame has an input for every column.
        self.input = names[0] if len(names) == 1 else self.node("Concat", *names, axis=1)

    def constant(self, values: Any, kind: int | None = None) -> str:
        """Add an array of the computation's precision, or of another kind."""
        array = np.asarray(values)
        name = self._scope.get_unique_variable_name("constant")
        flat = array.ravel().tolist()
        if kind == TensorProto.STRING:
            flat = [str(each).encode() for each in flat]
        self._container.add_initializer(name, kind or self._float, list(array.shape), flat)
        return name

    def node(self, op: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = output or self._scope.get_unique_variable_name(op)
        self._container.add_node(
            op,
            list(inputs),
            name,
            op_version=self._container.target_opset,
            name=self._scope.get_unique_operator_name(op),
            **attributes,
        )
        return name

    def linear(self, scores: str, matrix: np.ndarray) -> str:
        return self.node("MatMul", scores, self.constant(matrix))

    def count_below(self, scores: str, thresholds: np.ndarray) -> str:
        """Return how many thresholds are less than a score, of shape (n,)."""
        greater = self.node("Greater", scores, self.constant(thresholds[None, :]))
        axis = self.constant([1], TensorProto.INT64)
        ones = self.node("Cast", greater, to=TensorProto.INT64)
        return self.node("ReduceSum", ones, axis, keepdims=0)

    def place_of_largest(self, scores: str) -> str:
        return self.node("ArgMax", scores, axis=1, keepdims=0)

    def label(self, places: str, scale: np.ndarray, output: str) -> None:
        """Look labels up by their places on the scale."""
        kind = {
            Int64TensorType: TensorProto.INT64,
            StringTensorType: TensorProto.STRING,
            BooleanTensorType: TensorProto.BOOL,
        }.get(_label_type(scale), self._float)
        self.node("Gather", self.constant(scale, kind), places, axis=0, output=output)

    def in_class_order(self, values: str, scale: np.ndarray, output: str) -> None:
        order = in_class_order(scale)
        self.node("Gather", values, self.constant(order, TensorProto.INT64), axis=1, output=output)


def _label_type(scale: np.ndarray) -> type:
    if scale.dtype.kind in "iu":
        return Int64TensorType
    if scale.dtype.kind == "b":
        return BooleanTensorType
    if scale.dtype.kind in "OU":
        return StringTensorType
    return FloatTensorType


def _precision(inputs: list) -> Any:
    """Return the type of the inputs that decides the precision: double if there is one."""
    return next((each.type for each in inputs if isinstance(each.type, DoubleTensorType)), None)


def _float_like(inputs: list, shape: list) -> Any:
    double = isinstance(_precision(inputs), DoubleTensorType)
    return DoubleTensorType(shape) if double else FloatTensorType(shape)


def _declare(
    scope: Any, alias: str, model: Any, inputs: list, second: str, n_columns: int
) -> list:
    """Declare an operator with a label and something else as outputs."""
    operator = scope.declare_local_operator(alias, model)
    operator.inputs.extend(inputs)
    kind = _label_type(np.asarray(model.scale_))
    label = _float_like(inputs, [None]) if kind is FloatTensorType else kind([None])
    operator.outputs.append(scope.declare_local_variable("label", label))
    shape = [None, n_columns]
    operator.outputs.append(scope.declare_local_variable(second, _float_like(inputs, shape)))
    return operator.outputs


def _shapes(operator: Any) -> None:
    """Leave the types as declared; the number of rows is that of the input."""
    n_rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [n_rows]
    for output in operator.outputs[1:]:
        output.type.shape = [n_rows, output.type.shape[1]]


# One direction ----------------------------------------------------------------------------------


def _parse_linear(scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
    return _declare(scope, "VilmaLinear", model, inputs, "projection", 1)


def _convert_linear(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, _Graph(scope, operator, container)
    label, projection = (each.full_name for each in operator.outputs)
    graph.node("MatMul", graph.input, graph.constant(model.coef_[:, None]), output=projection)
    graph.label(graph.count_below(projection, model.thresholds_), model.scale_, label)


# Several directions -----------------------------------------------------------------------------


def _parse_piecewise(scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
    n_classes = len(model.scale_)
    return _declare(scope, "VilmaPiecewise", model, inputs, "label_scores", n_classes)


def _label_scores(graph: _Graph, model: Any, output: str | None = None) -> str:
    steps = graph.linear(graph.linear(graph.input, model.coef_.T), model.step_weights_.T)
    steps = graph.node("Sub", steps, graph.constant(model.thresholds_[None, :]))
    n_classes = len(model.scale_)
    sums = np.triu(np.ones((n_classes - 1, n_classes)), 1)  # of the steps up to a label
    return graph.node("MatMul", steps, graph.constant(sums), output=output)


def _convert_piecewise(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, _Graph(scope, operator, container)
    label, scores = (each.full_name for each in operator.outputs)
    _label_scores(graph, model, output=scores)
    if len(model.coef_) == 1:
        projection = graph.linear(graph.input, model.coef_.T)
        places = graph.count_below(projection, model.thresholds_)
    else:
        places = graph.place_of_largest(scores)
    graph.label(places, model.scale_, label)


# Probabilities ----------------------------------------------------------------------------------


def _cumulative(
    graph: _Graph, scores: str, link: str, thresholds: np.ndarray, prediction: str
) -> tuple[str, str]:
    """Return the places and the probabilities of a cumulative model of scores (n, 1)."""
    inner = graph.node("Sub", graph.constant(thresholds[None, :]), scores)
    below = _DISTRIBUTIONS[link](graph, inner)
    n_classes = len(thresholds) + 1
    # Every label's probability is a difference of neighbours, with 0 and 1 at the ends.
    differences = np.eye(n_classes - 1, n_classes) - np.eye(n_classes - 1, n_classes, 1)
    last = np.zeros((1, n_classes))
    last[0, -1] = 1.0
    probabilities = graph.node("Add", graph.linear(below, differences), graph.constant(last))
    probabilities = graph.node("Max", probabilities, graph.constant(np.zeros((1, 1))))
    if prediction == "median":
        middle = float(LINKS[link].quantile(np.array(0.5)))
        shifted = graph.node("Add", scores, graph.constant([[middle]]))
        return graph.count_below(shifted, thresholds), probabilities
    if prediction == "mode":
        return graph.place_of_largest(probabilities), probabilities
    mean = graph.linear(probabilities, np.arange(float(n_classes))[:, None])
    rounded = graph.node("Floor", graph.node("Add", mean, graph.constant([[0.5]])))
    places = graph.node("Cast", rounded, to=TensorProto.INT64)
    axis = graph.constant([1], TensorProto.INT64)
    return graph.node("ReduceSum", places, axis, keepdims=0), probabilities


def _logistic(graph: _Graph, z: str) -> str:
    return graph.node("Sigmoid", z)


def _normal(graph: _Graph, z: str) -> str:
    # By erf, which runtimes have in single precision only; it saturates beyond 6 deviations.
    scaled = graph.node("Mul", z, graph.constant([[np.sqrt(0.5)]]))
    single = graph.node("Cast", scaled, to=TensorProto.FLOAT)
    error = graph.node("Cast", graph.node("Erf", single), to=graph._float)
    half = graph.constant([[0.5]])
    return graph.node("Add", graph.node("Mul", error, half), half)


def _gumbel(graph: _Graph, z: str) -> str:
    survival = graph.node("Exp", graph.node("Neg", graph.node("Exp", z)))
    return graph.node("Sub", graph.constant([[1.0]]), survival)


_DISTRIBUTIONS: dict[str, Callable[[_Graph, str], str]] = {
    "logit": _logistic,
    "probit": _normal,
    "cloglog": _gumbel,
}


def _parse_ordered_logit(scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
    n_classes = len(model.scale_)
    return _declare(scope, "VilmaOrderedLogit", model, inputs, "probabilities", n_classes)


def _convert_ordered_logit(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, _Graph(scope, operator, container)
    label, probabilities = (each.full_name for each in operator.outputs)
    cumulative = model._model()
    scores = graph.linear(graph.input, model.coef_[:, None])
    places, by_place = _cumulative(
        graph, scores, cumulative.link, cumulative.thresholds, model.prediction
    )
    graph.label(places, model.scale_, label)
    graph.in_class_order(by_place, model.scale_, probabilities)


def _inner_steps(estimator: Any) -> list[Any]:
    """Return the transformers of a wrapped estimator, and its last step."""
    if isinstance(estimator, FrozenEstimator):
        return _inner_steps(estimator.estimator)
    if isinstance(estimator, Pipeline):
        *steps, last = (step for _, step in estimator.steps if step not in (None, "passthrough"))
        return [*steps, *_inner_steps(last)]
    if hasattr(estimator, "best_estimator_"):
        return _inner_steps(estimator.best_estimator_)
    return [estimator]


def _parse_steps(scope: Any, steps: list[Any], inputs: list, custom_parsers: Any) -> list:
    for each in steps:
        inputs = parse_sklearn(scope, each, inputs, custom_parsers=custom_parsers)
        for variable in inputs:
            variable.init_status(is_leaf=False)  # no output of the whole
    return inputs


def _parse_calibrated(scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
    *transformers, _ = _inner_steps(model.estimator_)
    inputs = _parse_steps(scope, transformers, inputs, custom_parsers)
    n_classes = len(model.scale_)
    return _declare(scope, "VilmaCalibrated", model, inputs, "probabilities", n_classes)


def _convert_calibrated(scope: Any, operator: Any, container: Any) -> None:
    model, graph = operator.raw_operator, _Graph(scope, operator, container)
    label, probabilities = (each.full_name for each in operator.outputs)
    inner = _inner_steps(model.estimator_)[-1]
    if hasattr(inner, "label_scores"):
        scores = _label_scores(graph, inner)
    elif inner.coef_.ndim == 1:
        scores = graph.linear(graph.input, inner.coef_[:, None])
    else:
        raise RuntimeError(f"{type(inner).__name__} has no projection that can be converted.")
    scaled = graph.node("Mul", scores, graph.constant([[model.slope_]]))
    if hasattr(model, "offsets_"):
        logits = graph.node("Add", scaled, graph.constant(model.offsets_[None, :]))
        by_place = graph.node("Softmax", logits, axis=1)
        n_classes = len(model.scale_)
        below = graph.linear(by_place, np.triu(np.ones((n_classes, n_classes - 1))))
        # The last label is the median where all others together have less than one half.
        less = graph.node("Less", below, graph.constant([[0.5]]))
        counted = graph.node("Cast", less, to=TensorProto.INT64)
        axis = graph.constant([1], TensorProto.INT64)
        places = graph.node("ReduceSum", counted, axis, keepdims=0)
    else:
        places, by_place = _cumulative(graph, scaled, model.link, model.cuts_, "median")
    graph.label(places, model.scale_, label)
    graph.in_class_order(by_place, model.scale_, probabilities)


# Intervals --------------------------------------------------------------------------------------


def _parse_conformal(scope: Any, model: Any, inputs: list, custom_parsers: Any = None) -> list:
    *transformers, inner = _inner_steps(model.estimator_)
    if not isinstance(inner, (CumulativeClassifier, CalibratedOrdinalClassifier)):
        raise RuntimeError(
            f"The probabilities of {type(inner).__name__} inside of ConformalOrdinalClassifier "
            "cannot be converted; those of OrderedLogit and CalibratedOrdinalClassifier can."
        )
    inputs = _parse_steps(scope, [*transformers, inner], inputs, custom_parsers)
    label, probabilities = inputs
    n_classes = len(model.scale_)
    outputs = _declare(
        scope, "VilmaConformal", model, [probabilities, label], "probabilities", n_classes
    )
    kind = type(outputs[0].type)
    outputs.append(scope.declare_local_variable("interval", kind([None, 2])))
    return outputs


def _convert_conformal(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    graph = _Graph(scope, operator, container, [operator.inputs[0]])
    label, probabilities, interval = (each.full_name for each in operator.outputs)
    graph.node("Identity", operator.inputs[1].full_name, output=label)
    known = np.asarray(model.estimator_.classes_)
    n_classes = len(model.scale_)
    placed = np.eye(n_classes)[encode(known, model.scale_, name="classes_ of the estimator")]
    by_place = graph.linear(graph.input, placed)
    graph.in_class_order(by_place, model.scale_, probabilities)

    coverage = container.get_options(model, {"coverage": 0.9})["coverage"]
    least = graph.constant([[model._least_tail(coverage) * (1.0 - 1e-9)]])
    axis = graph.constant([1], TensorProto.INT64)

    def count(op: str, values: str, bound: str) -> str:
        ones = graph.node("Cast", graph.node(op, values, bound), to=TensorProto.INT64)
        return graph.node("ReduceSum", ones, axis, keepdims=1)

    sums = np.triu(np.ones((n_classes, n_classes)))
    below, above = graph.linear(by_place, sums), graph.linear(by_place, sums.T)
    median = count("Less", below, graph.constant([[0.5]]))
    first = graph.node("Min", count("Less", below, least), median)
    one = graph.constant([[1]], TensorProto.INT64)
    last = graph.node("Sub", count("GreaterOrEqual", above, least), one)
    ends = graph.node("Concat", first, graph.node("Max", last, median), axis=1)
    graph.label(ends, model.scale_, interval)


# The first family that a class belongs to is its own.
_FAMILIES: list[tuple[type, str, Callable, Callable]] = [
    (CumulativeClassifier, "VilmaOrderedLogit", _convert_ordered_logit, _parse_ordered_logit),
    (PiecewiseLinearModel, "VilmaPiecewise", _convert_piecewise, _parse_piecewise),
    (LinearOrdinalModel, "VilmaLinear", _convert_linear, _parse_linear),
    (CalibratedOrdinalClassifier, "VilmaCalibrated", _convert_calibrated, _parse_calibrated),
    (ConformalOrdinalClassifier, "VilmaConformal", _convert_conformal, _parse_conformal),
]
_OPTIONS: dict[type, dict[str, None]] = {ConformalOrdinalClassifier: {"coverage": None}}


def _register() -> None:
    public = [getattr(estimators, name) for name in estimators.__all__]
    wrappers = [CalibratedOrdinalClassifier, ConformalOrdinalClassifier]
    for cls in [*filter(inspect.isclass, public), *wrappers]:
        for family, alias, convert, parse in _FAMILIES:
            if issubclass(cls, family):
                skl2onnx.update_registered_converter(
                    cls, alias, _shapes, convert, parser=parse, options=_OPTIONS.get(cls)
                )
                break


_register()
