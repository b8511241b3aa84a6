"""The border between users' data and the solvers: everything is checked here, once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.model_selection import check_cv
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_n_features, _check_sample_weight, validate_data

from vilma._masked import refuse_masked
from vilma._numba import interruptible
from vilma._numbers import numbers_expected, refuse_dates
from vilma._row_container import RowContainer
from vilma._sparse import check_sparse, without_spare_entries
from vilma._wording import reworded, some_of
from vilma.distributed import LoadedRows, Partitions
from vilma.labels import IntervalLabels, read_labels
from vilma.mapped import MappedMatrix
from vilma.surrogates import LabeledWeights

__all__ = [
    "Problem",
    "advice_on_scale",
    "all_or_nothing",
    "load_partitions",
    "problem_in_partitions",
    "read_X",
    "read_problem",
    "read_sample_weight",
    "read_scale",
    "read_splits",
    "refuse_other_order",
    "unchanged_on_error",
]

_DOUBLE = float(np.finfo(np.float64).eps)
_NEAR_1 = 100.0  # columns whose largest values are below, and above its inverse, are near 1
_LITTLE_SPREAD = 0.01  # of values far from 0 that lie close together, as a share of the largest
_COLUMNS_OF_WORDS = (
    "put vilma.features.TableFeatures() before the estimator in a pipeline, or scikit-learn's "
    "ColumnTransformer with a OneHotEncoder (docs/howto/survey.rst)."
)


class Problem(NamedTuple):
    """Checked data of one fit; rows of weight zero are gone."""

    X: Any  # (m, n) float64 array, CSR or container
    labels: LabeledWeights  # with rows in partitions, a row for each pair of labels that occurs
    classes: np.ndarray  # (n_classes,)
    weight_unit: float = 1.0  # what the user's weights were divided by, a power of two
    epsilon: float = _DOUBLE  # relative spacing of the numbers that X came in


@contextmanager
def all_or_nothing(estimator: BaseEstimator) -> Iterator[None]:
    """Raise KeyboardInterrupt if Ctrl-C is pressed; leave the estimator as it was on any error."""
    with unchanged_on_error(estimator), interruptible():
        yield


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Give the estimator its former attributes back if the block does not end."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:  # an interrupt too must not leave it half fitted
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def read_X(estimator: BaseEstimator, X, *, reset: bool):
    """Check X with scikit-learn; sparse formats become CSR, numbers float64.

    Containers of the package stay what they are: the content of rows on disk is checked when it
    is read, that of others was when they were made.
    """
    if isinstance(X, Partitions):
        raise TypeError(
            f"{type(estimator).__name__} does not take rows in partitions here. IISVOR_IMC, "
            "IISVOR_EXP and VILMA learn from them and predict them; other models take rows in one "
            "place, or the partitions one by one."
        )
    if isinstance(X, RowContainer):
        _check_n_features(estimator, X, reset=reset)
        if reset and hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
        _refuse_no_rows(estimator, X)
        return X
    refuse_masked(X, "X")
    refuse_dates(X, "X")
    check_sparse(X)
    _compare_formula(estimator, X, reset)
    if reset:
        _refuse_categories(X)
    no_columns = _has_no_columns(X)
    if no_columns:  # scikit-learn asks for their types
        X = np.empty((len(X), 0))
    # An array without columns is a mistake, X[[]] of a data frame hardly.
    welcome = no_columns and getattr(estimator, "_fits_no_columns", False)
    with _words_explained(X), numbers_expected("X"):
        X = validate_data(
            estimator,
            X,
            reset=reset,
            accept_sparse="csr",
            dtype=np.float64,
            accept_large_sparse=True,
            ensure_min_features=0 if welcome else 1,
        )
    return without_spare_entries(X)


def _refuse_no_rows(estimator: BaseEstimator, X: RowContainer) -> None:
    if not len(X):
        raise ValueError(
            f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is "
            f"required by {type(estimator).__name__}."
        )


def refuse_other_order(**data: Any) -> None:
    """Refuse pandas objects whose rows have the same labels in another order.

    Rows belong together by their place, and libraries that match them by their labels would take
    others. Indexes that have nothing to do with each other say nothing.

    Parameters
    ----------
    **data : object
        X, y, sample_weight, groups by their names; what is not of pandas is passed over.

    Raises
    ------
    ValueError
        If indexes differ in their order alone.
    """
    indexes = {
        name: value.index
        for name, value in data.items()
        if hasattr(getattr(value, "index", None), "symmetric_difference")
    }
    if len(indexes) < 2:
        return
    first, *others = indexes
    index = indexes[first]
    for name in others:
        other = indexes[name]
        if len(index) != len(other) or index.equals(other):
            continue
        if len(index.symmetric_difference(other, sort=False)) == 0:
            row = next(k for k, (a, b) in enumerate(zip(index, other, strict=True)) if a != b)
            raise ValueError(
                f"{first} and {name} have the same index in different orders: row {row} is "
                f"{index.tolist()[row]!r} in {first} and {other.tolist()[row]!r} in {name}. Rows "
                f"are matched by their place. Pass {name}.loc[{first}.index], or "
                f"{name}.to_numpy() if the places are right and the index is not."
            )


def _refuse_categories(X) -> None:
    """Refuse columns of categories: those that are numbers would become one linear column."""
    dtypes = getattr(X, "dtypes", None)
    if not hasattr(X, "columns") or dtypes is None:
        return
    names = [
        str(name)
        for name, dtype in zip(X.columns, dtypes, strict=True)
        if getattr(dtype, "categories", None) is not None
    ]
    if names:
        raise ValueError(
            f"X has categories in {some_of(names)}. Categories need columns of their own, be they "
            f"words or numbers: {_COLUMNS_OF_WORDS} Categories that are quantities become one "
            "column by X.astype(float)."
        )


def _compare_formula(estimator: BaseEstimator, X, reset: bool) -> None:
    """Refuse columns of a formula that has learnt other means or knots than that of the fit."""
    formula = getattr(X, "attrs", {}).get("formula")
    state = getattr(formula, "state_", None)
    if reset:
        vars(estimator).pop("_formula_state", None)
        if state:
            estimator._formula_state = state
    elif (
        formula is not None
        and state is not None
        and state != getattr(estimator, "_formula_state", state)
    ):
        raise ValueError(
            f"These columns were made by the formula {formula.formula!r} read anew, with other "
            "means or knots than those of the fit. Apply the fitted formula: "
            "X_fit.attrs['formula'].transform(table), or read_formula(X_fit.attrs['formula'], "
            "table), or put a vilma.inference.Formula into a pipeline."
        )


@contextmanager
def _words_explained(X) -> Iterator[None]:
    """Say what to do with columns of words, and name them where X does."""
    try:
        yield
    except ValueError as error:
        if "could not convert string to float" not in str(error):
            raise
        columns = [str(name) for name in getattr(X, "columns", ()) if _holds_words(X[name])]
        named = f" The columns of words are {some_of(columns)}." if columns else ""
        raise ValueError(
            f"{error}{named} Words need columns of their own: {_COLUMNS_OF_WORDS}"
        ) from error


def _holds_words(column) -> bool:
    return any(isinstance(value, str) for value in column)


def _has_no_columns(X) -> bool:
    columns = getattr(X, "columns", None)
    return columns is not None and len(columns) == 0


def read_problem(estimator: BaseEstimator, X, y, sample_weight, classes) -> Problem:
    """Check everything that comes into `fit`.

    Raises
    ------
    ValueError
        If X, labels or weights are not as `fit` documents; the first offending row is named.
    """
    if isinstance(X, Partitions) and getattr(estimator, "_takes_partitions", False):
        rows, scale = load_partitions(estimator, X, y, sample_weight, classes)
        return problem_in_partitions(rows, scale, sample_weight is not None)
    refuse_other_order(X=X, y=y, sample_weight=sample_weight)
    epsilon = _epsilon(X)
    X = read_X(estimator, X, reset=True)
    labels = _read_labels(estimator, y, classes)
    check_consistent_length(X, labels.lower)
    m = X.shape[0]
    weight, unit = np.ones(m), 1.0
    if sample_weight is not None:
        weight, unit = _read_weight(sample_weight, X)
    kept = weight > 0.0
    _refuse_uninformative(labels, kept)
    if not kept.all():
        X = X[np.flatnonzero(kept)]
    if isinstance(X, MappedMatrix) and getattr(estimator, "solver", None) == "conic":
        X = X.read()  # that solver takes the problem whole
    return Problem(
        X,
        LabeledWeights(labels.lower[kept], labels.upper[kept], weight[kept], labels.n_classes),
        labels.classes,
        unit,
        epsilon,
    )


def _epsilon(X) -> float:
    """Return the relative spacing of the coarsest floating numbers of X."""
    types = list(X.dtypes) if hasattr(X, "dtypes") else [getattr(X, "dtype", None)]
    floating = [each for each in types if each in (np.float16, np.float32)]
    return max((float(np.finfo(each).eps) for each in floating), default=_DOUBLE)


def load_partitions(
    estimator: BaseEstimator, X: Partitions, y, sample_weight, classes
) -> tuple[LoadedRows, np.ndarray]:
    """Load rows and labels; return them, and the scale of all distinct labels together."""
    rows = X.load(y, sample_weight)
    _check_n_features(estimator, rows, reset=True)
    vars(estimator).pop("feature_names_in_", None)
    if X.columns is not None:
        estimator.feature_names_in_ = np.asarray(X.columns, dtype=object)
    if not len(rows) and sample_weight is not None:
        raise ValueError("Sample weights must contain at least one non-zero number.")
    _refuse_no_rows(estimator, rows)
    distinct = rows.labels
    if hasattr(distinct[0], "iloc"):
        import pandas as pd

        together = pd.concat(distinct)
    else:
        together = np.concatenate(distinct)
    return rows, _read_distinct_labels(estimator, together, classes).classes


def _read_distinct_labels(estimator: BaseEstimator, distinct, classes) -> IntervalLabels:
    """Read the distinct annotations of all partitions; what is said of a row shows what it holds.

    Rows are counted among these, and tell nobody where to look.
    """

    def with_content(message: str) -> str:
        row = re.search(r"\brow (\d+)", message)
        if row is None or int(row[1]) >= len(distinct):
            return message
        held = getattr(distinct, "iloc", distinct)[int(row[1])]
        held = getattr(held, "tolist", lambda: held)()
        return (
            f"{message} Of rows in partitions the distinct annotations are read, each once: row "
            f"{row[1]} of these is {held!r}."
        )

    with reworded(with_content, stacklevel=6):
        return _read_labels(estimator, distinct, classes)


def problem_in_partitions(rows: LoadedRows, scale: np.ndarray, weighted: bool) -> Problem:
    """Read the labels where they are, as places on the scale."""
    exponent = int(np.frexp(rows.largest_weight)[1]) if weighted else 0
    pairs = rows.begin(scale, exponent)
    lower, upper = np.nonzero(pairs)
    labels = LabeledWeights(lower, upper, pairs[lower, upper], len(scale))
    _refuse_uninformative(labels, np.ones(len(lower), dtype=bool))
    return Problem(rows, labels, scale, float(np.ldexp(1.0, min(exponent, 1023))))


def read_scale(estimator: BaseEstimator, y) -> np.ndarray:
    """Return the scale of all labels, by the estimator's parameter `classes` or of y."""
    return _read_labels(estimator, y, estimator.classes).classes


def _read_labels(estimator: BaseEstimator, y, classes) -> IntervalLabels:
    with warnings.catch_warnings():
        if not getattr(estimator, "_tells_closed_ends", True):
            warnings.filterwarnings("ignore", ".* are taken as exact", UserWarning)
        return read_labels(y, classes)


def read_splits(cv, X, y, **params) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the rows of training and test of all folds, of what users call `cv`.

    `params` are those of the splitter's `split`, such as groups.
    """
    # A splitter needs the number of rows alone; what it takes X for is up to it.
    if isinstance(cv, Mapping) or (isinstance(cv, Sequence) and not len(cv)):
        raise ValueError(f"cv should be a splitter or a list of splits, got {cv!r}.")
    if isinstance(cv, Sequence):
        for place, split in enumerate(cv):
            pair = isinstance(split, (tuple, list)) and len(split) == 2
            if not pair or any(np.ndim(rows) != 1 for rows in split):
                raise ValueError(
                    f"cv should hold pairs (rows to train on, rows to test on), but cv[{place}] "
                    f"is {split!r}."
                )
    splits = list(check_cv(cv).split(X, y, **params))
    for place, (train, test) in enumerate(splits):
        if not (len(train) and len(test)):
            raise ValueError(
                f"The split {place} of cv has {len(train)} rows to train on and {len(test)} to "
                "test on; both need some."
            )
    return splits


def read_sample_weight(sample_weight, X) -> np.ndarray:
    """Return weights as numbers, one for each row of X."""
    refuse_masked(sample_weight, "sample_weight")
    refuse_dates(sample_weight, "sample_weight")
    with numbers_expected("sample_weight"):
        return _check_sample_weight(sample_weight, X, dtype=np.float64)


def _read_weight(sample_weight, X) -> tuple[np.ndarray, float]:
    """Return the weights in units of the last value."""
    weight = read_sample_weight(sample_weight, X)
    negative = np.flatnonzero(weight < 0.0)
    if len(negative):
        row = negative[0]
        raise ValueError(
            f"Negative values in data passed to `sample_weight`: row {row} has {weight[row]:g}. "
            "Weights must be nonnegative; give rows to be ignored the weight 0."
        )
    if not weight.any():
        raise ValueError(
            "All sample weights are zero: there is nothing to learn from. "
            "Give at least one row a positive weight."
        )
    # A power of two changes no digit, and neither the sum nor a product overflows.
    exponent = int(np.frexp(weight.max())[1])
    return np.ldexp(weight, -exponent), float(np.ldexp(1.0, min(exponent, 1023)))


def _refuse_uninformative(labels: IntervalLabels | LabeledWeights, kept: np.ndarray) -> None:
    """A row that names the whole scale says nothing; one that does not must remain."""
    informative = (labels.lower > 0) | (labels.upper < labels.n_classes - 1)
    if not informative[kept].any():
        raise ValueError(
            "Every annotation of positive weight covers the whole scale, so none tells labels "
            "apart. At least one interval must exclude a label."
        )


def advice_on_scale(estimator: BaseEstimator, X) -> str:
    """Advise a common scale behind other advice, and name the feature with the largest values.

    Where its values lie far from 0 and close together, say that their mean is to be subtracted.
    Nothing where features have a common scale near 1; containers of our own are not looked into.
    """
    advice = ", or bring the features to a common scale"
    if isinstance(X, RowContainer):
        return advice
    largest = abs(X).max(axis=0)
    if sparse.issparse(largest):
        largest = largest.toarray()
    largest = np.ravel(largest)
    j = int(np.argmax(largest))
    names = getattr(estimator, "feature_names_in_", None)
    feature = f"feature {j}" if names is None else f"feature {names[j]!r}"
    column = X[:, [j]].toarray() if sparse.issparse(X) else X[:, j]
    spread = float(np.ptp(column))
    offset = ""
    if spread < _LITTLE_SPREAD * largest[j]:  # a scale alone does not help
        offset = f", which differ by {spread:.3g} at most: subtract their mean"
    elif largest[j] < _NEAR_1 and np.all(largest[largest > 0.0] > 1.0 / _NEAR_1):
        return ""
    return (
        f"{advice} (the largest values are those of {feature}, up to {largest[j]:.3g}{offset}; "
        f"half of the features stay below {np.median(largest):.3g})"
    )
