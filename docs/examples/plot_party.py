"""
A survey with two questionnaires
================================

The American National Election Study 1996 asked for party identification on a scale of seven. Here,
all but one in twenty respondents are made to answer a shorter question with three answers. Both
kinds of answers go into one fit, as intervals.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_IMC
from vilma.datasets import load_anes96
from vilma.displays import AnnotationsDisplay, ThresholdsDisplay
from vilma.intervals import annotation_report, parse_brackets
from vilma.metrics import interval_insensitive_loss

X, party = load_anes96(return_X_y=True)
X = X[:, :-1]  # without the vote, which all but tells the party

# %%
# What the answers mean, on the scale from 0 (strong Democrat) to 6 (strong Republican):

meanings = {
    "strong Democrat": 0,
    "weak Democrat": 1,
    "leaning to Democrats": 2,
    "neither": 3,
    "leaning to Republicans": 4,
    "weak Republican": 5,
    "strong Republican": 6,
    "Democrat": (0, 1),
    "independent": (2, 4),
    "Republican": (5, 6),
}
short = np.random.default_rng(0).random(len(party)) < 0.95
names = np.array(list(meanings))
answers = np.where(short, names[7 + np.searchsorted([2, 5], party, side="right")], names[party])
labels = parse_brackets(answers, names=meanings).astype(int)
for row in (0, 1, np.flatnonzero(~short)[0]):
    print(f"{answers[row]}: {labels[row]}")

# %%
# What these answers can tell:

print(annotation_report(labels, classes=range(7)))
AnnotationsDisplay.from_labels(labels, classes=range(7))
plt.show()

# %%
# Mean absolute errors on the long answers of other respondents, for fits to those with long
# answers alone, to all as they answered, and, for comparison, to long answers of all.


def model():
    return make_pipeline(StandardScaler(), IISVOR_IMC(alpha=0.1, classes=range(7)))


def cross_validated_error(labels, kept):
    losses = []
    for train, test in KFold(10, shuffle=True, random_state=0).split(X):
        train = train[kept[train]]
        predicted = model().fit(X[train], labels[train]).predict(X[test])
        losses.append(interval_insensitive_loss(party[test], predicted))
    return np.mean(losses)


everyone = np.ones(len(party), dtype=bool)
print(f"long answers only: {cross_validated_error(labels, ~short):.3f}")
print(f"both:              {cross_validated_error(labels, everyone):.3f}")
print(f"long from all:     {cross_validated_error(party, everyone):.3f}")

# %%
# The fit to both, with the long answers of all respondents along the projection:

ThresholdsDisplay.from_estimator(model().fit(X, labels), X, party)
plt.show()
