"""
Several annotators of one item
==============================

Three annotators guess a label, each a bit off. The guesses of an item become one interval in one
of several ways; which one is best depends on how wrong annotators are.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC
from vilma.datasets import make_interval_problem
from vilma.intervals import annotation_report, combine_annotators
from vilma.metrics import interval_insensitive_loss

problem = make_interval_problem(5000, 10, n_classes=15, noise=0.2, random_state=0)
X, truth, classes = problem.data, problem.truth, problem.classes
train, test = np.arange(300), np.arange(300, 5000)
rng = np.random.default_rng(0)


def guesses(deviation):
    errors = rng.normal(0, deviation, size=(3, len(train))).round().astype(int)
    return list(np.clip(truth[train] + errors, 1, len(classes)))


# %%
# The result says how far apart the annotators of an item are. Guesses that differ share no label,
# so there is no intersection; the union reaches from the lowest to the highest.

combined = combine_annotators(guesses(1.5), how="union", classes=classes)
print(combined)
print(annotation_report(combined.intervals, classes=classes, y_true=truth[train]))

# %%
# Errors on true labels of other rows, for annotators who are wrong by little and by much, averaged
# over five draws of guesses. A single guess is an exact label that is often wrong; a union is
# wrong less often but wide; the median of three guesses is a label again.

ways = {
    "first annotator": lambda given: given[0],
    "union": lambda given: combine_annotators(given, classes=classes).intervals,
    "median": lambda given: combine_annotators(given, how="median", classes=classes).intervals,
}
deviations = (0.5, 1.0, 2.0, 3.0, 4.0)
errors = {way: [] for way in ways}
for deviation in deviations:
    drawn = [guesses(deviation) for _ in range(5)]
    for way, combine in ways.items():
        losses = []
        for given in drawn:
            model = IISVOR_IMC(alpha=0.03, classes=classes).fit(X[train], combine(given))
            losses.append(interval_insensitive_loss(truth[test], model.predict(X[test])))
        errors[way].append(np.mean(losses))

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for (way, values), color in zip(errors.items(), ("0.5", "#0072B2", "#D55E00"), strict=True):
    ax.plot(deviations, values, "o-", color=color, label=way)
ax.set(xlabel="standard deviation of a guess, in labels", ylabel="mean absolute error")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()
