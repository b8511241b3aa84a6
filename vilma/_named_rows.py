"""CSV files with a row for every image, named in one column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class NamedRow(NamedTuple):
    """A row of such a file.

    Parameters
    ----------
    name : str
        The image, with slashes and without a leading ``./``.
    cells : list of str
        What the other columns hold.
    where : str
        File and line, for messages.
    """

    name: str
    cells: list[str]
    where: str


def read_named_rows(
    path: Path, choose: Callable[[list[str]], Sequence[str]], *, says: str, kept: str
) -> Iterator[NamedRow]:
    """Read a CSV file with a header, row by row; blank lines are passed over.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas.
    choose : callable
        Given the names in the header, returns those of the columns to read, each once in it: the
        first holds the names of the images.
    says, kept : str
        What a row does to an image ("labels") and is ("label"), for the message on a second one.

    Yields
    ------
    NamedRow

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no CSV file, a row is short or long or has no name, or a name comes twice.
    """
    first_line: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            places = [header.index(name) for name in choose(header)]
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise ValueError(
                        f"{where} has {len(cells)} cells; the header has {len(header)}."
                    )
                name, *others = (cells[place] for place in places)
                name = _tidy(name)
                if not name:
                    raise ValueError(f"{where} has no file name.")
                if name in first_line:
                    raise ValueError(
                        f"{where} {says} {name!r} again; the first time was line "
                        f"{first_line[name]}. Keep one {kept} per image."
                    )
                first_line[name] = reader.line_num
                yield NamedRow(name, others, where)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is not a readable CSV file in UTF-8 ({error}).") from error


def _tidy(name: str) -> str:
    name = name.strip().replace("\\", "/")
    return str(PurePosixPath(name)) if name else name
