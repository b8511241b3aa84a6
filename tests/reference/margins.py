"""Random losses that are sums of hinges with margins."""

import numpy as np

from vilma.surrogates import Margins


def draw_margins(rng, n_classes):
    """Margins of a V-shaped loss, neither convex in the distance nor symmetric."""
    style = rng.choice(["absolute", "asymmetric", "squared", "any"])
    endpoint, step = np.arange(n_classes), np.arange(n_classes - 1)
    if style == "absolute":
        return Margins.equal(rng.exponential(), n_classes)
    if style == "asymmetric":
        below, above = rng.exponential(size=2)
        return Margins(np.full(n_classes, below), np.full(n_classes, above), 0.0 * step)
    if style == "squared":
        return Margins(2.0 * endpoint - 1.0, 1.0 - 2.0 * endpoint, -2.0 * step)
    each = np.append(0.0, 2.0 * rng.normal(size=n_classes - 2))
    below = rng.exponential(size=n_classes) + [-each[:k].min(initial=0.0) for k in endpoint]
    above = rng.exponential(size=n_classes) + [each[k:].max(initial=0.0) for k in endpoint]
    return Margins(below, above, each)


def cost_of(margins):
    """The loss that has these margins, step by step away from the diagonal."""
    below, above, step = margins
    cost = np.zeros((len(below), len(below)))
    for e in range(len(below)):
        for k in range(e - 1, -1, -1):
            cost[k, e] = cost[k + 1, e] + below[e] + step[k]
        for k in range(e, len(step)):
            cost[k + 1, e] = cost[k, e] + above[e] - step[k]
    return cost
