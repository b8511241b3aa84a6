"""The table of a model as a picture: changes with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vilma._arguments import require_choice
from vilma.displays._drawing import BLUE, GREY, open_axes, require_matplotlib
from vilma.inspection import CoefficientTable, coefficient_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_LONGEST_NAME = 60  # characters
_WORDS = {
    "score": "change of the score for one standard deviation, or between categories",
    "label": "change of the predicted label for one standard deviation, or between categories",
}


class CoefficientsDisplay:
    """Changes of score or label for every column, with bootstrap intervals.

    Parameters
    ----------
    table : CoefficientTable
        What to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.inspection.coefficient_table : The numbers, and what the intervals mean.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import OrderedLogit
    >>> from vilma.displays import CoefficientsDisplay
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = np.digitize(X[:, 0], [-1, 0, 1])
    >>> model = OrderedLogit(alpha=0.01).fit(X, y)
    >>> display = CoefficientsDisplay.from_estimator(model, X, y, names=["score", "noise"])
    >>> display.table.names
    ['score', 'noise']
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(self, table: CoefficientTable) -> None:
        self.table = table

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        kind: Literal["score", "label"] = "score",
        ax: Axes | None = None,
        **options: Any,
    ) -> CoefficientsDisplay:
        """Make the table of a fitted model and draw it.

        Parameters
        ----------
        estimator : object
            A fitted model, see :func:`vilma.inspection.coefficient_table`.
        X : array-like of shape (n_samples, n_features)
            Rows as the model takes them.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Their labels, for intervals.
        kind : {"score", "label"}, default="score"
            What changes.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.
        **options : dict
            Further arguments of :func:`vilma.inspection.coefficient_table`.

        Returns
        -------
        display : CoefficientsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            As for :func:`vilma.inspection.coefficient_table`.
        """
        require_matplotlib(f"{cls.__name__}.from_estimator")
        return cls(coefficient_table(estimator, X, y, **options)).plot(ax, kind=kind)

    def plot(
        self, ax: Axes | None = None, *, kind: Literal["score", "label"] = "score"
    ) -> CoefficientsDisplay:
        """Draw the changes, the largest on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.
        kind : {"score", "label"}, default="score"
            What changes.

        Returns
        -------
        display : CoefficientsDisplay
            The display itself.
        """
        require_choice("kind", kind, _WORDS)
        table = self.table
        values = table.standard if kind == "score" else table.label_change
        interval = table.standard_interval if kind == "score" else table.label_change_interval
        order = np.argsort(np.abs(values), kind="stable")
        ax = open_axes(f"{type(self).__name__}.plot", ax, (7.2, 1.2 + 0.32 * len(values)))
        places = np.arange(len(values))
        ax.axvline(0.0, color=GREY, linewidth=0.8)
        if interval is not None:
            ax.hlines(places, interval[order, 0], interval[order, 1], color=BLUE, linewidth=2)
        ax.plot(values[order], places, "o", color=BLUE)
        ax.set_yticks(places, [table.names[each][:_LONGEST_NAME] for each in order])
        ax.set_xlabel(_WORDS[kind])
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
