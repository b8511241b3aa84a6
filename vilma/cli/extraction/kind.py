"""What the extraction of features has to know of a kind of features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from vilma.cli.extraction.readers import Reader
from vilma.cli.extraction.rows import RowFormat


class FeatureKind(Protocol):
    """What to compute; reading ahead, manifest and restart are the same for all kinds.

    Attributes
    ----------
    reader : Reader
        What becomes of a file before, in other processes.
    clock : callable
        See :class:`~vilma.cli.extraction.rate.Rate`.
    """

    @property
    def reader(self) -> Reader: ...

    @property
    def clock(self) -> Callable[[], float]: ...

    @property
    def settings(self) -> dict[str, Any]:
        """What has to be equal for features to be comparable; plain values, as JSON has them."""

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of further files that the features depend on, by what they are."""

    def prepare(self) -> RowFormat:
        """Do what is done once and takes its time: load a model, compile.

        Returns
        -------
        RowFormat
            How rows are kept.
        """

    def compute(self, items: Sequence[NDArray]) -> NDArray:
        """Compute features.

        Parameters
        ----------
        items : sequence of ndarray
            At least one, as the reader makes them.

        Returns
        -------
        ndarray of shape (n_items, ...)
            A row for each. Which items come together must not matter.

        Raises
        ------
        ValueError
            If one of the items cannot be used.
        """
