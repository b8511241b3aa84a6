"""Pictures of data, fits and errors, in the manner of scikit-learn's displays.

A display holds the numbers of one picture. Its class methods compute them, draw them and return
the display; ``plot`` draws them again, onto other axes if wanted. Matplotlib is imported when
something is drawn, and comes with ``pip install "vilma[plot]"``.
"""

from vilma.displays.annotations import AnnotationsDisplay
from vilma.displays.coefficients import CoefficientsDisplay
from vilma.displays.confusion import OrdinalConfusionDisplay
from vilma.displays.convergence import ConvergenceDisplay
from vilma.displays.directions import DirectionsDisplay
from vilma.displays.heaviest_columns import HeaviestColumnsDisplay
from vilma.displays.label_errors import ErrorByLabelDisplay
from vilma.displays.lbp_weights import LBPWeightsDisplay
from vilma.displays.path import PathDisplay
from vilma.displays.thresholds import ThresholdsDisplay

__all__ = [
    "AnnotationsDisplay",
    "CoefficientsDisplay",
    "ConvergenceDisplay",
    "DirectionsDisplay",
    "ErrorByLabelDisplay",
    "HeaviestColumnsDisplay",
    "LBPWeightsDisplay",
    "OrdinalConfusionDisplay",
    "PathDisplay",
    "ThresholdsDisplay",
]
