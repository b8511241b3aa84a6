r"""The learning problem of the ordered logit, and where its parts are.

.. math:: \min_{w,\ \theta_0 \le \dots \le \theta_{T-1}} F(w, \theta) =
          R(Xw, \theta) + \frac{1}{2} \sum_j \alpha_j w_j^2,

R the mean negative log-likelihood of the annotations (``interval_likelihood.py``) on the cells
that they identify (``cells.py``). All :math:`\alpha_j` are one alpha of the user, in the units of
the columns; 0 is maximum likelihood. F is convex in w and the thresholds together.

===========================================  ======================================================
R and its derivatives                        `interval_likelihood.IntervalLikelihood`
Newton's method, order of the thresholds     `newton.minimize`
a step with the whole Hessian                `steps.exact_step`
a step by products with X alone              `steps.truncated_step`
lower bound for alpha > 0                    `bound.lower_bound`
columns that depend on others                `dependence.separate_columns`
separation for alpha = 0                     `separation.find_separation`
probabilities, medians                       `model.CumulativeModel`
===========================================  ======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg

from vilma.design_matrices import DesignMatrix
from vilma.design_matrices.dense import DenseMatrix
from vilma.likelihood.interval_likelihood import IntervalLikelihood
from vilma.likelihood.links import FloatArray

_CONSTANT = 1e-14  # deviation of a column, of its centre, that is rounding
_MEDIAN_ROWS = 1000  # of which the centre is the median, at most
_BLOCK_ROWS = 1000  # whose squares stay in the cache

__all__ = ["LikelihoodProblem", "Standardization", "standardize", "unchanged"]


@dataclass(frozen=True)
class LikelihoodProblem:
    r"""Data of one minimisation.

    Parameters
    ----------
    X : DesignMatrix
        Of shape (m, n).
    likelihood : IntervalLikelihood
        R, of the cells.
    penalty : ndarray of shape (n,)
        The :math:`\alpha_j`, all positive or all 0.
    """

    X: DesignMatrix
    likelihood: IntervalLikelihood
    penalty: FloatArray

    @property
    def penalized(self) -> bool:
        """Whether F is strongly convex in w."""
        return bool(self.penalty.size) and bool(self.penalty[0] > 0.0)

    def objective(self, coef: FloatArray, scores: FloatArray, thresholds: FloatArray) -> float:
        """Return F."""
        value = self.likelihood.value(scores, thresholds)
        return value + 0.5 * float(self.penalty @ coef**2)

    @cached_property
    def largest_row(self) -> float:
        r"""The largest :math:`(\sum_j x_{ij}^2 / \alpha_j)^{1/2}` of the rows."""
        if isinstance(self.X, DenseMatrix):
            squares = self.X.weighted_squares(1.0 / self.penalty)
        else:  # the penalty is the same for all columns: only dense ones are brought to a scale
            squares = self.X.squared_row_norms() / self.penalty[0]
        return float(np.sqrt(squares.max(initial=0.0)))


@dataclass(frozen=True)
class Standardization:
    """Columns as the likelihood is maximised in them, and the way back to those of the user.

    Dense ones are moved to a typical value of 0 and brought to a mean square of 1. The thresholds
    take up the centres, so that the model stays the same; a penalty keeps its meaning if it is
    divided by the squared scales. Columns that nearly depend on others are replaced by a sum of
    multiples of both.
    """

    matrix: DesignMatrix
    center: FloatArray  # (n,)
    scale: FloatArray  # (n,) 1 for constant columns
    mix: FloatArray | None = None  # (n, n) from coefficients of `matrix` to scaled columns

    def coef_inside(self, coef: FloatArray) -> FloatArray:
        """Return the coefficients of the columns of `matrix`."""
        scaled = coef * self.scale
        return scaled if self.mix is None else linalg.solve_triangular(self.mix, scaled)

    def coef_outside(self, coef: FloatArray) -> FloatArray:
        """Return the coefficients of the columns as they were."""
        return (coef if self.mix is None else self.mix @ coef) / self.scale

    def shift(self, coef: FloatArray) -> float:
        """Return what to add to thresholds that go with coefficients of the given columns."""
        return float(self.center @ coef)

    def covariance_outside(self, covariance: FloatArray) -> FloatArray:
        """Return the covariance of coefficients and thresholds for the columns as they were."""
        n = len(self.scale)
        mix = np.eye(n) if self.mix is None else self.mix
        back = np.eye(len(covariance))
        back[:n, :n] = mix / self.scale[:, None]
        back[n:, :n] = self.center @ back[:n, :n]
        known = ~np.isnan(np.diag(covariance))
        out = np.full_like(covariance, np.nan)
        # A coefficient that is not identified is fixed at 0: it moves no threshold.
        part = back[np.ix_(known, known)]
        out[np.ix_(known, known)] = part @ covariance[np.ix_(known, known)] @ part.T
        return out


def unchanged(matrix: DesignMatrix) -> Standardization:
    """Return columns as they are."""
    n = matrix.shape[1]
    return Standardization(matrix, np.zeros(n), np.ones(n))


def standardize(X: np.ndarray, weight: FloatArray) -> Standardization:
    """Standardise dense columns with the weights of the rows.

    Raises
    ------
    ValueError
        If the squares of a column overflow.
    """
    share = weight / weight.sum()
    with np.errstate(over="ignore", invalid="ignore"):
        # Beside an outlier the mean is far from all rows, whose differences would lose digits.
        center = np.median(X[:: -(-len(X) // _MEDIAN_ROWS)], axis=0)
        centred = X - center
        square = np.zeros(X.shape[1])
        for start in range(0, len(X), _BLOCK_ROWS):
            rows = centred[start : start + _BLOCK_ROWS]
            square += share[start : start + _BLOCK_ROWS] @ (rows * rows)
    if not np.isfinite(square).all():
        raise ValueError(
            f"The squares of column {int(np.argmin(np.isfinite(square)))} of X overflow "
            "float64. Bring the features to a common scale near 1."
        )
    scale = np.sqrt(square)
    constant = ~(scale > _CONSTANT * np.abs(center))
    scale[constant] = 1.0
    centred[:, constant] = 0.0
    centred /= scale
    return Standardization(DenseMatrix(centred), center, scale)
