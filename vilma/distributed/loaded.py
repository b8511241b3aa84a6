"""Rows that are loaded and labelled: what the estimators' problem has in the place of X."""

from __future__ import annotations

from copy import copy
from typing import Any, NoReturn

import numpy as np

from vilma._row_container import RowContainer
from vilma.design_matrices import DesignMatrix
from vilma.distributed.cells import CellModel, HingeModel, VShapedModel
from vilma.distributed.design import PartitionedDesign
from vilma.distributed.engine import Engine
from vilma.distributed.part import Fold
from vilma.distributed.surrogate import PartitionedSurrogate
from vilma.distributed.vectors import Rows
from vilma.surrogates import ExplicitHinge, ImplicitHinge, Margins, Surrogate, VShaped

__all__ = ["LoadedRows"]

_N_GROUPS = 4096  # cells of scores that thresholds without support are placed by


class LoadedRows(RowContainer):
    """The rows of all parts, with their labels.

    Parameters
    ----------
    engine : Engine
        Holds the parts.

    Attributes
    ----------
    shape : tuple of (int, int)
        Rows of positive weight, and columns.
    labels : list of array-like
        Distinct rows of y, in the form of y; several where parts have several.
    largest_weight : float
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._without: Fold | None = None
        described = engine.map("describe")
        widths = sorted({each.n_features for each in described})
        if len(widths) > 1:
            first, other = (
                next(k for k, each in enumerate(described) if each.n_features == width)
                for width in widths[:2]
            )
            raise ValueError(
                f"Partition {first} has {widths[0]} columns and partition {other} has "
                f"{widths[1]}. All partitions need the same columns."
            )
        self.shape = sum(each.n_rows for each in described), widths[0]
        self.labels = [piece for each in described for piece in each.labels]
        self.largest_weight = max(each.largest_weight for each in described)
        self._largest_norm = max(each.largest_squared_norm for each in described)

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError("Rows in parts are not put together in one place.")

    def without(self, fold: Fold) -> LoadedRows:
        """Return the same rows for problems that do without a fold of them."""
        rows = copy(self)
        rows._without = fold
        return rows

    def begin(self, scale: np.ndarray, exponent: int) -> np.ndarray:
        """Read all labels; return the weight of every pair, of shape (n_classes, n_classes).

        Parameters
        ----------
        scale : ndarray of shape (n_classes,)
        exponent : int
            Weights are divided by two to this.

        Returns
        -------
        ndarray of shape (n_classes, n_classes)
            Row l, column u for rows labelled from l to u.
        """
        pairs = self.engine.sum_and_keep("begin", scale, exponent, self._without)
        self._total_weight = float(pairs.sum())
        return pairs

    def problem(self, surrogate: Surrogate) -> tuple[DesignMatrix, Surrogate]:
        """Return the matrix and the surrogate that the solvers take, after `begin`.

        Parameters
        ----------
        surrogate : Surrogate
            That of labels in memory.

        Raises
        ------
        ValueError
            If the surrogate cannot be cut into cells.
        """
        model = _cell_model(surrogate)
        self.engine.sum_and_keep("take_kinds", model.kinds())
        self._rows = Rows(self.engine, self.shape)
        return (
            PartitionedDesign(self._rows, self._largest_norm),
            PartitionedSurrogate(model, surrogate, self._total_weight),
        )

    def count_predicted(
        self, coef: np.ndarray, thresholds: np.ndarray, *, held_out: bool = False
    ) -> np.ndarray:
        """Weights by lower label, upper label and predicted place, after `problem`.

        Parameters
        ----------
        coef : ndarray of shape (n_features,)
        thresholds : ndarray of shape (n_classes - 1,)
        held_out : bool
            Of the rows that are held out, instead of those that are learned from.

        Returns
        -------
        ndarray of shape (n_classes, n_classes, n_classes)
        """
        scores = self._rows.product(coef)
        return self._rows.sum("count_predicted", scores, thresholds, held_out)

    def distribution(self, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores X w of the rows that are learned from, neighbouring ones as one.

        Parameters
        ----------
        coef : ndarray of shape (n_features,)

        Returns
        -------
        scores, weight : ndarray of shape (n_groups,)
            Means and weights of the rows in narrow cells.
        """
        scores = self._rows.product(coef)
        all_scores = self._rows.sum("distribution", scores, np.empty(0))
        edges = np.linspace(all_scores.low[0], all_scores.high[0], _N_GROUPS + 1)[1:-1]
        weight, total = self._rows.sum("distribution", scores, edges).totals
        full = weight > 0.0
        return total[full] / weight[full], weight[full]


def _cell_model(surrogate: Surrogate) -> CellModel:
    if isinstance(surrogate, ExplicitHinge):
        return HingeModel(Margins.equal(1.0, surrogate.n_classes), implicit=False)
    if isinstance(surrogate, ImplicitHinge):
        return HingeModel(surrogate.margins, implicit=True)
    if isinstance(surrogate, VShaped):
        return VShapedModel(surrogate.cost)
    raise ValueError(
        "Rows in parts are learned from by IISVOR_IMC, IISVOR_EXP and VILMA with "
        "penalize_biases=False; take one of these, or rows in one place."
    )
