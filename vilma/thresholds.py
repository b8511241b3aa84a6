r"""Thresholds and biases, two parametrisations of one classifier, and thresholds without support.

Labels are codes 0, ..., Y - 1; threshold k separates label k from k + 1. With the score
:math:`s = \langle x, w\rangle`, the paper's classifiers are

.. math:: h(x) = \sum_{k=0}^{Y-2} [\![ s > \theta_k ]\!] \quad (1), \qquad
          h'(x) = \arg\max_y\, (s y + b_y) \quad (11), \qquad \theta_0 \le \dots \le \theta_{Y-2} .

**Theorem 3** (formulas in appendix 2 of the paper): each can be written as the other.

- From :math:`\theta` to b (`to_biases`): :math:`b_0 = 0` and :math:`b_{k+1} = b_k - \theta_k`. The
  value of label k + 1 exceeds that of label k by :math:`s - \theta_k`, which does not grow with k:
  the values rise as long as :math:`s > \theta_k`, and the largest is that of label h(x).
- From b to :math:`\theta` (`hull_thresholds`): the maximum of the lines :math:`s y + b_y` changes
  from label p to label q > p at :math:`s = (b_p - b_q) / (q - p)`, minus the slope of the segment
  from :math:`(p, b_p)` to :math:`(q, b_q)`. The labels that are the only maximum
  somewhere are the vertices of the upper concave hull of the points :math:`(y, b_y)`, and all
  thresholds between neighbouring vertices p and q are :math:`(b_p - b_q) / (q - p)`. Labels off
  the hull are never predicted.
"""

from __future__ import annotations

import numpy as np

from vilma.labels.support import count_support
from vilma.surrogates import LabeledWeights, to_biases

__all__ = [
    "hull_thresholds",
    "place_pieces",
    "share_thresholds",
    "spread_pieces",
    "spread_thresholds",
    "supported_thresholds",
    "to_biases",
    "untold_thresholds",
]


def hull_thresholds(differences: np.ndarray) -> np.ndarray:
    """Nondecreasing thresholds that predict as the biases do: slopes of their upper concave hull.

    Parameters
    ----------
    differences : ndarray of shape (Y - 1,)
        ``b_k - b_{k+1}``, which need not be nondecreasing.
    """
    biases = to_biases(differences)
    vertices = [0]
    for y in range(1, len(biases)):
        while len(vertices) > 1:
            before, last = vertices[-2], vertices[-1]
            rise = (biases[last] - biases[before]) * (y - last)
            if rise > (biases[y] - biases[last]) * (last - before):
                break
            vertices.pop()
        vertices.append(y)
    widths = np.diff(vertices)
    slopes = -np.diff(biases[vertices]) / widths
    single = widths == 1  # no detour through sums
    slopes[single] = differences[np.asarray(vertices[:-1])[single]]
    return np.maximum.accumulate(np.repeat(slopes, widths))


def supported_thresholds(labels: LabeledWeights) -> np.ndarray:
    """Tell which thresholds the annotations support well enough to be trusted.

    `count_support` says which annotations support a threshold and which cross it. Where most
    annotations are brackets, the few exact labels inside a bracket leave its inner thresholds a
    small share of support; the surrogate's minimiser then has them near the middle of the bracket,
    because the plentiful examples of the neighbouring brackets decide. A threshold counts as
    supported if its share is at least half the mean share, the mean taken over the supporting
    annotations. Exact labels cross nothing: every share is 1. Intervals that slide along the
    scale cross all thresholds alike.

    Returns
    -------
    ndarray of shape (n_classes - 1,), dtype=bool
        False wherever no annotation of positive weight supports the threshold.
    """
    return _trusted(*count_support(*labels))


def _trusted(support: np.ndarray, crossing: np.ndarray) -> np.ndarray:
    touching = support + crossing
    # Where next to nothing is known of a threshold, chance must not make its share: a tenth of
    # the usual number of annotations, with the overall share, is added to all.
    prior = 0.1 * touching.mean()
    overall = support.sum() / touching.sum()
    share = (support + prior * overall) / (touching + prior)
    return (support > 0.0) & (share >= 0.5 * np.average(share, weights=support))


def untold_thresholds(labels: LabeledWeights) -> np.ndarray:
    """Tell over which thresholds annotations pass without supporting them well enough.

    Those inside of brackets, such as `supported_thresholds` does not trust. Where labels are
    missing from the data, as no annotation passes over them either, there is nothing to tell.

    Returns
    -------
    ndarray of shape (n_classes - 1,), dtype=bool
    """
    support, crossing = count_support(*labels)
    if not support.any():
        return crossing > 0.0
    return (crossing > 0.0) & ~_trusted(support, crossing)


def spread_thresholds(thresholds: np.ndarray, supported: np.ndarray) -> np.ndarray:
    """Place the thresholds without support evenly between their supported neighbours.

    Outside the first and the last supported threshold the mean spacing between the two goes on.
    With fewer than two supported thresholds there is no spacing to go by, and nothing changes;
    around a single one `share_thresholds` has a place for the others.
    """
    known = np.flatnonzero(supported)
    if len(known) < 2 or len(known) == len(thresholds):
        return thresholds
    places = np.arange(len(thresholds))
    spread = np.interp(places, known, thresholds[known])
    first, last = known[0], known[-1]
    spacing = (thresholds[last] - thresholds[first]) / (last - first)
    spread[:first] = thresholds[first] - spacing * (first - places[:first])
    spread[last + 1 :] = thresholds[last] + spacing * (places[last + 1 :] - last)
    return spread


def share_thresholds(
    thresholds: np.ndarray,
    supported: int,
    labels: LabeledWeights,
    scores: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Place thresholds around a single supported one by how frequent labels are expected to be.

    Annotations that speak of one threshold only, such as two brackets, leave all others to the
    surrogate: the squared loss moves them out of the data, the absolute one is the same for a
    whole range of places, and which labels are predicted has nothing to do with the data. Here the
    share of labels up to k is a monotone interpolation (Fritsch & Carlson 1980) through 0 below
    the first label, the annotated share at the supported threshold, and 1 at the last label; on
    either side of the threshold the scores are divided by these shares.

    Parameters
    ----------
    thresholds : ndarray of shape (n_classes - 1,)
        Nondecreasing.
    supported : int
        The threshold that is kept.
    labels : LabeledWeights
        Annotations, of which some speak of that threshold.
    scores, weight : ndarray of shape (n_scores,)
        Scores of the annotated rows, each with its weight.

    Returns
    -------
    ndarray of shape (n_classes - 1,)
        Nondecreasing, the supported one as it was.
    """
    from scipy.interpolate import PchipInterpolator  # takes a while to import

    lower, upper, label_weight, n_classes = labels
    known = thresholds[supported]
    below = label_weight[upper <= supported].sum()
    share = below / (below + label_weight[lower > supported].sum())
    curve = PchipInterpolator([-1, supported, n_classes - 1], [0.0, share, 1.0])
    shares = curve(np.arange(n_classes - 1))
    placed = thresholds.copy()
    first, last = slice(0, supported), slice(supported + 1, None)
    is_below = scores <= known
    if share > 0.0:
        placed[first] = _divide(
            scores[is_below], weight[is_below], shares[first] / share, (-np.inf, known)
        )
    if share < 1.0:
        placed[last] = _divide(
            scores[~is_below],
            weight[~is_below],
            (shares[last] - share) / (1.0 - share),
            (known, np.inf),
        )
    return placed


def _divide(
    scores: np.ndarray, weight: np.ndarray, shares: np.ndarray, ends: tuple[float, float]
) -> np.ndarray:
    """Return thresholds within the ends below which the given shares of scores lie.

    Scores that tie go to the label that the middle of them belongs to. An open end counts as far
    from the scores as the other one is.
    """
    low, high = ends
    if not len(scores):
        return np.full(len(shares), high if np.isinf(low) else low)
    values, places = np.unique(scores, return_inverse=True)
    weights = np.bincount(places, weight)
    middles = (np.cumsum(weights) - weights / 2.0) / weights.sum()
    low = 2.0 * values[0] - high if np.isinf(low) else low
    high = 2.0 * values[-1] - low if np.isinf(high) else high
    edges = np.concatenate([[low], values, [high]])
    place = np.searchsorted(middles, shares, side="right")
    return (edges[place] + edges[place + 1]) / 2.0


def place_pieces(supported: np.ndarray, n_pieces: int | None = None) -> np.ndarray:
    """Distribute pieces over the steps between neighbouring labels.

    Parameters
    ----------
    supported : ndarray of shape (n_classes - 1,), dtype=bool
        As of :func:`supported_thresholds`.
    n_pieces : int, optional
        Number of pieces, each for about as many supported steps in a row; no more than there are
        supported steps. None means one for each.

    Returns
    -------
    ndarray of shape (n_classes - 1,), dtype=int64
        The piece of every step; one without support has that of the nearest with support, the
        lower one of two.
    """
    known = np.flatnonzero(supported)
    n_pieces = len(known) if n_pieces is None else min(n_pieces, len(known))
    of_known = np.arange(len(known)) * n_pieces // len(known)
    steps = np.arange(len(supported))
    nearest = np.abs(steps[:, None] - known).argmin(axis=1)
    return of_known[nearest].astype(np.int64)


def spread_pieces(pieces: np.ndarray, supported: np.ndarray) -> np.ndarray:
    """Weights of the pieces' projections in the increment of every step.

    The increment of step k, by which the score of label k + 1 exceeds that of label k, is
    ``s[pieces[k]] - theta_k``. Increments of steps without support are interpolated between those
    of their supported neighbours; beyond the first and the last supported step the projection of
    that step goes on. The thresholds that belong to it are those of `spread_thresholds`, and with
    one piece nothing else is left of it.

    Parameters
    ----------
    pieces : ndarray of shape (n_classes - 1,)
    supported : ndarray of shape (n_classes - 1,), dtype=bool

    Returns
    -------
    ndarray of shape (n_classes - 1, n_pieces)
        Rows sum to 1; unit vectors for supported steps.
    """
    own = np.eye(int(pieces.max()) + 1)[pieces]
    known = np.flatnonzero(supported)
    if len(known) < 2:
        return own
    steps = np.arange(len(pieces))
    return np.stack([np.interp(steps, known, column) for column in own[known].T], axis=1)
