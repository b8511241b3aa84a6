"""Names for parts of a scale, as a language model would choose them.

A table says where each name begins. Estimators also take a function of the labels that returns a
name for each: that is where a language model, or any other source of names, can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["COARSE_LABELS", "Bins", "CoarseLabels", "divide_scale"]


@dataclass(frozen=True)
class CoarseLabels:
    """Names for parts of a scale, lowest first.

    Parameters
    ----------
    names : tuple of str
        The names.
    begins : tuple of float
        The smallest label value of each name; the last name has no end.
    template : str, default="{}"
        Sentence around a name.

    Raises
    ------
    ValueError
        If there are fewer than two names, another number of beginnings, beginnings that do not
        increase, or a template without one place for the name.

    Examples
    --------
    >>> from vilma.deep.coarse_labels import CoarseLabels
    >>> sizes = CoarseLabels(("small", "large"), (0, 10), "an object that is {}")
    >>> sizes.prompts
    ['an object that is small', 'an object that is large']
    """

    names: tuple[str, ...]
    begins: tuple[float, ...]
    template: str = "{}"

    def __post_init__(self) -> None:
        for name, values, kind in (("names", self.names, str), ("begins", self.begins, Real)):
            listed = isinstance(values, (list, tuple))
            if not listed or not all(isinstance(value, kind) for value in values):
                raise TypeError(
                    f"{name} of coarse labels should be a tuple of "
                    f"{'strings' if kind is str else 'numbers'}, got {values!r}."
                )
        if not isinstance(self.template, str):
            raise TypeError(
                f"The template of coarse labels should be text, got {self.template!r}."
            )
        if len(self.names) < 2 or len(self.names) != len(self.begins):
            raise ValueError(
                "Coarse labels need two or more names and as many beginnings, got "
                f"{len(self.names)} names and {len(self.begins)} beginnings."
            )
        if not (np.diff(self.begins) > 0).all():
            raise ValueError(
                f"The beginnings of coarse labels should increase, got {self.begins!r}."
            )

        if self.template.count("{}") != 1:
            raise ValueError(
                "The template of coarse labels should have one {} for the name, got "
                f"{self.template!r}."
            )

    @property
    def prompts(self) -> list[str]:
        """The names in their sentence."""
        return [self.template.format(name) for name in self.names]


CoarseName = Literal["age", "decade", "aesthetics"]

COARSE_LABELS: Mapping[str, CoarseLabels] = {
    "age": CoarseLabels(
        ("child", "teenager", "young adult", "middle adult", "older adult"),
        (0, 13, 19, 35, 65),
        "a photo of a person, who is a {}",
    ),
    "decade": CoarseLabels(
        (
            "nineteen thirties",
            "nineteen forties",
            "nineteen fifties",
            "nineteen sixties",
            "nineteen seventies",
        ),
        (1930, 1940, 1950, 1960, 1970),
        "a colour photo taken in the {}",
    ),
    "aesthetics": CoarseLabels(
        ("unacceptable", "flawed", "ordinary", "professional", "exceptional"),
        (1, 2, 3, 4, 5),
        "a photo of {} quality",
    ),
}


@dataclass(frozen=True)
class Bins:
    """A scale cut into parts, each with one label or more.

    Parameters
    ----------
    of_label : ndarray of shape (n_classes,), dtype=int64
        Number of the bin of each label, nondecreasing from 0.
    names : tuple of str
        One per bin.
    chosen : ndarray of shape (n_bins,), dtype=int64
        Place of each bin among all that the source of names has.
    n_names : int
        How many it has; parts without a label of the scale are no bins.
    template : str, default="{}"
        Sentence around a name.
    """

    of_label: NDArray[np.int64]
    names: tuple[str, ...]
    chosen: NDArray[np.int64]
    n_names: int
    template: str = "{}"

    def __len__(self) -> int:
        return len(self.names)

    def borders(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where bins begin and end, half-way between labels.

        Parameters
        ----------
        positions : ndarray of shape (n_classes,)
            Positions of the labels.

        Returns
        -------
        ndarray of shape (n_bins + 1,)
            Positions, the first and the last those of the first and the last label.
        """
        middles = (positions[1:] + positions[:-1]) / 2.0
        inner = middles[np.diff(self.of_label) > 0]
        return np.concatenate([positions[:1], inner, positions[-1:]])


Source = int | str | CoarseLabels | Callable[[NDArray[Any]], Sequence[str]]


def divide_scale(source: Source, classes: NDArray[Any], values: NDArray[np.float64]) -> Bins:
    """Cut a scale into bins.

    Parameters
    ----------
    source : int, str, CoarseLabels or callable
        A number of parts of equal width, a key of ``COARSE_LABELS``, a table, or a function of
        the labels that returns a name for each.
    classes : ndarray of shape (n_classes,)
        The labels.
    values : ndarray of shape (n_classes,)
        The labels as numbers.

    Returns
    -------
    Bins
        At least two.

    Raises
    ------
    ValueError
        If all labels are in one part, a label is below the first part, or a function returns
        another number of names than there are labels, or one name in two places.
    """
    if isinstance(source, int | np.integer):
        width = (values[-1] - values[0]) / int(source)
        begins = values[0] + width * np.arange(int(source))
        names = tuple(f"{begin:g} to {begin + width:g}" for begin in begins)
        bins = _cut(CoarseLabels(names, tuple(begins)), values)
    elif callable(source):
        bins = _runs(list(source(classes)), len(classes))
    else:
        bins = _cut(COARSE_LABELS[source] if isinstance(source, str) else source, values)
    if len(bins) < 2:
        raise ValueError(
            f"All labels, from {classes[0]} to {classes[-1]}, are in one part of the scale, "
            f"{bins.names[0]!r}; a coarse classification needs two parts or more."
        )
    return bins


def _cut(table: CoarseLabels, values: NDArray[np.float64]) -> Bins:
    """Find the labels of each name."""
    if values[0] < table.begins[0]:
        raise ValueError(
            f"The label {values[0]:g} is below {table.begins[0]:g}, where the first coarse "
            f"label, {table.names[0]!r}, begins."
        )
    place = np.searchsorted(np.asarray(table.begins, dtype=np.float64), values, side="right") - 1
    chosen, of_label = np.unique(place, return_inverse=True)
    names = tuple(table.names[k] for k in chosen)
    return Bins(of_label.astype(np.int64), names, chosen, len(table.names), table.template)


def _runs(names: list[str], n_classes: int) -> Bins:
    """Make a bin of neighbouring labels with the same name."""
    if len(names) != n_classes:
        raise ValueError(
            f"The function of coarse labels should return a name for each of the {n_classes} "
            f"labels, got {len(names)}."
        )
    firsts = [k for k in range(n_classes) if k == 0 or names[k] != names[k - 1]]
    found = tuple(str(names[k]) for k in firsts)
    if len(set(found)) < len(found):
        twice = next(name for name in found if found.count(name) > 1)
        raise ValueError(
            f"The function of coarse labels gives the name {twice!r} to labels that are not "
            "neighbours."
        )
    begins = np.zeros(n_classes, dtype=np.int64)
    begins[firsts[1:]] = 1
    return Bins(np.cumsum(begins), found, np.arange(len(found)), len(found))
