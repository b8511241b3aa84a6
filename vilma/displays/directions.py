"""The directions of a piecewise linear model, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from vilma._numbers import as_numbers, require_integer
from vilma._wording import label_name
from vilma.displays._drawing import label_ticks, open_axes, require_matplotlib
from vilma.displays._fitted import unwrap
from vilma.labels import read_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

FloatArray = NDArray[np.float64]

_MOST_NAMES = 40  # of features, below the axes


class DirectionsDisplay:
    """A map of the weights that lead from each label to the next.

    A row is a step between neighbouring labels, a column a feature; red weights speak for the
    higher label where the feature is large, blue ones for the lower. Rows that are all alike
    could be a single direction.

    Parameters
    ----------
    weights : ndarray of shape (n_classes - 1, n_drawn)
        Weight of the features drawn in each step.
    feature_names : ndarray of shape (n_drawn,)
        Their names.
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
    vilma.displays.ThresholdsDisplay : A single projection and its thresholds.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma import PWVILMA
    >>> from vilma.displays import DirectionsDisplay
    >>> angle = np.linspace(0, 1.5 * np.pi, 60)
    >>> X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> model = PWVILMA(alpha=0.001, correlation=0.5).fit(X, np.arange(60) // 12)
    >>> display = DirectionsDisplay.from_estimator(model)
    >>> display.weights.shape
    (4, 2)
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self, weights: FloatArray, feature_names: NDArray[Any], classes: NDArray[Any]
    ) -> None:
        self.weights = weights
        self.feature_names = feature_names
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        feature_names: ArrayLike | None = None,
        max_features: int = 30,
        ax: Axes | None = None,
    ) -> DirectionsDisplay:
        """Draw the directions of a fitted estimator.

        Parameters
        ----------
        estimator : object
            A fitted `PWVILMA` or `PWVILMACV`, or a pipeline or fitted search of one.
        feature_names : array-like of shape (n_features,), default=None
            Names of the features. None means those seen in `fit`, or their numbers.
        max_features : int, default=30
            How many features to draw: those with the largest weights, in their own order.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : DirectionsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator has no directions of steps.
        ValueError
            If there is another number of names than of features.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        _, model = unwrap(estimator)
        if hasattr(model, "project"):
            check_is_fitted(model)
        if not hasattr(model, "step_weights_"):
            raise TypeError(
                f"{caller} needs a PWVILMA, or a pipeline or fitted search of one, got "
                f"{type(model).__name__}."
            )
        names: Any = feature_names
        if names is None:
            names = getattr(model, "feature_names_in_", np.arange(model.coef_.shape[1]))
        return cls.from_coef(
            model.coef_,
            model.step_weights_,
            classes=model.scale_,
            feature_names=names,
            max_features=max_features,
            ax=ax,
        )

    @classmethod
    def from_coef(
        cls,
        coef: ArrayLike,
        step_weights: ArrayLike,
        *,
        classes: ArrayLike,
        feature_names: ArrayLike,
        max_features: int = 30,
        ax: Axes | None = None,
    ) -> DirectionsDisplay:
        """Draw given directions.

        Parameters
        ----------
        coef : array-like of shape (n_pieces, n_features)
            Directions of the pieces.
        step_weights : array-like of shape (n_classes - 1, n_pieces)
            Weights of the pieces in every step.
        classes : array-like of shape (n_classes,)
            The ordered scale.
        feature_names : array-like of shape (n_features,)
            Names of the features.
        max_features : int, default=30
            How many features to draw: those with the largest weights, in their own order.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : DirectionsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If numbers of labels, pieces and features do not fit together.
        """
        require_matplotlib(f"{cls.__name__}.from_coef")
        scale = read_scale(classes)
        require_integer("max_features", max_features, 1)
        by_piece = check_array(as_numbers(coef, "coef"), input_name="coef")
        by_step = check_array(as_numbers(step_weights, "step_weights"), input_name="step_weights")
        names = np.asarray(feature_names)
        expected = len(scale) - 1, len(by_piece)
        if by_step.shape != expected:
            raise ValueError(
                f"step_weights has shape {by_step.shape}, but {len(scale)} classes and "
                f"{len(by_piece)} rows of coef want shape {expected}."
            )
        if names.shape != by_piece.shape[1:]:
            raise ValueError(
                f"feature_names has shape {names.shape}, but coef has {by_piece.shape[1]} "
                f"columns; expected shape {by_piece.shape[1:]}."
            )
        largest = np.abs(by_piece).max(axis=0)
        drawn = np.sort(np.argsort(-largest, kind="stable")[:max_features])
        return cls(by_step @ by_piece[:, drawn], names[drawn], scale).plot(ax)

    def plot(self, ax: Axes | None = None) -> DirectionsDisplay:
        """Draw the map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : DirectionsDisplay
            The display itself.
        """
        n_steps, n_features = self.weights.shape
        size = 2.4 + 0.34 * min(n_features, 30), 1.6 + 0.32 * min(n_steps, 14)
        ax = open_axes(f"{type(self).__name__}.plot", ax, size)
        largest = np.abs(self.weights).max() or 1.0
        shades = ax.imshow(
            self.weights,
            cmap="RdBu_r",
            vmin=-largest,
            vmax=largest,
            aspect="auto",
            interpolation="nearest",
            origin="lower",
        )
        steps, names = label_ticks(self.classes[:-1])
        ends = [label_name(self.classes[k + 1]) for k in steps]
        ax.set_yticks(steps, [f"{name} to {end}" for name, end in zip(names, ends, strict=True)])
        ax.set_ylabel("step")
        ax.set_xlabel("feature")
        if n_features <= _MOST_NAMES:
            turned: dict[str, Any] = {}
            if any(len(str(name)) > 2 for name in self.feature_names):
                turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
            ax.set_xticks(range(n_features), [str(name) for name in self.feature_names], **turned)
        ax.spines[:].set_visible(False)
        bar = ax.figure.colorbar(shades, ax=ax, pad=0.02)
        bar.set_label("weight")
        bar.ax.spines[:].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
