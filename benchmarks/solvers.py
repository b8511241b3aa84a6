"""Work of the solver's methods in pairs of products: ``python -m benchmarks.solvers``.

Every line is one fit to a relative gap: a pair is one product with X and one with its transpose;
evaluations, passes, planes and the reduced problem are counted in the units of
`vilma.solvers.alternation.UnitWork`, and CPU seconds stand beside them, for the units are to
predict them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from benchmarks.experiments.faces import load_faces
from benchmarks.suite.storage import load_data
from benchmarks.suite.tasks.one_hot import OneHot
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA, OneHotCodes
from vilma.design_matrices import DesignMatrix, as_design_matrix
from vilma.design_matrices.threads import BlockThreads
from vilma.estimators._problem import read_problem
from vilma.solvers.alternation import UnitWork
from vilma.solvers.coordinate_ascent.dual_point import DualPoint
from vilma.solvers.cutting_plane.reduced_problem import ReducedProblem
from vilma.solvers.problem import Settings
from vilma.solvers.solver import Solver

__all__ = ["main"]

_SURROGATES = {
    "imc": IISVOR_IMC,
    "exp": IISVOR_EXP,
    "squared": lambda **options: VILMA(loss="squared", **options),
}
_METHODS = ("auto", "cutting_plane", "coordinate_ascent")


def _dense(n_samples: int, n_features: int, n_classes: int = 10) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, n_features))
    scores = X @ rng.normal(size=n_features) / np.sqrt(n_features)
    return X, _cut(scores + 0.5 * rng.normal(size=n_samples), n_classes)


def _text(n_samples: int = 50_000, n_features: int = 100_000) -> tuple[Any, np.ndarray]:
    """Sixty words a row, their frequencies by Zipf's law, rows of norm 1."""
    rng = np.random.default_rng(0)
    share = 1.0 / np.arange(1, n_features + 1)
    words = np.searchsorted(np.cumsum(share / share.sum()), rng.random((n_samples, 60)))
    words = words.clip(0, n_features - 1)
    values = rng.lognormal(0.0, 0.5, words.shape) * np.log(n_features / (1.0 + words) + 1.0)
    indptr = np.arange(0, words.size + 1, 60)
    X = sparse.csr_array((values.ravel(), words.ravel(), indptr), shape=(n_samples, n_features))
    X.sum_duplicates()
    norms = np.sqrt(X.multiply(X).sum(axis=1))
    X = sparse.csr_array(sparse.diags_array(1.0 / norms) @ X)
    scores = X @ rng.normal(size=n_features)
    return X, _cut(scores / scores.std() + 0.5 * rng.normal(size=n_samples), 10)


def _one_hot(**parameters: Any) -> tuple[Any, np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        OneHot(name="task", test_rows=10, form="codes", **parameters).make(Path(folder))
        data = load_data(Path(folder))
    return data.X, data.intervals


def _levels(
    n_samples: int, n_blocks: int, n_levels: int, n_classes: int
) -> tuple[Any, np.ndarray]:
    """One-hot codes of few levels, some of them rare."""
    rng = np.random.default_rng(0)
    shares = np.cumsum(rng.dirichlet(np.full(n_levels, 0.3), size=n_blocks), axis=1)
    drawn = [np.searchsorted(block, rng.random(n_samples)) for block in shares]
    codes = np.minimum(np.column_stack(drawn), n_levels - 1)
    effects = rng.normal(size=(n_blocks, n_levels))
    scores = effects[np.arange(n_blocks), codes].sum(axis=1)
    scores = scores / scores.std() + 0.5 * rng.normal(size=n_samples)
    return OneHotCodes(codes, np.full(n_blocks, n_levels)), _cut(scores, n_classes)


def _sparse(n_samples: int, n_features: int, density: float) -> tuple[Any, np.ndarray]:
    rng = np.random.default_rng(3)
    shape = n_samples, n_features
    X = sparse.random_array(shape, density=density, rng=rng, data_sampler=rng.normal).tocsr()
    scores = X @ rng.normal(size=n_features)
    return X, _cut(scores / scores.std() + 0.5 * rng.normal(size=n_samples), 8)


def _cut(scores: np.ndarray, n_classes: int) -> np.ndarray:
    shares = np.arange(1, n_classes) / n_classes
    return np.searchsorted(np.quantile(scores, shares), scores)


Task: TypeAlias = tuple[Callable[[], tuple[Any, np.ndarray]], tuple[float, ...]]

TASKS: dict[str, Task] = {
    "dense 20,000 x 50": (lambda: _dense(20_000, 50), (1e-2, 1e-4)),
    "dense 2,000 x 2,000": (lambda: _dense(2_000, 2_000), (1e-2, 1e-4)),
    "text 50,000 x 100,000": (_text, (1e-4, 1e-5)),
    "codes 5,000, exact": (lambda: _one_hot(rows=5_000), (1e-1, 1e-2, 1e-3)),
    "codes 5,000, cells of 10": (
        lambda: _one_hot(rows=5_000, annotation="brackets", width=10),
        (1e-1, 1e-2, 1e-3),
    ),
    "codes 33,000": (
        lambda: _one_hot(rows=33_000, annotation="brackets", width=5, exact_share=0.2),
        (1e-1, 1e-2, 1e-3),
    ),
    "dense 30 x 100": (lambda: _dense(30, 100, 5), (1e-8,)),
    "dense 30 x 1,000": (lambda: _dense(30, 1_000, 5), (1e-8,)),
}


def _of_levels(n_samples: int, n_blocks: int, n_levels: int, n_classes: int) -> tuple[str, Task]:
    """A task in which an example moves its own score by 0.5 to 100 margins."""
    name = f"{n_samples:,} of {n_blocks} blocks of {n_levels}, {n_classes} labels"
    alphas = tuple(n_blocks / n_samples / move for move in (0.5, 2.0, 6.0, 20.0, 100.0))
    return name, (lambda: _levels(n_samples, n_blocks, n_levels, n_classes), alphas)


# Of shapes that the constants of "auto" were not chosen on, but for the first six.
SHAPES: dict[str, Task] = {
    **dict(
        _of_levels(*shape, n_classes)
        for shape in (
            (3_000, 600, 16),
            (3_000, 600, 59),
            (3_000, 100, 16),
            (3_000, 50, 8),
            (3_000, 200, 4),
            (5_000, 30, 4),
        )
        for n_classes in (5, 40)
    ),
    "text 20,000 x 5,000": (lambda: _text(20_000, 5_000), (2.5e-4, 5e-5, 1e-5, 1.7e-6)),
    "text 5,000 x 20,000": (lambda: _text(5_000, 20_000), (1e-3, 2e-4, 4e-5, 6.7e-6)),
    "sparse 4,000 x 1,000": (lambda: _sparse(4_000, 1_000, 0.02), (1e-2, 1e-3, 1e-4)),
    "sparse 2,000 x 8,000": (lambda: _sparse(2_000, 8_000, 0.01), (8e-2, 8e-3, 8e-4)),
    "sparse 1,000 x 1,000": (lambda: _sparse(1_000, 1_000, 0.05), (1e-1, 1e-2, 1e-3)),
    "dense 1,000 x 3,000": (lambda: _dense(1_000, 3_000), (3.0, 0.15)),
}


def _faces(images: Path, labels: Path | None) -> tuple[Any, np.ndarray]:
    """Codes of photographs, three tenths with exact ages and the others in brackets of ten."""
    faces = load_faces(images, labels, None)
    return faces.X, faces.cells(10, exact=0.3)


class _Counted(DesignMatrix):
    """A matrix whose products are counted."""

    def __init__(self, X: DesignMatrix) -> None:
        self._X, self.shape, self.pair_cost = X, X.shape, X.pair_cost
        self.n_products = 0

    def dot(self, coef: np.ndarray) -> np.ndarray:
        self.n_products += 1
        return self._X.dot(coef)

    def transpose_dot(self, score_gradient: np.ndarray) -> np.ndarray:
        self.n_products += 1
        return self._X.transpose_dot(score_gradient)

    def squared_row_norms(self) -> np.ndarray:
        return self._X.squared_row_norms()

    def rows(self):
        return self._X.rows()


def measure(X: Any, y: np.ndarray, surrogate: str, method: str, alpha: float, tol: float) -> str:
    """Fit once; return work, CPU seconds and the gap as the cells of a table."""
    estimator = _SURROGATES[surrogate](alpha=alpha, tol=tol)
    problem = read_problem(estimator, X, y, None, None)
    n_passes = 0
    multiplications = 0.0
    ascend, minimize = DualPoint.ascend, ReducedProblem.minimize

    def counted_ascend(self: DualPoint) -> None:
        nonlocal n_passes
        n_passes += 1
        ascend(self)

    def counted_minimize(self: ReducedProblem, alpha: float, tol: float) -> Any:
        nonlocal multiplications
        result = minimize(self, alpha, tol)
        multiplications += self.work
        return result

    with BlockThreads(1) as threads:
        matrix = _Counted(as_design_matrix(problem.X, threads))
        DualPoint.ascend = counted_ascend  # type: ignore[method-assign]
        ReducedProblem.minimize = counted_minimize  # type: ignore[method-assign]
        try:
            start = time.process_time()
            solver = Solver(matrix, estimator._make_surrogate(problem), method=method)
            solution = solver.minimize(Settings(alpha, tol, 1000, 0))
            seconds = time.process_time() - start
        finally:
            DualPoint.ascend = ascend  # type: ignore[method-assign]
            ReducedProblem.minimize = minimize  # type: ignore[method-assign]
    assert matrix.pair_cost is not None
    unit_work = UnitWork.of(max(matrix.pair_cost, 1.0), matrix.shape)
    history = solution.history
    work = (
        0.5 * matrix.n_products
        + unit_work.visits * n_passes
        + unit_work.evaluation * history["n_evaluations"].sum()
        + unit_work.plane * history["n_planes"].sum()
        + unit_work.multiplication * multiplications
    )
    return f"{work:.0f} | {seconds:.2f} | {solution.gap:.0e} | {len(history)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="", help="only tasks whose name contains this")
    parser.add_argument("--tol", type=float, nargs="+", default=[1e-2, 1e-3])
    parser.add_argument(
        "--surrogate", nargs="+", choices=list(_SURROGATES), default=list(_SURROGATES)
    )
    parser.add_argument("--faces", type=Path, help="a folder of images: their codes, too")
    parser.add_argument("--labels", type=Path, help="CSV with columns file,label")
    parser.add_argument("--shapes", action="store_true", help="data of other shapes instead")
    arguments = parser.parse_args()
    tasks = dict(SHAPES if arguments.shapes else TASKS)
    if arguments.faces is not None:
        tasks["faces"] = (lambda: _faces(arguments.faces, arguments.labels), (1e-1, 1e-2, 1e-3))
    print("| task | surrogate | alpha | gap asked | method | pairs | CPU s | gap | iterations |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, (make, alphas) in tasks.items():
        if arguments.task not in name:
            continue
        X, y = make()
        for surrogate in arguments.surrogate:
            for method in _METHODS:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    measure(X[:300], y[:300], surrogate, method, 0.1, 0.3)  # compiles
                    for alpha in alphas:
                        for tol in arguments.tol:
                            cells = measure(X, y, surrogate, method, alpha, tol)
                            labels = f"{name} | {surrogate} | {alpha:g} | {tol:g} | {method}"
                            print(f"| {labels} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
