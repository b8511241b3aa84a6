"""CPU time of the recipe for tables beside a random forest's.

``python -m benchmarks.table_cost``: each in a process of its own, one thread.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from typing import Any

import click
import numpy as np
import pandas as pd

__all__ = ["main", "make_table"]

_NUMBERS, _CATEGORIES, _LABELS = 40, 10, 10
_OWN, _FOREST = "TableFeatures and IISVOR_IMCCV", "RandomForestRegressor"


def make_table(n_samples: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return 40 columns of numbers, 10 of categories, and labels that depend on some of both.

    Returns
    -------
    features : DataFrame of shape (n_samples, 50)
        One number in twenty is missing in the first five columns.
    labels : ndarray of shape (n_samples,)
        Ten, equally frequent.
    """
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(n_samples, _NUMBERS))
    words = rng.integers(0, rng.integers(3, 12, _CATEGORIES), size=(n_samples, _CATEGORIES))
    effects = rng.normal(size=(_CATEGORIES, 12))
    latent = numbers[:, :10] @ rng.normal(size=10) + 2.0 * np.abs(numbers[:, 0]) * numbers[:, 1]
    latent += effects[np.arange(3), words[:, :3]].sum(axis=1) + rng.normal(size=n_samples)
    cuts = np.quantile(latent, np.arange(1, _LABELS) / _LABELS)
    numbers[:, :5][rng.random((n_samples, 5)) < 0.05] = np.nan
    features = pd.DataFrame(numbers, columns=[f"number{i}" for i in range(_NUMBERS)])
    for place in range(_CATEGORIES):
        features[f"word{place}"] = np.array([f"w{word}" for word in words[:, place]])
    return features, np.digitize(latent, cuts)


def _measure(method: str, n_samples: int, n_trees: int, results: Any) -> None:
    from sklearn.pipeline import make_pipeline

    from vilma import IISVOR_IMCCV
    from vilma.features import TableFeatures

    features, labels = make_table(n_samples + n_samples // 10)
    if method == _OWN:
        model: Any = make_pipeline(TableFeatures(), IISVOR_IMCCV([1.0, 0.1, 0.01, 0.001], cv=5))
        model.fit(features[:500], labels[:500])  # compiles what a fit needs
    else:
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.preprocessing import OrdinalEncoder

        words = [name for name in features if name.startswith("word")]
        features[words] = OrdinalEncoder().fit_transform(features[words])
        model = RandomForestRegressor(n_trees, random_state=0)
    start = time.process_time()
    model.fit(features[:n_samples], labels[:n_samples])
    seconds = time.process_time() - start
    predicted = np.rint(model.predict(features[n_samples:]))
    error = float(np.abs(predicted - labels[n_samples:]).mean())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    results.put((method, seconds, peak, error))


@click.command()
@click.option("--rows", type=click.IntRange(1000), default=100_000, show_default=True)
@click.option("--trees", type=click.IntRange(1), default=100, show_default=True)
@click.option("--method", "methods", type=click.Choice([_OWN, _FOREST]), multiple=True)
def main(rows: int, trees: int, methods: tuple[str, ...]) -> None:
    """Print CPU seconds and peak memory of both, and their error on other rows."""
    context = multiprocessing.get_context("spawn")
    click.echo("| method | CPU seconds | peak, MB | MAE |\n|---|---|---|---|")
    for method in methods or (_OWN, _FOREST):
        results = context.Queue()
        process = context.Process(target=_measure, args=(method, rows, trees, results))
        process.start()
        name, seconds, peak, error = results.get()
        process.join()
        click.echo(f"| {name} | {seconds:.1f} | {peak:,.0f} | {error:.3f} |")


if __name__ == "__main__":
    main()
