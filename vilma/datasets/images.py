"""Folders of labelled images."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.utils import Bunch

from vilma._wording import some_of
from vilma.intervals import parse_brackets
from vilma.labels.label_file import match_names, read_label_table

_UTKFACE = re.compile(r"(\d{1,3})_([01])_([0-4])_(\d+)\.(?:jpe?g|png)(?:\.chip\.jpg)?", re.I)


class UTKFaceName(NamedTuple):
    """What the file name of an image of UTKFace says.

    Parameters
    ----------
    age : int
        Years.
    gender : int
        0 for male, 1 for female.
    race : int
        0 to 4 for White, Black, Asian, Indian and others, in the words of the data set.
    date : str
        When the image was collected, as digits.
    """

    age: int
    gender: int
    race: int
    date: str


def parse_utkface_name(name: str | os.PathLike[str]) -> UTKFaceName:
    """Read the label in the file name of an image of UTKFace.

    Parameters
    ----------
    name : str or path-like
        ``[age]_[gender]_[race]_[date].jpg``, with or without ``.chip.jpg`` behind, in any folder.

    Returns
    -------
    label : UTKFaceName
        Age, gender, race and date.

    Raises
    ------
    ValueError
        If the name is another; a few images of the data set lack a part.

    References
    ----------
    Zhang, Song, Qi: Age progression/regression by conditional adversarial autoencoder, CVPR, 2017.

    Examples
    --------
    >>> from vilma.datasets import parse_utkface_name
    >>> parse_utkface_name("faces/26_1_0_20170116184024662.jpg").age
    26
    """
    try:
        path = os.fsdecode(name)
    except TypeError:
        raise TypeError(f"name should be a path, got {name!r}.") from None
    match = _UTKFACE.fullmatch(re.split(r"[\\/]", path)[-1])  # of any system
    if match is None:
        raise ValueError(
            f"{path!r} is not named as UTKFace does, [age]_[gender]_[race]_[date].jpg."
        )
    age, gender, race, date = match.groups()
    return UTKFaceName(int(age), int(gender), int(race), date)


def load_image_folder(
    folder: str | os.PathLike[str],
    labels: str | os.PathLike[str] | None = None,
    *,
    columns: tuple[str, ...] | None = None,
    size: tuple[int, int] = (60, 40),
    box: tuple[float, float, float, float] | None = None,
    n_jobs: int | None = None,
) -> Bunch:
    """Load the labelled images of a folder as grey crops of equal size.

    Parameters
    ----------
    folder : str or path-like
        Images are looked for here and in subfolders.
    labels : str or path-like, default=None
        A CSV file with the columns ``file,label`` or ``file,lower,upper``, where an empty cell
        is an open end. Labels are numbers, or brackets such as "20-29" and "50+" (see
        :func:`vilma.intervals.parse_brackets`). Files are paths relative to the folder, or their
        last parts. None takes ages from file names as UTKFace has them.
    columns : tuple of str, default=None
        Other names of the two or three columns.
    size : tuple of (int, int), default=(60, 40)
        Height and width of the crops.
    box : tuple of (left, top, right, bottom), default=None
        What to cut out of each image, in pixels; None takes all of it.
    n_jobs : int, default=None
        Threads that decode images. None means 1 unless in a :obj:`joblib.parallel_config`
        context, -1 all cores.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        images : ndarray of shape (n_images, height, width), dtype=uint8
            The crops, sorted by path.
        target : ndarray of shape (n_images,) or (n_images, 2)
            Labels, or intervals with infinite open ends; integers where all are whole.
        filenames : list of str
            Paths relative to the folder.
        gender, race : ndarray of shape (n_images,)
            As UTKFace codes them, if labels come from its file names.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ValueError
        If no image has a label, or the label file is malformed.

    Warns
    -----
    UserWarning
        If images without a label, labels without an image, or images that cannot be read are
        left out; some are named.

    See Also
    --------
    vilma.features.MultiScaleLBP : Turns the crops into features.
    """
    from vilma.features import find_images  # Pillow takes a while to import

    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"folder should be a path, got {folder!r}.")
    folder = Path(folder)
    paths = find_images(folder)
    if not paths:
        raise ValueError(f"There are no images in {os.fspath(folder)!r} or its subfolders.")
    names = [path.relative_to(folder).as_posix() for path in paths]
    if labels is None:
        rows, facts = _utkface_labels(names)
    else:
        rows, facts = _labels_of_file(names, Path(labels), columns)
    crops = Parallel(n_jobs=n_jobs, prefer="threads")(
        delayed(_read_crop)(paths[row], size, box) for row in rows
    )
    good = [place for place, crop in enumerate(crops) if not isinstance(crop, str)]
    broken = [crop for crop in crops if isinstance(crop, str)]
    _warn_of(broken, "image(s) that cannot be read")
    if not good:
        raise ValueError(f"No labelled image in {os.fspath(folder)!r} can be read: {broken[0]}")
    return Bunch(
        images=np.stack([crops[place] for place in good]),
        filenames=[names[rows[place]] for place in good],
        **{name: values[good] for name, values in facts.items()},
    )


def _utkface_labels(names: list[str]) -> tuple[list[int], dict[str, NDArray[Any]]]:
    """Return which names say a label, and the labels."""
    rows, read, strange = [], [], []
    for row, name in enumerate(names):
        try:
            read.append(parse_utkface_name(name))
        except ValueError:
            strange.append(name)
        else:
            rows.append(row)
    if not rows:
        raise ValueError(
            f"No image is named as UTKFace does, [age]_[gender]_[race]_[date].jpg; the images are "
            f"{some_of(names)}. Pass a CSV file with the columns file,label as `labels`."
        )
    _warn_of(strange, "image(s) that are not named [age]_[gender]_[race]_[date].jpg")
    age, gender, race, _ = zip(*read, strict=True)
    return rows, {"target": np.array(age), "gender": np.array(gender), "race": np.array(race)}


def _labels_of_file(
    names: list[str], path: Path, columns: tuple[str, ...] | None
) -> tuple[list[int], dict[str, NDArray[Any]]]:
    """Return which names have a label in the file, and the labels."""
    table = read_label_table(path, columns, read_brackets=parse_brackets)
    pairs = match_names(names, table.names)
    if not pairs:
        raise ValueError(
            f"No image has a label in {os.fspath(path)!r}. The images are {some_of(names)}; the "
            f"labels are of {some_of(table.names)}."
        )
    rows, labelled = (list(places) for places in zip(*pairs, strict=True))
    used = set(rows)
    _warn_of([n for k, n in enumerate(names) if k not in used], "image(s) without a label")
    used = set(labelled)
    _warn_of([n for k, n in enumerate(table.names) if k not in used], "label(s) without an image")
    target = table.intervals[labelled]
    if np.isfinite(target).all() and (target == np.round(target)).all():
        target = target.astype(np.int64)
    exact = len(table.columns) == 2 and np.array_equal(target[:, 0], target[:, 1])
    return rows, {"target": target[:, 0] if exact else target}


def _read_crop(
    path: Path, size: tuple[int, int], box: tuple[float, float, float, float] | None
) -> NDArray[np.uint8] | str:
    """Return the crop of an image, or why the image cannot be read."""
    from vilma.features import ImageReadError, canonical_crop, read_image

    try:
        return canonical_crop(read_image(path), size, box)
    except (ImageReadError, OSError) as error:
        return str(error)
    except ValueError as error:  # of the crop, which does not know the file
        return f"{path.name}: {error}"


def _warn_of(names: list[str], what: str) -> None:
    if names:
        warnings.warn(
            f"Left out {len(names)} {what}: {some_of(names)}.", UserWarning, stacklevel=4
        )
