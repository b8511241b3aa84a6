"""Ages by local binary patterns, by embeddings of faces, and by both together.

``python -m benchmarks.embeddings --images DIR --labels CSV --box 40 10 160 190`` needs dlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy.sparse import csr_array, diags_array, hstack
from sklearn.kernel_approximation import Nystroem

from benchmarks.adapters import ADAPTERS
from benchmarks.experiments.faces import Faces, FaceSplit, split_faces
from benchmarks.experiments.methods import (
    AdapterMethod,
    EstimatorMethod,
    Method,
    Predictor,
)
from benchmarks.experiments.selection import run_method
from benchmarks.experiments.views import Views
from vilma import IISVOR_IMC, PWVILMA, vilma_path
from vilma.datasets import load_image_folder
from vilma.features import DeepFeatures, MultiScaleLBP

__all__ = ["MadeViews", "PiecewiseMethod", "ScaledMethod", "curve", "join", "main", "run_split"]

PATTERN_ALPHAS = (10.0, 3.0, 1.0, 0.3)
VECTOR_ALPHAS = (3.0, 1.0, 0.3, 0.1, 0.01)
CURVE_ALPHAS = (0.01, 0.003, 0.001, 0.0003)
RIDGE_ALPHAS = (3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
CORRELATIONS = (1.0, 0.9)
N_PIECES = 8  # directions: one for each of 109 steps between ages has no rows to learn from
SCALES = (1.0, 3.0, 10.0)
CURVE_SCALES = (10.0, 30.0, 100.0)
_SOLVER = {"tol": 1e-3, "max_iter": 10_000}
_say = partial(click.echo, err=True)


class MadeViews(Views):
    """Training and test rows that are made already, for every method.

    Parameters
    ----------
    train, test : ndarray or csr_array
        The rows.
    """

    def __init__(self, train: Any, test: Any) -> None:
        self._parts = dict.fromkeys(("own", "plain"), (train, test))


def curve(vectors: Views) -> MadeViews:
    """Replace embeddings by their kernel to a thousand of the training rows."""
    train, test = vectors.get("own")
    curves = Nystroem(n_components=min(1000, len(train)), random_state=0).fit(train)
    return MadeViews(curves.transform(train), curves.transform(test))


def join(patterns: Views, vectors: Views) -> MadeViews:
    """Put the columns of `vectors` behind those of patterns."""
    pairs = zip(patterns.get("plain"), vectors.get("own"), strict=True)
    return MadeViews(*(csr_array(hstack([left, csr_array(right)])) for left, right in pairs))


class ScaledMethod(Method):
    """A method on joined columns, the last of which are multiplied by a number to be chosen.

    One alpha penalises the weights of both: the number says how much those of the embeddings
    count, beside hundreds of ones per row.

    Parameters
    ----------
    inner : Method
        With its own candidates.
    n_columns : int
        How many columns to scale.
    scales : sequence of float
        The numbers.
    """

    def __init__(self, inner: Method, n_columns: int, scales: Sequence[float]) -> None:
        self.name = inner.name
        self.view = inner.view
        self.candidates = [(scale, option) for scale in scales for option in inner.candidates]
        self._inner = inner
        self._n_columns = n_columns

    def fit(
        self, X: Any, intervals: np.ndarray, classes: np.ndarray, candidates: Sequence[Any]
    ) -> list[Predictor]:
        fits: list[Predictor] = []
        for scale, group in groupby(candidates, key=lambda candidate: candidate[0]):
            options = [option for _, option in group]
            rescale = partial(_scale_last, n_columns=self._n_columns, scale=scale)
            models = self._inner.fit(rescale(X), intervals, classes, options)
            fits += [_Rescaled(rescale, model) for model in models]
        return fits


class PiecewiseMethod(Method):
    """PWVILMA, alpha and the correlation of its directions chosen together.

    Parameters
    ----------
    alphas : sequence of float
        Those of a single direction are tried as well: the correlation 1.
    """

    name = "PWVILMA"

    def __init__(self, alphas: Sequence[float]) -> None:
        self.candidates = [(alpha, rho) for alpha in alphas for rho in CORRELATIONS]

    def fit(
        self, X: Any, intervals: np.ndarray, classes: np.ndarray, candidates: Sequence[Any]
    ) -> list[Predictor]:
        models: dict[Any, Predictor] = {}
        for rho in dict.fromkeys(rho for _, rho in candidates):
            alphas = [alpha for alpha, own in candidates if own == rho]
            model = PWVILMA(correlation=rho, n_pieces=N_PIECES, classes=classes, tol=1e-2)
            path = vilma_path(X, intervals, alphas, estimator=model)
            models.update(zip(((alpha, rho) for alpha in alphas), path, strict=True))
        return [models[candidate] for candidate in candidates]


class _Rescaled:
    """A predictor of rows that are scaled first."""

    def __init__(self, rescale: Callable[[csr_array], csr_array], model: Predictor) -> None:
        self._rescale = rescale
        self._model = model

    def predict(self, X: Any) -> np.ndarray:
        return self._model.predict(self._rescale(X))


def _scale_last(X: csr_array, n_columns: int, scale: float) -> csr_array:
    factors = np.ones(X.shape[1])
    factors[-n_columns:] = scale
    return csr_array(X @ diags_array(factors))


def run_split(
    faces: Faces,
    embeddings: np.ndarray | None,
    split: FaceSplit,
    intervals: np.ndarray,
    names: Sequence[str] = (),
) -> dict[tuple[str, str], float]:
    """Compare features and methods on one split.

    Parameters
    ----------
    faces : Faces
        Patterns and ages.
    embeddings : ndarray of shape (n_samples, n_columns) or None
        Of the same rows; None leaves all but patterns out.
    split : FaceSplit
        Rows to train and to test on.
    intervals : ndarray of shape (n_train, 2)
        Annotations of the training rows.
    names : sequence of str
        Methods to run, by default all.

    Returns
    -------
    dict of (str, str) to float
        Mean absolute error on the true ages of the test rows, by features and method.
    """
    patterns = Views(faces.X, split.train, split.test)
    rows = [("LBP", method, patterns) for method in _methods(PATTERN_ALPHAS)]
    if embeddings is not None:
        rows += _embedding_rows(patterns, Views(embeddings, split.train, split.test))
    errors = {}
    for features, method, views in rows:
        if names and method.name not in names:
            continue
        outcome = run_method(method, views, intervals, faces.classes)
        error = float(np.abs(outcome.predicted - faces.ages[split.test]).mean())
        errors[features, method.name] = error
        _say(f"{features}, {method.name}: {outcome.candidate}, {error:.3f}")
    return errors


def _embedding_rows(patterns: Views, vectors: Views) -> list[tuple[str, Method, Views]]:
    curves = curve(vectors)
    rows: list[tuple[str, Method, Views]] = []
    for name, views, alphas in (
        ("embeddings", vectors, VECTOR_ALPHAS),
        ("embeddings, curved", curves, CURVE_ALPHAS),
    ):
        rows += [(name, method, views) for method in _methods(alphas)]
    for name, views, scales in (
        ("LBP + embeddings", vectors, SCALES),
        ("LBP + embeddings, curved", curves, CURVE_SCALES),
    ):
        n_columns = views.get("own")[0].shape[1]
        joined = join(patterns, views)
        for method in _methods(PATTERN_ALPHAS, RIDGE_ALPHAS[:4])[:2]:
            rows.append((name, ScaledMethod(method, n_columns, scales), joined))
    return rows


def _methods(
    alphas: Sequence[float], ridge_alphas: Sequence[float] = RIDGE_ALPHAS
) -> list[Method]:
    return [
        EstimatorMethod("IISVOR_IMC", IISVOR_IMC(**_SOLVER), alphas),
        AdapterMethod("ridge", ADAPTERS["ridge"], "plain", alpha=ridge_alphas),
        PiecewiseMethod(alphas),
    ]


@click.command()
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of faces.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with columns file,label.  [default: UTKFace's names]",
)
@click.option("--box", nargs=4, type=float, help="Crop for LBP: left, top, right, bottom.")
@click.option("--splits", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--rows", type=click.IntRange(min=100), help="Take so many, at random.")
@click.option(
    "--method",
    "names",
    type=click.Choice(["IISVOR_IMC", "ridge", "PWVILMA"]),
    multiple=True,
    help="By default all.",
)
@click.option("--patterns-only", is_flag=True, help="No embeddings, which need dlib.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("benchmark-results/embeddings"),
    show_default=True,
    help="Folder that keeps the embeddings.",
)
def main(
    images: Path,
    labels: Path | None,
    box: tuple[float, float, float, float] | None,
    splits: int,
    rows: int | None,
    names: tuple[str, ...],
    patterns_only: bool,
    cache: Path,
) -> None:
    """Compare patterns, dlib's embeddings and both, with exact ages and with brackets.

    A table goes to the standard output, single results to the standard error.
    """
    data = load_image_folder(images, labels, box=box or None)
    chosen = np.sort(np.random.default_rng(0).permutation(len(data.target))[:rows])
    codes = MultiScaleLBP(output="codes").fit_transform(data.images[chosen])
    faces = Faces(codes, data.target[chosen])
    embeddings = None
    if not patterns_only:
        network = DeepFeatures(
            "dlib", preprocessing="detect_or_whole", cache_dir=cache, batch_size=16, verbose=1
        )
        embeddings = network.transform([images / data.filenames[place] for place in chosen])
    annotations = {
        "exact ages": np.column_stack([faces.ages, faces.ages]),
        "brackets of 10 years": faces.cells(10),
    }
    errors: dict[tuple[str, str], list[list[float]]] = {}
    for split in split_faces(len(faces.ages), splits):
        for place, (name, intervals) in enumerate(annotations.items()):
            _say(f"-- {name}")
            for row, error in run_split(
                faces, embeddings, split, intervals[split.train], names
            ).items():
                errors.setdefault(row, [[] for _ in annotations])[place].append(error)
    click.echo(f"| features | method | {' | '.join(annotations)} |\n|---|---|---|---|")
    for row, columns in errors.items():
        cells = [f"{np.mean(column):.2f} ± {np.std(column):.2f}" for column in columns]
        click.echo(f"| {' | '.join((*row, *cells))} |")


if __name__ == "__main__":
    main()
