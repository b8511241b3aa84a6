"""The columns that move the projection most, with what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.utils import check_consistent_length

from vilma._numbers import require_integer
from vilma.displays._drawing import open_axes, require_matplotlib
from vilma.displays._fitted import linear_model, transform
from vilma.mapped import MappedMatrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_LONGEST_NAME = 90  # characters


class HeaviestColumnsDisplay:
    """The columns that move the projection most: rules of leaves, categories, numbers.

    A bar is as long as the standard deviation of what the column adds to the projection, to the
    right where more of the column means higher labels.

    Parameters
    ----------
    influences : ndarray of shape (n_columns,)
        Signed standard deviations, the largest first.
    names : ndarray of shape (n_columns,)
        What the columns mean.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.features.TableFeatures : Columns whose names are rules.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from vilma import IISVOR_IMC
    >>> from vilma.displays import HeaviestColumnsDisplay
    >>> from vilma.features import LeafCodes
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> leaves = LeafCodes(n_trees=1, max_depth=1)
    >>> model = make_pipeline(leaves, IISVOR_IMC()).fit(X, X[:, 0] > 0)
    >>> display = HeaviestColumnsDisplay.from_estimator(model, X)
    >>> list(display.names)
    ['tree0: x1 <= -3.01', 'tree0: x1 > -3.01']
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(self, influences: np.ndarray, names: np.ndarray) -> None:
        self.influences = influences
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        names: ArrayLike | None = None,
        n_columns: int = 15,
        ax: Axes | None = None,
    ) -> HeaviestColumnsDisplay:
        """Draw the heaviest columns of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted linear estimator of vilma, or a pipeline or fitted search of one.
        X : array-like of shape (n_samples, n_features)
            Rows as the estimator takes them, whose deviations are drawn.
        names : array-like of str, default=None
            Names of the columns that the model sees. By default those of the transformers before
            it, or its own.
        n_columns : int, default=15
            How many columns to draw.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : HeaviestColumnsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator is no fitted linear estimator of vilma.
        ValueError
            If there is not a name for every column.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        before, model = linear_model(estimator, caller, "coef_")
        require_integer("n_columns", n_columns, 1)
        columns = transform(before, X)
        model.project(columns)  # refuses what is no data
        if names is None:
            names = _find_names(before, model)
        labels = np.asarray(names, dtype=object)
        check_consistent_length(labels, model.coef_)
        influences = model.coef_ * _deviations(columns)
        heaviest = np.argsort(-np.abs(influences), kind="stable")[:n_columns]
        heaviest = heaviest[influences[heaviest] != 0.0]
        return cls(influences[heaviest], labels[heaviest]).plot(ax)

    def plot(self, ax: Axes | None = None) -> HeaviestColumnsDisplay:
        """Draw the bars, the longest on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : HeaviestColumnsDisplay
            The display itself.
        """
        ax = open_axes(f"{type(self).__name__}.plot", ax, (7.2, 1.2 + 0.3 * len(self.names)))
        places = np.arange(len(self.names))
        colours = ["C0" if influence > 0 else "C1" for influence in self.influences]
        ax.barh(places, self.influences, color=colours)
        ax.axvline(0.0, color="0.3", linewidth=0.8)
        ax.set_yticks(places, [_shorten(str(name)) for name in self.names])
        ax.invert_yaxis()
        ax.set_xlabel("standard deviation of what the column adds to the projection")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _find_names(before: list, model: Any) -> Any:
    """Names by the transformers before the model, its own, or numbers."""
    if before:
        return before[-1].get_feature_names_out()
    default = [f"x{place}" for place in range(len(model.coef_))]
    return getattr(model, "feature_names_in_", default)


def _deviations(X: Any) -> np.ndarray:
    """Standard deviations of the columns."""
    if hasattr(X, "tocsr"):  # codes and mixed columns
        X = X.tocsr()
    elif isinstance(X, MappedMatrix):
        X = X.read()
    if not sparse.issparse(X):
        return np.asarray(X, dtype=np.float64).std(axis=0)
    means = np.ravel(X.mean(axis=0))
    squares = np.ravel(X.multiply(X).mean(axis=0))
    return np.sqrt(np.maximum(squares - means**2, 0.0))


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
