"""V-shaped interval-insensitive loss minimisation with a direction for every step."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar, Literal

import numpy as np
from scipy import sparse
from sklearn.utils._param_validation import Interval

from vilma.design_matrices import DesignMatrix, StackedMatrix
from vilma.estimators._problem import Problem, read_X
from vilma.estimators.base import CertifiedFit, OrdinalModel, margins
from vilma.estimators.vilma import VILMA, loss_key, read_cost
from vilma.labels import in_class_order
from vilma.losses.distance import Loss
from vilma.solvers import CorrelatedMetric, Settings, Solution
from vilma.surrogates import LabeledWeights, PiecewiseVShaped, Surrogate, v_shaped_surrogate
from vilma.thresholds import (
    hull_thresholds,
    place_pieces,
    spread_pieces,
    supported_thresholds,
    to_biases,
)

__all__ = ["PWVILMA", "PiecewiseLinearModel"]


class PiecewiseLinearModel(OrdinalModel):
    """What every fitted model with a projection per piece of the scale can do."""

    def project(self, X) -> np.ndarray:
        """Project onto the directions of the pieces.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to project.

        Returns
        -------
        ndarray of shape (n_samples, n_pieces)
            ``X @ coef_.T``.
        """
        self._require_fit()
        return self._project(read_X(self, X, reset=False))

    def _project(self, X) -> np.ndarray:
        return np.asarray(X @ np.ascontiguousarray(self.coef_.T))

    def _places(self, projection: np.ndarray) -> np.ndarray:
        if len(self.coef_) == 1:  # as VILMA, also where scores tie by rounding
            return np.searchsorted(self.thresholds_, projection[:, 0], side="left")
        return self._label_scores(projection).argmax(axis=1)

    def decision_function(self, X) -> np.ndarray:
        """Score every label; the largest score is that of the predicted label.

        The label's score f(x, y), see `label_scores`, less the largest one of the other labels:
        positive for the predicted label only.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            In the order of `classes_`. With two classes, the score of the second one.
        """
        scores = self.label_scores(X)
        order = in_class_order(self.scale_)
        if len(order) == 2:
            return scores[:, order[1]] - scores[:, order[0]]
        return margins(scores)[:, order]

    def label_scores(self, X) -> np.ndarray:
        """Return f(x, y), of which the largest is that of the predicted label.

        The score of the first label of the scale is 0; from one label to the next it grows by
        ``<step_weights_[k] @ coef_, x> - thresholds_[k]``.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `scale_`.
        """
        return self._label_scores(self.project(X))

    def _label_scores(self, projection: np.ndarray) -> np.ndarray:
        increments = projection @ self.step_weights_.T - self.thresholds_
        return np.hstack([np.zeros((len(increments), 1)), np.cumsum(increments, axis=1)])

    def predict(self, X) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels of `scale_`.
        """
        places = self._places(self.project(X))
        return self.scale_[places]


class PWVILMA(PiecewiseLinearModel, CertifiedFit):
    r"""Piecewise linear ordinal classification from interval labels for any V-shaped loss.

    Where `VILMA` cuts one projection of x into labels, this has a direction :math:`w_{j(k)}` for
    every step from a label k to the next, all shrunk towards a common one:

    .. math:: f(x, y) = \sum_{k < y} (\langle x, w_{j(k)} \rangle - \theta_k), \qquad
              h(x) = \arg\max_y f(x, y).

    The telling of young faces from older ones, say, may rest on other features than the telling
    of old from very old. It minimises, with :math:`W = [w_1, \dots, w_J]`,

    .. math:: \frac{\alpha}{2} \operatorname{tr}(W N^{-1} W^T) + \frac{1}{m} \sum_i \Bigl(
              \max_{y \le l_i} [\Delta(y, l_i) + f(x_i, y) - f(x_i, l_i)]
              + \max_{y \ge u_i} [\Delta(y, u_i) + f(x_i, y) - f(x_i, u_i)] \Bigr)

    over W and thresholds, where the label of :math:`x_i` is known to lie in :math:`[l_i, u_i]`:
    a convex bound of the interval-insensitive loss made of a V-shaped loss :math:`\Delta`. The
    matrix :math:`N = \rho 1 1^T + (1 - \rho) I` holds the prior correlation :math:`\rho` of any
    two directions. The optimum is certified as that of `VILMA`.

    With exact labels this is PW-MORD of [1]_; the loss of intervals is that of [2]_.

    Parameters
    ----------
    alpha : float, default=0.01
        Weight of the penalty. The data term is a mean, so the right order of magnitude depends
        on the scale of X and hardly on its number of rows.
    correlation : float, default=0.9
        Prior correlation rho of the directions, from 0 (no direction resembles another) to 1
        (all are the same: this is `VILMA`, exactly). On data of 13 kinds, 0.9 was on average
        within 0.004 of the mean absolute error with rho chosen by cross-validation.
    n_pieces : int, default=None
        Number of directions, each for about as many steps in a row. None means one for each step
        that the annotations support: with exact labels all, with brackets those between two
        brackets. 1 is `VILMA`, exactly.
    loss : {"mae", "zero_one", "squared"}, callable or array-like of shape \
            (n_classes, n_classes), default="mae"
        The loss to be bounded, as for `VILMA`.
    tol : float, default=1e-3
        Relative gap between objective and lower bound at which to stop.
    max_iter : int, default=1000
        Limit on the iterations of the outer loop, each of which ends with a certificate.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the sorted labels, or finite endpoints, in y. Needed when
        some labels of the scale never occur as an endpoint, or when labels are strings whose
        order is not the alphabet's.
    spread_thresholds : bool, default=True
        Interpolate the increments f(x, k + 1) - f(x, k) of steps that few or no annotations
        support between those that many do, instead of taking them where the surrogate's
        minimiser happens to have them. With one piece this is what `VILMA` does.
    solver : {"auto", "cutting_plane", "coordinate_ascent", "conic"}, default="auto"
        "auto" chooses between cutting planes and dual coordinate ascent while they run, as for
        `VILMA`. "conic" hands the whole problem to CVXPY: for small problems, and for checking.
    warm_start : bool, default=False
        Start from the last solution instead of zero, if it has the same size. If the data are the
        same, too, go on with its cutting planes, which serve another alpha, correlation or
        tolerance. They stay in memory, but are not pickled.
    n_jobs : int, default=None
        Threads for products with large sparse matrices. None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all cores. Results do not depend on it.
    verbose : int, default=0
        Print the certificate every `verbose` iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (n_pieces, n_features)
        Directions of the pieces.
    pieces_ : ndarray of shape (n_classes - 1,)
        Which piece each step has: row ``pieces_[k]`` of `coef_` leads from ``scale_[k]`` to the
        next label.
    step_weights_ : ndarray of shape (n_classes - 1, n_pieces)
        Step k goes along ``step_weights_[k] @ coef_``: row ``pieces_[k]`` of `coef_` where
        annotations support the step, else a mean of its neighbours'.
    thresholds_ : ndarray of shape (n_classes - 1,)
        A label's score exceeds that of the one before by the step's projection less its
        threshold. With several pieces they come in any order.
    surrogate_thresholds_ : ndarray of shape (n_classes - 1,)
        The thresholds of the surrogate's minimiser, before any spreading.
    biases_ : ndarray of shape (n_classes,)
        Label scores at x = 0: ``biases_[k] - biases_[k + 1] == thresholds_[k]``.
    scale_ : ndarray of shape (n_classes,)
        The ordered scale.
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
        n_evaluations, n_planes, inner_seconds, seconds.
    n_iter_ : int
        Number of iterations of the outer loop.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where X had string names.

    See Also
    --------
    VILMA : One direction.
    PWVILMACV : The same with alpha and correlation chosen by cross-validation.

    References
    ----------
    .. [1] K. Antoniuk, V. Franc, V. Hlavac, "MORD: Multi-class classifier for ordinal
           regression", ECML PKDD 2013.
    .. [2] K. Antoniuk, V. Franc, V. Hlavac, "V-shaped interval insensitive loss for ordinal
           classification", Machine Learning 103, 2016.

    Examples
    --------
    Five labels along three quarters of a circle. No line has them in order:

    >>> import numpy as np
    >>> from vilma import PWVILMA, VILMA
    >>> angle = np.linspace(0, 1.5 * np.pi, 60)
    >>> X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> y = np.arange(60) // 12
    >>> float(VILMA(alpha=1e-3).fit(X, y).score(X, y))
    0.7
    >>> model = PWVILMA(alpha=1e-3, correlation=0.5).fit(X, y)
    >>> float(model.score(X, y))
    1.0
    >>> model.coef_.shape
    (4, 2)
    """

    _parameter_constraints: ClassVar[dict] = {
        **CertifiedFit._parameter_constraints,
        "correlation": [Interval(Real, 0, 1, closed="both")],
        "n_pieces": [Interval(Integral, 1, None, closed="left"), None],
        "loss": VILMA._parameter_constraints["loss"],
    }

    def __init__(
        self,
        alpha: float = 0.01,
        *,
        correlation: float = 0.9,
        n_pieces: int | None = None,
        loss: Loss = "mae",
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
        self.correlation = correlation
        self.n_pieces = n_pieces
        self.loss = loss

    def _problem_key(self) -> tuple:
        return self.correlation == 1.0, loss_key(self.loss)

    def _place_pieces(self, labels: LabeledWeights) -> np.ndarray:
        """Return the piece of every step; all are equal where this is VILMA."""
        n_pieces = 1 if self.correlation == 1.0 else self.n_pieces
        return place_pieces(supported_thresholds(labels), n_pieces)

    def _n_columns(self, problem: Problem) -> int:
        return int(self._place_pieces(problem.labels).max()) + 1

    def _make_surrogate(self, problem: Problem) -> Surrogate:
        labels = problem.labels
        cost = read_cost(self.loss, labels.n_classes)
        pieces = self._place_pieces(labels)
        if not pieces.any():
            return v_shaped_surrogate(labels, cost)
        return PiecewiseVShaped(labels, cost, pieces)

    def _settings(self, problem: Problem) -> Settings:
        settings, n_columns = super()._settings(problem), self._n_columns(problem)
        if n_columns == 1:
            return settings
        return settings._replace(metric=CorrelatedMetric(n_columns, self.correlation))

    def _design(self, X: DesignMatrix, problem: Problem) -> DesignMatrix:
        n_columns = self._n_columns(problem)
        return X if n_columns == 1 else StackedMatrix(X, n_columns)

    def _threshold_shift(
        self, problem: Problem, center: np.ndarray, coef: np.ndarray
    ) -> np.ndarray | float:
        by_piece = center @ coef.reshape(len(center), -1)
        return by_piece[self._place_pieces(problem.labels)]

    def _initial_coef(self, problem: Problem) -> np.ndarray | None:
        coef = getattr(self, "coef_", None)
        if coef is None or coef.shape != (self._n_columns(problem), problem.X.shape[1]):
            return None
        return self._settings(problem).metric.unmix(coef.T.ravel())

    def _solve_as_given(
        self, problem: Problem, n_extra: int, path: list[Settings]
    ) -> list[Solution]:
        n_columns = self._n_columns(problem)
        if self.solver != "conic" or n_columns == 1:
            return super()._solve_as_given(problem, n_extra, path)
        # W = V N with |V|_N the norm of V N^(1/2), which the conic solver takes as coefficients.
        solutions = []
        for each in path:
            root = CorrelatedMetric(n_columns, self.correlation).root()
            X = problem.X.tocsr() if hasattr(problem.X, "tocsr") else problem.X
            stacked = problem._replace(X=sparse.kron(X, root, format="csr"))
            (solution,) = super()._solve_as_given(stacked, n_extra, [each])
            coef = solution.coef.reshape(-1, n_columns) @ root
            solutions.append(replace(solution, coef=coef.ravel()))
        return solutions

    def _store(self, problem: Problem, solution: Solution) -> None:
        super()._store(problem, solution)
        self.pieces_ = self._place_pieces(problem.labels)
        n_columns = int(self.pieces_.max()) + 1
        self.coef_ = np.ascontiguousarray(solution.coef.reshape(-1, n_columns).T)
        one = n_columns == 1
        self.surrogate_thresholds_ = (
            hull_thresholds(solution.thresholds) if one else solution.thresholds
        )
        self.thresholds_ = self.surrogate_thresholds_
        self.step_weights_ = np.eye(n_columns)[self.pieces_]
        if self.spread_thresholds:
            self.step_weights_ = spread_pieces(self.pieces_, supported_thresholds(problem.labels))
            self.thresholds_ = self._spread(problem)
        self.biases_ = to_biases(self.thresholds_)
