"""
Choosing alpha along a path
===========================

`alpha` weighs the squared norm against the loss. What a fit learns of the loss does not depend on
it, so each fit of a path goes on from the one before: a path costs little more than its smallest
alpha.
"""

import matplotlib.pyplot as plt
import numpy as np

from vilma import IISVOR_IMC, IISVOR_IMCCV, vilma_path
from vilma.datasets import make_interval_problem
from vilma.displays import PathDisplay

problem = make_interval_problem(
    400, 60, n_classes=20, annotation="sliding", width=5, noise=0.5, random_state=0
)
X, y, classes = problem.data, problem.target, problem.classes
alphas = np.logspace(1, -4, 11)

# %%
# Five-fold cross-validation by the interval-insensitive absolute error, which needs no exact
# labels. `alpha_` has the best mean; the final model is fitted to all rows with it.

search = IISVOR_IMCCV(alphas=alphas, classes=classes).fit(X, y)
print(f"alpha {search.alpha_:.3g}, gap {search.gap_:.1e}")
PathDisplay.from_estimator(search)
plt.show()

# %%
# ``vilma_path`` gives the fits alone. Each has a certificate of its own, so the objective along
# the path is known to within the gap.

models = vilma_path(X, y, alphas, estimator=IISVOR_IMC(classes=classes))
PathDisplay.from_models(models)
plt.show()
print("iterations:", [model.n_iter_ for model in models])
