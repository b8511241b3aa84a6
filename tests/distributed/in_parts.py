"""Rows cut into parts in this process: the method of partitions without a cluster."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from vilma.distributed import LoadedRows, LocalEngine, Part, Partitions


class InParts(Partitions):
    """X cut at given rows.

    Parameters
    ----------
    X : ndarray, CSR or OneHotCodes of shape (m, n)
    cuts : sequence of int
        Ascending, with both ends.
    """

    def __init__(self, X, cuts):
        self.shape = X.shape
        self.X = X
        self.ranges = list(pairwise(cuts))

    def load(self, y, sample_weight=None):
        y = np.asarray(y)
        self.loaded = LoadedRows(
            LocalEngine(
                [
                    Part(
                        self.X[a:b],
                        [y[a:b]],
                        None if sample_weight is None else np.asarray(sample_weight)[a:b],
                        number,
                    )
                    for number, (a, b) in enumerate(self.ranges)
                ]
            )
        )
        return self.loaded

    def map_rows(self, function, example):
        return [function(self.X[a:b]) if a < b else example for a, b in self.ranges]


def random_cuts(rng, m, n_parts):
    """Cut m rows into so many parts, some of which may be empty."""
    return [0, *np.sort(rng.integers(0, m + 1, n_parts - 1)).tolist(), m]
