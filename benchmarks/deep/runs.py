"""Fits and their errors, kept in a file that an interrupted run goes on from."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from benchmarks.deep.faces import EmbeddedFaces, Split, annotate
from vilma.metrics import macro_averaged_mean_absolute_error, shot_report

__all__ = ["Records", "measure"]

Key = dict[str, Any]


class Records:
    """Lines of JSON, one per fit.

    Parameters
    ----------
    path : Path or None
        The file, read if it exists; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._found: dict[str, Key] = {}
        if path is not None and path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                self._found[_name(record["key"])] = record

    def get(self, key: Key, make: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return the errors of a fit, after measuring them if they are not there.

        Parameters
        ----------
        key : dict
            What was fitted on what.
        make : callable
            Measures.
        """
        name = _name(key)
        if name not in self._found:
            self._found[name] = {"key": key, "errors": make()}
            if self._path is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(self._found[name]) + "\n")
        return self._found[name]["errors"]


def _name(key: Key) -> str:
    return json.dumps(key, sort_keys=True)


def measure(
    estimator: BaseEstimator, faces: EmbeddedFaces, split: Split, labels: str
) -> dict[str, float]:
    """Fit, predict, and compare with the true ages.

    Parameters
    ----------
    estimator : estimator
        Not fitted.
    faces : EmbeddedFaces
        All faces.
    split : Split
        What to train on and to test on.
    labels : str
        Kind of annotation.

    Returns
    -------
    dict of str to float
        The balanced error (mean over labels of their mean absolute errors), the plain mean, the
        mean on labels with under 20 training rows, and the seconds of the fit.
    """
    started = time.perf_counter()
    estimator.fit(faces.X[split.train], annotate(faces, split.train, labels))
    seconds = time.perf_counter() - started
    ages = faces.ages[split.test]
    predicted = estimator.predict(faces.X[split.test])
    return {**errors_of(ages, predicted, faces.ages[split.train]), "seconds": seconds}


def errors_of(ages: np.ndarray, predicted: np.ndarray, trained: np.ndarray) -> dict[str, float]:
    """Return balanced, plain and few-shot errors."""
    report = shot_report(ages, predicted, trained)
    return {
        "balanced": macro_averaged_mean_absolute_error(ages, predicted),
        "plain": report["all"].mean_absolute_error,
        "few": report["few"].mean_absolute_error,
    }
