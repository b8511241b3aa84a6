r"""
How the lower bound comes about
===============================

A plane that touches a convex function lies below it everywhere, so the best point of a few planes
together is a lower bound on the optimum. With a single feature all of it can be drawn.

The learning problem is :math:`F(w) = \frac{\alpha}{2} |w|^2 + G(w)`, with a convex G, the mean
surrogate at the best thresholds.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma.surrogates import ImplicitHinge, LabeledWeights

rng = np.random.default_rng(0)
alpha, n_labels = 0.3, 5
position = rng.normal(size=60)
codes = np.clip(np.floor(position + 0.5 * rng.normal(size=60) + 2.5), 0, 4).astype(int)
lower, upper = np.maximum(codes - 1, 0), np.minimum(codes + rng.integers(0, 2, 60), 4)
surrogate = ImplicitHinge(LabeledWeights(lower, upper, np.ones(60), n_labels))


def plane_at(w):
    """Return value, slope and offset: G(v) >= offset + slope * v, with equality at w."""
    inner = surrogate.minimize(position * w, accuracy=0.0, largest_score=1e3)
    return inner.value, inner.plane.score_gradient @ position, inner.plane.offset


# %%
# The thresholds are minimised out at every w, so G depends on w alone.

grid = np.linspace(-0.7, 3.2, 400)
objective = 0.5 * alpha * grid**2 + [plane_at(w)[0] for w in grid]

# %%
# Each iteration minimises the model, :math:`\frac{\alpha}{2} w^2` plus the highest plane, and
# takes a new plane at its minimiser. The model's minimum never exceeds the optimum, and the
# objective at the points visited never falls below it: the difference is the gap. vilma's solver
# adds a line search and takes its planes closer to the best point, which needs fewer of them.

places, planes, states = [0.0], [], []
for _ in range(4):
    _, slope, offset = plane_at(places[-1])
    planes.append(offset + slope * grid)
    model = 0.5 * alpha * grid**2 + np.max(planes, axis=0)
    best = min(plane_at(w)[0] + 0.5 * alpha * w**2 for w in places)
    states.append((list(places), model, best))
    places.append(grid[np.argmin(model)])

figure, panels = plt.subplots(1, 3, figsize=(12, 4.2), sharey=True, layout="constrained")
for ax, n_planes in zip(panels, (1, 2, 4), strict=True):
    visited, model, best = states[n_planes - 1]
    bound = model.min()
    ax.axhspan(bound, best, color="0.9", zorder=0, label="gap")
    ax.plot(grid, objective, color="#D55E00", label="objective F")
    ax.plot(grid, model, color="#0072B2", ls="--", label="model of the planes")
    values = [plane_at(w)[0] + 0.5 * alpha * w**2 for w in visited]
    ax.plot(visited, values, "o", color="#D55E00", label="visited")
    ax.plot(grid[np.argmin(model)], bound, "v", color="#0072B2", label="lower bound")
    ax.set_ylim(0, 1.3 * objective[np.argmin(abs(grid))])
    planes_word = "planes" if n_planes > 1 else "plane"
    ax.set_title(f"{n_planes} {planes_word}: gap {(best - bound) / best:.0%}", fontsize="medium")
    ax.set_xlabel("w")
    ax.spines[["top", "right"]].set_visible(False)
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
plt.show()
