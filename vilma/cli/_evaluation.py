"""Errors of a model on rows with labels, and whether it was trained on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.cli._model import Model
from vilma.cli._rows import LabelledRows, fingerprints
from vilma.demo.baselines import outside


@dataclass(frozen=True)
class Evaluation:
    """What was measured.

    Attributes
    ----------
    noun : str
        What a row is.
    predicted : ndarray of shape (n,)
        Labels of the scale.
    errors : ndarray of shape (n,)
        Distances of predictions from annotations, 0 inside.
    guess_errors : ndarray of shape (n,) or None
        Those of the median of the training labels, if the model knows it.
    exact : ndarray of shape (n,), dtype bool
        Which labels are exact.
    n_seen : int
        How many rows have the features of one that the model was trained on.
    n_expected : float
        How many of so many new rows would have, as far as training rows have each other's.
    weights : ndarray of shape (n,) or None
        How much every row counts.
    held_out : dict or None
        Errors on rows that `vilma fit` held out.
    """

    noun: str
    predicted: NDArray[np.int64]
    errors: NDArray[np.float64]
    guess_errors: NDArray[np.float64] | None
    exact: NDArray[np.bool_]
    n_seen: int
    n_expected: float
    weights: NDArray[np.float64] | None
    held_out: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Return the figures as plain values."""
        return {
            "n_rows": len(self.errors),
            "n_exact": int(self.exact.sum()),
            "n_with_training_features": self.n_seen,
            "interval_mae": self.mean(self.errors),
            "share_inside": self.mean(self.errors == 0),
            "mae": self._mean_of_exact(),
            "median_guess_mae": (
                None if self.guess_errors is None else self.mean(self.guess_errors)
            ),
        }

    def mean(self, values: NDArray[Any]) -> float:
        """Return the mean over all rows, weighted if there are weights.

        Parameters
        ----------
        values : ndarray of shape (n,)
            A figure of every row.

        Returns
        -------
        float
            Their mean.
        """
        return float(np.average(values, weights=self.weights))

    def _mean_of_exact(self) -> float | None:
        weights = np.ones(len(self.errors)) if self.weights is None else self.weights
        total = weights[self.exact].sum()
        return float(weights[self.exact] @ self.errors[self.exact] / total) if total else None

    def lines(self) -> list[str]:
        """Return the figures as lines of text."""
        figures = self.to_json()
        found = [f"{self.noun:34}{figures['n_rows']:>10,}"]
        if self.weights is not None:
            found.append(f"{'  sum of weights':34}{self.weights.sum():>10,.1f}")
        guess = []  # below the figure it compares with: the distance of all rows
        if self.guess_errors is not None:
            median = figures["median_guess_mae"]
            guess = [f"{'  of guessing the training median':34}{median:>10.4f}"]
        if self.exact.all():
            return [*found, f"{'mean absolute error':34}{figures['mae']:>10.4f}", *guess]
        mae = "none exact" if figures["mae"] is None else f"{figures['mae']:.4f}"
        return [
            *found,
            f"{'  with an exact label':34}{figures['n_exact']:>10,}",
            f"{'mean absolute distance to interval':34}{figures['interval_mae']:>10.4f}",
            *guess,
            f"{'share of predictions inside':34}{figures['share_inside']:>10.1%}",
            f"{'mean absolute error, exact labels':34}{mae:>10}",
        ]

    def seen_before(self) -> bool:
        """Tell whether more rows look like training rows than new ones would by chance.

        Rows of few categories are often equal: then so are some of the training rows themselves,
        and that share, with four standard deviations, is what chance explains.
        """
        return self.n_seen > self.n_expected + 4.0 * np.sqrt(self.n_expected)

    def about_seen(self) -> str:
        """Say that rows have the features of training rows, and what the error on others was."""
        chance = ""
        if self.n_expected >= 0.1 * self.n_seen:
            chance = f", where chance explains about {self.n_expected:,.0f}"
        text = (
            f"{self.n_seen:,} of these {len(self.errors):,} {self.noun} have the features of "
            f"rows that were trained on{chance}: if these are the same, the error on new ones is "
            "larger"
        )
        if self.held_out is None:
            return f"{text}. `vilma fit --folds 5` measures it"
        error = self.held_out["errors"]["this model"]
        return f"{text}. On rows that were held out, `vilma fit` found {error:.4f}"


def measure(model: Model, rows: LabelledRows) -> Evaluation:
    """Predict rows and compare with their annotations.

    Parameters
    ----------
    model : Model
        The model.
    rows : LabelledRows
        Rows that fit it.

    Returns
    -------
    Evaluation
        What was measured.
    """
    predicted = model.estimator.predict(rows.X)
    training = model.training or {}
    seen = 0
    if "fingerprints" in training:
        seen = int(np.isin(fingerprints(rows.X), training["fingerprints"]).sum())
    expected = training.get("twins", 0.0) * len(predicted)
    guess_errors = None
    if "median_guess" in training:
        guess = np.full(len(predicted), training["median_guess"])
        guess_errors = outside(rows.intervals, guess)
    return Evaluation(
        rows.noun,
        predicted,
        outside(rows.intervals, predicted),
        guess_errors,
        rows.exact(),
        seen,
        expected,
        rows.weights,
        training.get("held_out"),
    )
