"""Probabilities on real tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from vilma import VILMA, CalibratedOrdinalClassifier
from vilma.datasets import load_anes96, load_wine_quality
from vilma.metrics import ranked_probability_score

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TABLES = ["pid", "income", "wine", "era", "swd", "abalone10", "stock5"]


def load_table(name):
    """Features and labels of a table."""
    if name == "wine":
        return load_wine_quality(return_X_y=True)
    if name in {"pid", "income"}:
        target = {"pid": "PID", "income": "income"}[name]
        return load_anes96(target=target, return_X_y=True)
    path = SHARED / f"{name}.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the folder of shared data")
    frame = pd.read_csv(path)
    target = "y" if "y" in frame else "response"
    return frame.drop(columns=[target]).to_numpy(float), frame[target].to_numpy()


@pytest.mark.parametrize("name", TABLES)
def test_better_than_frequencies(name):
    """The link of a constant projection has the frequencies of the labels."""
    X, y = load_table(name)
    classes = np.unique(np.asarray(y, dtype=float))
    classes = classes[np.isfinite(classes)]
    scores, baselines = [], []
    for train, test in KFold(3, shuffle=True, random_state=0).split(X):
        model = CalibratedOrdinalClassifier(
            make_pipeline(StandardScaler(), VILMA(loss="squared")), classes=classes, cv=3
        )
        nothing = CalibratedOrdinalClassifier(cv=2, classes=classes)
        proba = model.fit(X[train], y[train]).predict_proba(X[test])
        with pytest.warns(UserWarning, match="labels' frequencies"):
            nothing.fit(np.zeros((len(train), 1)), y[train])
        scores.append(ranked_probability_score(y[test], proba, classes=classes))
        baselines.append(
            ranked_probability_score(
                y[test], nothing.predict_proba(np.zeros((len(test), 1))), classes=classes
            )
        )
    assert np.mean(scores) < 0.92 * np.mean(baselines)
