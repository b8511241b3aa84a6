"""``vilma predict``: labels for images."""

from __future__ import annotations

from pathlib import Path

import click

from vilma.cli._files import OutputFile
from vilma.cli._options import features_argument, max_memory_option, model_argument


@click.command(short_help="Predict the labels of images.")
@model_argument
@features_argument
@click.option(
    "--output",
    "-o",
    type=OutputFile(),
    metavar="PREDICTIONS.csv",
    help="File to write; the standard output by default.",
)
@max_memory_option
def predict(model: Path, features: Path, output: Path | None, max_memory: int) -> None:
    """Predict the labels of images.

    Writes a CSV file with the columns file, label and projection: the position on the line that
    the model's thresholds divide; with several directions projection_1, projection_2 and so on.
    MODEL comes from `vilma fit`; nothing in such a file is run. FEATURES must be computed with the
    settings of the model's, by `vilma lbp` or `vilma embed`.
    """
    import csv
    import io

    from vilma.cli._files import atomic_write
    from vilma.cli._model import read_model_and_features
    from vilma.cli._report import readable_errors

    fitted, store = read_model_and_features(model, features, max_memory)
    with readable_errors():
        labels = fitted.estimator.predict(store.X)
        projections = fitted.estimator.project(store.X)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if projections.ndim == 1:
        header, projections = ["projection"], projections[:, None]
    else:
        header = [f"projection_{j + 1}" for j in range(projections.shape[1])]
    table.writerow(["file", "label", *header])
    table.writerows(zip(store.names, labels.tolist(), *projections.T.tolist(), strict=True))
    content = text.getvalue().encode("utf-8", "surrogateescape")  # names may be any bytes
    if output is None:
        click.echo(content, nl=False)
        return
    with atomic_write(output) as stream:
        stream.write(content)
    click.echo(f"{output}: {len(store.names):,} prediction(s)")
