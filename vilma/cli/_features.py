"""Features of named images, and the feature file: a binary sparse matrix, names and settings."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
import numpy as np
from scipy import sparse

from vilma.cli._files import atomic_write
from vilma.mapped.matrix import DEFAULT_MEMORY

if TYPE_CHECKING:
    from vilma.features import MultiScaleLBP
    from vilma.mapped import MappedMatrix

FORMAT = "vilma-features-1"


@dataclass(frozen=True)
class FeatureStore:
    """Binary features of named images.

    Attributes
    ----------
    names : list of str
        One name per row, as the labels name the images.
    X : csr_array or MappedMatrix of shape (n_images, n_features)
        The features, zeros and ones.
    settings : dict
        What the features were computed with; two stores go together if these are equal.
    """

    names: list[str]
    X: sparse.csr_array | MappedMatrix
    settings: dict[str, Any]


def lbp_settings(
    extractor: MultiScaleLBP, box: tuple[int, int, int, int] | None
) -> dict[str, Any]:
    """Return what has to be equal for features to be comparable.

    Parameters
    ----------
    extractor : MultiScaleLBP
        What computed them.
    box : (int, int, int, int) or None
        The part of each image that was used.

    Returns
    -------
    dict
        Plain values, as JSON keeps them.
    """
    return {
        "features": "multi-scale LBP",
        "size": list(extractor.size),
        "drop_full_resolution": extractor.drop_full_resolution,
        "box": None if box is None else list(box),
    }


def write_features(path: Path, store: FeatureStore) -> None:
    """Write a feature file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to be written.
    store : FeatureStore
        What to write, in memory. Every stored entry of ``store.X`` is a one, so only places are
        kept.
    """
    X = cast(sparse.csr_array, store.X)
    with atomic_write(path) as stream:
        np.savez_compressed(
            stream,
            format=np.array(FORMAT),
            names=np.array(store.names, dtype=np.str_),
            settings=np.array(json.dumps(store.settings)),
            indices=X.indices,
            indptr=X.indptr,
            shape=np.array(X.shape),
        )


def read_features(path: Path, max_memory: int = DEFAULT_MEMORY) -> FeatureStore:
    """Read a feature file, or open a feature folder.

    Parameters
    ----------
    path : Path
        A file written by :func:`write_features`, or a folder written by `vilma lbp`.
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
        from vilma.cli._feature_folder import read_feature_folder  # it needs this module

        return read_feature_folder(path, max_memory)
    return _read_file(path)


def _read_file(path: Path) -> FeatureStore:
    try:
        # np.load would take other files for pickles and advise to allow those
        if not zipfile.is_zipfile(path):
            raise ValueError("no archive of arrays")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            if str(archive["format"]) != FORMAT:
                raise ValueError(f"format {archive['format']}, expected {FORMAT}")
            indices, indptr = archive["indices"], archive["indptr"]
            names, settings = archive["names"].tolist(), json.loads(str(archive["settings"]))
            ones = np.ones(len(indices), dtype=np.float32)
            X = sparse.csr_array((ones, indices, indptr), shape=tuple(archive["shape"]))
        X.check_format(full_check=True)
        if len(names) != X.shape[0]:
            raise ValueError(f"{len(names)} names for {X.shape[0]} rows")
        if not isinstance(settings, dict):
            raise TypeError(f"settings {settings!r}")
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise click.ClickException(
            f"{path} is not a readable feature file ({error}). "
            "Expected a file written by `vilma lbp`; run it again."
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
    differences = different_settings(expected, found, "the model expects")
    if differences:
        raise click.ClickException(
            f"{features} does not fit {model}: {'; '.join(differences)}. "
            "Run `vilma lbp` with the settings the model was trained with."
        )
