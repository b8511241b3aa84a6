r"""Which thresholds the annotations identify.

An annotation [l, u] grows more likely as :math:`\theta_u` grows and as :math:`\theta_{l-1}`
falls: it *pushes* threshold u up and threshold l - 1 down. Whatever the scores,

- a threshold that no annotation pushes is not identified: its two labels are one *cell* to the
  likelihood;
- a threshold that annotations push up only grows until it meets the next one, or for ever if it
  is the last: the labels between have no probability at the maximum. The same downwards.

What is left are groups of thresholds of one value each, pushed both ways, and cells between them.
These are the intervals of Turnbull (1976), seen from the thresholds. Where groups still meet at
the maximum is up to the data, and to the minimiser.

References
----------
Turnbull: The empirical distribution function with arbitrarily grouped, censored and truncated
data, Journal of the Royal Statistical Society B 38, 1976.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vilma.likelihood.links import Link
from vilma.surrogates import LabeledWeights
from vilma.thresholds import spread_thresholds

__all__ = ["Cells", "identify_cells", "place_thresholds"]

_NEVER = -1  # a threshold that nothing identifies
_BELOW, _ABOVE = -2, -3  # at minus, at plus infinity


@dataclass(frozen=True)
class Cells:
    """Groups of thresholds that the likelihood knows apart.

    Parameters
    ----------
    group : ndarray of shape (n_classes - 1,), dtype=int64
        The group of each threshold, increasing from 0; negative where it has none.
    n_groups : int
        How many groups there are.
    """

    group: np.ndarray
    n_groups: int

    @property
    def first(self) -> np.ndarray:
        """The first threshold of each group, of shape (n_groups,)."""
        return np.searchsorted(np.maximum.accumulate(self.group), np.arange(self.n_groups))

    def join(self, ties: np.ndarray) -> Cells:
        """Return the cells after neighbouring groups have met.

        Parameters
        ----------
        ties : ndarray of shape (n_groups,), dtype=int64
            The number of each group from now on, nondecreasing from 0.
        """
        group = np.where(self.group >= 0, ties[np.maximum(self.group, 0)], self.group)
        return Cells(group, int(ties[-1]) + 1)

    def reduce(self, labels: LabeledWeights) -> LabeledWeights:
        """Return the annotations as codes of the ``n_groups + 1`` cells."""
        # Annotations end at thresholds of a group, or at infinity.
        below = np.concatenate([[_BELOW], self.group])[labels.lower]
        above = np.concatenate([self.group, [_ABOVE]])[labels.upper]
        lower = np.where(below < 0, 0, below + 1)
        upper = np.where(above < 0, self.n_groups, above)
        return LabeledWeights(lower, upper, labels.weight, self.n_groups + 1)

    def expand(self, values: np.ndarray) -> np.ndarray:
        """Return thresholds of shape (n_classes - 1,) from the groups' values.

        Those at infinity are infinite, those that are not identified NaN.
        """
        out = np.full(len(self.group), np.nan)
        known = self.group >= 0
        out[known] = values[self.group[known]]
        out[self.group == _BELOW], out[self.group == _ABOVE] = -np.inf, np.inf
        return out


def identify_cells(labels: LabeledWeights) -> Cells:
    """Group the thresholds by what the annotations alone say of them.

    Parameters
    ----------
    labels : LabeledWeights
        Annotations of positive weight.

    Returns
    -------
    Cells
        The groups.
    """
    lower, upper, _, n_classes = labels
    up = np.bincount(upper, minlength=n_classes)[:-1] > 0
    down = np.bincount(lower, minlength=n_classes)[1:] > 0
    group = np.full(n_classes - 1, _NEVER, dtype=np.int64)
    touched = np.flatnonzero(up | down)
    # Groups as lists of thresholds, and how they are pushed. Those pushed up only join what comes
    # next; a later one that is pushed down only joins what came before.
    stack: list[tuple[list[int], bool, bool]] = []
    for k in touched.tolist():
        members, rises, falls = [k], bool(up[k]), bool(down[k])
        while stack and ((not stack[-1][2]) or not rises):
            before, before_rises, before_falls = stack.pop()
            members = before + members
            rises, falls = rises or before_rises, falls or before_falls
        stack.append((members, rises, falls))
    n_groups = 0
    for members, rises, falls in stack:
        if rises and falls:
            group[members] = n_groups
            n_groups += 1
        else:  # only the first can be without a push up, only the last without one down
            group[members] = _ABOVE if rises else _BELOW
    return Cells(group, n_groups)


def place_thresholds(
    values: np.ndarray, known: np.ndarray, link: Link, scores: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Give thresholds that are not known a place between those that are.

    With two known ones or more, as :func:`vilma.thresholds.spread_thresholds` does; with a single
    one so that the labels on either side of it are equally likely in the mean over the data.

    Estimators that predict no probabilities divide the scores by the frequencies of labels
    (:func:`vilma.thresholds.share_thresholds`), and these go on smoothly. On thirteen tables with
    one cut, at all places, absolute errors and ranked probability scores were 8 % smaller this way
    than with labels equally likely at the mean score alone; 4 % smaller with frequencies that go
    on smoothly, and 3 and 2 % larger where scores were divided.

    Parameters
    ----------
    values : ndarray of shape (n_classes - 1,)
        What :meth:`Cells.expand` returns.
    known : ndarray of shape (n_classes - 1,), dtype=bool
        Which to keep.
    link : Link
        The distribution.
    scores, weight : ndarray of shape (n_samples,)
        Of the data.

    Returns
    -------
    ndarray of shape (n_classes - 1,)
        Nondecreasing, without NaN.
    """
    finite = np.isfinite(values)
    lowest = np.flatnonzero(known & (values == -np.inf))
    highest = np.flatnonzero(known & (values == np.inf))
    known = known & finite
    if known.sum() < 2:
        known = finite
    places = np.flatnonzero(known)
    out = np.where(finite, values, 0.0)
    if len(places) > 1:
        out = spread_thresholds(out, known)
    else:
        k, last = places[0], len(values)
        weight = weight / weight.sum()
        below = float(weight @ link.cdf(values[k] - scores))
        labels = np.arange(1, len(values) + 1)
        share = np.where(
            labels <= k + 1,
            below * labels / (k + 1),
            below + (1.0 - below) * (labels - k - 1) / (last - k),
        )
        share = np.clip(share, 1e-300, 1.0 - 1e-16)
        out = np.array([_mean_quantile(each, link, scores, weight) for each in share])
        out[k] = values[k]
        out[:k], out[k + 1 :] = np.minimum(out[:k], out[k]), np.maximum(out[k + 1 :], out[k])
    # What lies beyond a label without probability has none either.
    if len(lowest):
        out[: lowest[-1] + 1] = -np.inf
    if len(highest):
        out[highest[0] :] = np.inf
    return out


def _mean_quantile(share: float, link: Link, scores: np.ndarray, weight: np.ndarray) -> float:
    """Return the threshold below which the label lies with this probability in the mean."""
    from scipy.optimize import brentq  # takes a while to import

    quantile = float(link.quantile(np.array(share)))
    low, high = quantile + float(scores.min()) - 1.0, quantile + float(scores.max()) + 1.0
    return float(brentq(lambda each: weight @ link.cdf(each - scores) - share, low, high))
