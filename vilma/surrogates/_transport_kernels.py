"""A transportation problem with few sinks, by successive shortest augmenting paths."""

from __future__ import annotations

from vilma._numba import njit

FORBIDDEN = -(2**62)
"""Gain of a label that is not allowed."""

UNREACHED = 2**62
"""Loss where there is no source."""


@njit
def assign(
    gain,
    supply,
    room,
    flow,
    potential,
    exchange,
    via,
    distance,
    hops,
    scanned,
    source_of,
    label_of,
):
    """Send every source's supply to labels with room, at the largest total gain.

    Sources come one after the other. A shortest path in reduced costs leads from the source to a
    label with room, on the way moving supply of earlier sources from full labels to others; the
    potentials of the labels it passes are lowered so that every unit sent stays on a label q of
    the largest ``gain[i, q] + potential[q]``. Of paths that are equally short, that of the fewest
    labels is taken: with any other rule, a unit that goes back and forth can keep the others
    waiting. Gains are whole numbers for the same reason: which paths are equally short is then no
    matter of rounding.

    What the sources at a label lose by going to another, the least of them, is kept for every pair
    of labels, and found anew only where that source has left: a step of a path then looks at
    labels alone, however many sources there are.

    Parameters
    ----------
    gain : ndarray of shape (n, K), dtype int64
        `FORBIDDEN` for labels that are not allowed, else of absolute values below 2**61 / K; there
        must be a way to place everything.
    supply : ndarray of shape (n,), dtype int64
    room : ndarray of shape (K,), dtype int64
        The total of the supply; used up.
    flow : ndarray of shape (n, K), dtype int64
        Zero at first; what is sent.
    potential : ndarray of shape (K,), dtype int64
        The dual variables; whatever they are at first, they are optimal in the end.
    exchange, via : ndarray of shape (K, K), dtype int64
        `UNREACHED` at first: the least loss ``gain[j, p] - gain[j, q]`` of the sources j at p, and
        the source.
    distance, hops, scanned, source_of, label_of : ndarray of shape (K,), dtype int64
        Need no values.
    """
    n, n_labels = gain.shape
    for i in range(n):
        rest = supply[i]
        while rest > 0:
            best_level = FORBIDDEN
            for q in range(n_labels):
                if gain[i, q] != FORBIDDEN:
                    best_level = max(best_level, gain[i, q] + potential[q])
            for q in range(n_labels):
                distance[q] = UNREACHED
                if gain[i, q] != FORBIDDEN:
                    distance[q] = best_level - gain[i, q] - potential[q]
                hops[q] = 0
                label_of[q] = -1
                scanned[q] = 0
            target = -1
            while target < 0:
                best = -1
                for q in range(n_labels):
                    if scanned[q] == 1 or distance[q] == UNREACHED:
                        continue
                    if (
                        best < 0
                        or distance[q] < distance[best]
                        or (distance[q] == distance[best] and hops[q] < hops[best])
                    ):
                        best = q
                scanned[best] = 1
                if room[best] > 0:
                    target = best
                    break
                for q in range(n_labels):
                    if scanned[q] == 1 or exchange[best, q] == UNREACHED:
                        continue
                    length = distance[best] + exchange[best, q] + potential[best] - potential[q]
                    if length < distance[q] or (
                        length == distance[q] and hops[best] + 1 < hops[q]
                    ):
                        distance[q] = length
                        hops[q] = hops[best] + 1
                        label_of[q] = best
                        source_of[q] = via[best, q]
            for q in range(n_labels):
                if scanned[q] == 1:
                    potential[q] += distance[q] - distance[target]
            amount = min(rest, room[target])
            q = target
            while label_of[q] >= 0:
                amount = min(amount, flow[source_of[q], label_of[q]])
                q = label_of[q]
            room[target] -= amount
            rest -= amount
            q = target
            while label_of[q] >= 0:
                j, p = source_of[q], label_of[q]
                _arrive(gain, flow, exchange, via, j, q)
                flow[j, q] += amount
                flow[j, p] -= amount
                if flow[j, p] == 0:
                    _leave(gain, flow, exchange, via, i, j, p)
                q = p
            _arrive(gain, flow, exchange, via, i, q)
            flow[i, q] += amount


@njit
def _arrive(gain, flow, exchange, via, j, p):
    """Compare the losses of source j at label p with the least ones."""
    if flow[j, p] > 0:
        return
    for q in range(gain.shape[1]):
        if gain[j, q] != FORBIDDEN and gain[j, p] - gain[j, q] < exchange[p, q]:
            exchange[p, q] = gain[j, p] - gain[j, q]
            via[p, q] = j


@njit
def _leave(gain, flow, exchange, via, last, left, p):
    """Find the least losses at label p anew where they were those of source `left`."""
    for q in range(gain.shape[1]):
        if via[p, q] == left:
            exchange[p, q] = UNREACHED
            via[p, q] = -1
            for j in range(last + 1):
                if flow[j, p] == 0 or gain[j, q] == FORBIDDEN:
                    continue
                if gain[j, p] - gain[j, q] < exchange[p, q]:
                    exchange[p, q] = gain[j, p] - gain[j, q]
                    via[p, q] = j
