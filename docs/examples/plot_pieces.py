"""
What one line cannot do
=======================

Five labels along three quarters of a circle: whichever way a line is laid, labels at both ends of
the arc fall on the same side of it. A direction for every step between labels follows the arc.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC, PWVILMA
from vilma.displays import DirectionsDisplay

rng = np.random.default_rng(0)
angle = rng.uniform(0.0, 1.5 * np.pi, 400)
radius = rng.uniform(0.6, 1.4, 400)
X = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
y = np.minimum(angle / (0.3 * np.pi), 4).astype(int) + 1

# %%
# The same alpha and loss, once with a single direction, once with one for each of the four steps.
# The correlation of 0.5 lets them differ.

models = {
    "one direction": IISVOR_IMC(alpha=0.001).fit(X, y),
    "one for each step": PWVILMA(alpha=0.001, correlation=0.5).fit(X, y),
}
grid = np.linspace(-1.6, 1.6, 240)
plane = np.stack([axis.ravel() for axis in np.meshgrid(grid, grid)], axis=1)

figure, axes = plt.subplots(1, 2, figsize=(8.4, 4.2), layout="constrained", sharey=True)
for ax, (name, model) in zip(axes, models.items(), strict=True):
    predicted = model.predict(plane).reshape(240, 240)
    levels = np.arange(0.5, 6.0)
    ax.contourf(grid, grid, predicted, levels=levels, cmap="viridis", alpha=0.35)
    dots = ax.scatter(*X.T, c=y, cmap="viridis", vmin=0.5, vmax=5.5, s=9)
    error = np.abs(model.predict(X) - y).mean()
    ax.set_title(f"{name}: mean absolute error {error:.2f}", fontsize="medium")
    ax.set_aspect("equal")
figure.colorbar(dots, ax=axes, ticks=range(1, 6), label="label")
plt.show()

# %%
# The directions
# --------------
# From step to step the weights turn with the arc.

DirectionsDisplay.from_estimator(models["one for each step"], feature_names=["across", "up"])
plt.show()
