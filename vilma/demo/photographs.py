"""A task from the photographs that are installed with scikit-image: tell how degraded they are."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from vilma.demo.task import TEST, TRAIN, VALIDATION, Task, Vagueness
from vilma.features import ImageReadError, read_image

# Only files of the scikit-image wheel: its `data` functions may download others. Near duplicates
# (motorcycle_right) and drawings are left out. A photograph serves one part only.
PHOTOGRAPHS = {
    TRAIN: (
        "astronaut.png",
        "brick.png",
        "camera.png",
        "gravel.png",
        "hubble_deep_field.jpg",
        "ihc.png",
        "motorcycle_left.png",
        "retina.jpg",
    ),
    VALIDATION: ("coins.png", "chelsea.png"),
    TEST: ("coffee.png", "grass.png", "moon.png", "rocket.jpg"),
}
COPIES = 3  # of every crop, each degraded to a level of its own

LEVELS = np.arange(1, 21)
HEIGHT, WIDTH = 60, 40
LONGEST_SIDE = 700  # larger photographs are halved until they fit, not to outweigh the others
PLAIN = 8.0  # standard deviation of grey values under which a crop (of sky) shows no degradation

BLUR = 6.0  # standard deviation of the blur at the worst level, in pixels
NOISE = 5.0  # standard deviation of the noise at the worst level, in grey values
BEST_QUALITY, WORST_QUALITY = 95, 15  # of JPEG compression, from the best to the worst level


def photographs_task(
    vagueness: Vagueness,
    *,
    seed: int = 0,
    folder: Path | None = None,
) -> Task:
    """Cut photographs into crops and degrade each to a level from 1 (as taken) to 20.

    Parameters
    ----------
    vagueness : Vagueness
        What is made known of the levels.
    seed : int, default=0
        Seed of levels, noise and annotations.
    folder : Path, optional
        Where the photographs are; in the installed scikit-image by default.

    Returns
    -------
    Task
        Training, validation and test crops come from different photographs.

    Raises
    ------
    ValueError
        If a part has no photograph, because an installation left out the files.
    """
    if folder is None:
        folder = Path(skimage.__file__).parent / "data"
    rng = np.random.default_rng(seed)
    images: list[NDArray[np.uint8]] = []
    levels: list[int] = []
    parts: list[int] = []
    n_photographs = {}
    for part, names in PHOTOGRAPHS.items():
        found = [photograph for name in names if (photograph := _read(folder / name)) is not None]
        n_photographs[part] = len(found)
        if not found:
            raise ValueError(
                f"None of the photographs {', '.join(names)} is in {folder}. Install scikit-image "
                "from its wheel (pip install --force-reinstall scikit-image), or give images of "
                "your own."
            )
        for photograph in found:
            crops = cut(photograph)
            for _ in range(COPIES):
                drawn = rng.permutation(np.resize(LEVELS, len(crops)))
                images += [degrade(crop, k, rng) for crop, k in zip(crops, drawn, strict=True)]
                levels += drawn.tolist()
                parts += [part] * len(crops)
    true = np.array(levels)
    annotations = vagueness.draw(true, LEVELS, int(rng.integers(2**31)))
    return Task(
        items=np.stack(images),
        intervals=annotations.intervals.astype(np.float64),
        truth=np.column_stack([true, true]).astype(np.float64),
        classes=LEVELS,
        part=np.array(parts),
        item_name="images",
        level_name="degradation level",
        description=(
            f"{len(true):,} crops of {sum(n_photographs.values())} photographs of scikit-image, "
            f"degraded (blur, noise, JPEG) to levels 1 to {LEVELS[-1]}, known by {vagueness}; "
            "no photograph is in two parts: "
            f"{n_photographs[TRAIN]} train, {n_photographs[VALIDATION]} choose alpha, "
            f"{n_photographs[TEST]} test"
        ),
    )


def _read(path: Path) -> NDArray[np.uint8] | None:
    """Return a photograph, halved until it is small enough; None if it is not there."""
    try:
        photograph = read_image(path)
    except (OSError, ImageReadError):
        return None
    while max(photograph.shape) > LONGEST_SIDE:
        photograph = np.asarray(Image.fromarray(photograph).reduce(2))
    return photograph


def cut(photograph: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Cut a photograph into crops that do not overlap, leaving out the plain ones.

    Parameters
    ----------
    photograph : ndarray of shape (height, width), dtype uint8
        Grey values.

    Returns
    -------
    list of ndarray of shape (60, 40), dtype uint8
        Row by row.
    """
    height, width = photograph.shape
    crops = (
        photograph[top : top + HEIGHT, left : left + WIDTH]
        for top in range(0, height - HEIGHT + 1, HEIGHT)
        for left in range(0, width - WIDTH + 1, WIDTH)
    )
    return [crop for crop in crops if crop.std() >= PLAIN]


def degrade(crop: NDArray[np.uint8], level: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Blur a crop, add noise and compress it, all in proportion to the level.

    Parameters
    ----------
    crop : ndarray of shape (height, width), dtype uint8
        Grey values.
    level : int
        From 1, next to nothing, to 20.
    rng : Generator
        Draws the noise.

    Returns
    -------
    ndarray of shape (height, width), dtype uint8
        The degraded crop.
    """
    strength = (level - LEVELS[0]) / (LEVELS[-1] - LEVELS[0])
    blurred = gaussian_filter(crop.astype(np.float64), BLUR * strength)
    noisy = blurred + NOISE * strength * rng.standard_normal(crop.shape)
    grey = Image.fromarray(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
    quality = round(BEST_QUALITY + strength * (WORST_QUALITY - BEST_QUALITY))
    with io.BytesIO() as file:
        grey.save(file, "JPEG", quality=quality)
        return np.array(Image.open(file))
