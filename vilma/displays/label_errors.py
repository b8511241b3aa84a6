"""Errors label by label, with the number of samples behind each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.displays._drawing import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    legend_above,
    name_labels,
    open_axes,
    require_matplotlib,
    tidy,
)
from vilma.displays._fitted import predict_labels
from vilma.labels import encode, read_scale
from vilma.labels.fitted_scale import fitted_scale
from vilma.metrics import LabelErrors, error_by_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_MOST_NUMBERS = 12  # of labels whose samples are written out
_STRIP = (0.12, 0.9)  # inches from the axes to the strip of the samples, and its height


class ErrorByLabelDisplay:
    """Mean absolute error of each true label, under the number of its samples.

    Parameters
    ----------
    by_label : LabelErrors
        Labels, errors and weights, as :func:`vilma.metrics.error_by_label` returns them.
    classes : ndarray of shape (n_classes,), default=None
        The ordered scale. Labels without samples get an empty place on it. None means the labels
        of `by_label`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the errors are drawn.
    ax_counts_ : matplotlib Axes
        Where the samples are drawn, above the other.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.metrics.error_by_label : The numbers.
    vilma.metrics.shot_report : Errors by how frequent labels are in training.

    Examples
    --------
    >>> from vilma.displays import ErrorByLabelDisplay
    >>> display = ErrorByLabelDisplay.from_predictions([1, 1, 2], [1, 2, 4])
    """

    ax_: Axes
    ax_counts_: Axes
    figure_: Figure | SubFigure

    def __init__(self, by_label: LabelErrors, *, classes: NDArray[Any] | None = None) -> None:
        self.by_label = by_label
        self.classes = by_label.labels if classes is None else classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> ErrorByLabelDisplay:
        """Predict by a fitted estimator and draw.

        Parameters
        ----------
        estimator : object
            Any fitted estimator that predicts labels.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Data to predict.
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Their exact or interval labels, see :meth:`from_predictions`.
        classes : array-like of shape (n_classes,), default=None
            The ordered scale. None means that of the estimator: `scale_`, or `classes_` of
            other packages' estimators if labels are numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ErrorByLabelDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            As for :func:`vilma.metrics.error_by_label`.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        predicted = predict_labels(estimator, X, caller)
        if classes is None:
            classes = fitted_scale(estimator)
        return cls.from_predictions(
            y, predicted, classes=classes, sample_weight=sample_weight, ax=ax
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        *,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        ax: Axes | None = None,
    ) -> ErrorByLabelDisplay:
        """Draw the errors of given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels. An interval counts for each of its labels in equal parts,
            with the distance of the prediction to the interval as error.
        y_pred : array-like of shape (n_samples,)
            Predicted labels.
        classes : array-like of shape (n_classes,), default=None
            The ordered scale. By default the numbers that occur in `y_true`.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ErrorByLabelDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            As for :func:`vilma.metrics.error_by_label`.
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        by_label = error_by_label(y_true, y_pred, classes=classes, sample_weight=sample_weight)
        scale = None if classes is None else read_scale(classes)
        return cls(by_label, classes=scale).plot(ax)

    def plot(self, ax: Axes | None = None) -> ErrorByLabelDisplay:
        """Draw errors as bars, and samples as bars above them.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw the errors; the samples go right above, outside. None means a new
            figure.

        Returns
        -------
        display : ErrorByLabelDisplay
            The display itself.
        """
        ax = open_axes(f"{type(self).__name__}.plot", ax, (7.2, 4.8))
        counts = _strip_above(ax)
        labels, errors, weights = self.by_label
        places = encode(labels, self.classes, name="by_label")
        bars: dict[str, Any] = {"width": 0.86 if len(self.classes) <= 30 else 1.0, "linewidth": 0}
        ax.bar(places, errors, color=BLUE, **bars)
        samples = counts.bar(places, weights, color=GREY, **bars)
        if len(self.classes) <= _MOST_NUMBERS:
            counts.bar_label(samples, [_number(weight) for weight in weights], color=INK)
            counts.margins(y=0.3)

        mean = np.average(errors, weights=weights)
        for value, name, color, style in (
            (mean, "mean over samples", INK, "--"),
            (errors.mean(), "mean over labels", ORANGE, "-"),
        ):
            ax.axhline(value, color=color, ls=style, lw=1.4, label=f"{name} {_number(value)}")
        name_labels(ax, "x", self.classes)
        ax.set_xlim(-0.7, len(self.classes) - 0.3)
        ax.set_xlabel("true label")
        ax.set_ylabel("mean absolute error")
        counts.set_ylabel("samples")
        counts.tick_params(labelbottom=False, length=0, axis="x")
        tidy(ax)
        tidy(counts)
        handles, names = ax.get_legend_handles_labels()
        legend_above(counts, handles=handles, labels=names)
        self.ax_, self.ax_counts_, self.figure_ = ax, counts, ax.figure
        return self


def _strip_above(ax: Axes) -> Axes:
    """Add axes above others, as wide and with the same x; constrained layout makes room."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    # Inches, not a share of the axes: a layout that shrinks the axes would not shrink to a fit.
    axes_transform: Any = ax.transAxes
    inches_above = ax.figure.dpi_scale_trans + ScaledTranslation(0, 1, axes_transform)
    distance, height = _STRIP
    return ax.inset_axes(
        (0.0, distance, 1.0, height),
        transform=blended_transform_factory(ax.transAxes, inches_above),
        sharex=ax,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
