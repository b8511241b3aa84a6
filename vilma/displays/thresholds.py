"""The projection, its thresholds, and where the labels lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from vilma._numbers import as_numbers
from vilma.displays._density import FloatArray, LabelDensities, label_densities
from vilma.displays._density_panels import draw_map, draw_ridges
from vilma.displays._drawing import legend_above, name_labels, open_axes, require_matplotlib
from vilma.displays._fitted import linear_model, transform
from vilma.labels import encode_endpoints, read_endpoints, read_scale
from vilma.metrics._reading import read_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_MOST_RIDGES = 12


class ThresholdsDisplay:
    """Densities of the labels along the projection, and the thresholds that cut it.

    Up to 12 labels get a row each with a filled curve, dark where that label is predicted. Longer
    scales are drawn as a map, a row of shades per label, over which the predicted label climbs
    as a staircase.

    Parameters
    ----------
    grid : ndarray of shape (n_points,)
        Places on the projection.
    densities : ndarray of shape (n_classes, n_points)
        Density of the projection given each label; zero for a label without samples.
    weights : ndarray of shape (n_classes,)
        What the samples of each label weigh; their number if all are exact and of weight 1.
    thresholds : ndarray of shape (n_classes - 1,)
        Nondecreasing cuts.
    classes : ndarray of shape (n_classes,)
        The ordered scale.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.displays.AnnotationsDisplay : Which thresholds the annotations support.

    Examples
    --------
    >>> from vilma import IISVOR_IMC
    >>> from vilma.datasets import make_interval_problem
    >>> from vilma.displays import ThresholdsDisplay
    >>> problem = make_interval_problem(200, n_classes=5, random_state=0)
    >>> model = IISVOR_IMC().fit(problem.data, problem.target)
    >>> display = ThresholdsDisplay.from_estimator(model, problem.data, problem.truth)
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self,
        grid: FloatArray,
        densities: FloatArray,
        weights: FloatArray,
        thresholds: FloatArray,
        classes: NDArray[Any],
    ) -> None:
        self.grid = grid
        self.densities = densities
        self.weights = weights
        self.thresholds = thresholds
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> ThresholdsDisplay:
        """Project data by a fitted estimator and draw.

        Parameters
        ----------
        estimator : object
            A fitted estimator of vilma, or a pipeline or fitted search of one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data to project; what the estimator takes.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Their exact or interval labels. An interval counts for each of its labels in equal
            parts.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ThresholdsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator has no projection.
        ValueError
            If a label is not among the estimator's, or data are malformed.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        before, model = linear_model(estimator, caller, "thresholds_")
        return cls.from_predictions(
            y,
            model.project(transform(before, X)),
            model.thresholds_,
            classes=model.scale_,
            sample_weight=sample_weight,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        projection: ArrayLike,
        thresholds: ArrayLike,
        *,
        classes: ArrayLike,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> ThresholdsDisplay:
        """Draw given projections and thresholds.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels; an interval counts for each of its labels in equal parts.
        projection : array-like of shape (n_samples,)
            Where the samples lie on the line.
        thresholds : array-like of shape (n_classes - 1,)
            Nondecreasing cuts of the line.
        classes : array-like of shape (n_classes,)
            The ordered scale.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ThresholdsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If data are malformed, differ in length or a label is not on the scale, or the
            thresholds decrease or are not one fewer than the labels.
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        scale = read_scale(classes)
        truth = read_endpoints(y_true, name="y_true", scale=scale)
        lower, upper = encode_endpoints(truth, scale, name="y_true")
        places = check_array(
            as_numbers(projection, "projection"), ensure_2d=False, input_name="projection"
        )
        if places.shape != lower.shape:
            raise ValueError(
                f"projection has the shape {places.shape}, but y_true has {len(lower)} samples; "
                "expected one number for each."
            )
        cuts = check_array(
            as_numbers(thresholds, "thresholds"), ensure_2d=False, input_name="thresholds"
        )
        _check_thresholds(cuts, len(scale))
        densities = label_densities(
            places, lower, upper, read_weights(sample_weight, len(lower)), len(scale)
        )
        return cls(*densities, cuts, scale).plot(ax)

    def plot(self, ax: Axes | None = None) -> ThresholdsDisplay:
        """Draw the densities and the thresholds.

        The outermost thousandth of the samples on either side may lie outside the picture, and
        so may thresholds.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ThresholdsDisplay
            The display itself.
        """
        few = len(self.classes) <= _MOST_RIDGES
        height = 1.6 + 0.52 * len(self.classes) if few else 5.6
        ax = open_axes(f"{type(self).__name__}.plot", ax, (7.2, height))
        densities = LabelDensities(self.grid, self.densities, self.weights)
        (draw_ridges if few else draw_map)(ax, densities, self.thresholds)
        ax.set_xlim(self.grid[0], self.grid[-1])
        ax.set_xlabel("projection")
        ax.set_ylabel("label")
        name_labels(ax, "y", self.classes)
        legend_above(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _check_thresholds(thresholds: FloatArray, n_classes: int) -> None:
    if thresholds.shape != (n_classes - 1,):
        raise ValueError(
            f"thresholds has shape {thresholds.shape}, but {n_classes} classes have "
            f"{n_classes - 1} thresholds between them; expected shape {(n_classes - 1,)}."
        )
    falling = thresholds[1:] < thresholds[:-1]
    if falling.any():
        k = int(np.argmax(falling))
        raise ValueError(
            f"thresholds should not decrease, but entry {k} is {thresholds[k]:g} and entry "
            f"{k + 1} is {thresholds[k + 1]:g}. Sort them."
        )
