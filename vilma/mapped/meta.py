"""``meta.json``: what a folder's arrays stand for."""

from __future__ import annotations

import json
from pathlib import Path

__all__ = ["read_meta", "write_meta"]

FORMAT = "vilma-matrix-1"
KINDS = ("dense", "csr", "one-hot")


def write_meta(folder: Path, kind: str, shape: tuple[int, int]) -> None:
    """Write the description of a matrix into its folder.

    Parameters
    ----------
    folder : Path
    kind : {"dense", "csr", "one-hot"}
    shape : tuple of (int, int)
        Number of rows and columns.
    """
    meta = {"format": FORMAT, "kind": kind, "shape": [int(side) for side in shape]}
    (folder / "meta.json").write_text(json.dumps(meta) + "\n", encoding="utf-8")


def read_meta(folder: Path) -> tuple[str, tuple[int, int]]:
    """Read kind and shape of the matrix in a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    kind : {"dense", "csr", "one-hot"}
    shape : tuple of (int, int)

    Raises
    ------
    FileNotFoundError
        If there is no ``meta.json``.
    ValueError
        If it is damaged, or of another format.
    """
    path = folder / "meta.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder} is not a folder of a matrix: it has no meta.json. Expected one written by "
            "vilma.save_mapped, `vilma lbp` or `vilma embed`."
        )
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        found, kind = meta["format"], meta["kind"]
        n_rows, n_columns = map(int, meta["shape"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error}). Write the folder again."
        ) from error
    if found != FORMAT or kind not in KINDS:
        raise ValueError(
            f"{path} says format {found!r} and kind {kind!r}; this version of vilma reads "
            f"{FORMAT!r} and the kinds {', '.join(KINDS)}. Write the folder again with it."
        )
    return kind, (n_rows, n_columns)
