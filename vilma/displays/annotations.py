"""What annotations say and leave open, as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vilma._wording import label_name
from vilma.displays._drawing import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    legend_above,
    name_labels,
    open_panels,
    require_matplotlib,
    tidy,
)
from vilma.intervals import AnnotationReport, annotation_report
from vilma.labels import encode, read_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

_MOST_NAMED = 8  # runs of labels
_LOG_FROM = 50.0  # largest support by smallest


class AnnotationsDisplay:
    """Support of the thresholds by annotations, labels never told apart, and widths.

    The left panel has a bar for each threshold: the annotations that end below it or begin
    above it. Runs of labels between which there are none are shaded and named: nothing in the
    data tells these apart. Pale bars are thresholds whose share of support is small; estimators
    place them, and those without support, evenly between the others unless
    ``spread_thresholds=False``. The right panel counts annotations by the labels they allow.

    Parameters
    ----------
    report : AnnotationReport
        The figures, as :func:`vilma.intervals.annotation_report` returns them.
    widths : ndarray of shape (maximal_width,)
        Number of annotations that allow 1, 2, ... labels.
    supported : ndarray of shape (n_classes - 1,), dtype=bool
        Thresholds that are supported well enough to be trusted as they are.

    Attributes
    ----------
    ax_ : ndarray of two matplotlib Axes
        The panels of support and of widths.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.intervals.annotation_report : The same in figures and words.

    Examples
    --------
    >>> from vilma.displays import AnnotationsDisplay
    >>> y = [(1, 3), (1, 3), (4, 4), (5, 6)]
    >>> display = AnnotationsDisplay.from_labels(y, classes=range(1, 7))
    >>> display.widths
    array([1, 1, 2])
    """

    ax_: NDArray[np.object_]
    figure_: Figure | SubFigure

    def __init__(
        self, report: AnnotationReport, widths: NDArray[np.int64], supported: NDArray[np.bool_]
    ) -> None:
        self.report = report
        self.widths = widths
        self.supported = supported

    @classmethod
    def from_labels(
        cls, y: ArrayLike, *, classes: ArrayLike | None = None, ax: ArrayLike | None = None
    ) -> AnnotationsDisplay:
        """Count annotations and draw.

        Parameters
        ----------
        y : array-like of shape (n_samples,) or (n_samples, 2)
            Exact or interval labels, in any form that :func:`vilma.labels.read_labels` takes.
        classes : array-like of shape (n_classes,), default=None
            The ordered scale. By default the labels that occur in `y`; labels that end no
            interval are then left out, so give the scale if there are any.
        ax : array-like of two matplotlib Axes, default=None
            Where to draw support and widths. None means a new figure.

        Returns
        -------
        display : AnnotationsDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError, TypeError
            If labels are malformed, or there are not two axes.
        """
        require_matplotlib(f"{cls.__name__}.from_labels")
        from vilma.surrogates import LabeledWeights  # compiled kernels take a while to import
        from vilma.thresholds import supported_thresholds

        labels = read_labels(y, classes)
        widths = np.bincount(labels.upper - labels.lower)
        weighted = LabeledWeights(
            labels.lower, labels.upper, np.ones(len(labels.lower)), labels.n_classes
        )
        report = annotation_report(y, classes=labels.classes)
        return cls(report, widths, supported_thresholds(weighted)).plot(ax)

    def plot(self, ax: Any = None) -> AnnotationsDisplay:
        """Draw support and widths.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : AnnotationsDisplay
            The display itself.

        Raises
        ------
        ValueError
            If there are not two axes.
        """
        panels = open_panels(
            f"{type(self).__name__}.plot", ax, 2, (10.0, 4.2), width_ratios=(2.4, 1)
        )
        self._draw_support(panels[0])
        self._draw_widths(panels[1])
        self.ax_, self.figure_ = panels, panels[0].figure
        return self

    def _draw_support(self, ax: Axes) -> None:
        report = self.report
        support, places = report.support, np.arange(len(report.support)) + 0.5
        for kept, color, name in (
            (self.supported, BLUE, "well supported"),
            (~self.supported & (support > 0), SKY, "little support"),
        ):
            if kept.any():
                width = 0.8 if len(support) <= 30 else 1.0
                ax.bar(places[kept], support[kept], width, color=color, lw=0, label=name)
        self._shade_runs(ax)
        positive = support[support > 0]
        if positive.max() > _LOG_FROM * positive.min():
            ax.set_yscale("symlog", linthresh=1.0)
            ax.set_ylim(0.0, 2.0 * positive.max())
        name_labels(ax, "x", report.classes)
        ax.set_xlim(-0.6, len(report.classes) - 0.4)
        ax.set_xlabel("label; a bar stands between two")
        ax.set_ylabel("annotations that tell\nthe two apart")
        tidy(ax)
        if ax.get_legend_handles_labels()[0]:
            legend_above(ax)

    def _shade_runs(self, ax: Axes) -> None:
        """Shade the labels never told apart, and name the runs if they are few."""
        runs = self.report.never_separated
        for k, (first, last) in enumerate(runs):
            ends = encode(np.array([first, last]), self.report.classes)
            label = None if k else "never told apart"
            ax.axvspan(*ends, color=ORANGE, alpha=0.22, linewidth=0, zorder=0, label=label)
            if len(runs) <= _MOST_NAMED:
                ax.annotate(
                    f"{label_name(first)} to {label_name(last)}",
                    (ends.mean(), 0.97),
                    xycoords=("data", "axes fraction"),
                    ha="center",
                    va="top",
                    rotation=90,
                    color=ORANGE,
                    fontsize="small",
                )

    def _draw_widths(self, ax: Axes) -> None:
        widths = np.arange(1, len(self.widths) + 1)
        colors = [BLUE, *[GREY] * (len(widths) - 1)]
        ax.bar(widths, self.widths, 0.86 if len(widths) <= 30 else 1.0, color=colors, lw=0)
        ax.set_xlabel("labels allowed")
        ax.set_ylabel("annotations")
        ax.set_xlim(0.3, max(len(widths), 4) + 0.7)
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        ax.set_title(
            f"{self.report.n_annotations:,} annotations, {100 * self.report.exact_share:.3g} % "
            "exact",
            fontsize="medium",
        )
        tidy(ax)
