r"""What a surrogate returns: its minimum over the biases, and an affine lower bound of G.

A *plane* is an affine function of the scores :math:`t \in R^m` below G,

.. math:: G(t) \ge o + \langle c, t\rangle \qquad\text{for all } t.

With scores :math:`t = X w'` it bounds :math:`G(X w')` by :math:`o + \langle X^T c, w'\rangle`, one
of the functions whose maximum is the model (18) of the paper, which writes G(w) for G(Xw).

**Equation (20) of the paper.** With the biases b(w) of (19) and the labels

.. math:: \hat y_l^i \in \arg\max_{y \le y_l^i} [\Delta(y, y_l^i) + \langle x^i, w\rangle y
          + b_y(w)], \qquad
          \hat y_r^i \in \arg\max_{y \ge y_r^i} [\Delta(y, y_r^i) + \langle x^i, w\rangle y
          + b_y(w)],

the paper takes for a subgradient of G

.. math:: G'(w) = \frac{1}{m} \sum_{i=1}^m x^i (\hat y_l^i + \hat y_r^i - y_l^i - y_r^i) .

Where labels tie in an arg max, this need not be one. It is the one equation that is computed
otherwise here.

**Which planes are valid.** Let :math:`\Phi(t, \theta)` be the mean loss at scores t and thresholds
:math:`\theta` (or biases), jointly convex, and :math:`G(t) = \min_\theta \Phi(t, \theta)`. A
subgradient :math:`(c, d)` of :math:`\Phi` at :math:`(s, \theta(s))` gives

.. math:: \Phi(t, \theta') \ge \Phi(s, \theta(s)) + \langle c, t - s\rangle
          + \langle d, \theta' - \theta(s)\rangle \quad\text{for all } t, \theta',

and :math:`G(t) \ge G(s) + \langle c, t - s\rangle` follows by minimising over :math:`\theta'` only
if the last term cannot be negative: :math:`d = 0`, or, under the order constraint
:math:`\theta'_1 \le \theta'_2 \le \dots`, :math:`-d` in its normal cone at :math:`\theta(s)`.
The labels of (20), one per side of an example, give some subgradient of :math:`\Phi`; under ties
its d need not be 0, and the "bound" may then exceed the minimum.

For example, let three examples of score 0 have the exact labels 0, 0 and 1, of two, and let the
loss be the absolute error. The minimum is at :math:`\theta_0 = 1`, where the examples of label 0
tie between 0 and 1. One label for both makes :math:`3 c = (0, 0, -1)` or :math:`(1, 1, -1)` by
(20). But G is the same when all scores move together, so the c of a plane below it sums to 0. Half
of either label makes :math:`3 c = (1/2, 1/2, -1)`.

**What is computed instead of (20).** Let :math:`[l_i, u_i]` be the paper's :math:`[y_l^i, y_r^i]`,
:math:`p_i` the examples' weights and P their sum (1 and m in the paper). Each arg max is replaced
by fractions :math:`\pi^-_{iy}, \pi^+_{iy} \ge 0` of sum 1 over the :math:`y \le l_i` and over the
:math:`y \ge u_i`:

.. math:: \nabla_w G(X w) = X^T c, \qquad
          c_i = \frac{p_i}{P} \Bigl( \sum_{y \le l_i} \pi^-_{iy} (y - l_i)
          + \sum_{y \ge u_i} \pi^+_{iy} (y - u_i) \Bigr), \qquad
          o = \frac{1}{P} \sum_i p_i \Bigl( \sum_{y \le l_i} \pi^-_{iy} \Delta(y, l_i)
          + \sum_{y \ge u_i} \pi^+_{iy} \Delta(y, u_i) \Bigr),

with the fractions so chosen that the derivative in every bias vanishes,

.. math:: \sum_i p_i (\pi^-_{iy} + \pi^+_{iy}) = \sum_i p_i ([\![ l_i = y ]\!]
          + [\![ u_i = y ]\!]) \qquad\text{for all } y .

Any such fractions make a valid plane, for no side of an example is less than a mean of what its
maximum is taken over; the plane touches G at s only where all of them lie on labels that attain
the maximum. One label per side with the fraction 1 makes c that of (20).

Where the loss is a sum of hinges with margins :math:`a^-_i, a^+_i` (`vilma.surrogates.margins`; 1
in EXP and IMC), the same reads, with slopes :math:`0 \le q^-_{ik}, q^+_{ik} \le 1` of the hinges
below and above the interval, which for IMC are :math:`q^-_{ik} = \sum_{y \le k} \pi^-_{iy}` and
:math:`q^+_{ik} = \sum_{y > k} \pi^+_{iy}`,

.. math:: c_i = \frac{p_i}{P} \Bigl( \sum_{k \ge u_i} q^+_{ik} - \sum_{k < l_i} q^-_{ik} \Bigr),
          \qquad
          o = \frac{1}{P} \sum_i p_i \Bigl( a^-_i \sum_{k < l_i} q^-_{ik}
          + a^+_i \sum_{k \ge u_i} q^+_{ik} \Bigr), \qquad
          d_k = \frac{1}{P} \Bigl( \sum_{i : k < l_i} p_i q^-_{ik}
          - \sum_{i : k \ge u_i} p_i q^+_{ik} \Bigr) = 0,

slopes being 1 where the hinge is positive, 0 where it is cut off, and any fraction on its
breakpoint where the plane touches G. In EXP only :math:`k = l_i - 1` and :math:`k = u_i` have
hinges, and -d need only lie in the normal cone.

`imc_plane`, `exp_plane`, `SmoothedProblem.plane` and `solve_transport` find such fractions.

**What is left of d.** Where an iterative method leaves :math:`d \ne 0`, or hinges do with weights
so small beside others that their sums are equal but for rounding, the plane carries
:math:`|d|_1` as its `bias_residual`. With the o above, which is :math:`\Phi(s, \theta(s)) -
\langle c, s\rangle - \langle d, \theta(s)\rangle` where the plane touches :math:`\Phi` and less
elsewhere, what is left of the last term above is :math:`\langle d, \theta'\rangle \ge -|d|_1
\max_k |\theta'_k|`: the *charge* that is taken off the bound. Under the order constraint less may
be left, and :math:`|d|_1` is replaced by what `exp_plane` derives.
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
    # |d|_1, or what takes its place where thresholds are in order (`exp_plane`); 0 where d is 0,
    # or -d in the normal cone, exactly.
    bias_residual: float = 0.0

    def at(self, scores: np.ndarray) -> float:
        """Value of the plane at the given scores."""
        return self.offset + float(self.score_gradient @ scores)


class InnerMinimum(NamedTuple):
    """Minimum over the biases at given scores, with the plane that certifies it."""

    value: float  # mean loss at `thresholds`, an upper bound on G(scores)
    thresholds: np.ndarray  # (n_classes - 1,) differences b_k - b_{k+1} of the biases
    plane: Plane  # supports G at the scores, or nearly so
