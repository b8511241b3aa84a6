"""
What wide annotations cost
==========================

The experiment of the paper in small: a few rows are annotated exactly, the others by cells of the
scale. How much of the gain of exact annotations do cells bring?
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC
from vilma.datasets import make_interval_problem
from vilma.intervals import annotate_cells
from vilma.metrics import interval_insensitive_loss

problem = make_interval_problem(8000, 40, n_classes=60, noise=0.4, random_state=0)
X, truth, classes = problem.data, problem.truth, problem.classes
test = np.arange(4000, 8000)
n_exact = 100


def error(rows, labels):
    model = IISVOR_IMC(alpha=0.1, classes=classes).fit(X[rows], labels)
    return interval_insensitive_loss(truth[test], model.predict(X[test]))


# %%
# 100 exact rows, and more and more rows in cells of 5, 10 or 20 labels beside them.

sizes = (100, 200, 400, 800, 1600)
errors = {"exact": [error(np.arange(size), truth[:size]) for size in sizes]}
for width in (5, 10, 20):
    errors[f"cells of {width}"] = []
    for size in sizes:
        cells = annotate_cells(truth[:size], width=width, classes=classes).intervals
        cells[:n_exact] = truth[:n_exact, None]
        errors[f"cells of {width}"].append(error(np.arange(size), cells))

figure, ax = plt.subplots(figsize=(6.8, 4.4), layout="constrained")
colors = ("black", "#0072B2", "#56B4E9", "#D55E00")
for (name, values), color in zip(errors.items(), colors, strict=True):
    ax.plot(sizes, values, "o-", color=color, label=name)
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set(
    xlabel="training rows, at least 100 of them exact", ylabel="mean absolute error, true labels"
)
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
