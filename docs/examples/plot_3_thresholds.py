"""
Thresholds that the annotations leave open
==========================================

Brackets of ten labels say nothing of the nine thresholds inside of each. What the minimiser of
the surrogate does with those is arbitrary; vilma places them evenly between thresholds that
have support.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC
from vilma.datasets import make_interval_problem
from vilma.intervals import annotate_cells
from vilma.metrics import interval_insensitive_loss

problem = make_interval_problem(8000, 10, n_classes=50, noise=0.3, random_state=0)
train, test = np.arange(3000), np.arange(3000, 8000)
X, truth, classes = problem.data, problem.truth, problem.classes

# %%
# The same training rows are annotated three times: by brackets of ten labels alone, with three in
# a hundred exact, and all exactly.


def fit(exact_share):
    drawn = annotate_cells(
        truth[train], width=10, exact=exact_share, classes=classes, random_state=0
    )
    return IISVOR_IMC(alpha=0.01, classes=classes).fit(X[train], drawn.intervals)


models = {"brackets only": fit(0.0), "3 % exact": fit(0.03)}
reference = fit(1.0)

# %%
# ``surrogate_thresholds_`` are those of the minimiser, ``thresholds_`` those used to predict.
# `spread_thresholds=False` makes both the same. The errors are those of true labels of other rows.


def error(model, thresholds):
    predicted = classes[np.searchsorted(thresholds, model.project(X[test]))]
    return interval_insensitive_loss(truth[test], predicted)


for name, model in models.items():
    print(
        f"{name}: {error(model, model.surrogate_thresholds_):.2f} as minimised, "
        f"{error(model, model.thresholds_):.2f} as placed"
    )
print(f"all exact: {error(reference, reference.thresholds_):.2f}")

# %%
# With brackets alone, each stair is the place where nine thresholds coincide: only the first and
# the last label of each bracket would be predicted. A few exact labels hardly move the stairs. The
# dotted line is a fit to exact labels, scaled to have a projection of the same deviation.

figure, panels = plt.subplots(1, 2, figsize=(11, 4.2), sharey=True, layout="constrained")
below = classes[:-1]
for ax, (name, model) in zip(panels, models.items(), strict=True):
    scale = model.project(X[test]).std() / reference.project(X[test]).std()
    ax.step(below, model.surrogate_thresholds_, where="mid", color="#D55E00", label="as minimised")
    ax.plot(below, model.thresholds_, color="#0072B2", label="as placed")
    ax.plot(below, scale * reference.thresholds_, color="black", ls=":", label="exact labels")
    for border in range(10, 50, 10):
        ax.axvline(border, color="0.85", lw=1, zorder=0)
    ax.set_title(name, fontsize="medium")
    ax.set_xlabel("label below the threshold (lines: borders of brackets)")
    ax.spines[["top", "right"]].set_visible(False)
panels[0].set_ylabel("threshold")
panels[0].legend(frameon=False)
plt.show()
