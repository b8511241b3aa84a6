"""V-shaped interval-insensitive loss minimisation."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from vilma.design_matrices import BorderedMatrix, DesignMatrix
from vilma.estimators._problem import Problem
from vilma.estimators.base import LinearOrdinalClassifier
from vilma.losses import cost_matrix
from vilma.losses.distance import Loss
from vilma.solvers import Solution
from vilma.surrogates import PenalizedBiases, Surrogate, v_shaped_surrogate
from vilma.thresholds import to_biases

__all__ = ["VILMA", "loss_key", "read_cost"]

_LEAST_COST = float(np.sqrt(np.finfo(np.float64).tiny))  # squares of smaller ones vanish


def read_cost(loss, n_classes: int) -> np.ndarray:
    """Return the costs of a loss, as users give it, that is not 0 everywhere."""
    cost = cost_matrix(loss, n_classes)
    if not cost.any():
        raise ValueError(
            "The loss is 0 everywhere, so there is nothing to learn. Pass a loss that charges "
            "something for a wrong label."
        )
    if cost.max() < _LEAST_COST:
        raise ValueError(
            f"The largest cost of the loss is {cost.max():g}, whose square vanishes in float64. "
            "Bring the loss, and alpha by the same factor, to a scale near 1."
        )
    return cost


def loss_key(loss) -> tuple[str, Any]:
    """Return what tells losses apart, as users give them."""
    if isinstance(loss, str):
        return "name", loss
    if callable(loss):
        return "function", id(loss)
    cost = np.asarray(loss, dtype=np.float64)
    return "matrix", (cost.shape, cost.tobytes())


class VILMA(LinearOrdinalClassifier):
    r"""Linear ordinal classification from interval labels for any V-shaped loss.

    Minimises ``alpha / 2 |w|^2`` plus the mean of

    .. math:: \max_{y \le l} [\Delta(y, l) + s (y - l) + b_y - b_l]
            + \max_{y \ge u} [\Delta(y, u) + s (y - u) + b_y - b_u]

    over w and biases b, where s = <x, w> and the label is known to lie in [l, u]: a convex bound
    of the interval-insensitive loss made of a V-shaped loss :math:`\Delta`. With exact labels
    this is the MORD classifier.

    Read more in the paper, [1]_.

    Parameters
    ----------
    alpha : float, default=0.01
        Weight of the squared norm of `coef_`, the paper's lambda. The data term is a mean, so
        the right order of magnitude depends on the scale of X and hardly on its number of rows.
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape \
            (n_classes, n_classes), default="mae"
        The loss to be bounded, on positions of the scale: a name; a function ``delta(d)`` of the
        distance d = 0, ..., n_classes - 1; or a matrix of the costs of predicting the label of
        the row where that of the column is true, growing from the diagonal to either side.
        Labels with uneven gaps want a matrix, ``abs(np.subtract.outer(classes, classes))``.
    penalize_biases : bool, default=False
        Regularise the biases too, as the paper's VILMA-REG does to suit the standard single-loop
        method. That nearly doubles the error; it is there to reproduce the paper's Table 1.
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
        loss: the same data give the same bits. Coordinate ascent is for the absolute and the
        squared loss.
        "conic" hands the whole problem to CVXPY: for small problems, and for checking. All give
        the same certificate.
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
    biases_ : ndarray of shape (n_classes,)
        MORD's biases: the label with the largest ``projection * position + bias`` is predicted.
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
    IISVOR_IMC : The same problem for the absolute error, by the name of its hinges.
    IISVOR_EXP : A bound of the 0/1 loss with two hinges per example.

    References
    ----------
    .. [1] K. Antoniuk, V. Franc, V. Hlavac, "V-shaped interval insensitive loss for ordinal
           classification", Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import VILMA
    >>> X = np.arange(8.0).reshape(-1, 1)
    >>> intervals = [[1, 1], [1, 2], [1, 2], [2, 3], [2, 2], [3, 3], [2, 3], [2, np.nan]]
    >>> model = VILMA(alpha=0.01).fit(X, intervals)
    >>> model.predict([[0.0], [4.0], [7.0]])
    array([1., 2., 3.])
    >>> bool(model.gap_ <= model.tol)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **LinearOrdinalClassifier._parameter_constraints,
        "loss": [str, callable, "array-like"],
        "penalize_biases": ["boolean"],
    }

    def __init__(
        self,
        alpha: float = 0.01,
        *,
        loss: Loss = "mae",
        penalize_biases: bool = False,
        tol: float = 1e-3,
        max_iter: int = 1000,
        classes=None,
        spread_thresholds: bool = True,
        solver: Literal["auto", "cutting_plane", "coordinate_ascent", "conic"] = "auto",
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            alpha,
            tol=tol,
            max_iter=max_iter,
            classes=classes,
            spread_thresholds=spread_thresholds,
            solver=solver,
            warm_start=warm_start,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.loss = loss
        self.penalize_biases = penalize_biases

    def _problem_key(self) -> tuple:
        return (loss_key(self.loss),)

    def _make_surrogate(self, problem: Problem) -> Surrogate:
        cost = read_cost(self.loss, problem.labels.n_classes)
        if self.penalize_biases:
            return PenalizedBiases(problem.labels, cost)
        return v_shaped_surrogate(problem.labels, cost)

    def _n_penalized(self, n_classes: int) -> int:
        return n_classes if self.penalize_biases else 0

    def _design(self, X: DesignMatrix, problem: Problem) -> DesignMatrix:
        n_extra = self._n_penalized(problem.labels.n_classes)
        return BorderedMatrix(X, n_extra) if n_extra else X

    def _initial_coef(self, problem: Problem) -> np.ndarray | None:
        coef = super()._initial_coef(problem)
        if coef is None or not self.penalize_biases:
            return coef
        same = len(self.biases_) == problem.labels.n_classes
        return np.concatenate([coef, self.biases_]) if same else None

    def _store(self, problem: Problem, solution: Solution) -> None:
        super()._store(problem, solution)
        spread = self.thresholds_ is not self.surrogate_thresholds_
        self.biases_ = to_biases(self.thresholds_ if spread else solution.thresholds)
        if self.penalize_biases:  # the shift of smallest norm
            self.biases_ -= self.biases_.mean()
