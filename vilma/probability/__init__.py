"""Probabilities of ordered labels, and prediction intervals of guaranteed coverage.

Both come by wrapping an estimator, in the manner of scikit-learn's ``CalibratedClassifierCV``.
"""

from vilma.probability.calibrated import CalibratedOrdinalClassifier
from vilma.probability.conformal import ConformalOrdinalClassifier

__all__ = ["CalibratedOrdinalClassifier", "ConformalOrdinalClassifier"]
