"""Kernels of the parts: sums over cells of sorted scores, and slopes of cells spread over rows.

A *kind* of hinge (or side of a loss) belongs to a range of labels; its rows are cut by ascending
edges into cells: cell j holds the scores in ``(edges[j - 1], edges[j]]``, the last one those
beyond the last edge. Scores are compared after the shift of their label is added. Rows are sorted
by score within each label, so a cell is a run of rows in every label, and its sums are
differences of prefix sums.
"""

from __future__ import annotations

from vilma._numba import njit


@njit
def _behind(x, start, stop, value):
    """First place in ``x[start:stop]`` whose x exceeds the value; near places are found fast."""
    step = 1
    low = start
    while low + step < stop and x[low + step] <= value:
        low += step
        step *= 2
    high = min(low + step, stop)
    while low < high:
        middle = (low + high) // 2
        if x[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@njit
def add_cells(
    x, starts, sums, first_kind, stop_kind, shifts, edge_start, edges, totals, low, high
):
    """Add the rows of every cell to its totals; take its smallest and largest shifted score.

    `sums` are prefix sums of the weights and of weighted vectors; those of the weighted shifts
    stand between them in `totals`. Cell j of kind k is column ``edge_start[k] + k + j``.
    """
    for label in range(starts.shape[0] - 1):
        if starts[label] == starts[label + 1]:
            continue
        shift = shifts[label]
        for kind in range(first_kind[label], stop_kind[label]):
            place = starts[label]
            for e in range(edge_start[kind], edge_start[kind + 1] + 1):
                stop = starts[label + 1]
                if place == stop:
                    break
                if e < edge_start[kind + 1]:
                    stop = _behind(x, place, stop, edges[e] - shift)
                if stop > place:
                    cell = e + kind
                    weight = sums[0, stop] - sums[0, place]
                    totals[0, cell] += weight
                    totals[1, cell] += weight * shift
                    for j in range(1, sums.shape[0]):
                        totals[j + 1, cell] += sums[j, stop] - sums[j, place]
                    low[cell] = min(low[cell], x[place] + shift)
                    high[cell] = max(high[cell], x[stop - 1] + shift)
                place = stop


@njit
def spread_slopes(
    x, starts, members, first_kind, stop_kind, shifts, edge_start, edges, slope, weight, jump, out
):
    """Add to every row its weight times the slopes of the cells it is in.

    `jump`, longer than the longest run of a label, is zero before and after.
    """
    for label in range(starts.shape[0] - 1):
        start = starts[label]
        if start == starts[label + 1]:
            continue
        for kind in range(first_kind[label], stop_kind[label]):
            place = start
            for e in range(edge_start[kind], edge_start[kind + 1] + 1):
                stop = starts[label + 1]
                if place == stop:
                    break
                if e < edge_start[kind + 1]:
                    stop = _behind(x, place, stop, edges[e] - shifts[label])
                if stop > place and slope[e + kind] != 0.0:
                    jump[place - start] += slope[e + kind]
                    jump[stop - start] -= slope[e + kind]
                place = stop
        running = 0.0
        for place in range(start, starts[label + 1]):
            running += jump[place - start]
            jump[place - start] = 0.0
            if running != 0.0:
                out[members[place]] += running * weight[members[place]]
        jump[starts[label + 1] - start] = 0.0
