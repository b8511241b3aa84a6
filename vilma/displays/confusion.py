"""Confusion matrices of ordered labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma.displays._drawing import (
    INK,
    ORANGE,
    PALE,
    name_labels,
    open_axes,
    require_matplotlib,
)
from vilma.displays._fitted import predict_labels
from vilma.labels.fitted_scale import fitted_scale
from vilma.metrics._reading import read_pair, read_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

FloatArray = NDArray[np.float64]
_MOST_NUMBERS = 12


class OrdinalConfusionDisplay:
    """Confusion matrix of ordered labels, rows true, columns predicted.

    Shades show the share of each true label that is predicted as what, so that rare labels
    remain readable. Up to 12 labels have the samples written into the cells; longer scales get
    a colour bar and a line along the diagonal. Rows of labels without samples are grey.

    Parameters
    ----------
    confusion_matrix : ndarray of shape (n_classes, n_classes)
        What the samples of each true label (row) and predicted label (column) weigh.
    classes : ndarray of shape (n_classes,)
        The ordered scale.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.
    im_ : matplotlib AxesImage
        The shades.

    See Also
    --------
    vilma.displays.ErrorByLabelDisplay : The error of each label.

    Examples
    --------
    >>> from vilma.displays import OrdinalConfusionDisplay
    >>> display = OrdinalConfusionDisplay.from_predictions([(1, 1), (2, 3), (2, 3)], [1, 1, 3])
    >>> display.confusion_matrix
    array([[1., 0., 0.],
           [1., 0., 0.],
           [0., 0., 1.]])
    """

    ax_: Axes
    figure_: Figure | SubFigure
    im_: Any

    def __init__(self, confusion_matrix: FloatArray, classes: NDArray[Any]) -> None:
        self.confusion_matrix = confusion_matrix
        self.classes = classes

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
    ) -> OrdinalConfusionDisplay:
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
        display : OrdinalConfusionDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            If labels or weights are malformed, or a label is not on the scale.
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
    ) -> OrdinalConfusionDisplay:
        """Count and draw given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels. For an interval stands the one of its labels that is
            nearest to the prediction: predictions inside are on the diagonal, and the mean
            distance from the diagonal is the interval-insensitive absolute error.
        y_pred : array-like of shape (n_samples,)
            Predicted labels.
        classes : array-like of shape (n_classes,), default=None
            The ordered scale. By default the numbers that occur in `y_true` or `y_pred`.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : OrdinalConfusionDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            If labels or weights are malformed, a label is not on the scale, or strings come
            without `classes`.
        """
        require_matplotlib(f"{cls.__name__}.from_predictions")
        pair = read_pair(y_true, y_pred, classes)
        scale = pair.scale_in_use(pair.predicted)
        lower, upper, predicted = pair.on_scale(scale)
        nearest = np.clip(predicted, lower, upper)
        n_classes = len(scale)
        matrix: Any = np.bincount(
            nearest * n_classes + predicted,
            read_weights(sample_weight, len(nearest)),
            minlength=n_classes**2,
        ).reshape(n_classes, n_classes)
        return cls(matrix, scale).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, include_values: bool | None = None
    ) -> OrdinalConfusionDisplay:
        """Draw the matrix.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.
        include_values : bool, default=None
            Write the numbers into the cells. None means for up to 12 labels. Without them there
            is a colour bar.

        Returns
        -------
        display : OrdinalConfusionDisplay
            The display itself.
        """
        n_classes = len(self.classes)
        if include_values is None:
            include_values = n_classes <= _MOST_NUMBERS
        side = min(max(3.2 + 0.3 * n_classes, 4.0), 6.2)
        ax = open_axes(f"{type(self).__name__}.plot", ax, (side + 0.6, side))
        shares = self._shares()
        from matplotlib import colormaps
        from matplotlib.colors import PowerNorm

        self.im_ = ax.imshow(
            shares,
            cmap=colormaps["Blues"].with_extremes(bad=PALE),
            # Shares of long scales are small: the root keeps them apart from nothing.
            norm=PowerNorm(1.0 if include_values else 0.5, vmin=0.0, vmax=1.0),
            interpolation="nearest",
        )
        if include_values:
            self._write_values(ax, shares)
        else:
            self._draw_diagonal(ax)
        name_labels(ax, "x", self.classes)
        name_labels(ax, "y", self.classes)
        ax.set_xlabel("predicted label")
        ax.set_ylabel("true label")
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _shares(self) -> Any:
        """Return each row divided by its sum, masked where there is none."""
        totals = self.confusion_matrix.sum(axis=1, keepdims=True)
        empty = np.broadcast_to(totals <= 0.0, self.confusion_matrix.shape)
        return np.ma.masked_where(
            empty, self.confusion_matrix / np.where(totals > 0.0, totals, 1.0)
        )

    def _write_values(self, ax: Axes, shares: Any) -> None:
        """Write what the cells hold, and frame the diagonal."""
        from matplotlib.patches import Rectangle

        whole = np.all(self.confusion_matrix == np.round(self.confusion_matrix))
        for (row, column), value in np.ndenumerate(self.confusion_matrix):
            text = f"{value:,.0f}" if whole else f"{value:,.1f}"
            if float(text.replace(",", "")) > 0.0:
                color = "white" if shares[row, column] > 0.55 else INK
                ax.text(column, row, text, ha="center", va="center", color=color)
        for k in range(len(self.classes)):
            ax.add_patch(Rectangle((k - 0.5, k - 0.5), 1, 1, fill=False, ec=ORANGE, lw=1.4))

    def _draw_diagonal(self, ax: Axes) -> None:
        n_classes = len(self.classes)
        ax.axline((0, 0), slope=1, color=ORANGE, linewidth=1, alpha=0.9)
        ax.set_xlim(-0.5, n_classes - 0.5)
        ax.set_ylim(n_classes - 0.5, -0.5)
        bar = ax.figure.colorbar(self.im_, ax=ax, shrink=0.85, pad=0.02)
        bar.set_label("share of the true label")
        bar.set_ticks([0, 0.05, 0.2, 0.5, 1])
        bar.ax.spines[:].set_visible(False)
