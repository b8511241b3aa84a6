"""Landmarks of named images from a CSV file."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray


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
    path = Path(path)
    landmarks: dict[str, NDArray[np.float64]] = {}
    lines: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            file_column, point_columns = _columns(header, path)
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise ValueError(
                        f"{where} has {len(cells)} cells; the header has {len(header)}."
                    )
                name = _name(cells[file_column], where)
                if name in lines:
                    raise ValueError(
                        f"{where} has points of {name!r} again; the first time was line "
                        f"{lines[name]}. Keep one row per image."
                    )
                lines[name] = reader.line_num
                coordinates = [cells[column].strip() for column in point_columns]
                if any(coordinates):
                    values = [_number(cell, where) for cell in coordinates]
                    landmarks[name] = np.array(values).reshape(-1, 2)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a readable CSV file in UTF-8 ({error}).") from error
    return landmarks


def _columns(header: list[str], path: Path) -> tuple[int, list[int]]:
    """Return the places of the column of names and of those of x1, y1, x2, ..."""
    wanted: list[str] = []
    while f"x{len(wanted) // 2 + 1}" in header:
        number = len(wanted) // 2 + 1
        wanted += [f"x{number}", f"y{number}"]
    if not wanted or any(header.count(name) != 1 for name in ["file", *wanted]):
        raise ValueError(
            f"{path} has the columns {','.join(header)!r}; expected file,x1,y1,x2,y2 and so on, "
            "each once."
        )
    return header.index("file"), [header.index(name) for name in wanted]


def _name(cell: str, where: str) -> str:
    if not cell.strip():
        raise ValueError(f"{where} has no file name.")
    return PurePosixPath(cell.strip().replace("\\", "/")).as_posix()


def _number(cell: str, where: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(
            f"{where} has the coordinate {cell!r}; expected a finite number, or empty cells for "
            "all points of an image without a face."
        )
    return value
