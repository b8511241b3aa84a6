"""Random interval problems with a known solution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy.stats import norm
from sklearn.utils import Bunch

from vilma._numbers import read_random_state, require_integer, require_number
from vilma.intervals import (
    DrawnIntervals,
    annotate_asymmetric,
    annotate_cells,
    annotate_sliding,
    misplace_intervals,
)

_ANNOTATE: dict[str, Callable[..., DrawnIntervals]] = {
    "cells": annotate_cells,
    "sliding": annotate_sliding,
    "asymmetric": lambda y, width, **options: annotate_asymmetric(
        y, below=0, above=width - 1, **options
    ),
}


def make_interval_problem(
    n_samples: int = 500,
    n_features: int = 10,
    *,
    n_classes: int = 10,
    annotation: Literal["cells", "sliding", "asymmetric"] = "cells",
    width: int = 3,
    exact: int | float = 0.2,
    wrong: float = 0.0,
    noise: float = 0.3,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    """Draw an ordinal problem with interval labels.

    Features are independent standard normal. A label is the part of the line, cut by thresholds
    into parts of equal probability, into which a random unit projection of the features falls
    after noise is added. Labels are then annotated by intervals.

    Parameters
    ----------
    n_samples : int, default=500
        Number of samples.
    n_features : int, default=10
        Number of features.
    n_classes : int, default=10
        Number of labels, which are 1, ..., n_classes.
    annotation : {"cells", "sliding", "asymmetric"}, default="cells"
        The annotation process: :func:`~vilma.intervals.annotate_cells`,
        :func:`~vilma.intervals.annotate_sliding`, or :func:`~vilma.intervals.annotate_asymmetric`
        with intervals that reach above the label only.
    width : int, default=3
        Labels per interval, at most.
    exact : int or float, default=0.2
        Number, or as a float share, of exact labels.
    wrong : float, default=0.0
        Share of intervals that do not contain their label, see
        :func:`~vilma.intervals.misplace_intervals`.
    noise : float, default=0.3
        Standard deviation of the noise; that of the projection is 1.
    random_state : int, RandomState instance or None, default=None
        Seed; everything is drawn from it.

    Returns
    -------
    problem : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (n_samples, n_features)
            The features.
        target : ndarray of shape (n_samples, 2)
            The annotations.
        truth : ndarray of shape (n_samples,)
            The labels.
        classes : ndarray of shape (n_classes,)
            The scale.
        coef : ndarray of shape (n_features,)
            The projection.
        thresholds : ndarray of shape (n_classes - 1,)
            Where the line is cut.
        exact, wrong : ndarray of shape (n_samples,), dtype=bool
            Which annotations were drawn to be exact, and wrong.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or arguments are not as described.

    Examples
    --------
    >>> from vilma.datasets import make_interval_problem
    >>> problem = make_interval_problem(5, 2, exact=2, random_state=0)
    >>> problem.target
    array([[ 7,  9],
           [10, 10],
           [ 3,  3],
           [ 4,  6],
           [ 8,  8]])
    """
    if not isinstance(annotation, str) or annotation not in _ANNOTATE:
        raise ValueError(f"annotation should be one of {sorted(_ANNOTATE)}, got {annotation!r}.")
    require_integer("n_samples", n_samples, 1)
    require_integer("n_features", n_features, 1)
    require_integer("n_classes", n_classes, 2)
    require_number("noise", noise)
    require_number("wrong", wrong)
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise should be finite and not negative, got {noise!r}.")
    rng = read_random_state(random_state)
    X = rng.normal(size=(n_samples, n_features))
    coef = rng.normal(size=n_features)
    coef /= np.linalg.norm(coef)
    position = X @ coef + noise * rng.normal(size=n_samples)
    shares = np.arange(1, n_classes) / n_classes
    thresholds: Any = norm.ppf(shares, scale=np.hypot(1.0, noise))
    classes = np.arange(1, n_classes + 1)
    truth = classes[np.searchsorted(thresholds, position)]
    drawn = _ANNOTATE[annotation](
        truth, width=width, exact=exact, classes=classes, random_state=rng
    )
    if wrong:
        drawn = misplace_intervals(drawn, share=wrong, random_state=rng)
    return Bunch(
        data=X,
        target=drawn.intervals,
        truth=truth,
        classes=classes,
        coef=coef,
        thresholds=thresholds,
        exact=drawn.exact,
        wrong=drawn.wrong,
    )
