"""Kernels of the parts: sums over cells of scores, and slopes of cells spread over rows.

A *kind* of hinge (or side of a loss) belongs to a range of labels; its rows are cut by ascending
edges into cells: cell j holds the scores in ``(edges[j - 1], edges[j]]``, the last one those
beyond the last edge. Scores are compared after the shift of their label is added.

Nothing is sorted but the edges. The edges of a *group* of kinds, whose ranges of labels grow from
one kind to the next, make one grid of *bins*. A row is added to its bin once, when its label comes
in, and a cell of a kind is then a run of bins. So a call takes time in proportion to the rows, and
to the bins of a group times its kinds. Slopes go the other way: from the last kind of a group to
the first one they are added up by bin, and a row takes those of its bin when its label goes out.

Rows stand label by label: a *run* is a range of them with one label.
"""

from __future__ import annotations

import numpy as np

from vilma._numba import njit


@njit
def add_multiple(out, factor, values):
    """Add a multiple of the values."""
    for i in range(out.shape[0]):
        out[i] += factor * values[i]


@njit
def _fill_table(grid, start, stop, table):
    """Count the edges ``grid[start:stop]`` before every bucket.

    Buckets have one width: where in the grid a score is takes a look at its bucket, not a search.
    Returns their number, the lowest edge, and the buckets per unit.
    """
    n_buckets = 4 * (stop - start) + 1
    lowest = scale = 0.0
    if stop > start:
        lowest = grid[start]
        if grid[stop - 1] > lowest:
            scale = n_buckets / (grid[stop - 1] - lowest)
    for b in range(n_buckets + 1):
        table[b] = 0
    for e in range(start, stop):
        table[_bucket(grid[e], lowest, scale, n_buckets) + 1] += 1
    for b in range(n_buckets):
        table[b + 1] += table[b]
    return n_buckets, lowest, scale


@njit
def _bucket(value, lowest, scale, n_buckets):
    """Nondecreasing in the value as a floating-point number, so that no rounding misplaces it."""
    position = (value - lowest) * scale
    position = position if position > 0.0 else 0.0  # nor is NaN
    last = n_buckets - 1
    return int(position if position < last else last)


@njit
def _bin(grid, start, value, lowest, scale, n_buckets, table):
    """Count the edges of the grid, from `start` on, that are below a value."""
    bucket = _bucket(value, lowest, scale, n_buckets)
    low = table[bucket]
    high = table[bucket + 1]
    while low < high:
        middle = (low + high) // 2
        if grid[start + middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def add_cells(
    scores,
    weight,
    one,
    other,
    steps,
    runs,
    run_shift,
    edge_start,
    rank,
    grid,
    grid_start,
    table,
    bins,
    totals,
    low,
    high,
):
    """Sum the rows of every cell; take its smallest and largest shifted score.

    Parameters
    ----------
    scores, weight, one, other : (m,) float64
        Of the rows; the weighted sums of the last two are asked for.
    steps : (n_kinds, 4) int64
        Kind, group, first and stop of the runs that come in with it.
    runs : (n_runs, 2) int64
        First row and stop.
    run_shift : (n_runs,) float64
    edge_start : (n_kinds + 1,) int64
    rank : (n_edges,) int64
        Place of every edge in the grid of its group.
    grid : (n_edges,) float64
        The edges of all groups, ascending in each.
    grid_start : (n_groups + 1,) int64
    table : (n,) int64
        To work in; 4 more than 4 times the edges of the largest group.
    bins : (n, 6) float64
        To work in; one more than the edges of the largest group.
    totals : (4, n_cells) float64
        Written to: weight, weighted shift, and weighted sums. Cell j of kind k is column
        ``edge_start[k] + k + j``.
    low, high : (n_cells,) float64
        Written to, infinite where a cell has no row.
    """
    group = np.int64(-1)
    start = stop = n_buckets = np.int64(0)
    lowest = scale = 0.0
    for step in range(steps.shape[0]):
        kind = steps[step, 0]
        if steps[step, 1] != group:
            group = steps[step, 1]
            start, stop = grid_start[group], grid_start[group + 1]
            n_buckets, lowest, scale = _fill_table(grid, start, stop, table)
            for b in range(stop - start + 1):
                bins[b, 0] = bins[b, 1] = bins[b, 2] = bins[b, 3] = 0.0
                bins[b, 4] = float("inf")
                bins[b, 5] = -float("inf")
        for run in range(steps[step, 2], steps[step, 3]):
            shift = run_shift[run]
            for i in range(runs[run, 0], runs[run, 1]):
                t = scores[i] + shift
                b = _bin(grid, start, t, lowest, scale, n_buckets, table)
                p = weight[i]
                bins[b, 0] += p
                bins[b, 1] += p * shift
                bins[b, 2] += p * one[i]
                bins[b, 3] += p * other[i]
                bins[b, 4] = min(bins[b, 4], t)
                bins[b, 5] = max(bins[b, 5], t)
        b = 0
        for e in range(edge_start[kind], edge_start[kind + 1] + 1):
            cell = e + kind
            end = stop - start
            if e < edge_start[kind + 1]:
                end = rank[e] - start
            while b <= end:
                if bins[b, 0] > 0.0:
                    for j in range(4):
                        totals[j, cell] += bins[b, j]
                    low[cell] = min(low[cell], bins[b, 4])
                    high[cell] = max(high[cell], bins[b, 5])
                b += 1


@njit
def spread_slopes(
    scores,
    weight,
    steps,
    runs,
    run_shift,
    edge_start,
    rank,
    grid,
    grid_start,
    table,
    bins,
    slopes,
    out,
):
    """Add to every row its weight times the slopes of the cells it is in.

    Parameters are those of `add_cells`, but for `bins` of shape (n,), and:

    slopes : (n_cells,) float64
    out : (m,) float64
        Added to.
    """
    group = np.int64(-1)
    start = stop = n_buckets = np.int64(0)
    lowest = scale = 0.0
    for step in range(steps.shape[0] - 1, -1, -1):
        kind = steps[step, 0]
        if steps[step, 1] != group:
            group = steps[step, 1]
            start, stop = grid_start[group], grid_start[group + 1]
            n_buckets, lowest, scale = _fill_table(grid, start, stop, table)
            for b in range(stop - start + 1):
                bins[b] = 0.0
        b = 0
        for e in range(edge_start[kind], edge_start[kind + 1] + 1):
            end = stop - start
            if e < edge_start[kind + 1]:
                end = rank[e] - start
            while b <= end:
                bins[b] += slopes[e + kind]
                b += 1
        for run in range(steps[step, 2], steps[step, 3]):
            for i in range(runs[run, 0], runs[run, 1]):
                t = scores[i] + run_shift[run]
                b = _bin(grid, start, t, lowest, scale, n_buckets, table)
                out[i] += weight[i] * bins[b]
