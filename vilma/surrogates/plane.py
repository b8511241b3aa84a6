r"""What a surrogate returns: its minimum over the biases, and an affine lower bound of G.

A *plane* is an affine function of the scores :math:`t \in R^m` below G,

.. math:: G(t) \ge o + \langle c, t\rangle \qquad\text{for all } t,

the cutting plane of section 4 of the paper. With scores :math:`t = X w'` it bounds
:math:`G(X w')` by :math:`o + \langle X^T c, w'\rangle`, a cutting plane in w'.

**Which planes are valid.** Let :math:`\Phi(t, \theta)` be the mean loss at scores t and thresholds
:math:`\theta` (or biases), jointly convex, and :math:`G(t) = \min_\theta \Phi(t, \theta)`. A
subgradient :math:`(c, d)` of :math:`\Phi` at :math:`(s, \theta(s))` gives

.. math:: \Phi(t, \theta') \ge \Phi(s, \theta(s)) + \langle c, t - s\rangle
          + \langle d, \theta' - \theta(s)\rangle \quad\text{for all } t, \theta',

and :math:`G(t) \ge G(s) + \langle c, t - s\rangle` follows by minimising over :math:`\theta'` only
if the last term cannot be negative: :math:`d = 0`, or, under the order constraint
:math:`\theta'_1 \le \theta'_2 \le \dots`, :math:`-d` in its normal cone at :math:`\theta(s)`.
The labels that attain the maxima at :math:`\theta(s)`, taken one per example as in the paper's
formula, give some subgradient of :math:`\Phi`; under ties its d is not 0, and the "bound" may then
exceed the minimum. Surrogates therefore return the convex combination of the maximisers' slopes
for which d vanishes. Where an iterative method leaves :math:`d \ne 0`, the plane carries
:math:`|d|_1` as its `bias_residual`. With the offset :math:`o = \Phi(s, \theta(s)) - \langle c,
s\rangle - \langle d, \theta(s)\rangle`, what is left of the last term is :math:`\langle d,
\theta'\rangle \ge -|d|_1 \max_k |\theta'_k|`, which is charged to the bound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["InnerMinimum", "Plane"]


class Plane(NamedTuple):
    """An affine function of the scores t below G, ``offset + score_gradient @ t``.

    It bounds G(t) from below for every t, up to ``bias_residual`` times the largest absolute
    threshold of a minimiser at t.
    """

    score_gradient: np.ndarray  # (m,) c, the derivative in every example's score
    offset: float  # o
    bias_residual: float = 0.0  # |d|_1, 0 where the derivative in the thresholds vanishes exactly

    def at(self, scores: np.ndarray) -> float:
        """Value of the plane at the given scores."""
        return self.offset + float(self.score_gradient @ scores)


class InnerMinimum(NamedTuple):
    """Minimum over the biases at given scores, with the plane that certifies it."""

    value: float  # mean loss at `thresholds`, an upper bound on G(scores)
    thresholds: np.ndarray  # (n_classes - 1,) differences b_k - b_{k+1} of the biases
    plane: Plane  # supports G at the scores, or nearly so
