"""Weights of local binary patterns, drawn where they look at the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array

from vilma._numbers import as_numbers
from vilma.displays._drawing import open_panels, require_matplotlib
from vilma.displays._fitted import linear_model

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure, SubFigure

    from vilma.features import MultiScaleLBP

FloatArray = NDArray[np.float64]
N_PATTERNS = 256


class LBPWeightsDisplay:
    """How much each place of the image moves the projection, one panel per pyramid level.

    A position of a level adds the weight of the pattern found there to the projection. What is
    drawn is the standard deviation of that weight: over the given images, or without any over
    the 256 patterns, most of which hardly occur. All panels show the canonical image at its full
    size with the same colours.

    Parameters
    ----------
    importances : dict of int to ndarray of shape (height, width)
        For each level, the standard deviation at each of its pixels, in units of the projection;
        NaN at the border, which has no patterns.
    size : tuple of (int, int)
        Height and width of the canonical image.
    mean_image : ndarray of shape (height, width), default=None
        Grey image to draw below.

    Attributes
    ----------
    ax_ : ndarray of matplotlib Axes of shape (n_levels,)
        The panels, finest level first.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.features.MultiScaleLBP : The features.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.displays import LBPWeightsDisplay
    >>> from vilma.features import MultiScaleLBP
    >>> lbp = MultiScaleLBP(size=(20, 16))
    >>> coef = np.random.default_rng(0).normal(size=lbp.n_features_out_)
    >>> display = LBPWeightsDisplay.from_coef(coef, lbp)
    >>> sorted(display.importances)
    [1, 2]
    """

    ax_: NDArray[np.object_]
    figure_: Figure | SubFigure

    def __init__(
        self,
        importances: dict[int, FloatArray],
        size: tuple[int, int],
        *,
        mean_image: FloatArray | None = None,
    ) -> None:
        self.importances = importances
        self.size = size
        self.mean_image = mean_image

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        lbp: MultiScaleLBP | None = None,
        *,
        images: ArrayLike | None = None,
        ax: Any = None,
    ) -> LBPWeightsDisplay:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted estimator of vilma, or a pipeline or fitted search of one.
        lbp : MultiScaleLBP, default=None
            What made the features. None means that it is the first step of the pipeline, and
            that what follows it keeps the features as they are.
        images : array-like of shape (n_images, height, width) or (n_images, height, width, 3), \
                default=None
            Images to weigh patterns by how often they occur, and to draw the mean of.
        ax : array-like of matplotlib Axes, default=None
            One per level. None means a new figure.

        Returns
        -------
        display : LBPWeightsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator is none of vilma, or there is no MultiScaleLBP.
        ValueError
            If the estimator has not the features of the MultiScaleLBP, the images are of
            another size, or there is another number of axes.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        before, model = linear_model(estimator, caller, "coef_")
        if lbp is None:
            lbp = before[0][0] if before else None
        if not hasattr(lbp, "positions_"):
            raise TypeError(
                f"{caller} needs the MultiScaleLBP that made the features: pass it as `lbp`, or "
                "an estimator that is a pipeline beginning with one."
            )
        return cls.from_coef(model.coef_, lbp, images=images, ax=ax)

    @classmethod
    def from_coef(
        cls,
        coef: ArrayLike,
        lbp: MultiScaleLBP,
        *,
        images: ArrayLike | None = None,
        ax: Any = None,
    ) -> LBPWeightsDisplay:
        """Draw given weights.

        Parameters
        ----------
        coef : array-like of shape (n_features,)
            Weights of the features.
        lbp : MultiScaleLBP
            What made the features.
        images : array-like of shape (n_images, height, width) or (n_images, height, width, 3), \
                default=None
            Images to weigh patterns by how often they occur, and to draw the mean of.
        ax : array-like of matplotlib Axes, default=None
            One per level. None means a new figure.

        Returns
        -------
        display : LBPWeightsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there is another number of weights than of features, the images are of another
            size, or there is another number of axes.
        """
        require_matplotlib(f"{cls.__name__}.from_coef")
        if not hasattr(lbp, "compute_codes"):
            raise TypeError(f"lbp should be a MultiScaleLBP, got {lbp!r}.")
        weights = check_array(as_numbers(coef, "coef"), ensure_2d=False, input_name="coef")
        if weights.shape != (lbp.n_features_out_,):
            raise ValueError(
                f"coef has shape {weights.shape}, but the MultiScaleLBP makes "
                f"{lbp.n_features_out_} features; expected shape {(lbp.n_features_out_,)}. Pass "
                "the MultiScaleLBP that the weights were learned with."
            )
        by_position = weights.reshape(-1, N_PATTERNS)
        mean_image = None
        if images is None:
            deviations = by_position.std(axis=1)
        else:
            codes = lbp.compute_codes(images)
            found = np.array(
                [block[code] for block, code in zip(by_position, codes.T, strict=True)]
            )
            deviations = found.std(axis=1)
            mean_image = np.asarray(images, dtype=np.float64).mean(axis=0)
            if mean_image.ndim == 3:
                mean_image = mean_image.mean(axis=2)
        height, width = lbp.size
        maps = _by_level(deviations, lbp.positions_, (height, width))
        return cls(maps, (height, width), mean_image=mean_image).plot(ax)

    def plot(self, ax: Any = None) -> LBPWeightsDisplay:
        """Draw one panel per level.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One per level. None means a new figure.

        Returns
        -------
        display : LBPWeightsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there is another number of axes.
        """
        height, width = self.size
        n_levels = len(self.importances)
        side = 2.6 * max(width / height, 0.5) * 1.5
        panels = open_panels(
            f"{type(self).__name__}.plot", ax, n_levels, (side * n_levels + 1.2, 4.6)
        )
        largest = max(np.nanmax(values) for values in self.importances.values())
        for panel, (level, values) in zip(panels, sorted(self.importances.items()), strict=True):
            if self.mean_image is not None:
                panel.imshow(self.mean_image, cmap="gray")
            scale = 2**level
            rows, columns = values.shape
            shades = panel.imshow(
                values,
                cmap=_shades(transparent=self.mean_image is not None),
                vmin=0.0,
                vmax=largest or 1.0,
                interpolation="nearest",
                # A pixel of level l stands for 2**l pixels of the image a side.
                extent=(-0.5, columns * scale - 0.5, rows * scale - 0.5, -0.5),
            )
            panel.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), xticks=[], yticks=[])
            panel.set_title(f"level {level}: {rows} × {columns}", fontsize="medium")
        figure = panels[0].figure
        bar = figure.colorbar(shades, ax=panels.tolist(), shrink=0.8, pad=0.02)
        bar.set_label("standard deviation of the weight found,\nin units of the projection")
        bar.ax.spines[:].set_visible(False)
        self.ax_, self.figure_ = panels, figure
        return self


def _shades(*, transparent: bool) -> Colormap:
    """Return the colours of the maps; over a face, small values let it show through."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    if not transparent:
        return colormaps["viridis"]
    colors = colormaps["YlOrRd"](np.linspace(0.1, 1.0, 256))
    colors[:, 3] = np.linspace(0.0, 0.95, 256)
    return ListedColormap(colors, name="weights")


def _by_level(
    values: FloatArray, positions: NDArray[np.intp], size: tuple[int, int]
) -> dict[int, FloatArray]:
    """Put the value of each position into the image of its level."""
    maps = {}
    for level in np.unique(positions[:, 0]).tolist():
        image = np.full((size[0] >> level, size[1] >> level), np.nan)
        here = positions[:, 0] == level
        image[positions[here, 1], positions[here, 2]] = values[here]
        maps[level] = image
    return maps
