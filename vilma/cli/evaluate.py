"""``vilma evaluate``: how far predictions are from annotations."""

from __future__ import annotations

from pathlib import Path

import click

from vilma.cli._options import (
    columns_option,
    features_argument,
    labels_argument,
    max_memory_option,
    model_argument,
)


@click.command(short_help="Measure a model on annotated images.")
@model_argument
@features_argument
@labels_argument
@columns_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@max_memory_option
def evaluate(
    model: Path,
    features: Path,
    labels: Path,
    columns: tuple[str, ...] | None,
    as_json: bool,
    max_memory: int,
) -> None:
    """Measure MODEL on the images of FEATURES that have a label in LABELS.

    Gives the mean absolute distance of the predictions to the intervals (zero inside), the share
    of predictions inside, and the mean absolute error where labels are exact.
    """
    import json

    from vilma.cli._labels import join_labels, read_label_table
    from vilma.cli._model import read_model_and_features
    from vilma.cli._report import readable_errors
    from vilma.metrics import interval_coverage, interval_insensitive_loss

    fitted, store = read_model_and_features(model, features, max_memory)
    table = read_label_table(labels, columns)
    rows, intervals = join_labels(store.names, table, images=features, labels=labels)
    exact = intervals[:, 0] == intervals[:, 1]
    with readable_errors():
        predicted = fitted.estimator.predict(store.X[rows])
        report = {
            "n_images": len(rows),
            "n_exact": int(exact.sum()),
            "interval_mae": float(interval_insensitive_loss(intervals, predicted)),
            "share_inside": float(interval_coverage(intervals, predicted)),
            "mae": (
                float(interval_insensitive_loss(intervals[exact], predicted[exact]))
                if exact.any()
                else None
            ),
        }
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"images                            {report['n_images']:>10,}")
    click.echo(f"  with an exact label             {report['n_exact']:>10,}")
    click.echo(f"mean absolute distance to interval{report['interval_mae']:>10.4f}")
    click.echo(f"share of predictions inside       {report['share_inside']:>10.1%}")
    mae = "none exact" if report["mae"] is None else f"{report['mae']:.4f}"
    click.echo(f"mean absolute error, exact labels {mae:>10}")
