"""The feature file: a matrix, names and settings; and what makes features go together."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vilma._sealed import seal, verify_seal
from vilma.cli._feature_folder import read_feature_folder
from vilma.cli._feature_store import FORMAT, FeatureStore
from vilma.cli._files import atomic_write
from vilma.mapped.matrix import DEFAULT_MEMORY

LBP, EMBEDDINGS = "multi-scale LBP", "embeddings"  # kinds of features, as settings name them
_COMMANDS = {LBP: "vilma lbp", EMBEDDINGS: "vilma embed"}


def write_features(path: Path, store: FeatureStore) -> None:
    """Write a feature file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to be written.
    store : FeatureStore
        What to write, in memory. Every stored entry of a sparse ``store.X`` is a one, so only
        places are kept.
    """
    with atomic_write(path) as stream:
        np.savez_compressed(
            stream,
            format=np.array(FORMAT),
            names=np.array(store.names, dtype=np.str_),
            settings=np.array(json.dumps(store.settings)),
            **_matrix_to_arrays(store.X),
        )
        seal(stream)


def _matrix_to_arrays(X: Any) -> dict[str, Any]:
    if isinstance(X, np.ndarray):
        return {"dense": X}
    return {"indices": X.indices, "indptr": X.indptr, "shape": np.array(X.shape)}


def _matrix_from_arrays(archive: Any) -> sparse.csr_array | NDArray[np.float32]:
    if "dense" in archive:
        X = archive["dense"]
        if X.ndim != 2 or X.dtype.kind != "f":
            raise ValueError(f"an array of shape {X.shape} and dtype {X.dtype} as the features")
        return X
    indices, indptr = archive["indices"], archive["indptr"]
    ones = np.ones(len(indices), dtype=np.float32)
    X = sparse.csr_array((ones, indices, indptr), shape=tuple(archive["shape"]))
    X.check_format(full_check=True)
    return X


def read_features(path: Path, max_memory: int = DEFAULT_MEMORY) -> FeatureStore:
    """Read a feature file, or open a feature folder.

    Parameters
    ----------
    path : Path
        A file written by :func:`write_features`, or a folder written by `vilma lbp` or
        `vilma embed`.
    max_memory : int, default=256 MB
        Bytes of a folder's features to hold at a time.

    Returns
    -------
    FeatureStore
        Its content.

    Raises
    ------
    click.ClickException
        If it is something else, or damaged.
    """
    if path.is_dir():
        return read_feature_folder(path, max_memory)
    return _read_file(path)


def _read_file(path: Path) -> FeatureStore:
    try:
        # np.load would take other files for pickles and advise to allow those
        if not zipfile.is_zipfile(path):
            raise ValueError("no archive of arrays")
        with path.open("rb") as stream:
            verify_seal(stream)
            with np.load(stream, allow_pickle=False) as archive:
                if str(archive["format"]) != FORMAT:
                    raise ValueError(f"format {archive['format']}, expected {FORMAT}")
                names, settings = archive["names"].tolist(), json.loads(str(archive["settings"]))
                X = _matrix_from_arrays(archive)
        if len(names) != X.shape[0]:
            raise ValueError(f"{len(names)} names for {X.shape[0]} rows")
        if not isinstance(settings, dict):
            raise TypeError(f"settings {settings!r}")
    except Exception as error:  # a damaged archive can fail in any way at all
        raise click.ClickException(
            f"{path} is not a readable feature file ({type(error).__name__}: {error}). "
            "Expected a file written by `vilma lbp` or `vilma embed`; run it again."
        ) from error
    return FeatureStore(names, X, settings)


def different_settings(expected: dict[str, Any], found: dict[str, Any], phrase: str) -> list[str]:
    """Say how settings differ.

    Parameters
    ----------
    expected, found : dict
        Plain values.
    phrase : str
        What stands before an expected value.

    Returns
    -------
    list of str
        One text for each difference.
    """
    return [
        f"{key} is {found.get(key)!r}, {phrase} {expected.get(key)!r}"
        for key in sorted(expected.keys() | found.keys())
        if expected.get(key) != found.get(key)
    ]


def require_same_settings(
    expected: dict[str, Any], found: dict[str, Any], *, model: Path, features: Path
) -> None:
    """Refuse features that were computed in another way than the model's.

    Parameters
    ----------
    expected : dict
        The settings kept with the model.
    found : dict
        The settings kept with the features.
    model, features : Path
        The two files, for the message.

    Raises
    ------
    click.ClickException
        If the settings differ; the message names each difference.
    """
    kind, other = expected.get("features"), found.get("features")
    command = _COMMANDS.get(str(kind), "vilma lbp")
    if kind != other:
        raise click.ClickException(
            f"{features} does not fit {model}: it holds {other or 'features of no name'}, the "
            f"model was trained on {kind}. Run `{command}` on the images instead."
        )
    differences = different_settings(expected, found, "the model expects")
    if differences:
        raise click.ClickException(
            f"{features} does not fit {model}: {'; '.join(differences)}. "
            f"Run `{command}` with the settings the model was trained with."
        )
