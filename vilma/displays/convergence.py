"""The certificate of a fit as it tightens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from vilma._arguments import require_choice
from vilma.displays._drawing import (
    BLUE,
    GREY,
    ORANGE,
    legend_above,
    open_axes,
    require_matplotlib,
    tidy,
)
from vilma.displays._fitted import certified_model

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_X_LABELS = {"iteration": "iteration", "seconds": "seconds since the start"}


class ConvergenceDisplay:
    """Objective and lower bound, or the gap between them, as a fit goes on.

    Parameters
    ----------
    history : structured ndarray of shape (n_iter,)
        Records with the fields "objective", "lower_bound", "gap" and "seconds", such as
        `history_` of an estimator.
    tol : float, default=None
        The relative gap at which the fit was to stop.
    name : str, default=None
        What the legend calls the fit.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    Examples
    --------
    >>> from vilma import IISVOR_IMC
    >>> from vilma.datasets import make_interval_problem
    >>> from vilma.displays import ConvergenceDisplay
    >>> problem = make_interval_problem(200, random_state=0)
    >>> model = IISVOR_IMC().fit(problem.data, problem.target)
    >>> display = ConvergenceDisplay.from_estimator(model, kind="gap")
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self, history: NDArray[Any], *, tol: float | None = None, name: str | None = None
    ) -> None:
        self.history = history
        self.tol = tol
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        kind: Literal["bounds", "gap"] = "bounds",
        x: Literal["iteration", "seconds"] = "iteration",
        name: str | None = None,
        ax: Axes | None = None,
    ) -> ConvergenceDisplay:
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator of vilma, or a pipeline or fitted search of one.
        kind : {"bounds", "gap"}, default="bounds"
            What to draw, see :meth:`plot`.
        x : {"iteration", "seconds"}, default="iteration"
            What to draw it against.
        name : str, default=None
            What the legend calls the fit. None means the class of the estimator and its alpha.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : ConvergenceDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator is none of vilma.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        _, model = certified_model(estimator, caller, "history_")
        if name is None:
            alpha = getattr(model, "alpha_", None) or model.alpha
            name = f"{type(model).__name__}, alpha {alpha:g}"
        return cls(model.history_, tol=model.tol, name=name).plot(ax, kind=kind, x=x)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: Literal["bounds", "gap"] = "bounds",
        x: Literal["iteration", "seconds"] = "iteration",
    ) -> ConvergenceDisplay:
        """Draw the history.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure. Gaps of several fits go well onto the same.
        kind : {"bounds", "gap"}, default="bounds"
            "bounds" draws the objective and the lower bound on the optimum, the best so far;
            "gap" their relative difference on a logarithmic axis, and the tolerance. A gap of 0
            has no place there and is left out.
        x : {"iteration", "seconds"}, default="iteration"
            What to draw it against.

        Returns
        -------
        display : ConvergenceDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `kind` or `x` is none of these.
        """
        for parameter, value, known in (("kind", kind, ("bounds", "gap")), ("x", x, _X_LABELS)):
            require_choice(parameter, value, known)
        ax = open_axes(f"{type(self).__name__}.plot", ax, (6.4, 4.2))
        if x == "iteration":
            places = np.arange(1, len(self.history) + 1)
        else:
            places = self.history["seconds"]
        (self._draw_bounds if kind == "bounds" else self._draw_gap)(ax, places)
        ax.set_xlabel(_X_LABELS[x])
        tidy(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_bounds(self, ax: Axes, places: NDArray[Any]) -> None:
        objective, lower_bound = self.history["objective"], self.history["lower_bound"]
        ax.fill_between(places, lower_bound, objective, color=GREY, alpha=0.15, linewidth=0)
        ax.plot(places, objective, color=ORANGE, linewidth=2, label="objective")
        ax.plot(places, lower_bound, color=BLUE, linewidth=2, ls="--", label="lower bound")
        ax.set_ylabel("objective, best so far")
        ax.set_title(self.name or "", fontsize="medium", loc="right")
        legend_above(ax)

    def _draw_gap(self, ax: Axes, places: NDArray[Any]) -> None:
        gap = self.history["gap"]
        positive = gap > 0.0
        ax.semilogy(places[positive], gap[positive], linewidth=2, label=self.name)
        if self.tol:
            ax.axhline(self.tol, color=GREY, linewidth=1.2, linestyle=":", zorder=1)
            ax.annotate(
                "tol",
                (1.0, self.tol),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                color=GREY,
            )
        ax.set_ylabel("relative gap")
        if self.name:
            legend_above(ax, ncols=2)
