"""Predictions for every row by a model that was not trained on it."""

from __future__ import annotations

from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_consistent_length
from sklearn.utils.parallel import Parallel, delayed

from vilma.estimators._problem import read_splits
from vilma.intervals import IntervalStratifiedKFold
from vilma.labels import encode, in_class_order
from vilma.labels.scale import abbreviate
from vilma.probability.annotated import AnnotatedRows, read_rows
from vilma.probability.wrapped import project, weight_arguments, with_scale

__all__ = ["cross_val_predict"]

Method = Literal["predict", "predict_proba", "predict_log_proba", "decision_function", "project"]

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "project")
# What a model says of a label that its training rows do not have.
_ABSENT = {"predict_proba": 0.0, "predict_log_proba": -np.inf}


def cross_val_predict(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    cv: Any = None,
    method: Method = "predict",
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    classes: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> NDArray[Any]:
    """Predict every row by a model of the other folds, for labels of every form.

    :func:`sklearn.model_selection.cross_val_predict` with another method than "predict" encodes
    each column of `y` by itself, in the order of the alphabet: intervals and ordered strings lose
    their meaning. Here labels keep it, and every fold knows the whole scale.

    Parameters
    ----------
    estimator : object
        What to fit; it is not changed. An estimator of vilma or another package, or a pipeline
        or search around one.
    X : array-like of shape (n_samples, n_features)
        Data, in any form that the estimator takes.
    y : array-like of shape (n_samples,) or (n_samples, 2)
        Exact or interval labels, as for :func:`vilma.labels.read_labels`.
    cv : int, cross-validation splitter or iterable, default=None
        A number of folds, stratified by the intervals' midpoints and not shuffled; None means 5.
        Or a splitter or splits, in which every row is tested exactly once.
    method : {"predict", "predict_proba", "predict_log_proba", "decision_function", "project"}, \
            default="predict"
        What to call; "project" takes what lies inside of pipelines and searches.
    groups : array-like of shape (n_samples,), default=None
        Which rows belong together, for a splitter that keeps groups together.
    sample_weight : array-like of shape (n_samples,), default=None
        Nonnegative weights for `fit`.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default that of the estimator, or the labels in `y`.
    n_jobs : int, default=None
        Folds fitted at a time. None means 1 unless in a :obj:`joblib.parallel_config` context,
        -1 all cores.

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_classes)
        Predictions in the order of the rows. Columns are in sorted order of the labels, as
        `classes_` of an estimator fitted to all rows.

    Raises
    ------
    ValueError
        If labels, weights or groups are malformed, the splits are no partition of the rows,
        `method` is unknown, groups are given with a number as `cv`, or a model of another
        package scores fewer labels than there are.
    TypeError
        If weights are given and `fit` takes none, or there is no method `project`.

    See Also
    --------
    vilma.intervals.IntervalStratifiedKFold : Folds for interval labels.

    Examples
    --------
    >>> from vilma import CalibratedOrdinalClassifier
    >>> from vilma.datasets import make_interval_problem
    >>> from vilma.metrics import ranked_probability_score
    >>> from vilma.model_selection import cross_val_predict
    >>> problem = make_interval_problem(300, n_classes=4, random_state=0)
    >>> X, y, classes = problem.data, problem.target, problem.classes
    >>> model = CalibratedOrdinalClassifier(classes=classes)
    >>> proba = cross_val_predict(model, X, y, method="predict_proba")
    >>> proba.shape
    (300, 4)
    >>> round(ranked_probability_score(y, proba, classes=classes), 1)
    0.1
    """
    if method not in _METHODS:
        raise ValueError(f"method should be one of {list(_METHODS)}, got {method!r}.")
    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise TypeError(
            f"estimator should be an estimator with a method `fit`, got {estimator!r}."
        )
    rows = read_rows(estimator, X, y, sample_weight, classes)
    splits = _partition(rows, cv, groups)
    parts = Parallel(n_jobs=n_jobs)(
        delayed(_predict_fold)(estimator, rows.take(train), rows.take(test), method)
        for train, test in splits
    )
    order = np.argsort(np.concatenate([test for _, test in splits]), kind="stable")
    return np.concatenate(parts)[order]


def _partition(
    rows: AnnotatedRows, cv: Any, groups: ArrayLike | None
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return the splits as numbers of rows; every row is in one test set."""
    numbered = cv is None or (isinstance(cv, Integral) and not isinstance(cv, bool))
    if groups is not None:
        check_consistent_length(rows.y, groups)
        if numbered:
            raise ValueError(
                f"groups are given, but cv={cv!r} deals single rows to the folds. Pass a splitter "
                "that keeps groups together, such as cv=IntervalStratifiedGroupKFold()."
            )
    if numbered:
        cv = IntervalStratifiedKFold(5 if cv is None else int(cv), classes=rows.labels.classes)
    every = np.arange(len(rows))
    given = {} if groups is None else {"groups": groups}
    found = read_splits(cv, every[:, None], rows.y, **given)
    splits = [(every[train], every[test]) for train, test in found]
    times = np.bincount(np.concatenate([test for _, test in splits]), minlength=len(rows))
    if (times != 1).any():
        row = int(np.argmax(times != 1))
        raise ValueError(
            f"cv should test every row exactly once, but it tests row {row} {times[row]} times. "
            "Use a splitter such as KFold instead of ShuffleSplit or repeated folds."
        )
    return splits


def _predict_fold(
    estimator: Any, train: AnnotatedRows, test: AnnotatedRows, method: Method
) -> NDArray[Any]:
    weights = {} if train.weight is None else weight_arguments(estimator, train.weight)
    fitted = with_scale(estimator, train.labels.classes).fit(train.X, train.y, **weights)
    if method == "project":
        return project(fitted, test.X)
    found = np.asarray(getattr(fitted, method)(test.X))
    if method == "predict":
        return found
    scale = train.labels.classes
    return _place(found, np.asarray(fitted.classes_), scale[in_class_order(scale)], method)


def _place(
    columns: NDArray[Any], known: NDArray[Any], classes: NDArray[Any], method: Method
) -> NDArray[Any]:
    """Put the columns of the labels that a model knows among those of all labels."""
    if len(known) == len(classes):
        return columns
    if method not in _ABSENT:
        raise ValueError(
            f"The model of a fold scores the labels {abbreviate(known)} only, of "
            f"{abbreviate(classes)}: its training rows have no others. Use fewer folds, or folds "
            "that are stratified."
        )
    placed = np.full((len(columns), len(classes)), _ABSENT[method])
    placed[:, encode(known, classes, name="classes_ of the estimator")] = columns
    return placed
