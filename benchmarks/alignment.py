"""What aligning faces is worth: ages by LBP from a fixed box, and from aligned crops.

``python -m benchmarks.alignment --images DIR --labels CSV --box 40 10 160 190`` needs dlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from sklearn.model_selection import KFold
from tqdm import tqdm

from vilma import IISVOR_IMCCV, OneHotCodes
from vilma.features import (
    FaceAligner,
    FaceNotFoundError,
    MultiScaleLBP,
    canonical_crop,
    read_image,
)
from vilma.labels.label_file import read_label_table

__all__ = ["Crops", "cross_validate", "main", "make_crops"]

ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Crops:
    """Canonical crops of the same photographs, cut in several ways.

    Parameters
    ----------
    images : dict of str to ndarray of shape (n_images, 60, 40)
        By the name of the way.
    found : ndarray of bool of shape (n_images,)
        Where there is exactly one face. The others are cut by the box in every way.
    """

    images: dict[str, np.ndarray]
    found: np.ndarray


def make_crops(paths: list[Path], box: Box | None) -> Crops:
    """Cut photographs by a box, and align them by a similarity and by an affine map.

    Parameters
    ----------
    paths : list of Path
    box : tuple of 4 float or None
        Left, top, right and bottom; None takes whole images.

    Returns
    -------
    Crops
    """
    aligners = {
        "aligned, similarity": FaceAligner(layout="dlib5"),
        "aligned, affine": FaceAligner(layout="dlib5", warp="affine"),
    }
    finder = aligners["aligned, similarity"]
    crops: dict[str, list[np.ndarray]] = {"fixed box": [], **{name: [] for name in aligners}}
    found = np.zeros(len(paths), dtype=bool)
    for row, path in enumerate(tqdm(paths, unit="image", disable=None)):
        image = read_image(path)
        boxed = canonical_crop(image, box=box)
        crops["fixed box"].append(boxed)
        try:
            landmarks = finder.find_landmarks(image)
            aligned = {name: each.align(image, landmarks) for name, each in aligners.items()}
            found[row] = True
        except FaceNotFoundError as error:
            click.echo(f"{path.name}: {error}", err=True)
            aligned = dict.fromkeys(aligners, boxed)
        for name, crop in aligned.items():
            crops[name].append(crop)
    return Crops({name: np.stack(images) for name, images in crops.items()}, found)


def cross_validate(X: OneHotCodes, ages: np.ndarray, n_folds: int, seed: int) -> np.ndarray:
    """Predict every age from the other folds.

    Parameters
    ----------
    X : OneHotCodes of shape (n_images, n_features)
    ages : ndarray of shape (n_images,)
        Whole years.
    n_folds, seed : int
        Of the folds.

    Returns
    -------
    ndarray of shape (n_images,)
        Predicted ages. Alpha is chosen by three folds of the training rows.
    """
    classes = np.arange(ages.min(), ages.max() + 1)
    predicted = np.empty(len(ages))
    for train, test in KFold(n_folds, shuffle=True, random_state=seed).split(ages):
        model = IISVOR_IMCCV(alphas=ALPHAS, cv=3, classes=classes).fit(X[train], ages[train])
        predicted[test] = model.predict(X[test])
    return predicted


@click.command()
@click.option("--images", type=_FOLDER, required=True, help="Folder of photographs.")
@click.option("--labels", type=_FILE, required=True, help="CSV with the columns file and age.")
@click.option("--box", type=float, nargs=4, help="Fixed crop: left, top, right, bottom.")
@click.option("--folds", type=click.IntRange(min=2), default=5, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=1, show_default=True)
def main(images: Path, labels: Path, box: Box | None, folds: int, repeats: int) -> None:
    """Compare a fixed box with aligned crops, on all faces and on those that are found.

    Errors of a face are averaged over the repeats, which draw other folds.
    """
    table = read_label_table(labels)
    ages = table.intervals[:, 0].astype(np.int64)
    crops = make_crops([images / name for name in table.names], box or None)
    found = crops.found
    errors = {name: np.zeros(len(ages)) for name in crops.images}
    for name, cut in crops.images.items():
        X = MultiScaleLBP(output="codes").fit_transform(cut)
        for seed in range(repeats):
            error = np.abs(cross_validate(X, ages, folds, seed) - ages)
            click.echo(f"{name}, seed {seed}: {error.mean():.3f}", err=True)
            errors[name] += error / repeats
    click.echo(f"{found.sum():,} of {len(found):,} faces found ({found.mean():.2%})\n")
    click.echo(
        "| crop | MAE, all | MAE, found | difference to the box, found |\n|---|---|---|---|"
    )
    for name, error in errors.items():
        difference = (error - errors["fixed box"])[found]
        deviation = difference.std(ddof=1) / np.sqrt(found.sum())
        click.echo(
            f"| {name} | {error.mean():.3f} | {error[found].mean():.3f} "
            f"| {difference.mean():+.3f} ± {deviation:.3f} |"
        )


if __name__ == "__main__":
    main()
