"""A transportation problem with few sinks, by successive shortest augmenting paths."""

from __future__ import annotations

from vilma._numba import njit

FORBIDDEN = -(2**62)
"""Gain of a label that is not allowed."""

_UNREACHED = 2**62


@njit
def assign(gain, supply, room, flow, potential, distance, hops, scanned, source_of, label_of):
    """Send every source's supply to labels with room, at the largest total gain.

    Sources come one after the other. A shortest path in reduced costs leads from the source to a
    label with room, on the way moving supply of earlier sources from full labels to others; the
    potentials of the labels it passes are lowered so that every unit sent stays on a label q of
    the largest ``gain[i, q] + potential[q]``. Of paths that are equally short, that of the fewest
    labels is taken: with any other rule, a unit that goes back and forth can keep the others
    waiting. Gains are whole numbers for the same reason: which paths are equally short is then no
    matter of rounding.

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
        Zero at first; the dual variables.
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
                distance[q] = _UNREACHED
                if gain[i, q] != FORBIDDEN:
                    distance[q] = best_level - gain[i, q] - potential[q]
                hops[q] = 0
                label_of[q] = -1
                scanned[q] = 0
            target = -1
            while target < 0:
                best = -1
                for q in range(n_labels):
                    if scanned[q] == 1 or distance[q] == _UNREACHED:
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
                for j in range(i):
                    if flow[j, best] > 0:
                        level = gain[j, best] + potential[best]
                        for q in range(n_labels):
                            if scanned[q] == 1 or gain[j, q] == FORBIDDEN:
                                continue
                            length = distance[best] + level - gain[j, q] - potential[q]
                            if length < distance[q] or (
                                length == distance[q] and hops[best] + 1 < hops[q]
                            ):
                                distance[q] = length
                                hops[q] = hops[best] + 1
                                label_of[q] = best
                                source_of[q] = j
            for q in range(n_labels):
                if scanned[q] == 1:
                    potential[q] += distance[q] - distance[target]
            amount = min(rest, room[target])
            q = target
            while label_of[q] >= 0:
                amount = min(amount, flow[source_of[q], label_of[q]])
                q = label_of[q]
            room[target] -= amount
            q = target
            while label_of[q] >= 0:
                flow[source_of[q], q] += amount
                flow[source_of[q], label_of[q]] -= amount
                q = label_of[q]
            flow[i, q] += amount
            rest -= amount
