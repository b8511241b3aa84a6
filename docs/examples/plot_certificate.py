"""
Watching the certificate
========================

Every iteration proves a lower bound on the optimum. The relative difference to the best objective
is the gap, and a fit ends when it is below `tol`.
"""

import matplotlib.pyplot as plt
from sklearn.preprocessing import StandardScaler

from vilma import IISVOR_EXP, IISVOR_IMC, VILMA
from vilma.datasets import load_wine_quality
from vilma.displays import ConvergenceDisplay

X, y = load_wine_quality(return_X_y=True)
X = StandardScaler().fit_transform(X)
model = IISVOR_IMC(alpha=0.01, tol=1e-4).fit(X, y)
print(f"objective {model.objective_:.6f}, lower bound {model.lower_bound_:.6f}")
print(f"gap {model.gap_:.1e} after {model.n_iter_} iterations")

# %%
# Objective and bound close in on the optimum from both sides.

ConvergenceDisplay.from_estimator(model)
plt.show()

# %%
# On a logarithmic axis fits can be compared. Gaps compare progress, not losses: the three
# estimators minimise different functions.

figure, ax = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for estimator in (IISVOR_IMC(), IISVOR_EXP(), VILMA(loss="squared")):
    estimator.set_params(alpha=0.01, tol=1e-4).fit(X, y)
    name = type(estimator).__name__
    ConvergenceDisplay.from_estimator(estimator, kind="gap", name=name, ax=ax)
plt.show()

# %%
# ``history_`` has the numbers.

for name in ("objective", "lower_bound", "gap", "n_evaluations"):
    print(name, model.history_[name][:4])
