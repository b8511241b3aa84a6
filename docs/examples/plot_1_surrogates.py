r"""
Losses and their convex bounds
==============================

A loss that is insensitive to intervals charges nothing for predictions inside of them. It is a
staircase, which no solver can minimise; the surrogates are convex functions above it.

Here an annotation says that the label lies between 4 and 6 on a scale of 9. All functions are
drawn for the same thresholds, along the projection :math:`s = \langle x, w \rangle`.
"""

import matplotlib.pyplot as plt
import numpy as np

n_labels, lower, upper = 9, 4, 6
thresholds = 2.0 * np.arange(1, n_labels) - n_labels  # threshold k lies between labels k and k + 1
labels = np.arange(1, n_labels + 1)
biases = np.concatenate([[0.0], -np.cumsum(thresholds)])
projection = np.linspace(thresholds[0] - 2, thresholds[-1] + 2, 800)

# %%
# The two hinge surrogates
# ------------------------
# IMC charges a hinge for every threshold on the wrong side, EXP only for the two thresholds next
# to the interval. `thresholds[k - 1]` is the threshold number k.


def hinge(z):
    return np.maximum(0.0, z)


def imc(s):
    below = sum(hinge(1 - s + thresholds[k - 1]) for k in range(1, lower))
    above = sum(hinge(1 + s - thresholds[k - 1]) for k in range(upper, n_labels))
    return below + above


def exp(s):
    return hinge(1 - s + thresholds[lower - 2]) + hinge(1 + s - thresholds[upper - 1])


# %%
# The surrogate of any V-shaped loss
# ----------------------------------
# VILMA takes the most violating label on either side of the interval.


def vilma(s, delta):
    def side(ys, end):
        terms = [delta(abs(y - end)) + s * (y - end) + biases[y - 1] - biases[end - 1] for y in ys]
        return np.max(terms, axis=0)

    return side(range(1, lower + 1), lower) + side(range(upper, n_labels + 1), upper)


# %%
# For the absolute error, IMC and VILMA coincide wherever the thresholds are in order. For the 0/1
# loss, EXP is the closer bound: VILMA's grows faster, the more thresholds are passed.

losses = {
    "absolute error": (lambda d: d, {"IMC": imc}),
    "0/1 loss": (lambda d: float(d > 0), {"EXP": exp}),
    "squared error": (lambda d: d * d, {}),
}
predicted = labels[np.searchsorted(thresholds, projection)]
distance = np.maximum(0, np.maximum(lower - predicted, predicted - upper))

figure, panels = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
for ax, (name, (delta, hinges)) in zip(panels, losses.items(), strict=True):
    ax.axvspan(thresholds[lower - 2], thresholds[upper - 1], color="0.93", zorder=0)
    ax.plot(projection, [delta(d) for d in distance], color="black", label="loss")
    ax.plot(projection, vilma(projection, delta), color="#0072B2", label="VILMA")
    for label, surrogate in hinges.items():
        ax.plot(projection, surrogate(projection), color="#D55E00", ls="--", label=label)
    middles = np.concatenate([thresholds - 1, [thresholds[-1] + 1]])
    ax.set_xticks(middles, labels)
    ax.set_ylim(-0.5, 3 * delta(3) + 3)
    ax.set_xlabel("projection, by the label predicted there")
    ax.set_title(name, fontsize="medium")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="upper center")
plt.show()
