"""Support vector ordinal regression from interval labels."""

from __future__ import annotations

from vilma.estimators._problem import Problem
from vilma.estimators.base import LinearOrdinalClassifier
from vilma.surrogates import ExplicitHinge, ImplicitHinge, Surrogate

__all__ = ["IISVOR_EXP", "IISVOR_IMC"]


class IISVOR_EXP(LinearOrdinalClassifier):
    r"""Support vector ordinal regression with explicit constraints, for interval labels.

    Minimises ``alpha / 2 |w|^2`` plus the mean of

    .. math:: \max(0, 1 - s + \theta_{l-1}) + \max(0, 1 + s - \theta_u)

    over w and ordered thresholds, where s = <x, w> and the label is known to lie in [l, u]:
    a convex bound of the interval-insensitive 0/1 loss (II-SVOR-EXP in the paper). With exact
    labels this is SVOR-EXP.

    Read more in the paper, [1]_.

    Parameters
    ----------
    alpha : float, default=0.01
        Weight of the squared norm of `coef_`, the paper's lambda. The data term is a mean, so
        the right order of magnitude depends on the scale of X and hardly on its number of rows.
    tol : float, default=1e-3
        Relative gap between objective and lower bound at which to stop.
    max_iter : int, default=1000
        Limit on the iterations of the outer loop, each of which ends with a certificate: one
        cutting plane, or up to ten passes of coordinate ascent.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the sorted labels, or finite endpoints, in y. Needed when
        some labels of the scale never occur as an endpoint, or when labels are strings whose
        order is not the alphabet's.
    spread_thresholds : bool, default=True
        Place thresholds that few or no annotations support evenly between those that many do,
        instead of where the surrogate's minimiser happens to have them (close to one point).
        Annotations support the thresholds at their two ends; exact labels leave none weak.
    solver : {"auto", "cutting_plane", "coordinate_ascent", "conic"}, default="auto"
        "auto" watches cutting planes and dual coordinate ascent close the gap and goes on with
        the one that should need less work, counted in products with X and evaluations of the
        loss: the same data give the same bits. "conic" hands the whole problem to CVXPY: for
        small problems, and for checking. All give the same certificate.
    warm_start : bool, default=False
        Start from the last solution instead of zero, if the number of features is the same. If
        the data are the same, too, go on with its cutting planes or dual variables: another
        alpha or tolerance then takes few iterations. They stay in memory, but are not pickled.
    n_jobs : int, default=None
        Threads for products with large sparse matrices. None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all cores. Results do not depend on it.
    verbose : int, default=0
        Print the certificate every `verbose` iterations, and when kernels are compiled.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Direction of the projection.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Nondecreasing; a projection above ``thresholds_[k]`` is labelled beyond ``scale_[k]``.
    surrogate_thresholds_ : ndarray of shape (n_classes - 1,)
        The thresholds of the surrogate's minimiser, before any spreading.
    scale_ : ndarray of shape (n_classes,)
        The labels in the order of the scale, to which thresholds and biases refer.
    classes_ : ndarray of shape (n_classes,)
        The same labels sorted, as scikit-learn expects them; of numbers, the same array.
    objective_ : float
        Value of the learning problem at the solution.
    lower_bound_ : float
        Proven lower bound on the optimal value.
    gap_ : float
        ``(objective_ - lower_bound_) / objective_``.
    history_ : ndarray of shape (n_iter_,)
        Structured array with a record per iteration: objective, lower_bound, gap, step,
        n_evaluations, n_planes (0 for coordinate ascent), inner_seconds, seconds.
    n_iter_ : int
        Number of iterations of the outer loop.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where X had string names.

    See Also
    --------
    IISVOR_IMC : The same for the absolute error.
    VILMA : Any V-shaped loss.

    References
    ----------
    .. [1] K. Antoniuk, V. Franc, V. Hlavac, "V-shaped interval insensitive loss for ordinal
           classification", Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import IISVOR_EXP
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> intervals = [[1, 1], [1, 2], [1, 2], [2, 3], [2, 2], [3, 3], [2, 3], [2, np.nan]]
    >>> model = IISVOR_EXP(alpha=0.01).fit(X, intervals)
    >>> model.predict([[0.0], [4.0], [7.0]])
    array([1., 2., 3.])
    >>> bool(model.gap_ <= model.tol)
    True
    """

    def _make_surrogate(self, problem: Problem) -> Surrogate:
        return ExplicitHinge(problem.labels)


class IISVOR_IMC(LinearOrdinalClassifier):
    r"""Support vector ordinal regression with implicit constraints, for interval labels.

    Minimises ``alpha / 2 |w|^2`` plus the mean of

    .. math:: \sum_{k < l} \max(0, 1 - s + \theta_k) + \sum_{k \ge u} \max(0, 1 + s - \theta_k)

    over w and thresholds, where s = <x, w> and the label is known to lie in [l, u]: a convex
    bound of the interval-insensitive absolute error (II-SVOR-IMC in the paper). With exact labels
    this is SVOR-IMC. Its optimum is that of `VILMA` with ``loss="mae"`` (Proposition 2).

    Read more in the paper, [1]_.

    Parameters
    ----------
    alpha : float, default=0.01
        Weight of the squared norm of `coef_`, the paper's lambda. The data term is a mean, so
        the right order of magnitude depends on the scale of X and hardly on its number of rows.
    tol : float, default=1e-3
        Relative gap between objective and lower bound at which to stop.
    max_iter : int, default=1000
        Limit on the iterations of the outer loop, each of which ends with a certificate: one
        cutting plane, or up to ten passes of coordinate ascent.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the sorted labels, or finite endpoints, in y. Needed when
        some labels of the scale never occur as an endpoint, or when labels are strings whose
        order is not the alphabet's.
    spread_thresholds : bool, default=True
        Place thresholds that few or no annotations support evenly between those that many do,
        instead of where the surrogate's minimiser happens to have them (close to one point).
        Annotations support the thresholds at their two ends; exact labels leave none weak.
    solver : {"auto", "cutting_plane", "coordinate_ascent", "conic"}, default="auto"
        "auto" watches cutting planes and dual coordinate ascent close the gap and goes on with
        the one that should need less work, counted in products with X and evaluations of the
        loss: the same data give the same bits. "conic" hands the whole problem to CVXPY: for
        small problems, and for checking. All give the same certificate.
    warm_start : bool, default=False
        Start from the last solution instead of zero, if the number of features is the same. If
        the data are the same, too, go on with its cutting planes or dual variables: another
        alpha or tolerance then takes few iterations. They stay in memory, but are not pickled.
    n_jobs : int, default=None
        Threads for products with large sparse matrices. None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all cores. Results do not depend on it.
    verbose : int, default=0
        Print the certificate every `verbose` iterations, and when kernels are compiled.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        Direction of the projection.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Nondecreasing; a projection above ``thresholds_[k]`` is labelled beyond ``scale_[k]``.
    surrogate_thresholds_ : ndarray of shape (n_classes - 1,)
        The thresholds of the surrogate's minimiser, before any spreading.
    scale_ : ndarray of shape (n_classes,)
        The labels in the order of the scale, to which thresholds and biases refer.
    classes_ : ndarray of shape (n_classes,)
        The same labels sorted, as scikit-learn expects them; of numbers, the same array.
    objective_ : float
        Value of the learning problem at the solution.
    lower_bound_ : float
        Proven lower bound on the optimal value.
    gap_ : float
        ``(objective_ - lower_bound_) / objective_``.
    history_ : ndarray of shape (n_iter_,)
        Structured array with a record per iteration: objective, lower_bound, gap, step,
        n_evaluations, n_planes (0 for coordinate ascent), inner_seconds, seconds.
    n_iter_ : int
        Number of iterations of the outer loop.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where X had string names.

    See Also
    --------
    VILMA : Any V-shaped loss.
    IISVOR_EXP : The same for the 0/1 loss.

    References
    ----------
    .. [1] K. Antoniuk, V. Franc, V. Hlavac, "V-shaped interval insensitive loss for ordinal
           classification", Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import IISVOR_IMC
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> intervals = [[1, 1], [1, 2], [1, 2], [2, 3], [2, 2], [3, 3], [2, 3], [2, np.nan]]
    >>> model = IISVOR_IMC(alpha=0.01).fit(X, intervals)
    >>> model.predict([[0.0], [4.0], [7.0]])
    array([1., 2., 3.])
    >>> bool(model.gap_ <= model.tol)
    True
    """

    def _make_surrogate(self, problem: Problem) -> Surrogate:
        return ImplicitHinge(problem.labels)
