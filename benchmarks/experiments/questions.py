"""A survey in which every person answers one yes/no question instead of giving a label."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error

from benchmarks.adapters import ADAPTERS
from benchmarks.adapters.label_forms import LATENT_RANGE
from benchmarks.experiments.layout import markdown
from benchmarks.experiments.methods import AdapterMethod, MedianMethod, Method
from benchmarks.experiments.selection import run_method
from benchmarks.experiments.views import Views
from vilma import IISVOR_IMCCV, VILMACV, OrderedLogitCV
from vilma.datasets import load_anes96
from vilma.demo.survey import TEST_SHARE
from vilma.intervals import annotate_questions, spans_between_ends

__all__ = [
    "TARGETS",
    "VAGUE_SHARES",
    "ChosenMethod",
    "RegressionInUnits",
    "Survey",
    "load_survey",
    "question_methods",
    "run_questions",
    "run_vagueness",
    "show_questions",
    "show_vagueness",
    "vagueness_methods",
]

TARGETS = ("selfLR", "PID", "ClinLR", "DoleLR", "educ", "TVnews", "income")
VAGUE_SHARES = (0.0, 0.5, 0.8, 0.9, 0.95, 1.0)
_RIDGE = (1e4, 3e3, 1e3, 300.0, 100.0, 30.0, 10.0, 1.0, 0.1)
EXACT = "exact labels: "  # what the name of a reference begins with

Errors = dict[str, list[float]]


@dataclass(frozen=True)
class Survey:
    """Respondents and their labels.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Columns as they are.
    labels : ndarray of shape (n_samples,)
        True labels.
    classes : ndarray of shape (n_classes,)
        The scale: consecutive whole numbers.
    begins : ndarray of shape (n_classes,) or None
        Where labels begin that are brackets of a number, the first at 0; the last is open.
    """

    X: np.ndarray
    labels: np.ndarray
    classes: np.ndarray
    begins: np.ndarray | None = None


def load_survey(target: str = "selfLR") -> Survey:
    """Return a question of the American National Election Study of 1996.

    Parameters
    ----------
    target : str, default="selfLR"
        One of `TARGETS`: the respondent's own place from liberal to conservative, say, in seven
        levels, or the income of the household in 24 brackets.

    Returns
    -------
    Survey
        The other answers, and that one.
    """
    data = load_anes96(target=target)
    if target != "income":
        return Survey(data.data, data.target, data.classes)
    levels = spans_between_ends(data.target, whole=True)
    begins = np.maximum(levels.bounds(levels.classes)[:, 0], 0.0)
    return Survey(data.data, levels.intervals[:, 0], levels.classes, begins)


class ChosenMethod(Method):
    """An estimator of vilma's that chooses its options itself, by cross-validation.

    Parameters
    ----------
    name : str
        What tables call it.
    estimator : type
        Such as `OrderedLogitCV`.
    """

    candidates = (None,)

    def __init__(self, name: str, estimator: Any) -> None:
        self.name = name
        self._estimator = estimator

    def fit(self, X, intervals, classes, candidates):
        return [self._estimator(classes=classes).fit(X, intervals) for _ in candidates]


class RegressionInUnits(Method):
    """Interval regression of the number that labels are brackets of, not of the labels' numbers.

    Its median prediction is a number; the bracket that holds it is the label. Noise is normal, or
    log-normal.

    Parameters
    ----------
    name : str
        What tables call it.
    begins : ndarray of shape (n_classes,)
        See `Survey`.
    log : bool
        Whether the logarithm of the number has normal noise.
    """

    candidates = (None,)
    view = "reduced"

    def __init__(self, name: str, begins: np.ndarray, *, log: bool) -> None:
        self.name = name
        self._begins = begins
        self._log = log

    def fit(self, X, intervals, classes, candidates):
        first, last = np.searchsorted(classes, intervals.T)
        ends = np.append(self._begins, np.inf)
        unit = np.median(self._begins)
        lower, upper = ends[first] / unit, ends[last + 1] / unit
        if not self._log:  # the fitter takes logarithms of times
            open_below = lower == 0.0
            lower, upper = np.exp(lower), np.exp(upper)
            lower[open_below] = np.exp(-LATENT_RANGE)
        else:
            lower = np.maximum(lower, np.exp(-LATENT_RANGE))
        return [_InUnits(X, lower, upper, self._begins / unit, classes, self._log)]

    def missing(self):
        adapter = ADAPTERS["lifelines"]
        return None if adapter.installed() else f"install {adapter.package}"


class _InUnits:
    def __init__(self, X, lower, upper, begins, classes, log: bool) -> None:
        from lifelines import LogNormalAFTFitter

        self._begins, self._classes, self._log = begins, classes, log
        frame = _frame(X).assign(lower=lower, upper=upper)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._model = LogNormalAFTFitter().fit_interval_censoring(frame, "lower", "upper")

    def predict(self, X):
        times = np.asarray(self._model.predict_median(_frame(X)), dtype=np.float64)
        number = times if self._log else np.log(times)
        place = np.searchsorted(self._begins, number, side="right") - 1
        return self._classes[np.clip(place, 0, len(self._classes) - 1)]


def _frame(X: np.ndarray) -> Any:
    import pandas as pd

    return pd.DataFrame(X, columns=[f"x{column}" for column in range(X.shape[1])])


def question_methods(survey: Survey, *, one_model: bool) -> tuple[list[Method], list[Method]]:
    """Return the methods that learn from answers, and references that know the exact labels.

    Parameters
    ----------
    survey : Survey
        The data.
    one_model : bool
        Of vilma's estimators only `OrderedLogitCV`.

    Returns
    -------
    tuple of (list of Method, list of Method)
    """
    ridge = AdapterMethod("ridge on midpoints", ADAPTERS["ridge"], "plain", alpha=_RIDGE)
    others: list[Method] = (
        []
        if one_model
        else [
            ChosenMethod("vilma: IISVOR_IMCCV", IISVOR_IMCCV),
            ChosenMethod("vilma: VILMACV", VILMACV),
        ]
    )
    in_units: list[Method] = (
        []
        if survey.begins is None
        else [
            RegressionInUnits("interval regression of dollars", survey.begins, log=False),
            RegressionInUnits("interval regression of log dollars", survey.begins, log=True),
        ]
    )
    answers = [
        ChosenMethod("vilma: OrderedLogitCV", OrderedLogitCV),
        *others,
        AdapterMethod("interval regression (lifelines)", ADAPTERS["lifelines"], "reduced"),
        *in_units,
        AdapterMethod(
            "XGBoost AFT", ADAPTERS["xgboost-aft"], "reduced", num_boost_round=(10, 30, 100)
        ),
        ridge,
        MedianMethod(),
    ]
    exact = [
        ChosenMethod(f"{EXACT}OrderedLogitCV", OrderedLogitCV),
        AdapterMethod(f"{EXACT}ridge", ADAPTERS["ridge"], "plain", alpha=_RIDGE),
    ]
    return answers, exact


def vagueness_methods() -> list[Method]:
    """Return the two methods whose errors are drawn against how vague the answers are."""
    return [
        ChosenMethod("vilma", OrderedLogitCV),
        AdapterMethod("ridge on midpoints", ADAPTERS["ridge"], "plain", alpha=_RIDGE),
    ]


def _split(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n_rows)
    n_test = round(TEST_SHARE * n_rows)
    return order[n_test:], order[:n_test]


def run_questions(
    survey: Survey,
    answers: Sequence[Method],
    exact: Sequence[Method],
    n_seeds: int,
    say: Callable[[str], object],
) -> Errors:
    """Measure methods on random splits with random questions.

    Parameters
    ----------
    survey : Survey
        The data.
    answers, exact : sequence of Method
        Those that learn from answers, and those that know the labels of the training rows.
    n_seeds : int
        Number of splits, each with questions of its own.
    say : callable
        Told of every result.

    Returns
    -------
    dict of str to list of float
        Mean absolute errors on the true labels of test rows, one for every seed.
    """
    errors: Errors = {method.name: [] for method in (*answers, *exact)}
    for seed in range(n_seeds):
        train, test = _split(len(survey.labels), seed)
        views = Views(survey.X, train, test)
        known = survey.labels[train]
        asked = annotate_questions(known, classes=survey.classes, random_state=seed).intervals
        for methods, intervals in (
            (answers, asked),
            (exact, np.column_stack([known, known])),
        ):
            for method in methods:
                predicted = run_method(method, views, intervals, survey.classes).predicted
                error = float(mean_absolute_error(survey.labels[test], predicted))
                errors[method.name].append(error)
                say(f"seed {seed}, {method.name}: {error:.3f}")
    return errors


def show_questions(errors: Errors) -> str:
    """Return errors with their deviation, and their paired differences from the first method.

    Differences are given with their standard errors over the seeds.
    """
    first = np.array(next(iter(errors.values())))
    rows = []
    for name, values in errors.items():
        excess = np.array(values) - first
        ahead = np.sum(excess > 1e-9)  # equal errors may differ by rounding
        beaten = f"{ahead} of {len(first)}" if excess.any() else ""
        error = excess.std(ddof=1) / np.sqrt(len(excess))
        above = f"{excess.mean():+.3f} ± {error:.3f}" if excess.any() else ""
        rows.append([name, f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}", above, beaten])
    return markdown(["method", "MAE", "above the first", "first is better"], rows)


def run_vagueness(
    survey: Survey,
    methods: Sequence[Method],
    shares: Sequence[float],
    n_seeds: int,
    say: Callable[[str], object],
) -> dict[tuple[str, float], list[float]]:
    """Measure errors against the share of training rows that gave a yes/no answer only.

    Every method learns from all rows; the first one also from those alone that are exact, if
    there are any.

    Parameters
    ----------
    survey : Survey
        The data.
    methods : sequence of Method
        Those to compare.
    shares : sequence of float
        Shares of vague answers.
    n_seeds : int
        Number of splits.
    say : callable
        Told of every result.

    Returns
    -------
    dict of (str, float) to list of float
        Mean absolute errors on true labels by method and share.
    """
    results: dict[tuple[str, float], list[float]] = {}
    for seed in range(n_seeds):
        train, test = _split(len(survey.labels), seed)
        for share in shares:
            drawn = annotate_questions(
                survey.labels[train],
                exact=1.0 - share,
                classes=survey.classes,
                random_state=seed,
            )
            runs = [(method.name, method, np.ones(len(train), dtype=bool)) for method in methods]
            if drawn.exact.sum() >= len(survey.classes):
                runs.append(("exact labels only", methods[0], drawn.exact))
            for name, method, rows in runs:
                outcome = run_method(
                    method,
                    Views(survey.X, train[rows], test),
                    drawn.intervals[rows],
                    survey.classes,
                )
                error = float(mean_absolute_error(survey.labels[test], outcome.predicted))
                results.setdefault((name, share), []).append(error)
            say(f"seed {seed}, {share:.0%} vague")
    return results


def show_vagueness(results: dict[tuple[str, float], list[float]]) -> str:
    """Return mean errors with their spread, a column for every share of vague answers."""
    names = list(dict.fromkeys(name for name, _ in results))
    shares = sorted({share for _, share in results})
    rows = [
        [
            name,
            *(
                f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"
                if (values := results.get((name, share)))
                else ""
                for share in shares
            ),
        ]
        for name in names
    ]
    return markdown(["trained on", *(f"{share:.0%} vague" for share in shares)], rows)
