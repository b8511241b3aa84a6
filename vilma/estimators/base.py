"""What the linear estimators share: prediction, and the fit for one alpha."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from vilma._fingerprint import fingerprint
from vilma._numba import interruptible, report_compilation
from vilma.design_matrices import (
    DesignMatrix,
    as_design_matrix,
    center_narrow_columns,
)
from vilma.design_matrices.threads import BlockThreads
from vilma.distributed import LoadedRows, Partitions
from vilma.estimators._diagnosis import (
    advice_on_columns,
    are_alike,
    warn_of_annotations,
    warn_of_weak_signal,
)
from vilma.estimators._problem import (
    Problem,
    advice_on_scale,
    all_or_nothing,
    read_problem,
    read_X,
)
from vilma.estimators._resume import KeptSolver
from vilma.estimators.scoring import CoverageScoreMixin
from vilma.labels import in_class_order
from vilma.one_hot import OneHotCodes
from vilma.solvers import Settings, Solution, Solver
from vilma.surrogates import LabeledWeights, Surrogate
from vilma.thresholds import (
    hull_thresholds,
    share_thresholds,
    spread_thresholds,
    supported_thresholds,
    to_biases,
)

__all__ = [
    "CertifiedFit",
    "LinearOrdinalClassifier",
    "LinearOrdinalModel",
    "OrdinalModel",
    "SingleFit",
    "margins",
]


class OrdinalModel(CoverageScoreMixin, ClassifierMixin, BaseEstimator, ABC):
    """What every linear model of ordered labels is to scikit-learn."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        # Neighbouring labels are told apart by lines: classes in no order are out of reach.
        tags.classifier_tags.poor_score = True
        return tags

    # Whether an open end beyond which no label occurs is worth a word.
    _tells_closed_ends: ClassVar[bool] = True
    # Whether a data frame without columns is a model.
    _fits_no_columns: ClassVar[bool] = False

    def _require_fit(self) -> None:
        """Refuse to predict before `fit`."""
        check_is_fitted(self)

    @abstractmethod
    def _project(self, X) -> np.ndarray:
        """Return the projections of data that have been read."""

    @abstractmethod
    def _places(self, projection: np.ndarray) -> np.ndarray:
        """Return the positions on the scale that projections are predicted to have."""

    def _problem_key(self) -> tuple:
        """Tell estimators apart whose problems differ in more than the solver's settings."""
        return ()


class LinearOrdinalModel(OrdinalModel):
    """What every fitted projection ``X @ coef_``, cut into labels by ``thresholds_``, can do.

    Subclasses say how it is fitted.
    """

    @interruptible()
    def project(self, X) -> np.ndarray:
        """Project onto the line that the thresholds divide.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns, \
                PartitionedMatrix} of shape (n_samples, n_features)
            Data to project.

        Returns
        -------
        ndarray of shape (n_samples,)
            ``X @ coef_``.
        """
        self._require_fit()
        if isinstance(X, Partitions):
            return X.map_rows(self.project, np.empty(0))
        return self._project(read_X(self, X, reset=False))

    def _project(self, X) -> np.ndarray:
        return np.asarray(X @ self.coef_)

    def _places(self, projection: np.ndarray) -> np.ndarray:
        return np.searchsorted(self.thresholds_, projection, side="left")

    def decision_function(self, X) -> np.ndarray:
        """Score every label; the largest score is that of the predicted label.

        The score of the MORD classifier, ``s * y + b_y`` for the projection s and the position y
        of a label on the scale, less the largest such score of the other labels: positive for
        the predicted label only.

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
        self._require_fit()
        if isinstance(X, Partitions):
            n = len(self.scale_)
            return X.map_rows(self.decision_function, np.empty(0 if n == 2 else (0, n)))
        projection = self.project(X)
        order = in_class_order(self.scale_)
        if len(order) == 2:
            above = projection - self.thresholds_[0]
            return above if order[1] == 1 else -above
        positions = np.arange(len(order))
        return margins(projection[:, None] * positions + self._label_biases())[:, order]

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
        self._require_fit()
        if isinstance(X, Partitions):
            return X.map_rows(self.predict, self.scale_[:0])
        places = self._places(self.project(X))
        return self.scale_[places]

    def _label_biases(self) -> np.ndarray:
        """MORD's biases along the scale: `biases_` where the surrogate has them of its own."""
        biases = vars(self).get("biases_")
        return to_biases(self.thresholds_) if biases is None else biases


class SingleFit(OrdinalModel):
    """What a fit for one alpha says of itself."""

    alpha: float

    def _short_name(self) -> str:
        """Return what warnings call the estimator."""
        return f"{type(self).__name__}(alpha={self.alpha:g})"

    @abstractmethod
    def _advice(self) -> str:
        """What to try where the signal is too weak."""

    def _warn_of_what_was_learned(self, problem: Problem, converged: bool) -> None:
        """Warn where the optimum is found, and yet says little."""
        name = self._short_name()
        n_rows, labels = problem.X.shape[0], problem.labels
        warn_of_annotations(name, labels, problem.classes, n_rows)
        if converged and not are_alike(problem.X):
            predicted, labels = self._predict_training_rows(problem)

            def advice() -> str:
                return advice_on_columns(self._advice(), problem.X)

            warn_of_weak_signal(name, advice, predicted, labels, problem.classes, n_rows)

    def _predict_training_rows(self, problem: Problem) -> tuple[np.ndarray, LabeledWeights]:
        """Return positions on the scale with the labels that they are to be compared with."""
        return self._places(self._project(problem.X)), problem.labels


class CertifiedFit(SingleFit):
    """The fit for one alpha, by a solver that certifies its optimum.

    Subclasses say which surrogate they minimise and what becomes of a solution.
    """

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "classes": ["array-like", None],
        "spread_thresholds": ["boolean"],
        "solver": [StrOptions({"auto", "cutting_plane", "coordinate_ascent", "conic"})],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        alpha: float = 0.01,
        *,
        tol: float = 1e-3,
        max_iter: int = 1000,
        classes=None,
        spread_thresholds: bool = True,
        solver: Literal["auto", "cutting_plane", "coordinate_ascent", "conic"] = "auto",
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.tol = tol
        self.max_iter = max_iter
        self.classes = classes
        self.spread_thresholds = spread_thresholds
        self.solver = solver
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    @abstractmethod
    def _make_surrogate(self, problem: Problem) -> Surrogate:
        """Return the surrogate of the problem's labels."""

    def fit(self, X, y, sample_weight=None) -> Self:
        """Learn projection and thresholds from exact or interval labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Training data. Sparse data are used as CSR; a matrix of zeros and ones is kept
            without its values.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact labels, or intervals ``[lower, upper]`` with both ends included. An end may be
            open: NaN or -inf below, NaN or +inf above.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; a row of weight 2 counts as two rows, one of weight 0 as none.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, labels, weights or parameters are not as described. The estimator is then
            left as it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If `max_iter` iterations did not close the relative gap to `tol`.
        vilma.exceptions.WeakSignalWarning
            If one label is predicted for every training row, or few labels for most of them.
        vilma.exceptions.AnnotationWarning
            If all annotations share a label, or lie on one side only of every threshold at an end
            of the scale, half of all labels or more.
        """
        with all_or_nothing(self):
            self._validate_params()
            problem = read_problem(self, X, y, sample_weight, self.classes)
            (solution,) = self._solve(problem, [self._settings(problem)])
            self._store(problem, solution)
            self._warn_of_gap(problem, solution)
            self._warn_of_what_was_learned(problem, solution.status == "converged")
        return self

    def __getstate__(self):
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_kept"}

    def _n_penalized(self, n_classes: int) -> int:
        """Return how many biases are regularised, as coefficients behind those of the features."""
        return 0

    def _spread(self, problem: Problem) -> np.ndarray:
        """Return the surrogate's thresholds, those without support put between the others."""
        thresholds = self.surrogate_thresholds_
        supported = supported_thresholds(problem.labels)
        if supported.sum() > 1 or len(supported) == 1:
            return spread_thresholds(thresholds, supported)
        scores, weight = self._training_scores(problem)
        return share_thresholds(
            thresholds, int(supported.argmax()), problem.labels, scores, weight
        )

    def _training_scores(self, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        """Return the scores of all rows, of the one piece that there is, and their weights."""
        return np.ravel(self._project(problem.X)), problem.labels.weight

    @abstractmethod
    def _initial_coef(self, problem: Problem) -> np.ndarray | None:
        """Return the last solution as the solver has it, if there is one of the right size."""

    def _settings(self, problem: Problem) -> Settings:
        return Settings(self.alpha, self.tol, self.max_iter, int(self.verbose))

    def _design(self, X: DesignMatrix, problem: Problem) -> DesignMatrix:
        """Return the matrix that makes scores of the solver's coefficients."""
        return X

    def _threshold_shift(
        self, problem: Problem, center: np.ndarray, coef: np.ndarray
    ) -> np.ndarray | float:
        """Return what the thresholds gain where X loses the center."""
        return float(center @ coef)

    def _solve(self, problem: Problem, path: list[Settings]) -> list[Solution]:
        """Solve the problem for each of the settings."""
        if isinstance(problem.X, LoadedRows):
            return self._solve_in_partitions(problem, path)
        n_extra = self._n_penalized(problem.labels.n_classes)
        if n_extra:  # thresholds with a penalty are not free to take up a constant
            return self._solve_as_given(problem, n_extra, path)
        X, center = center_narrow_columns(problem.X)
        solutions = self._solve_as_given(problem._replace(X=X), 0, path)
        if center is None:
            return solutions
        return [
            replace(
                each,
                thresholds=each.thresholds + self._threshold_shift(problem, center, each.coef),
            )
            for each in solutions
        ]

    def _solve_in_partitions(self, problem: Problem, path: list[Settings]) -> list[Solution]:
        """Solve by cutting planes, which need no more of the rows than sums."""
        if self.solver not in ("auto", "cutting_plane"):
            raise ValueError(
                f'solver="{self.solver}" needs all rows in one place. Rows in partitions are '
                'learned from by solver="auto", which then is "cutting_plane".'
            )
        X, surrogate = problem.X.problem(self._make_surrogate(problem))
        initial = self._initial_coef(problem) if self.warm_start else None
        with report_compilation(int(self.verbose)), BlockThreads(self.n_jobs):
            solver = Solver(X, surrogate, initial, method="cutting_plane")
            return [solver.minimize(each) for each in path]

    def _solve_as_given(
        self, problem: Problem, n_extra: int, path: list[Settings]
    ) -> list[Solution]:
        surrogate = self._make_surrogate(problem)
        if self.solver == "conic":
            from vilma.solvers.conic import minimize_conic  # CVXPY takes a while to import

            return [minimize_conic(problem.X, n_extra, surrogate, each) for each in path]
        with report_compilation(int(self.verbose)), BlockThreads(self.n_jobs) as threads:
            X = self._design(as_design_matrix(problem.X, threads), problem)
            if not self.warm_start:
                self.__dict__.pop("_kept", None)
                solver = Solver(X, surrogate, method=self.solver)
                return [solver.minimize(each) for each in path]
            return self._go_on(problem, X, surrogate, path)

    def _go_on(
        self, problem: Problem, X: DesignMatrix, surrogate: Surrogate, path: list[Settings]
    ) -> list[Solution]:
        """Begin with the last fit's planes if the problem is the same, else with its solution."""
        digest = fingerprint(problem.X, surrogate, self.solver)
        kept: KeptSolver | None = getattr(self, "_kept", None)
        solver = kept.take(digest, X) if kept is not None else None
        if solver is None:
            initial = self._initial_coef(problem)
            solver = Solver(X, surrogate, initial, method=self.solver)
        solutions = [solver.minimize(each) for each in path]
        self._kept = KeptSolver(digest, solver)
        return solutions

    def _store(self, problem: Problem, solution: Solution) -> None:
        """Turn a solution into fitted attributes."""
        self.scale_ = problem.classes
        self.classes_ = self.scale_[in_class_order(self.scale_)]
        self.objective_ = float(solution.objective)
        self.lower_bound_ = float(solution.lower_bound)
        self.gap_ = float(solution.gap)
        self.history_ = solution.history
        self.n_iter_ = solution.n_iter

    def _advice(self) -> str:
        loss = vars(self).get("loss")
        if isinstance(loss, str) and loss == "squared":
            return (
                "Too large an alpha does that, and so does a weak signal, where a smaller alpha "
                "makes errors larger: VILMACV() chooses alpha by cross-validation."
            )
        return (
            "Where many labels meet a weak signal this is the optimum for this loss, at any "
            'alpha: try VILMA(loss="squared"), or VILMACV(), which chooses loss and alpha by '
            "cross-validation."
        )

    def _warn_of_gap(self, problem: Problem, solution: Solution) -> None:
        if solution.status == "converged":
            return
        name = self._short_name()
        gap = (
            f"with a relative gap of {solution.gap:.2e} > tol={self.tol:g}: the objective "
            f"{solution.objective:.6g} is at most that far above the optimum."
        )
        if solution.status == "max_iter":
            message = (
                f"{name} stopped after max_iter={self.max_iter} iterations {gap} Increase "
                "max_iter, tol or alpha"
            )
        else:
            message = (
                f"{name} stopped after {solution.n_iter} iterations, since its bounds came no "
                f"closer, {gap} Increase tol or alpha"
            )
        message += advice_on_scale(self, problem.X) + "."
        if self.solver not in ("auto", "conic"):
            message += f' solver="auto" may do better than solver="{self.solver}".'
        warnings.warn(message, ConvergenceWarning, stacklevel=3)


class LinearOrdinalClassifier(LinearOrdinalModel, CertifiedFit):
    """A linear ordinal model for one alpha."""

    _takes_partitions: ClassVar[bool] = True

    def _predict_training_rows(self, problem: Problem) -> tuple[np.ndarray, LabeledWeights]:
        if isinstance(problem.X, OneHotCodes):  # kernels are compiled: half of NumPy's time
            with BlockThreads(self.n_jobs) as threads:
                scores = as_design_matrix(problem.X, threads).dot(self.coef_)
            return self._places(scores), problem.labels
        if not isinstance(problem.X, LoadedRows):
            return super()._predict_training_rows(problem)
        counts = problem.X.count_predicted(self.coef_, self.thresholds_)
        lower, upper, predicted = np.nonzero(counts)
        weight = counts[lower, upper, predicted]
        return predicted, LabeledWeights(lower, upper, weight, len(counts))

    def _training_scores(self, problem: Problem) -> tuple[np.ndarray, np.ndarray]:
        if isinstance(problem.X, LoadedRows):
            return problem.X.distribution(self.coef_)
        return super()._training_scores(problem)

    def _initial_coef(self, problem: Problem) -> np.ndarray | None:
        coef = getattr(self, "coef_", None)
        return coef if coef is not None and len(coef) == problem.X.shape[1] else None

    def _store(self, problem: Problem, solution: Solution) -> None:
        super()._store(problem, solution)
        self.coef_ = solution.coef[: problem.X.shape[1]]
        self.surrogate_thresholds_ = hull_thresholds(solution.thresholds)
        self.thresholds_ = self.surrogate_thresholds_
        if self.spread_thresholds:
            self.thresholds_ = self._spread(problem)


def margins(scores: np.ndarray) -> np.ndarray:
    """Subtract the best of the other scores of its row, of shape (n_samples, n_classes)."""
    rows, best = np.arange(len(scores)), scores.argmax(axis=1)
    largest = scores[rows, best]
    others = scores.copy()
    others[rows, best] = -np.inf
    margins = scores - largest[:, None]
    margins[rows, best] = largest - others.max(axis=1)
    return margins
