"""The feature folder: a matrix on disk, the fate of every image, and the settings.

Beside the files of :mod:`vilma.mapped.folder` there are

=================  ==============================================================================
``manifest.csv``   ``file,status,reason`` of every image; those of status "ok" are the rows
``files.npy``      bytes and time of each of these files, to notice when one has changed
``features.json``  the format, the settings, and digests of further files that had a part
``checksums.json`` of all files, these included
=================  ==============================================================================
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from vilma.cli._feature_store import FORMAT, FeatureStore
from vilma.mapped import MappedMatrix
from vilma.mapped.checksums import Checksums

MANIFEST = "manifest.csv"
Outcome = tuple[str, str | None]  # the name of an image, and why it cannot be used, or None
_SETTINGS = "features.json"
_FILES = "files.npy"
_COLUMNS = ["file", "status", "reason"]
MANIFEST_HEADER = (",".join(_COLUMNS) + "\n").encode()


class Stamp(NamedTuple):
    """What a file is like that has not changed; -1 where it cannot be looked at."""

    n_bytes: int
    modified: int  # nanoseconds


def read_feature_folder(folder: Path, max_memory: int) -> FeatureStore:
    """Open a feature folder.

    Parameters
    ----------
    folder : Path
        Written by `vilma lbp` or `vilma embed`.
    max_memory : int
        Bytes of the features to hold at a time.

    Returns
    -------
    FeatureStore
        Its features stay on disk.

    Raises
    ------
    click.ClickException
        If it is something else, or damaged.
    """
    if not any((folder / name).exists() for name in (_SETTINGS, MANIFEST)):
        raise click.ClickException(
            f"{folder} holds no features: it has neither {_SETTINGS} nor {MANIFEST}. If it is a "
            f"folder of images, compute their features first, `vilma lbp {folder} -o "
            "features.npz`, and give those."
        )
    try:
        Checksums(folder).verify([_SETTINGS, MANIFEST, _FILES])
    except (ValueError, OSError) as error:
        raise _not_a_folder(folder, str(error)) from error
    settings = read_folder_settings(folder)
    names = [name for name, status, _ in read_manifest(folder / MANIFEST) if status == "ok"]
    try:
        X = MappedMatrix.open(folder, max_memory=max_memory)
        if len(names) != len(X):
            raise ValueError(f"{len(names)} usable images in {MANIFEST} for {len(X)} rows")
    except (ValueError, TypeError, OSError) as error:
        raise _not_a_folder(folder, str(error)) from error
    return FeatureStore(names, X, settings)


def read_folder_settings(folder: Path) -> dict[str, Any]:
    """Read what the features of a folder were computed with.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict

    Raises
    ------
    click.ClickException
        If it is no feature folder.
    """
    return read_folder_origin(folder)[0]


def read_folder_origin(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read what the features of a folder were computed with, and from.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    settings : dict
    inputs : dict of str to str
        Digests of further files, by what they are.

    Raises
    ------
    click.ClickException
        If it is no feature folder.
    """
    try:
        content = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']}, expected {FORMAT}")
        return dict(content["settings"]), dict(content.get("inputs", {}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_a_folder(folder, f"{type(error).__name__}: {error}") from error


def write_folder_settings(
    folder: Path, settings: dict[str, Any], inputs: dict[str, str] | None = None
) -> None:
    """Write what the features of a folder were computed with, and from.

    Parameters
    ----------
    folder : Path
    settings : dict
        Plain values.
    inputs : dict of str to str, optional
        Digests of further files, by what they are.
    """
    content: dict[str, Any] = {"format": FORMAT, "settings": settings}
    if inputs:
        content["inputs"] = inputs
    (folder / _SETTINGS).write_text(json.dumps(content) + "\n", encoding="utf-8")


def write_stamps(folder: Path, stamps: Sequence[Stamp]) -> None:
    """Write how large the files of the images are, and when they were written last.

    Parameters
    ----------
    folder : Path
    stamps : sequence of Stamp
        In the order of the manifest.
    """
    np.save(folder / _FILES, np.array(stamps, dtype=np.int64).reshape(-1, 2))


def read_stamps(folder: Path) -> list[Stamp]:
    """Read what the files of the images were like.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    list of Stamp
        Empty for a folder that does not keep them.

    Raises
    ------
    click.ClickException
        If they are damaged.
    """
    if not (folder / _FILES).exists():
        return []
    try:
        return [Stamp(*pair) for pair in np.load(folder / _FILES, allow_pickle=False).tolist()]
    except (OSError, ValueError, EOFError, TypeError) as error:
        raise _not_a_folder(folder, f"{_FILES}: {error}") from error


def manifest_lines(outcomes: Sequence[Outcome]) -> bytes:
    """Return lines of a manifest, without its header.

    Parameters
    ----------
    outcomes : sequence of Outcome

    Returns
    -------
    bytes
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for name, reason in outcomes:
        cells = [name, "ok" if reason is None else "failed", reason or ""]
        # A carriage return ends a line for the reader, but is nothing special to the writer.
        (quoted if "\r" in "".join(cells) else lines).writerow(cells)
    return text.getvalue().encode("utf-8", "surrogateescape")


def read_manifest(path: Path) -> list[tuple[str, str, str]]:
    """Read the fate of every image.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of (str, str, str)
        Name, "ok" or "failed", and the reason.

    Raises
    ------
    click.ClickException
        If it is no manifest.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            header, *lines = list(csv.reader(file)) or [[]]
        if header != _COLUMNS or any(len(line) != len(_COLUMNS) for line in lines):
            raise ValueError(f"expected the columns {','.join(_COLUMNS)}")
    except (OSError, ValueError, csv.Error) as error:
        raise _not_a_folder(path.parent, f"{path.name}: {error}") from error
    return [(name, status, reason) for name, status, reason in lines]


def _not_a_folder(folder: Path, reason: str) -> click.ClickException:
    return click.ClickException(
        f"{folder} is not a readable feature folder ({reason}). "
        "Expected a folder written by `vilma lbp` or `vilma embed`; run it again."
    )
