"""The ordered logit: a likelihood instead of a loss."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions

from vilma._wording import label_name, some_of
from vilma.design_matrices import DesignMatrix, as_design_matrix, center_narrow_columns
from vilma.design_matrices.threads import BlockThreads
from vilma.estimators._problem import (
    Problem,
    advice_on_scale,
    all_or_nothing,
    read_problem,
    read_X,
    refuse_other_order,
)
from vilma.estimators.base import LinearOrdinalModel, SingleFit, margins
from vilma.inference import (
    Formula,
    LikelihoodRatioTest,
    MarginalEffects,
    ProportionalOddsTest,
    Summary,
    WaldTest,
)
from vilma.inference.comparison import likelihood_ratio_test, wald_test
from vilma.inference.covariance import covariance, informative
from vilma.inference.estimates import Estimates, count_rows, null_log_likelihood
from vilma.inference.margins import column_effects, read_average, variable_effects
from vilma.inference.proportional_odds import (
    NarrowModel,
    proportional_odds_test,
    refuse_other_rows,
    testable_part,
)
from vilma.inference.trace import DataTrace, trace_data
from vilma.inference.variables import variable_changes
from vilma.labels import in_class_order, read_endpoints
from vilma.likelihood import (
    LINKS,
    Cells,
    CumulativeModel,
    IntervalLikelihood,
    LikelihoodProblem,
    Maximum,
    Options,
    Separation,
    Standardization,
    Start,
    find_separation,
    identify_cells,
    initial_thresholds,
    minimize,
    not_told,
    place_thresholds,
    separate_columns,
    standardize,
    unchanged,
)
from vilma.mixed import MixedColumns
from vilma.solvers import Settings
from vilma.surrogates import LabeledWeights
from vilma.thresholds import supported_thresholds

__all__ = ["CumulativeClassifier", "OrderedLogit"]

# At 1e13 a column of unit spread is still fitted right, at 1e14 its coefficient is 0.
_NARROWEST = 1e-13
_FIRST_ROWS = 50
# Log-likelihood left, of that of thresholds alone, where separation is complete; 4e-13 was found
# there, and .47 where a column separates two labels of four.
_ALL_EXPLAINED = 1e-3

# A fit that stops with a smaller gap has arrived; one with a larger gap has lost its way.
_LOST_IN_ROUNDING = 1e-4

# Where columns are nearly the same beside an outlier, its score goes far down the tail of the
# link before the other rows weigh as much: until then a step moves it by 1 and gains next to
# nothing.
_TAIL = 1e-14

# Up to here the Hessian is formed for penalised fits: dense columns by one product of matrices,
# other kinds by a pair of products per column.
_MOST_DENSE, _MOST_OTHER = 1000, 200
# Clusters: with 20 a true 0 for a column of the clusters was rejected at 5 % in 12 % of the
# simulations of `vilma.inference.summary.wald`, with 30 in 6 %.
_FEWEST_CLUSTERS = 30
_MOST_INFERENCE = 2000  # columns with a covariance


@dataclass(frozen=True)
class _Fit:
    """A solution in the units of the user's columns, and what inference needs of it."""

    alpha: float
    coef: np.ndarray
    thresholds: np.ndarray  # (n_groups,) distinct and finite
    cells: Cells  # which thresholds of the scale they are
    scores: np.ndarray  # (n_samples,)
    weight: np.ndarray
    maximum: Maximum
    covariance: np.ndarray | None  # (n + n_groups, n + n_groups)
    covariance_type: str
    n_clusters: int | None
    total_weight: float
    informative_weight: float
    null_log_likelihood: float
    separation: Separation | None
    not_told: np.ndarray  # (n + n_groups,) bool, what separation leaves infinite or untold
    trace: DataTrace | None


class CumulativeClassifier(LinearOrdinalModel):
    """What fitted cumulative models predict.

    Subclasses have the parameters `link` and `prediction`.
    """

    link: str
    prediction: str

    # Where no label lies beyond an open end, it leaves one cell, and the likelihood is the same
    # however many labels there are in it.
    _tells_closed_ends = False

    def predict(self, X) -> np.ndarray:
        """Predict labels: medians, modes or rounded means, as `prediction` says.

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

    def _places(self, projection: np.ndarray) -> np.ndarray:
        model = self._model()
        if self.prediction == "median":
            return model.medians(projection)
        if self.prediction == "mode":
            return model.modes(projection)
        return np.floor(model.means(projection) + 0.5).astype(np.intp)

    def predict_log_proba(self, X) -> np.ndarray:
        """Return logarithms of the probabilities, exact even where those round to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        projection = self.project(X)
        logs = self._model().log_probabilities(projection)
        return logs[:, in_class_order(self.scale_)]

    def predict_proba(self, X) -> np.ndarray:
        """Predict the probabilities of the labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; rows sum to 1.
        """
        return np.exp(self.predict_log_proba(X))

    def decision_function(self, X) -> np.ndarray:
        """Score every label; positive for the predicted label only.

        The score is that of :class:`vilma.VILMA` with the thresholds moved to where predictions
        change, for modes the logarithm of the probability, for means minus the squared distance
        of the label's place from the mean, in each case less the best one of the other labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Data to score.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), or (n_samples,) for two classes
            In the order of `classes_`. With two classes, the projection less where both are
            equally likely, turned to be positive for the second class.
        """
        projection, model = self.project(X), self._model()
        middle = float(LINKS[self.link].quantile(np.array(0.5)))
        order = in_class_order(self.scale_)
        if len(order) == 2:
            above = projection - (self.thresholds_[0] - middle)
            return above if order[1] == 1 else -above
        if self.prediction == "mode":
            scores = model.log_probabilities(projection)
        elif self.prediction == "mean":
            scores = -((np.arange(len(order)) - model.means(projection)[:, None]) ** 2)
        else:
            # Thresholds at infinity have no sums; anything beyond the data does as well.
            finite = self.thresholds_[np.isfinite(self.thresholds_)]
            far = 1.0 + np.abs(projection).max(initial=0.0) + np.abs(finite).max(initial=0.0)
            steps = projection[:, None] - (np.clip(self.thresholds_, -far, far) - middle)
            scores = np.hstack([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)])
        return margins(scores)[:, order]

    def _model(self) -> CumulativeModel:
        return CumulativeModel(self.link, self.thresholds_)


class OrderedLogit(CumulativeClassifier, SingleFit):
    r"""Ordered logit, or probit, by the likelihood of exact or interval labels.

    The model is that of proportional odds,

    .. math:: P(y \le k \mid x) = F(\theta_k - \langle x, w\rangle),

    and an annotation [l, u] has the likelihood
    :math:`F(\theta_u - \langle x, w\rangle) - F(\theta_{l-1} - \langle x, w\rangle)`. Minimised is
    ``alpha / 2 |w|^2`` plus the mean of its negative logarithm. With ``alpha=0``, the default,
    this is maximum likelihood, with standard errors, intervals and tests (:meth:`summary`). Exact
    labels give the numbers of polr in R, of ologit and oprobit in Stata, and of OrderedModel in
    statsmodels; brackets and open ends need no midpoints.

    Read more in the :ref:`user guide <ordered_logit>`.

    Parameters
    ----------
    alpha : float, default=0.0
        Weight of the squared norm of `coef_`. 0 is maximum likelihood, with inference; with many
        columns, or labels that some columns separate, take more.
    link : {"logit", "probit", "cloglog"}, default="logit"
        F: logistic, normal, or ``1 - exp(-exp(z))`` (proportional hazards).
    prediction : {"median", "mode", "mean"}, default="median"
        What :meth:`predict` returns: the median label, of the smallest expected absolute error,
        the most probable one, or the expected place on the scale, rounded.
    tol : float, default=1e-8
        When to stop: with a penalty at this proven relative gap between objective and lower
        bound, without one when half the squared Newton decrement is below this share of the
        objective. The step that shows it is taken as well.
    max_iter : int, default=1000
        Limit on the Newton steps.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale. By default the sorted labels, or finite endpoints, in y.
    spread_thresholds : bool, default=True
        Predict with thresholds that few or no annotations support placed evenly between those
        that many do. Inference is about `likelihood_thresholds_`, always.
    covariance : {"observed", "robust"}, default="observed"
        The covariance of the estimates for ``alpha=0``: the inverse of the observed information,
        or the sandwich that holds where the model does not, or where weights are those of a
        survey. With `groups` in :meth:`fit` the sandwich is clustered.
    warm_start : bool, default=False
        Start from the last solution, if the number of features and thresholds is the same.
    n_jobs : int, default=None
        Threads for products with large matrices. None means 1 unless in a
        :obj:`joblib.parallel_config` context, -1 all cores. Results do not depend on it.
    verbose : int, default=0
        Print a line every `verbose` iterations.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,)
        The w of the model: positive coefficients go with higher labels.
    thresholds_ : ndarray of shape (n_classes - 1,)
        Nondecreasing; what predictions are made with.
    likelihood_thresholds_ : ndarray of shape (n_classes - 1,)
        The thresholds of the maximum, before any spreading. NaN where no annotation separates
        the two labels, infinite where labels at the end of the scale have no probability; equal
        around labels that have none.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted: the order of the columns of :meth:`predict_proba`.
    scale_ : ndarray of shape (n_classes,)
        The labels in their order, to which thresholds refer.
    objective_ : float
        What is minimised, at the solution.
    lower_bound_ : float
        Proven lower bound on the minimum; NaN for ``alpha=0``.
    gap_ : float
        ``(objective_ - lower_bound_) / objective_``; NaN for ``alpha=0``.
    newton_decrement_ : float
        Half the squared Newton decrement at the last step: the decrease of the objective that the
        quadratic model promised. Near the minimum this is what was left before that step; it is
        no proof, as the gap is.
    log_likelihood_ : float
        Weighted sum over the rows.
    null_log_likelihood_ : float
        The same for thresholds alone.
    covariance_ : ndarray of shape (n_parameters, n_parameters)
        Of coefficients, then distinct finite thresholds. For ``alpha=0`` and at most 2,000
        columns; rows and columns of coefficients that are not identified are NaN.
    history_ : ndarray of shape (n_iter_,)
        Structured array with a record per iteration: objective, lower_bound, gap, decrement,
        step, n_products, seconds.
    n_iter_ : int
        Number of Newton steps.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where X had string names.

    See Also
    --------
    VILMA : Labels by a loss instead of probabilities by a likelihood.
    CalibratedOrdinalClassifier : Probabilities on top of another estimator.

    Notes
    -----
    Coefficients and thresholds are found by Newton's method, with the whole Hessian up to 2,000
    columns (1,000 dense, 200 others, with a penalty), by products with X alone above. From 25
    columns on, steps after the first are computed by conjugate gradients with the last Hessian as
    preconditioner. For ``alpha > 0`` the squared gradient of the strongly convex objective proves
    how much is left.

    References
    ----------
    .. [1] McCullagh, "Regression models for ordinal data", Journal of the Royal Statistical
           Society B 42, 1980.
    .. [2] Stewart, "On least squares estimation when the dependent variable is grouped", Review
           of Economic Studies 50, 1983; for the likelihood of brackets.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import OrderedLogit
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> intervals = [[1, 1], [1, 2], [2, 3], [1, 2], [2, 2], [1, 1], [3, 3], [2, 3], [2, 2]]
    >>> intervals.append([3, 3])
    >>> model = OrderedLogit().fit(X, intervals)
    >>> model.predict([[0.0], [5.0], [9.0]])
    array([1, 2, 3])
    >>> model.predict_proba([[0.0], [9.0]]).round(1)
    array([[0.8, 0.2, 0. ],
           [0. , 0.3, 0.7]])
    """

    _inference: Estimates
    _fits_no_columns = True

    _parameter_constraints: ClassVar[dict] = {
        "alpha": [Interval(Real, 0, np.inf, closed="left")],
        "link": [StrOptions(set(LINKS))],
        "prediction": [StrOptions({"median", "mode", "mean"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "classes": ["array-like", None],
        "spread_thresholds": ["boolean"],
        "covariance": [StrOptions({"observed", "robust"})],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        alpha: float = 0.0,
        *,
        link: Literal["logit", "probit", "cloglog"] = "logit",
        prediction: Literal["median", "mode", "mean"] = "median",
        tol: float = 1e-8,
        max_iter: int = 1000,
        classes=None,
        spread_thresholds: bool = True,
        covariance: Literal["observed", "robust"] = "observed",
        warm_start: bool = False,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.alpha = alpha
        self.link = link
        self.prediction = prediction
        self.tol = tol
        self.max_iter = max_iter
        self.classes = classes
        self.spread_thresholds = spread_thresholds
        self.covariance = covariance
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None, groups=None) -> Self:
        """Estimate coefficients and thresholds from exact or interval labels.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Training data, without a column of ones: the thresholds are the intercepts. A data
            frame without columns, ``X[[]]``, is the model of thresholds alone.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact labels, or intervals ``[lower, upper]`` with both ends included. An end may be
            open: NaN or -inf below, NaN or +inf above.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights; a row of weight 2 counts as two rows, one of weight 0 as none.
            For ``covariance="robust"`` and for clusters they are weights of a survey: estimates
            are the same, standard errors are not those of repetitions.
        groups : array-like of shape (n_samples,), default=None
            Which rows belong together (persons, households, primary sampling units). Standard
            errors then allow for dependence inside of groups, and p and intervals are those of
            Student's t. Only for ``alpha=0``.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, labels, weights or parameters are not as described, or if the annotations
            contradict no threshold, so that there is nothing to estimate. The estimator is then
            left as it was.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If `max_iter` steps did not arrive, if columns separate the labels so that the
            maximum is at infinity, or if coefficients are not identified (collinear columns);
            the columns are named.
        UserWarning
            If there are fewer than 30 groups, or not more than there are coefficients.
        vilma.exceptions.WeakSignalWarning
            For ``alpha > 0``, if one label is predicted for every training row, or few labels for
            most of them.
        vilma.exceptions.AnnotationWarning
            If annotations lie on one side only of every threshold at an end of the scale, half of
            all labels or more.
        """
        with all_or_nothing(self):
            self._validate_params()
            if groups is not None and self.alpha > 0:
                raise ValueError(
                    "groups are for standard errors, which need alpha=0, but "
                    f"alpha={self.alpha:g}."
                )
            refuse_other_order(X=X, y=y, sample_weight=sample_weight, groups=groups)
            problem = read_problem(self, X, y, sample_weight, self.classes)
            _refuse_narrow(problem.X)
            clusters = _read_groups(groups, sample_weight, y)
            (fit,) = self._solve(problem, [self._settings(problem)], clusters)
            self._store(problem, fit)
            if hasattr(self, "_inference"):
                counts = count_rows(problem.labels, _open_rows(y, sample_weight))
                self._inference = replace(self._inference, rows=counts)
        self._warn_of_gap(problem, fit)
        if fit.n_clusters is not None:
            for message in _few_clusters(fit.n_clusters, int((~fit.maximum.aliased).sum())):
                warnings.warn(message, UserWarning, stacklevel=2)
        # Without a penalty the coefficients are what is asked for, and the summary says how much
        # they explain.
        self._warn_of_what_was_learned(problem, self.alpha > 0.0 and fit.maximum.converged)
        return self

    def _advice(self) -> str:
        return (
            "Probabilities are none the worse for it: predict_proba tells the rows apart. "
            "Alpha may be too large: OrderedLogitCV chooses one by cross-validation."
        )

    # Inference ----------------------------------------------------------------------------------

    def summary(self, level: float = 0.95) -> Summary:
        """Return the table of estimates: it prints, and shows itself in notebooks.

        Parameters
        ----------
        level : float, default=0.95
            Coverage of the confidence intervals, between 0 and 1.

        Returns
        -------
        Summary
            Coefficients, odds ratios, standard errors, z, p and intervals; thresholds; the fit.

        Raises
        ------
        ValueError
            If ``alpha`` was not 0 or there are more than 2,000 columns.

        Examples
        --------
        >>> from vilma import OrderedLogit
        >>> from vilma.datasets import load_anes96
        >>> X, y = load_anes96(return_X_y=True, as_frame=True)
        >>> OrderedLogit().fit(X[["age", "educ"]], y).summary().to_frame().round(3)["coef"]
        age     0.001
        educ    0.124
        Name: coef, dtype: float64
        """
        return Summary(self._estimates(), level)

    def likelihood_ratio_test(self, nested: OrderedLogit | None = None) -> LikelihoodRatioTest:
        """Test this model against one with fewer coefficients, fitted to the same rows.

        Parameters
        ----------
        nested : OrderedLogit, default=None
            Fitted to some of the columns, or to sums of multiples of them, with ``alpha=0``. None
            is the model of thresholds alone.

        Returns
        -------
        LikelihoodRatioTest
            Statistic, degrees of freedom and p.

        Raises
        ------
        ValueError
            If a model has a penalty or robust errors; if links, rows, weights or labels differ;
            if a column of `nested` is no sum of multiples of this model's columns.
        TypeError
            If `nested` is no OrderedLogit.
        """
        full = self._estimates()
        if nested is None:
            return likelihood_ratio_test(full, None)
        if not isinstance(nested, OrderedLogit):
            raise TypeError(
                "nested should be an OrderedLogit, fitted to the same rows, or None for the "
                f"model of thresholds alone; got a {type(nested).__name__}."
            )
        return likelihood_ratio_test(full, nested._estimates())

    def wald_test(self, columns: Sequence[str] | Sequence[int] | None = None) -> WaldTest:
        """Test whether several coefficients are 0 together, by their covariance.

        Unlike the likelihood ratio this holds for robust and clustered standard errors, too.

        Parameters
        ----------
        columns : sequence of str or int, default=None
            Names or places of the columns, such as the levels of one factor. None is all columns
            that are identified.

        Returns
        -------
        WaldTest
            Statistic, degrees of freedom and p; with clusters p is that of F.

        Raises
        ------
        ValueError
            If ``alpha`` was not 0, as :meth:`summary` says; if columns are unknown, named twice
            not identified, or separate the labels; if there are not more clusters than columns.

        Examples
        --------
        >>> from vilma import OrderedLogit
        >>> from vilma.datasets import load_anes96
        >>> X, y = load_anes96(return_X_y=True, as_frame=True)
        >>> model = OrderedLogit(covariance="robust").fit(X[["age", "educ", "income"]], y)
        >>> print(model.wald_test(["age", "educ"]))
        chi2(2) = 1.5890, p = 0.4518
        """
        estimates = self._estimates()
        identified = np.flatnonzero(estimates.identified)
        if columns is None:
            columns = identified.tolist()
        if isinstance(columns, str):
            columns = [columns]
        known: dict[str | int, int] = {j: j for j in range(len(estimates.names))}
        known |= {name: j for j, name in enumerate(estimates.names)}
        unknown = [each for each in columns if each not in known]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is none of the columns: "
                f"{some_of(list(map(str, estimates.names)))}."
            )
        places = [known[each] for each in columns]
        if len(set(places)) < len(places):
            raise ValueError(f"A column is named twice: {list(columns)}.")
        aliased = [estimates.names[j] for j in places if j not in identified]
        if aliased:
            raise ValueError(f"Not identified, so that nothing can be tested: {some_of(aliased)}.")
        infinite = [str(estimates.names[j]) for j in places if j in estimates.separated]
        if infinite:
            raise ValueError(
                "The labels are separated: estimates are infinite, or told by rows alone that are "
                f"certain, and have no standard error, for {some_of(infinite)}. The likelihood "
                "ratio of fits with and without such a column tests it: `likelihood_ratio_test`."
            )
        return wald_test(estimates, np.array(places, dtype=np.int64))

    def average_marginal_effects(
        self,
        X,
        sample_weight=None,
        *,
        formula: Formula | None = None,
        factors: Mapping[str, Sequence[str]] | None = None,
        level: float = 0.95,
    ) -> MarginalEffects:
        """Return how probabilities change with each column, or variable, on average over rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            Rows to average over. With `formula`, the table that it reads, a data frame.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights; to be given if the fit had weights.
        formula : Formula, default=None
            What made the columns of the fit, such as ``X.attrs["formula"]``. Effects are then
            those of the table's variables, through all columns that they enter: interactions,
            polynomials, splines and levels of categories.
        factors : dict, default=None
            Without a formula, which columns of zeros and ones are the levels of one factor, such
            as ``{"region": ["south", "west"]}``. The effect of a level is then the change from
            the reference level, where all of them are 0. Columns that are in no factor are moved
            alone.
        level : float, default=0.95
            Coverage of the confidence intervals.

        Returns
        -------
        MarginalEffects
            Effects on P(y = k) and on P(y >= k), with standard errors by the delta method. For
            zeros and ones the effect is the change from 0 to 1 in all rows, for levels of a
            factor that from its reference level, for other numbers the derivative.

        Raises
        ------
        ValueError
            If ``alpha`` was not 0, as :meth:`summary` says; if the fit had weights and there are
            none here; if X was made by a formula and that is not given, or is another one than
            that of the fit; if factors are no columns of levels.
        """
        estimates = self._estimates()
        if formula is not None:
            if factors is not None:
                raise ValueError("A formula knows its factors: give formula or factors, not both.")
            if not isinstance(formula, Formula):
                raise TypeError(
                    "formula should be a vilma.inference.Formula, such as X.attrs['formula'], "
                    f"got a {type(formula).__name__}."
                )
            share = read_average(estimates, len(X), sample_weight, level)
            read_X(self, formula.transform(X), reset=False)
            return variable_effects(estimates, variable_changes(formula, X), share, level)
        if factors is None and isinstance(getattr(X, "attrs", {}).get("formula"), Formula):
            raise ValueError(
                "These columns were made by a formula, in which a variable may enter several of "
                "them. Give the table and the formula: "
                "average_marginal_effects(table, formula=X.attrs['formula']). With factors={} "
                "every column is moved alone."
            )
        X = read_X(self, X, reset=False)
        share = read_average(estimates, X.shape[0], sample_weight, level)
        with BlockThreads(self.n_jobs) as threads:
            matrix = as_design_matrix(X, threads)
            return column_effects(estimates, matrix, share, factors or {}, level)

    def proportional_odds_test(
        self, X, y, sample_weight=None, groups=None
    ) -> ProportionalOddsTest:
        """Test whether coefficients are the same at every threshold.

        Thresholds with fewer than ten annotations on either side for each of their parameters are
        left out, and labels between are taken together: the statistic would not be chi-squared.
        After a fit with ``covariance="robust"`` or with groups the test is that of the sandwich.
        Where columns separate the labels it is the test of the rows that they do not decide.

        Parameters
        ----------
        X : {array-like, sparse matrix, OneHotCodes, MappedMatrix, MixedColumns} of shape \
                (n_samples, n_features)
            The rows of the fit.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            Their groups, if the fit had some.

        Returns
        -------
        ProportionalOddsTest
            Score tests for all columns together and for each, and one-step estimates of the
            coefficients at every threshold.

        Raises
        ------
        ValueError
            If ``alpha`` was not 0, as :meth:`summary` says, if there are fewer than two
            thresholds with enough annotations, if the rows are not those of the fit, if the fit
            had groups and there are none, or too few of them, or if weights are no whole numbers
            and standard errors not robust.
        """
        estimates = self._estimates()
        if (groups is not None) != (estimates.covariance_type == "cluster"):
            raise ValueError(
                "The fit had groups, so the test needs them, too."
                if groups is None
                else "The fit had no groups: fit with groups, so that test and errors agree."
            )
        refuse_other_order(X=X, y=y, sample_weight=sample_weight, groups=groups)
        problem = read_problem(clone(self), X, y, sample_weight, self.scale_)
        labels = estimates.cells.reduce(_as_repetitions(problem))
        if estimates.covariance_type == "observed" and (labels.weight % 1.0 != 0.0).any():
            raise ValueError(
                "Weights that are no whole numbers count no rows, and the statistic grows with "
                'their unit. Fit with covariance="robust" or groups: the test is then that of the '
                "sandwich, whatever the unit."
            )
        clusters = _read_groups(groups, sample_weight, y)
        if estimates.covariance_type == "robust":
            clusters = np.arange(len(labels.lower))
        coef, thresholds, scale = estimates.coef, estimates.thresholds, np.ones(len(self.coef_))
        used = np.flatnonzero(estimates.identified)
        with BlockThreads(self.n_jobs) as threads:
            matrix: DesignMatrix
            if isinstance(problem.X, np.ndarray):
                units = standardize(problem.X, labels.weight)
                matrix, scale = units.matrix, units.scale
                coef, thresholds = units.coef_inside(coef), thresholds - units.shift(coef)
            else:
                matrix = as_design_matrix(problem.X, threads)
            refuse_other_rows(self.link, matrix, coef, thresholds, labels, used)
            model = NarrowModel(labels, coef, thresholds, np.arange(len(thresholds)), used, 0)
            model = testable_part(
                self.link,
                matrix,
                model,
                bool(estimates.separated),
                clusters is None,  # weights of a survey are no counts
                Options(self.tol, self.max_iter, 0, exact=True, keep_hessian=True),
            )
            names = estimates.threshold_names
            return proportional_odds_test(
                self.link, matrix, model, scale, estimates.names, names, clusters
            )

    def _estimates(self) -> Estimates:
        self._require_fit()
        if not hasattr(self, "_inference"):
            raise ValueError(
                f"Inference needs a fit with alpha=0 and at most {_MOST_INFERENCE} columns, but "
                f"this one has alpha={self.alpha:g} and {self.n_features_in_} columns: the errors "
                "of penalised coefficients are not those of maximum likelihood."
            )
        return self._inference

    # Fitting ------------------------------------------------------------------------------------

    def _settings(self, problem: Problem) -> Settings:
        return Settings(self.alpha, self.tol, self.max_iter, int(self.verbose))

    def _solve(
        self, problem: Problem, path: list[Settings], clusters: np.ndarray | None = None
    ) -> list[_Fit]:
        """Solve the problem for each of the settings, each going on from the one before."""
        labels = _as_repetitions(problem)
        cells = identify_cells(labels)
        if clusters is not None and cells.n_groups:
            _refuse_one_cluster(clusters, informative(cells.reduce(labels)))
        if cells.n_groups == 0:
            raise ValueError(
                "One class satisfies every annotation, so there is no threshold to estimate. At "
                "least two annotations must exclude each other."
            )
        likelihood = IntervalLikelihood(LINKS[self.link], cells.reduce(labels))
        n = problem.X.shape[1]
        dense = isinstance(problem.X, np.ndarray)
        most = _MOST_DENSE if dense else _MOST_OTHER
        if any(settings.alpha == 0.0 for settings in path):
            most = _MOST_INFERENCE  # it takes the Hessian anyway
        exact = n <= most
        with BlockThreads(self.n_jobs) as threads:
            if dense and exact:
                units = standardize(problem.X, labels.weight)
            else:
                units = unchanged(as_design_matrix(problem.X, threads))
                units.matrix.finite_squared_row_norms()
            coef, thresholds = self._start(likelihood, cells, units)
            fits = []
            for settings in path:
                start = Start(units, coef, thresholds)
                if settings.alpha == 0.0 and exact:
                    start = separate_columns(start, likelihood, problem.epsilon)
                options = Options(
                    settings.tol if start.units is units else min(settings.tol, _TAIL),
                    settings.max_iter,
                    settings.verbose,
                    exact,
                    keep_hessian=settings.alpha == 0.0 and n <= _MOST_INFERENCE,
                )
                penalty = settings.alpha / start.units.scale**2
                task = LikelihoodProblem(start.units.matrix, likelihood, penalty)
                maximum = minimize(task, start.coef, start.thresholds, options, start.hessian)
                # A start must be inside of the order, and for the same columns.
                if start.units is units and not maximum.tied.any():
                    coef, thresholds = maximum.coef, maximum.thresholds
                fits.append(
                    self._finish(task, cells, start.units, maximum, settings.alpha, clusters)
                )
        return fits

    def _start(
        self, likelihood: IntervalLikelihood, cells: Cells, units: Standardization
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the last solution, if it is wanted and fits, else frequencies."""
        coef, last = getattr(self, "coef_", None), getattr(self, "likelihood_thresholds_", None)
        n_features = units.matrix.shape[1]
        if self.warm_start and coef is not None and last is not None:
            fits = len(coef) == n_features and len(last) == len(cells.group)
            thresholds = last[cells.first] if fits else np.full(1, np.nan)
            if np.isfinite(thresholds).all() and (np.diff(thresholds) > 0.0).all():
                return units.coef_inside(coef), thresholds - units.shift(coef)
        return np.zeros(n_features), initial_thresholds(likelihood.link, likelihood.labels)

    def _finish(
        self,
        task: LikelihoodProblem,
        cells: Cells,
        units: Standardization,
        maximum: Maximum,
        alpha: float,
        clusters: np.ndarray | None,
    ) -> _Fit:
        """Bring a maximum into the units of the columns, with what inference needs."""
        kind = self.covariance if clusters is None else "cluster"
        variance = separation = None
        null = np.nan
        if alpha == 0.0:
            null = null_log_likelihood(task.likelihood.link, task.likelihood.labels)
            separation = find_separation(task, maximum, units.mix)
        untold = np.zeros(len(maximum.coef) + maximum.n_groups, dtype=bool)
        if separation is not None:
            untold = not_told(task, maximum, separation.labels, units)
        trace = None
        if maximum.hessian is not None:
            variance = covariance(task, maximum, kind, clusters)
            trace = trace_data(task)
            variance = units.covariance_outside(variance)
        coef = units.coef_outside(maximum.coef)
        thresholds = maximum.thresholds[np.concatenate([[True], ~maximum.tied])]
        thresholds = thresholds + units.shift(coef)
        scores = task.X.dot(maximum.coef) + units.shift(coef)
        weight = task.likelihood.labels.weight
        telling = informative(task.likelihood.labels)
        n_clusters = None if clusters is None else len(np.unique(clusters[telling]))
        cells = cells.join(maximum.group)
        return _Fit(
            alpha,
            coef,
            thresholds,
            cells,
            scores,
            weight,
            maximum,
            variance,
            kind,
            n_clusters,
            float(weight.sum()),
            float(weight[telling].sum()),
            null,
            separation,
            untold,
            trace,
        )

    def _store(self, problem: Problem, fit: _Fit) -> None:
        """Turn a solution into fitted attributes."""
        self.scale_ = problem.classes
        self.classes_ = self.scale_[in_class_order(self.scale_)]
        self.coef_ = fit.coef
        self.likelihood_thresholds_ = fit.cells.expand(fit.thresholds)
        known = (
            supported_thresholds(problem.labels)
            if self.spread_thresholds
            else np.ones(len(problem.classes) - 1, dtype=bool)
        )
        self.thresholds_ = place_thresholds(
            self.likelihood_thresholds_, known, LINKS[self.link], fit.scores, fit.weight
        )
        maximum = fit.maximum
        self.objective_ = float(maximum.objective)
        self.lower_bound_, self.gap_ = float(maximum.lower_bound), float(maximum.gap)
        self.newton_decrement_ = float(maximum.decrement)
        total = problem.weight_unit * float(problem.labels.weight.sum())
        penalty = 0.5 * fit.alpha * float(fit.coef @ fit.coef)
        self.log_likelihood_ = -total * (self.objective_ - penalty)
        self.history_ = maximum.history
        self.n_iter_ = len(maximum.history)
        for name in ("_inference", "covariance_", "null_log_likelihood_"):
            self.__dict__.pop(name, None)
        if fit.alpha == 0.0:
            self.null_log_likelihood_ = fit.null_log_likelihood
        if fit.covariance is not None and fit.trace is not None:
            self.covariance_ = fit.covariance
            self._inference = Estimates(
                self.link,
                self._names(),
                fit.coef,
                fit.thresholds,
                fit.cells,
                fit.covariance,
                fit.covariance_type,
                fit.n_clusters,
                self.log_likelihood_,
                fit.null_log_likelihood,
                count_rows(problem.labels, np.zeros(len(problem.labels.lower), dtype=bool)),
                total,
                fit.informative_weight,
                bool((problem.labels.weight * problem.weight_unit != 1.0).any()),
                problem.classes,
                self._notes(fit) + self._open_labels(fit) + self._errors_mean(problem, fit),
                fit.trace,
                tuple(np.flatnonzero(fit.not_told[: len(fit.coef)]).tolist()),
                tuple(np.flatnonzero(fit.not_told[len(fit.coef) :]).tolist()),
            )

    def _names(self) -> list[str]:
        names = getattr(self, "feature_names_in_", None)
        return [f"x{j}" for j in range(self.n_features_in_)] if names is None else list(names)

    def _notes(self, fit: _Fit) -> list[str]:
        """Say what is wrong, or cannot be known, of a fit without penalty."""
        names, notes = self._names(), []
        if not fit.maximum.converged:
            notes.append(
                f"The likelihood is not at its maximum after {len(fit.maximum.history)} steps."
            )
        if fit.separation is not None:
            runs = [
                f"{names[j]} ({'+' if sign > 0 else '-'})"
                for j, sign in zip(fit.separation.columns, fit.separation.sign, strict=True)
            ]
            if (
                fit.maximum.objective * fit.total_weight
                < -_ALL_EXPLAINED * fit.null_log_likelihood
            ):
                meant = "no estimate and no standard error means anything"
            else:
                meant = (
                    f"{'their' if len(runs) > 1 else 'its'} estimate and standard error mean "
                    "nothing; other coefficients are those of the rows that are not separated"
                )
            notes.append(
                "The labels are separated: the likelihood grows for ever with the "
                f"coefficient{'s' if len(runs) > 1 else ''} of {some_of(runs)}, so that "
                f"{meant}. Leave columns out, join labels, or take alpha > 0."
            )
        aliased = [names[j] for j in np.flatnonzero(fit.maximum.aliased)]
        if aliased:
            notes.append(
                f"Not identified: {some_of(aliased)}. But for rounding, such a column is a sum of "
                "multiples of the columns before it and of a constant, in all rows that say "
                "something; its coefficient is left at 0."
            )
        return notes

    def _open_labels(self, fit: _Fit) -> list[str]:
        """Say which labels the annotations do not tell apart, and which have no probability."""
        labels, group = [label_name(label) for label in self.scale_], fit.cells.group
        notes = []
        never = [f"{labels[k]}|{labels[k + 1]}" for k in np.flatnonzero(group == -1)]
        if never and self.classes is not None:  # else the labels are the brackets' own ends
            notes.append(
                f"No annotation ends at the threshold{'s' if len(never) > 1 else ''} "
                f"{some_of(never)}: only the probability of the labels together is identified."
            )
        borders = np.concatenate([[-np.inf], self.likelihood_thresholds_, [np.inf]])
        nobody = [labels[k] for k in np.flatnonzero(borders[:-1] == borders[1:])]
        if nobody:
            notes.append(
                "The likelihood is largest if nobody has the label"
                f"{'s' if len(nobody) > 1 else ''} {some_of(nobody)}."
            )
        return notes

    def _errors_mean(self, problem: Problem, fit: _Fit) -> list[str]:
        """Say what standard errors mean where that is easily mistaken."""
        notes = []
        weight = problem.labels.weight * problem.weight_unit
        if fit.covariance_type == "observed" and (weight != np.floor(weight)).any():
            notes.append(
                "Weights that are no whole numbers: these standard errors, p, AIC and BIC take a "
                f"row of weight w for w rows, {weight.sum():,.6g} in all. For weights of a survey "
                'fit with covariance="robust" or groups.'
            )
        if fit.n_clusters is not None:
            notes += _few_clusters(fit.n_clusters, int((~fit.maximum.aliased).sum()))
        return notes

    def _warn_of_gap(self, problem: Problem, fit: _Fit) -> None:
        name = self._short_name()
        maximum = fit.maximum
        stalled = not maximum.converged and len(maximum.history) < self.max_iter
        if fit.alpha == 0.0:
            messages = self._notes(fit)
            if not maximum.converged:
                advice = "Take alpha > 0" if stalled else "Increase max_iter or take alpha > 0"
                messages[0] += f" {advice}{advice_on_scale(self, problem.X)}."
        elif not maximum.converged:
            scale = advice_on_scale(self, problem.X)
            if stalled and maximum.gap < _LOST_IN_ROUNDING:
                after = f"{len(maximum.history)} steps"
                advice = (
                    "What further steps would gain is lost in rounding, whatever max_iter is: "
                    f"increase tol, to {2.0 * maximum.gap:.0e} or more."
                )
            elif stalled:
                after = f"{len(maximum.history)} steps, as rounding hides what more would gain,"
                advice = f"Increase alpha{scale}."
            else:
                after = f"{len(maximum.history)} of max_iter={self.max_iter} steps"
                advice = f"Increase max_iter, tol or alpha{scale}."
            messages = [
                f"It stopped after {after} with a relative gap of {maximum.gap:.2e} > "
                f"tol={self.tol:g}: the objective {maximum.objective:.6g} is at most that far "
                f"above the optimum. {advice}"
            ]
        else:
            messages = []
        if messages:
            told = f"{name.rstrip(',')}: " + " ".join(messages)
            warnings.warn(told, ConvergenceWarning, stacklevel=3)


def _open_rows(y, sample_weight) -> np.ndarray:
    """Tell which rows of positive weight have an open end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # y has been read before
        endpoints = read_endpoints(y)
    opened = endpoints.lower_open | endpoints.upper_open
    return opened if sample_weight is None else opened[np.asarray(sample_weight) > 0.0]


def _as_repetitions(problem: Problem) -> LabeledWeights:
    """Return the labels with the user's weights, which count rows."""
    weight = problem.labels.weight * problem.weight_unit
    if not np.isfinite(weight.sum()):
        raise ValueError(
            "The sum of sample_weight overflows. Weights count repetitions; divide them by their "
            "mean."
        )
    return problem.labels._replace(weight=weight)


def _is_missing(value: Any) -> bool:
    try:
        return value is None or bool(value != value)
    except TypeError:  # of pandas
        return True


def _refuse_narrow(X) -> None:
    """Refuse a column of numbers so alike that float64 keeps no digits of their differences."""
    if isinstance(X, np.ndarray):
        first = X[:_FIRST_ROWS]  # if these differ by more, so do all
        candidates = np.ptp(first, axis=0) < _NARROWEST * np.abs(first).max(axis=0)
    elif isinstance(X, MixedColumns):
        return
    else:
        center = center_narrow_columns(X)[1]
        candidates = np.zeros(0, dtype=bool) if center is None else center != 0.0
    for j in np.flatnonzero(candidates):
        column = X[:, [j]]
        column = column.toarray() if sparse.issparse(column) else column
        spread, size = np.ptp(column), np.abs(column).max()
        if 0.0 < spread < _NARROWEST * size:
            raise ValueError(
                f"The values of column {j} are near {column[0, 0]:.3g} and differ by "
                f"{spread:.3g} at most, too little for float64 beside a coefficient. "
                "Subtract a constant from the column."
            )


def _refuse_one_cluster(clusters: np.ndarray, telling: np.ndarray) -> None:
    """Refuse clusters of which all but one have rows without information alone."""
    if len(np.unique(clusters[telling])) < 2:
        raise ValueError(
            "Standard errors by clusters need two groups or more, but all rows that exclude a "
            "label are in one."
        )


def _few_clusters(n_clusters: int, n_coefficients: int) -> list[str]:
    """Say that clusters are too few for their sandwich."""
    if n_clusters <= n_coefficients:
        return [
            f"{n_clusters} clusters tell {n_clusters - 1} directions at most, but there are "
            f"{n_coefficients} coefficients: their covariance is singular, and standard errors "
            "are too small. Leave columns out, or take smaller clusters."
        ]
    if n_clusters < _FEWEST_CLUSTERS:
        return [
            f"Standard errors by {n_clusters} clusters are too small on average; p and intervals, "
            "with Student's t, make up for a part of it."
        ]
    return []


def _read_groups(groups, sample_weight, y) -> np.ndarray | None:
    """Number the clusters of the rows of positive weight from 0."""
    if groups is None:
        return None
    check_consistent_length(groups, y)
    groups = column_or_1d(groups)
    missing = np.flatnonzero([_is_missing(each) for each in groups.tolist()])
    if len(missing):
        raise ValueError(
            f"groups has no value in row {missing[0]}, and in {len(missing)} rows in all. Rows of "
            "no group cannot share one: give each a group, or leave the rows out."
        )
    if sample_weight is not None:
        groups = groups[np.asarray(sample_weight) > 0.0]
    kinds, number = np.unique(groups, return_inverse=True)
    if len(kinds) < 2:
        raise ValueError(
            f"Standard errors by clusters need two groups or more, but all {len(groups)} rows "
            f"are in the group {kinds.tolist()[0]!r}."
        )
    return number
