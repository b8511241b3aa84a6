"""Time a fit of the paper's size: 33,000 rows, 159,488 features, 55 labels.

The kernels are compiled on a small problem first. With --path the whole path of alphas down to
the one asked is fitted too. The peak memory is that of the process, data included.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from statistics import median

import click
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.problems import N_PATTERNS, make_one_hot_problem
from vilma import IISVOR_EXP, IISVOR_IMC, VILMA, OneHotCodes, vilma_path
from vilma.design_matrices import as_design_matrix
from vilma.design_matrices.threads import BlockThreads

ESTIMATORS = {"vilma": VILMA, "iisvor-exp": IISVOR_EXP, "iisvor-imc": IISVOR_IMC}


def time_product_pair(X, n_jobs: int, repeats: int = 5) -> float:
    """Median seconds of one X w and one X^T c."""
    rng = np.random.default_rng(0)
    coef = rng.normal(size=X.shape[1])
    coefficients = rng.normal(size=X.shape[0])
    seconds = []
    with BlockThreads(n_jobs) as threads:
        matrix = as_design_matrix(X, threads)
        for _ in range(repeats):
            start = time.perf_counter()
            matrix.dot(coef)
            matrix.transpose_dot(coefficients)
            seconds.append(time.perf_counter() - start)
    return median(seconds)


def peak_memory() -> float:
    """Largest resident memory of this process so far, in GB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


@click.command(help=__doc__)
@click.option("--rows", default=33_000, show_default=True)
@click.option("--alpha", default=0.001, show_default=True)
@click.option("--tol", default=1e-2, show_default=True)
@click.option(
    "--estimator", type=click.Choice(list(ESTIMATORS)), default="iisvor-imc", show_default=True
)
@click.option("--loss", default="mae", show_default=True, help="Of vilma only.")
@click.option("--container", type=click.Choice(["csr", "codes"]), default="csr", show_default=True)
@click.option("--path", is_flag=True, help="Fit the path of alphas, too.")
@click.option("--n-jobs", default=1, show_default=True)
@click.option("--repeats", default=3, show_default=True)
def main(
    rows: int,
    alpha: float,
    tol: float,
    estimator: str,
    loss: str,
    container: str,
    path: bool,
    n_jobs: int,
    repeats: int,
) -> None:
    """Run the benchmark and print a line per fit."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    problem = make_one_hot_problem(rows)
    X = problem.X if container == "csr" else OneHotCodes.from_csr(problem.X, N_PATTERNS)
    y = problem.intervals
    model = ESTIMATORS[estimator](alpha, tol=tol, classes=problem.classes, n_jobs=n_jobs)
    if estimator == "vilma":
        model.set_params(loss=loss)
    del problem
    model.fit(X[:300], y[:300])
    pair = time_product_pair(X, n_jobs)
    click.echo(f"product pair {1e3 * pair:.1f} ms")
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        model.fit(X, y)
        times.append(time.perf_counter() - start)
        inner = model.history_["inner_seconds"].sum()
        click.echo(
            f"{times[-1]:.2f} s  {model.n_iter_} iterations  inner loop {inner / times[-1]:.0%}  "
            f"{times[-1] / pair:.0f} product pairs  objective {model.objective_:.6f}  "
            f"gap {model.gap_:.1e}"
        )
    click.echo(f"median {median(times):.2f} s")
    if path:
        alphas = alpha * 10.0 ** np.arange(3, -1, -1)
        whole = []
        for _ in range(repeats):
            start = time.perf_counter()
            models = vilma_path(X, y, alphas, estimator=model)
            whole.append(time.perf_counter() - start)
        gaps = ", ".join(f"{each.alpha:g}: {each.gap_:.1e}" for each in models)
        click.echo(
            f"path {median(whole):.2f} s, {median(whole) / median(times):.2f} times the last "
            f"alpha alone; gaps {gaps}"
        )
    click.echo(f"peak memory {peak_memory():.2f} GB")


if __name__ == "__main__":
    main()
