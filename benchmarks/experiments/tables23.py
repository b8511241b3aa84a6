"""Tables 2 and 3 of the paper: some labels exact, the others rounded to cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import mean_absolute_error

from benchmarks.experiments.faces import Faces, FaceSplit
from benchmarks.experiments.layout import markdown, spread
from benchmarks.experiments.methods import Method
from benchmarks.experiments.selection import run_method
from benchmarks.experiments.views import Views

__all__ = ["MixedDesign", "Tables23", "find_worsened", "run_tables23", "show_tables23"]


@dataclass(frozen=True)
class MixedDesign:
    """What is varied.

    Parameters
    ----------
    sizes : tuple of int
        Numbers of training rows, m = m_P + m_I, ascending.
    exact : tuple of int
        Numbers of exact labels, m_P, all among the sizes.
    widths : tuple of int
        Labels per cell, u.
    """

    sizes: tuple[int, ...]
    exact: tuple[int, ...]
    widths: tuple[int, ...] = (5, 10, 20)

    def __post_init__(self) -> None:
        for m_p in self.exact:
            if m_p not in self.sizes:
                raise ValueError(
                    f"m_P = {m_p} should be one of the training sizes {self.sizes}, so that each "
                    "row of the table starts without intervals."
                )

    def settings(self) -> list[tuple[int, int, int]]:
        """Return every (m_P, u, m) with m_P < m, then the supervised ones, as (m, 1, m)."""
        mixed = [
            (m_p, u, m) for m_p in self.exact for u in self.widths for m in self.sizes if m > m_p
        ]
        return mixed + [(m, 1, m) for m in self.sizes]


Tables23 = dict[tuple[str, int, int, int], list[float]]


def run_tables23(
    faces: Faces,
    splits: Sequence[FaceSplit],
    design: MixedDesign,
    methods: Sequence[Method],
    say: Callable[[str], object],
) -> Tables23:
    """Measure test errors for every mixture of exact and interval labels.

    The first m_P training rows of a split are exact, the next m_I are cells.

    Parameters
    ----------
    faces : Faces
        The data.
    splits : sequence of FaceSplit
        Training rows in the order in which they are used.
    design : MixedDesign
        The mixtures.
    methods : sequence of Method
        What to compare.
    say : callable
        Told of every result.

    Returns
    -------
    dict
        Mean absolute errors of the splits, by method, m_P, u and m.
    """
    errors: Tables23 = {}
    cells = {u: faces.cells(u) for u in (1, *design.widths)}
    for split in splits:
        views = {m: Views(faces.X, split.train[:m], split.test) for m in design.sizes}
        for m_p, u, m in design.settings():
            intervals = cells[u][split.train[:m]]
            intervals[:m_p] = cells[1][split.train[:m_p]]
            for method in methods:
                outcome = run_method(method, views[m], intervals, faces.classes)
                error = mean_absolute_error(faces.ages[split.test], outcome.predicted)
                errors.setdefault((method.name, m_p, u, m), []).append(error)
                say(
                    f"{method.name}, m_P = {m_p}, u = {u}, m = {m}: {error:.3f} "
                    f"with {outcome.candidate}"
                )
    return errors


def show_tables23(errors: Tables23, design: MixedDesign) -> str:
    """Return a table for every method, in the paper's layout."""
    names = list(dict.fromkeys(name for name, *_ in errors))
    return "\n\n".join(f"{name}:\n\n{_show_method(errors, design, name)}" for name in names)


def _show_method(errors: Tables23, design: MixedDesign, name: str) -> str:
    rows = [["supervised", "", *(spread(errors[name, m, 1, m]) for m in design.sizes)]]
    for m_p in design.exact:
        for u in design.widths:
            row = _row(errors, design, name, m_p, u)
            cells = [spread(row[m]) if m in row else "—" for m in design.sizes]
            rows.append([str(m_p), str(u), *cells])
    return markdown(["m_P", "u", *(f"m = {m}" for m in design.sizes)], rows)


def _row(
    errors: Tables23, design: MixedDesign, name: str, m_p: int, u: int
) -> dict[int, list[float]]:
    """Return the errors of one row by m; it starts with the exact labels alone."""
    row = {m_p: errors[name, m_p, 1, m_p]}
    row.update((m, errors[name, m_p, u, m]) for m in design.sizes if m > m_p)
    return row


def find_worsened(errors: Tables23, design: MixedDesign, name: str) -> list[str]:
    """Name the steps at which more intervals made the mean error worse by over one deviation.

    The deviation is that of the error with the fewer rows or with the more, whichever is larger.
    """
    found = []
    for m_p in design.exact:
        for u in design.widths:
            row = _row(errors, design, name, m_p, u)
            for before, after in zip(list(row)[:-1], list(row)[1:], strict=True):
                rise = np.mean(row[after]) - np.mean(row[before])
                if rise > max(np.std(row[m], ddof=1) for m in (before, after)):
                    found.append(f"m_P = {m_p}, u = {u}, m = {before} to {after}: +{rise:.2f}")
    return found
