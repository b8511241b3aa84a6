"""The positions of labels on their scale, for tools that encode labels by the alphabet."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from vilma.estimators._problem import all_or_nothing
from vilma.estimators.scoring import CoverageScoreMixin
from vilma.labels import in_class_order
from vilma.probability.annotated import read_rows
from vilma.probability.wrapped import weight_arguments

__all__ = ["PositionsClassifier"]


def _has(method: str) -> Any:
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), method))


class PositionsClassifier(CoverageScoreMixin, ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Give an estimator the positions of labels on their scale, 0, 1, 2, ..., for the labels.

    Voting, Bagging, Stacking and others of scikit-learn's ensembles replace labels by their places
    in the alphabet before our estimators see them: the order of strings is lost, and nobody can
    tell. Of positions they can make nothing else. This estimator stands around the ensemble,
    hands it positions, and gives labels back.

    Intervals are handed on as pairs of positions, which some tools take, such as
    :class:`~sklearn.feature_selection.RFE`; an open end is the first or the last position.

    Parameters
    ----------
    estimator : object
        What to fit, such as ``VotingClassifier([("imc", IISVOR_IMC()), ("vilma", VILMA())])``. A
        parameter `classes` of its own is set to all positions; leave those of estimators inside
        of it out.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default that of an ordered dtype, or the sorted labels in y.

    Attributes
    ----------
    estimator_ : object
        The fitted estimator, which knows positions.
    scale_ : ndarray of shape (n_classes,)
        The labels, lowest first.
    classes_ : ndarray of shape (n_classes,)
        The same labels sorted, the order of columns of probabilities and scores.
    n_features_in_ : int
        Number of features, if the estimator tells.

    See Also
    --------
    cross_val_predict : Out-of-fold predictions for labels of every form.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from sklearn.ensemble import BaggingClassifier
    >>> from vilma import IISVOR_IMC
    >>> from vilma.model_selection import PositionsClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> places = np.digitize(X @ [1, 1], [-1, 1])
    >>> y = pd.Categorical.from_codes(places, ["low", "medium", "high"], ordered=True)
    >>> bags = BaggingClassifier(IISVOR_IMC(), random_state=0)
    >>> bool(bags.fit(X, y).score(X, y) > 0.9)  # of the alphabet's order, without a word
    False
    >>> bool(PositionsClassifier(bags).fit(X, y).score(X, y) > 0.9)
    True
    """

    _needed: ClassVar[tuple[str, ...]] = ("estimator_", "scale_")
    _parameter_constraints: ClassVar[dict] = {"estimator": "no_validation"}

    def __init__(self, estimator: Any, *, classes: Any = None) -> None:
        self.estimator = estimator
        self.classes = classes

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the estimator to positions.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, as the estimator takes it.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels, as for :func:`vilma.labels.read_labels`.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights, if the estimator takes them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            If labels or weights are malformed, there is no estimator, or it does not take what it
            is given; ensembles of scikit-learn refuse intervals.

        Warns
        -----
        UserWarning
            If labels of the scale between those of `y` do not occur in it.
        """
        if isinstance(self.estimator, type) or not hasattr(self.estimator, "fit"):
            raise TypeError(
                f"estimator should be one with a method `fit`, got {self.estimator!r}."
            )
        with all_or_nothing(self):
            rows = read_rows(None, X, y, sample_weight, self.classes)
            columns = np.stack([rows.labels.lower, rows.labels.upper], axis=1)
            _warn_of_gaps(np.unique(columns), rows.labels.classes)
            target = columns[:, 0] if rows.labels.exact.all() else columns
            weights = {} if rows.weight is None else weight_arguments(self.estimator, rows.weight)
            copy = clone(self.estimator)
            # Not to estimators inside: an ensemble numbers the labels that occur anew.
            if "classes" in copy.get_params(deep=False):
                copy.set_params(classes=np.arange(rows.labels.n_classes))
            self.estimator_ = copy.fit(rows.X, target, **weights)
            self.scale_ = rows.labels.classes
            self.classes_ = self.scale_[in_class_order(self.scale_)]
            for name in ("n_features_in_", "feature_names_in_"):
                if hasattr(self.estimator_, name):
                    setattr(self, name, getattr(self.estimator_, name))
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `scale_`.
        """
        check_is_fitted(self, "estimator_")
        return self.scale_[np.asarray(self.estimator_.predict(X)).astype(np.intp)]

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict the probability of every label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; 0 for labels that the estimator has not seen.
        """
        check_is_fitted(self, "estimator_")
        found = np.asarray(self.estimator_.predict_proba(X))
        columns = np.zeros((len(found), len(self.scale_)))
        columns[:, np.asarray(self.estimator_.classes_, dtype=np.intp)] = found
        return columns[:, in_class_order(self.scale_)]

    @_has("decision_function")
    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Score every label.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            In the order of `classes_`. With two classes, the score of the second one.

        Raises
        ------
        ValueError
            If the estimator does not score all labels.
        """
        check_is_fitted(self, "estimator_")
        found = np.asarray(self.estimator_.decision_function(X))
        order = in_class_order(self.scale_)
        if len(self.estimator_.classes_) != len(order):
            raise ValueError(
                f"{type(self.estimator_).__name__} scores {len(self.estimator_.classes_)} of the "
                f"{len(order)} labels: there is no score of the others."
            )
        if found.ndim == 1:
            return found if order[1] == 1 else -found
        return found[:, order]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.estimator).input_tags.sparse
        tags.classifier_tags.poor_score = True  # as the estimators of vilma
        return tags


def _warn_of_gaps(used: NDArray[np.int64], scale: NDArray[Any]) -> None:
    """Warn of labels between others that do not occur: what encodes labels closes the gap."""
    between = np.setdiff1d(np.arange(used[0], used[-1]), used)
    if len(between):
        named = ", ".join(str(label) for label in scale[between[:10]].tolist())
        more = ", ..." if len(between) > 10 else ""
        warnings.warn(
            f"The labels {named}{more} lie between labels of y and are not in it. Tools that "
            "encode labels, as Voting, Bagging and Stacking do, leave them out, so that their "
            "neighbours stand side by side.",
            UserWarning,
            stacklevel=3,
        )
