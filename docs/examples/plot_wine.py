"""
Grades of wine: labels of very different frequency
==================================================

Wines were graded from 3 to 9 by tasters, and nearly all got 5, 6 or 7. All labels are exact here.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_IMC
from vilma.datasets import load_wine_quality
from vilma.displays import ErrorByLabelDisplay, OrdinalConfusionDisplay, ThresholdsDisplay
from vilma.metrics import (
    interval_insensitive_loss,
    macro_averaged_mean_absolute_error,
    quadratic_weighted_kappa,
)

X, y = load_wine_quality(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
model = make_pipeline(StandardScaler(), IISVOR_IMC(alpha=0.01)).fit(X_train, y_train)

# %%
# The projection of held-out wines, label by label. Wines of a rare grade lie where those of the
# frequent ones do, and the thresholds leave the rare grades to the far ends.

ThresholdsDisplay.from_estimator(model, X_test, y_test)
plt.show()

# %%
# The mean absolute error over all wines is small because most wines are average. Over labels,
# each counting alike, it is much larger.

predicted = model.predict(X_test)
print(f"mean absolute error: {interval_insensitive_loss(y_test, predicted):.3f}")
print(f"averaged over labels: {macro_averaged_mean_absolute_error(y_test, predicted):.3f}")
print(f"quadratic weighted kappa: {quadratic_weighted_kappa(y_test, predicted):.3f}")
ErrorByLabelDisplay.from_estimator(model, X_test, y_test)
plt.show()

# %%
# If a rare grade is to count as much as a frequent one, give its wines a larger weight. That
# lowers the average over labels and costs accuracy on the average wine.

weights = 1.0 / (y_train[:, None] == y_train).sum(axis=1)
weighted = make_pipeline(StandardScaler(), IISVOR_IMC(alpha=0.01))
weighted.fit(X_train, y_train, iisvor_imc__sample_weight=weights)
predicted = weighted.predict(X_test)
print(f"mean absolute error: {interval_insensitive_loss(y_test, predicted):.3f}")
print(f"averaged over labels: {macro_averaged_mean_absolute_error(y_test, predicted):.3f}")

figure, panels = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
titles = {"all wines alike": model, "all grades alike": weighted}
for ax, (name, fitted) in zip(panels, titles.items(), strict=True):
    OrdinalConfusionDisplay.from_estimator(fitted, X_test, y_test, ax=ax)
    ax.set_title(name, fontsize="medium")
plt.show()
