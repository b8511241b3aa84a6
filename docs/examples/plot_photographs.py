"""
Photographs: which places of the image count
============================================

Crops of the sample photographs of scikit-image are blurred, made noisy and compressed to one of 20
levels of degradation. Four in five are annotated by brackets of five levels. Features are
multi-scale local binary patterns, one byte per position.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC
from vilma.demo import Vagueness, photographs_task
from vilma.displays import LBPWeightsDisplay, ThresholdsDisplay
from vilma.features import MultiScaleLBP
from vilma.metrics import interval_insensitive_loss

task = photographs_task(Vagueness(cell_width=5, exact_share=0.2))
print(task.description)
test = task.part == 1

# %%
# Crops at four levels of degradation, for each the one of most contrast:

figure, panels = plt.subplots(1, 4, figsize=(8, 3.2), layout="constrained")
for ax, level in zip(panels, (1, 7, 14, 20), strict=True):
    crops = task.items[test & (task.truth[:, 0] == level)]
    ax.imshow(crops[crops.std(axis=(1, 2)).argmax()], cmap="gray", vmin=0, vmax=255)
    ax.set(xticks=[], yticks=[], title=f"level {level}")
plt.show()

# %%
# Codes take a byte for each of 623 positions; as a matrix they have 159,488 columns.

lbp = MultiScaleLBP(output="codes")
X = lbp.fit_transform(task.items)
model = IISVOR_IMC(alpha=0.3, classes=task.classes).fit(X[~test], task.intervals[~test])
error = interval_insensitive_loss(task.truth[test, 0], model.predict(X[test]))
middle = np.full(test.sum(), np.median(task.truth[~test, 0]))
print(X)
print(f"off by {error:.2f} levels; always the median: ", end="")
print(f"{interval_insensitive_loss(task.truth[test, 0], middle):.2f}")

# %%
# Levels along the projection, on crops of photographs that were not trained on:

ThresholdsDisplay.from_estimator(model, X[test], task.truth[test, 0])
plt.show()

# %%
# The weights drawn where they look, below them the mean crop. Crops are cut from anywhere, so the
# weights follow no shape; some places at the border of the finest level weigh most.

LBPWeightsDisplay.from_estimator(model, lbp, images=task.items[~test])
plt.show()
