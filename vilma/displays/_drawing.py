"""What the displays share: colours, axes, and the names of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vilma._optional import install_command
from vilma._wording import label_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which people with colour blindness can tell apart.
BLUE, SKY, ORANGE, GREY, INK = "#0072B2", "#9CCBEB", "#D55E00", "#767676", "#222222"
PALE = "#D9DEE3"
_CHARACTERS_PER_INCH = 11.0  # that fit beside each other at the usual size


def require_matplotlib(caller: str) -> None:
    """Say what to install if matplotlib is missing.

    Parameters
    ----------
    caller : str
        Class and method that need it.

    Raises
    ------
    ImportError
        If matplotlib cannot be imported.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib, which is not installed. Install it by: "
            f"{install_command('plot')}"
        ) from error


def open_axes(caller: str, ax: Axes | None, figsize: tuple[float, float]) -> Axes:
    """Return the user's axes, or those of a new figure of pyplot."""
    require_matplotlib(caller)
    if ax is not None:
        _require_axes(caller, ax)
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize, layout="constrained")[1]


def open_panels(
    caller: str, ax: Any, n_panels: int, figsize: tuple[float, float], **options: Any
) -> NDArray[np.object_]:
    """Return the user's axes, one per panel, or those of a new figure with a row of panels."""
    require_matplotlib(caller)
    if ax is None:
        import matplotlib.pyplot as plt

        return plt.subplots(
            1, n_panels, figsize=figsize, squeeze=False, layout="constrained", **options
        )[1][0]
    panels = np.array(ax, dtype=object).ravel()
    for panel in panels:
        _require_axes(caller, panel)
    if len(panels) != n_panels:
        raise ValueError(
            f"{caller} draws {n_panels} panel{'s' * (n_panels > 1)}, but `ax` has "
            f"{len(panels)}. Pass that many axes, or none for a new figure."
        )
    return panels


def _require_axes(caller: str, ax: Any) -> None:
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(
            f"{caller} draws into axes of matplotlib, but `ax` has {ax!r} of type "
            f"{type(ax).__name__}. Leave it out for a new figure."
        )


def tidy(ax: Axes) -> None:
    """Take away the lines of the frame that bear no ticks."""
    ax.spines[["top", "right"]].set_visible(False)


def legend_above(ax: Axes, **options: Any) -> None:
    """Put the legend above the axes, where it covers nothing."""
    ax.legend(
        **{
            "loc": "lower left",
            "bbox_to_anchor": (0.0, 1.0),
            "ncols": 4,
            "frameon": False,
            "borderaxespad": 0.2,
            "handlelength": 1.6,
            "columnspacing": 1.4,
            **options,
        }
    )


def label_ticks(classes: NDArray[Any], most: int = 14) -> tuple[list[int], list[str]]:
    """Choose which labels of a scale to name on an axis.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The ordered scale.
    most : int, default=14
        How many labels there is room for.

    Returns
    -------
    positions : list of int
        Places on the scale, counted from 0. Of a long scale of whole numbers, those of round
        ones, such as 10, 20, 30.
    names : list of str
        The labels there.
    """
    n_classes = len(classes)
    positions = np.arange(n_classes)
    if n_classes > most:
        step = _round_up(n_classes / most)
        positions = positions[::step]
        if np.issubdtype(classes.dtype, np.number) and np.all(np.diff(classes) == 1):
            positions = np.flatnonzero(classes % step == 0)
    return positions.tolist(), [label_name(classes[k]) for k in positions]


def _round_up(wanted: float) -> int:
    """Return the smallest of 2, 5, 10, 20, 50, ... that is not below."""
    power = 10 ** int(np.floor(np.log10(wanted)))
    return next(int(power * digit) for digit in (1, 2, 5, 10) if power * digit >= wanted)


def name_labels(ax: Axes, axis: str, classes: NDArray[Any]) -> None:
    """Name labels along an axis whose unit is the step of the scale; turn long names."""
    positions, names = label_ticks(classes)
    if axis == "y":
        ax.set_yticks(positions, names)
        return
    turned: dict[str, Any] = {}
    inches = ax.get_window_extent().width / ax.figure.dpi
    if sum(len(name) + 1 for name in names) > _CHARACTERS_PER_INCH * inches:
        turned = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(positions, names, **turned)
