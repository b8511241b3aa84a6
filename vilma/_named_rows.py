"""CSV files with a row for every image, named in one column."""

from __future__ import annotations

import codecs
import csv
import re
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


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.I)

# How files begin that spreadsheets and data frames write instead of CSV.
_OTHER_FORMATS = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"PAR1": "a Parquet file",
    b"ARROW1": "a Feather file",
    b"\x1f\x8b": "a compressed file",
    b"\xff\xfe": "text in UTF-16",
    b"\xfe\xff": "text in UTF-16",
    b"SQLite": "a database",
    b"$FL2": "an SPSS file",
    b"<stata": "a Stata file",
    b"RDX": "an R file",
}

_SAVE_AS_UTF_8 = 'Save it as CSV in UTF-8; in Excel that is "CSV UTF-8".'


def read_number(text: str) -> float:
    """Read a number as people write it: not 1_0, which Python takes for 10.

    Parameters
    ----------
    text : str
        A cell, without blanks around it.

    Returns
    -------
    float
        The number; infinite for "inf", NaN for "nan".

    Raises
    ------
    ValueError
        If it is none.
    """
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no number")
    return float(text)


def read_named_rows(
    path: Path, choose: Callable[[list[str]], Sequence[str]], *, says: str, kept: str
) -> Iterator[NamedRow]:
    """Read a CSV file with a header, row by row; blank lines are passed over.

    Parameters
    ----------
    path : Path
        UTF-8, separated by commas; by semicolons, tabs or bars if these part the names in the
        header.
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
    refuse_other_formats(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            separator = find_separator(stream.readline())
            stream.seek(0)
            reader = csv.reader(stream, strict=True, delimiter=separator)
            header = [name.strip() for name in next(reader, [])]
            places = [header.index(name) for name in choose(header)]
            for cells in reader:
                where = f"{path}, line {reader.line_num}"
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    raise ValueError(
                        f"{where} has {len(cells)} cells, separated by {_SEPARATORS[separator]}; "
                        f"the header has {len(header)}."
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
        raise ValueError(about_unreadable(path, error)) from error


_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def find_separator(header: str) -> str:
    """Return what parts the names in a header; a comma if there is any."""
    return next((mark for mark in _SEPARATORS if mark in header), ",")


def refuse_other_formats(path: Path) -> None:
    """Refuse files that begin as those of spreadsheets and data frames do.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    ValueError
        If it is one of these, has bytes that are 0, or begins with a line that is for Excel; the
        message says which.
    """
    with path.open("rb") as stream:
        begin = stream.read(8)
    for magic, what in _OTHER_FORMATS.items():
        if begin.startswith(magic):
            raise ValueError(
                f"{path} is {what}, not a CSV file. Save it as CSV in UTF-8 first, for example by "
                "pandas: DataFrame.to_csv(path, index=False)."
            )
    if b"\0" in begin:
        raise ValueError(
            f"{path} is text in UTF-16, or no text: it has bytes that are 0. {_SAVE_AS_UTF_8}"
        )
    if begin.removeprefix(codecs.BOM_UTF8).lower().startswith(b"sep="):
        raise ValueError(
            f"{path} begins with a line for Excel, {begin.decode('utf-8-sig', 'replace')[:5]!r}; "
            "expected the names of the columns. Remove that line: they tell what parts them."
        )


def _tidy(name: str) -> str:
    name = name.strip().replace("\\", "/")
    return str(PurePosixPath(name)) if name else name


def about_unreadable(path: Path, error: Exception) -> str:
    """Say that a file cannot be read as CSV, and what to do if it is in another encoding.

    Parameters
    ----------
    path : Path
        The file.
    error : Exception
        What reading it raised.

    Returns
    -------
    str
        The message.
    """
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start : error.start + 1]
        return (
            f"{path} is not a readable CSV file in UTF-8: it has the byte 0x{byte.hex()}, which "
            f"files in Windows-1252 or Latin-1 have for {byte.decode('cp1252', 'replace')!r}. "
            f"{_SAVE_AS_UTF_8}"
        )
    return f"{path} is not a readable CSV file in UTF-8 ({error})."
