"""Probabilities of the labels from projections, or from label scores."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils._metadata_requests import _raise_for_params, _routing_enabled
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted

from vilma.estimators._problem import all_or_nothing, read_splits
from vilma.exceptions import AnnotationWarning, WeakSignalWarning
from vilma.intervals import IntervalStratifiedKFold
from vilma.labels import in_class_order
from vilma.likelihood import LINKS
from vilma.probability.annotated import AnnotatedRows, read_rows
from vilma.probability.link_fit import CumulativeLink, fit_cumulative_link
from vilma.probability.softmax import SoftmaxLink, fit_softmax_link
from vilma.probability.wrapped import label_scores, project
from vilma.probability.wrapping import OrdinalMetaEstimator
from vilma.surrogates import LabeledWeights

__all__ = ["CalibratedOrdinalClassifier"]

Standardized = tuple[np.ndarray, float, float]


class CalibratedOrdinalClassifier(OrdinalMetaEstimator):
    r"""Probabilities of ordered labels, from exact or interval labels.

    The estimator's projection s = ``project(X)`` becomes probabilities by a cumulative link,

    .. math:: P(y \le k \mid s) = F(c_k - b s),

    whose cuts :math:`c_0 < c_1 < \dots` and slope b maximise the likelihood of the annotations,
    that of [l, u] being :math:`P(l \le y \le u \mid s)`. They are fitted to projections of rows
    that the projecting model was not trained on; the estimator itself is then fitted to all rows.

    For several projections, those of `PWVILMA` and `PWVILMACV`, the label scores f(x, .) of its
    `decision_function` become probabilities by a softmax,

    .. math:: P(y \mid x) \propto \exp(a f(x, y) + c_y),

    fitted in the same way.

    Parameters
    ----------
    estimator : object, default=None
        An estimator with a method `project`, or a pipeline or search that ends in one. None
        means ``VILMA(loss="squared")``, see the notes. A fitted one in a
        :class:`~sklearn.frozen.FrozenEstimator` is not fitted again: `fit` then wants rows which
        it was not trained on.
    link : {"logit", "probit", "cloglog"}, default="logit"
        F: logistic (proportional odds), normal, or Gumbel of the smallest value (proportional
        hazards). Not used with several projections.
    cv : int, cross-validation splitter or iterable, default=None
        The folds that hold rows out. None means 5 folds; a number means that many folds of
        shuffled rows (always the same shuffle), stratified by the intervals' midpoints. Where
        rows belong together, pass a splitter such as ``GroupKFold(5)``, and `groups` to `fit`.
        Not used with a frozen estimator.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default that of the estimator, or the labels in `y`.
    n_jobs : int, default=None
        Folds fitted at a time. None means 1 unless in a :obj:`joblib.parallel_config` context,
        -1 all cores.

    Attributes
    ----------
    scale_ : ndarray of shape (n_classes,)
        The labels in the order of the scale.
    classes_ : ndarray of shape (n_classes,)
        The same labels sorted, as scikit-learn expects them; of numbers, the same array.
    estimator_ : object
        The estimator fitted to all rows, or the frozen one.
    cuts_ : ndarray of shape (n_classes - 1,)
        Strictly increasing. With a single projection only.
    offsets_ : ndarray of shape (n_classes,)
        The softmax's c. With several projections only.
    slope_ : float
        Steepness of the link, in units of the projection or of the label scores.
    n_features_in_ : int
        Number of features seen in `fit`, if the estimator tells.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, if the estimator tells.

    See Also
    --------
    ConformalOrdinalClassifier : Intervals that contain the label with a given probability.
    vilma.metrics.ranked_probability_score : A proper score of the probabilities.

    Notes
    -----
    Any estimator of vilma can be wrapped, but a projection that is best for the absolute or 0/1
    loss is not always best for probabilities: where labels hardly depend on X, these losses are
    least for the same label everywhere, and the projection is 0. The squared loss goes with the
    mean and keeps what there is.

    A prior of the weight of one example keeps probabilities away from 0 and 1. Cuts that few or
    no annotations support are placed evenly between the others, as thresholds are. The model
    assumes that noise is equally wide all along the projection.

    References
    ----------
    McCullagh: Regression models for ordinal data, Journal of the Royal Statistical Society B 42,
    1980.

    Platt: Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods, Advances in Large Margin Classifiers, 1999.

    Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal classification,
    Machine Learning 103, 2016; for the projection.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import CalibratedOrdinalClassifier
    >>> X = np.arange(12.0).reshape(-1, 1)
    >>> y = [1, 1, 1, 2, 1, 2, 2, 3, 2, 3, 3, 3]
    >>> model = CalibratedOrdinalClassifier(cv=3).fit(X, y)
    >>> model.predict_proba([[0.0], [5.5], [11.0]]).round(1)
    array([[1. , 0. , 0. ],
           [0.1, 0.7, 0.1],
           [0. , 0. , 1. ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "link": [StrOptions(set(LINKS))],
        "cv": ["cv_object"],
        "classes": ["array-like", None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        link: Literal["logit", "probit", "cloglog"] = "logit",
        cv=None,
        classes=None,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.link = link
        self.cv = cv
        self.classes = classes
        self.n_jobs = n_jobs

    def fit(self, X, y, sample_weight=None, **params) -> Self:
        """Fit the estimator and the link.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training data, in any form that the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact labels or intervals ``[lower, upper]``, in any form that
            :func:`vilma.labels.read_labels` takes; an end may be open.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights, for the estimator and the link; a row of weight 0 counts as none.
        **params : dict
            ``groups=...``, of shape (n_samples,), for a splitter as `cv` that keeps groups
            together; with metadata routing, whatever the splitter requests.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If labels, weights or parameters are not as described, or as `fit` of the estimator
            does; if groups are given and `cv` is a number or None, or the estimator is frozen; if
            other parameters are given without metadata routing.
        TypeError
            If the estimator has no method `project`, or weights are given and it takes none.

        Warns
        -----
        UserWarning
            If the projection is the same for all rows, so that probabilities are the labels'
            frequencies.
        """
        _raise_for_params(params, self, "fit", allow=["groups"])
        with all_or_nothing(self):
            self._validate_params()
            wrapped = self._wrapped()
            split = self._split_arguments(wrapped, params, sample_weight)
            rows = read_rows(wrapped, X, y, sample_weight, self.classes)
            counted = rows.take(rows.counted())
            fitted = self._fit_wrapped(wrapped, counted)
            link: SoftmaxLink | CumulativeLink
            scores = label_scores(fitted, counted.X)
            if scores is not None:
                constant = not np.ptp(scores, axis=0).any()
                if isinstance(wrapped, FrozenEstimator):
                    link = fit_softmax_link(scores, counted.weighted())
                else:
                    link = fit_softmax_link(*self._held_out(_label_scores, wrapped, rows, split))
            else:
                own = _standardize(project(fitted, counted.X), counted)
                constant = not own[0].any()
                if isinstance(wrapped, FrozenEstimator):
                    link = fit_cumulative_link(self.link, own[0], counted.weighted())
                else:
                    held_out = self._held_out(_standard_projections, wrapped, rows, split)
                    link = fit_cumulative_link(self.link, *held_out)
                link = link.shifted_and_scaled(*own[1:])
            self._store_wrapped(fitted, rows.labels.classes)
            self._store_link(link)
        if constant:
            warnings.warn(
                "The projection is the same for all rows, so that probabilities are the labels' "
                "frequencies. Decrease alpha, or try VILMA(loss='squared'); neither helps where "
                "all annotations share a label, or the columns say nothing of the labels.",
                stacklevel=2,
            )
        return self

    def _held_out(
        self, read: Callable, wrapped: Any, rows: AnnotatedRows, split: dict[str, Any]
    ) -> tuple[np.ndarray, LabeledWeights]:
        """Return what models of the other folds say of every fold's rows, and their labels."""
        splits = self._split(rows, split)
        said = Parallel(n_jobs=self.n_jobs)(
            delayed(self._read_held_out)(read, wrapped, rows.take(train), rows.take(test))
            for train, test in splits
        )
        tested = np.concatenate([test for _, test in splits])
        lower, upper, weight, n_classes = rows.weighted()
        labels = LabeledWeights(lower[tested], upper[tested], weight[tested], n_classes)
        return np.concatenate(said), labels

    def _read_held_out(
        self, read: Callable, wrapped: Any, train: AnnotatedRows, test: AnnotatedRows
    ) -> np.ndarray:
        with warnings.catch_warnings():  # the fit to all rows says the same
            warnings.simplefilter("ignore", WeakSignalWarning)
            warnings.simplefilter("ignore", AnnotationWarning)
            fitted = self._fit_wrapped(wrapped, train)
        return read(fitted, train, test)

    def _store_link(self, link: SoftmaxLink | CumulativeLink) -> None:
        for name in ("cuts_", "offsets_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        self.slope_ = link.slope
        if isinstance(link, SoftmaxLink):
            self.offsets_ = link.offsets
        else:
            self.cuts_ = link.cuts

    def _split_arguments(self, wrapped: Any, params: dict, sample_weight: Any) -> dict[str, Any]:
        """Return what the splitter is given beside rows and labels."""
        given = {name: value for name, value in params.items() if value is not None}
        if "groups" in given and isinstance(wrapped, FrozenEstimator):
            raise ValueError(
                "groups are given, but the estimator is frozen: no folds are made. Leave them "
                "out, and fit to rows of groups that the estimator was not trained on."
            )
        if "groups" in given and (self.cv is None or isinstance(self.cv, Integral)):
            raise ValueError(
                f"groups are given, but cv={self.cv!r} deals single rows to the folds. Pass a "
                "splitter that keeps groups together, such as cv=GroupKFold(5)."
            )
        if not _routing_enabled():
            return given
        if sample_weight is not None:
            given["sample_weight"] = sample_weight
        return dict(process_routing(self, "fit", **given)["splitter"]["split"])

    def _split(
        self, rows: AnnotatedRows, arguments: dict[str, Any]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the folds, without the rows of weight 0."""
        if self.cv is None or isinstance(self.cv, Integral):
            counted = rows.counted()
            n_splits = min(5, max(2, len(counted))) if self.cv is None else int(self.cv)
            folds = IntervalStratifiedKFold(
                n_splits, shuffle=True, random_state=0, classes=rows.labels.classes
            )
            splits = folds.split(np.zeros((len(counted), 1)), rows.y[counted])
            return [(counted[train], counted[test]) for train, test in splits]
        # A splitter of the user sees all rows: a list of splits has their numbers.
        given = read_splits(self.cv, np.zeros((len(rows), 1)), rows.y, **arguments)
        return [(rows.counted(train), rows.counted(test)) for train, test in given]

    def get_metadata_routing(self) -> MetadataRouter:
        """Return the routing of sample weights and groups.

        Returns
        -------
        MetadataRouter
            `fit` passes metadata to `fit` of the estimator and to `split` of the splitter.
        """
        router = super().get_metadata_routing()
        return router.add(
            splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split")
        )

    def project(self, X) -> np.ndarray:
        """Project onto the line on which the link depends, or onto the estimator's lines.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to project.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_pieces)
            Projections of the estimator fitted to all rows.
        """
        check_is_fitted(self)
        return project(self.estimator_, X)

    def predict_log_proba(self, X) -> np.ndarray:
        """Return logarithms of the probabilities, exact even where those round to 0.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        logs = self._fitted_link().log_probabilities(self._link_input(X))
        return logs[:, in_class_order(self.scale_)]

    def predict_proba(self, X) -> np.ndarray:
        """Predict the probabilities of the labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def predict(self, X) -> np.ndarray:
        """Predict the median label, of which the expected absolute error is least.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `scale_`.
        """
        link = self._fitted_link()
        return self.scale_[link.medians(self._link_input(X))]

    def _link_input(self, X) -> np.ndarray:
        scores = label_scores(self.estimator_, X)
        return project(self.estimator_, X) if scores is None else scores

    def _fitted_link(self) -> SoftmaxLink | CumulativeLink:
        check_is_fitted(self)
        if hasattr(self, "offsets_"):
            return SoftmaxLink(self.slope_, self.offsets_)
        return CumulativeLink(self.link, self.cuts_, self.slope_)


def _label_scores(fitted: Any, train: AnnotatedRows, test: AnnotatedRows) -> np.ndarray:
    """Score the labels of held-out rows: margins are units that the folds share."""
    scores = label_scores(fitted, test.X)
    assert scores is not None
    return scores


def _standard_projections(fitted: Any, train: AnnotatedRows, test: AnnotatedRows) -> np.ndarray:
    """Project, in units of the training rows: folds need not agree on origin and scale."""
    _, mean, deviation = _standardize(project(fitted, train.X), train)
    return (project(fitted, test.X) - mean) / deviation


def _standardize(projection: np.ndarray, rows: AnnotatedRows) -> Standardized:
    """Return projections in standard units, their mean and their deviation (1 if all equal)."""
    mean = np.average(projection, weights=rows.weight)
    centred = projection - mean
    if np.ptp(projection) == 0.0:
        return np.zeros_like(centred), float(mean), 1.0
    deviation = np.sqrt(np.average(centred**2, weights=rows.weight))
    return centred / deviation, float(mean), float(deviation)
