"""Landmarks of named images from a CSV file."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vilma._arguments import require_path
from vilma._named_rows import read_named_rows, read_number


def read_landmarks(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float64]]:
    """Read landmarks of images from a CSV file.

    Parameters
    ----------
    path : str or path-like
        UTF-8, separated by commas, with the columns ``file,x1,y1,x2,y2,...``: the name of an
        image and its points in pixels, where (0, 0) is the centre of the upper left pixel. Other
        columns are passed over. A row whose points are all empty is an image without a face.

    Returns
    -------
    dict of str to ndarray of shape (n_points, 2)
        The points of each image that has any, in the order of the file.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If columns are missing, a row is short or long, a cell is no finite number or an image is
        named twice; the message names the line.
    """
    require_path("path", path)
    path = Path(path)
    landmarks: dict[str, NDArray[np.float64]] = {}
    rows = read_named_rows(
        path, lambda header: _columns(header, path), says="has points of", kept="row"
    )
    for name, cells, where in rows:
        coordinates = [cell.strip() for cell in cells]
        if any(coordinates):
            values = [_number(cell, where) for cell in coordinates]
            landmarks[name] = np.array(values).reshape(-1, 2)
    return landmarks


def _columns(header: list[str], path: Path) -> list[str]:
    """Return the column of names and those of x1, y1, x2, ..."""
    wanted: list[str] = []
    while f"x{len(wanted) // 2 + 1}" in header:
        number = len(wanted) // 2 + 1
        wanted += [f"x{number}", f"y{number}"]
    if not wanted or any(header.count(name) != 1 for name in ["file", *wanted]):
        raise ValueError(
            f"{path} has the columns {','.join(header)!r}; expected file,x1,y1,x2,y2 and so on, "
            "each once."
        )
    return ["file", *wanted]


def _number(cell: str, where: str) -> float:
    try:
        value = read_number(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{where} has the coordinate {cell!r}; expected a finite number, or empty cells for "
            "all points of an image without a face."
        )
    return value
