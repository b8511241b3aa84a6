"""What a fit keeps of its data, so that two fits can be compared without them."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from scipy import sparse

from vilma.likelihood import LikelihoodProblem

__all__ = ["DataTrace", "first_column_outside", "trace_data"]

# Rows are summed, with random weights, in so many groups. Columns that depend on one another do so
# in the sums, too, and others do not, as long as they are fewer than the groups.
_GROUPS = 1024
_DEPENDENT = 1e-7  # share of a column's sums that no multiples of others explain


@dataclass(frozen=True)
class DataTrace:
    """A digest of labels and weights, and random sums of the rows.

    Parameters
    ----------
    labels : str
        Differs where the cells or weights of any row do.
    sums : ndarray of shape (n_groups, n + 1)
        Of the columns, and of a constant.
    """

    labels: str
    sums: np.ndarray


def trace_data(problem: LikelihoodProblem) -> DataTrace:
    """Draw the sums, the same ones for as many rows.

    Parameters
    ----------
    problem : LikelihoodProblem
        What was fitted.

    Returns
    -------
    DataTrace
        The trace.
    """
    lower, upper, weight, n_cells = problem.likelihood.labels
    digest = blake2b(str((len(lower), n_cells)).encode())
    for values in (lower, upper, weight):
        digest.update(np.ascontiguousarray(values).tobytes())
    m = len(lower)
    rng = np.random.default_rng(m)
    group = np.arange(m) if m <= _GROUPS else rng.integers(0, _GROUPS, m)
    factor = rng.uniform(0.5, 1.5, m)
    drawn = sparse.csr_array((factor, (np.arange(m), group)), shape=(m, min(m, _GROUPS)))
    sums = problem.X.transpose_dot_columns(drawn).T
    constant = np.bincount(group, factor, min(m, _GROUPS))
    return DataTrace(digest.hexdigest(), np.column_stack([sums, constant]))


def first_column_outside(full: DataTrace, nested: DataTrace) -> int | None:
    """Find a column of one fit that is no sum of multiples of the other's columns and a constant.

    Parameters
    ----------
    full, nested : DataTrace
        Of fits to the same number of rows.

    Returns
    -------
    int or None
        Its place; None if there is none, or if the columns are too many to tell.
    """
    if full.sums.shape[1] >= len(full.sums) or not nested.sums.shape[1] > 1:
        return None
    columns = nested.sums[:, :-1]
    norm = np.linalg.norm(columns, axis=0)
    basis = full.sums / np.maximum(np.linalg.norm(full.sums, axis=0), 1e-300)
    explained = basis @ np.linalg.lstsq(basis, columns, rcond=1e-12)[0]
    left = np.linalg.norm(columns - explained, axis=0)
    outside = np.flatnonzero(left > _DEPENDENT * norm)
    return int(outside[0]) if len(outside) else None
