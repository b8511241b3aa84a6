"""The model file: one archive of arrays and JSON.

A zip archive whose members are not compressed:

==================  ===============================================================================
``model.json``      ``format``, the versions of vilma and scikit-learn, ``metadata`` and ``model``
``arrays/N.npy``    the arrays that ``model.json`` names; ``numpy.load`` reads them
==================  ===============================================================================

The archive's comment is a digest of all its bytes (:mod:`vilma._sealed`).
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import sklearn
from sklearn.utils.validation import check_is_fitted

import vilma
from vilma._arguments import require_path
from vilma._atomic import atomic_write
from vilma._sealed import pack, unpack
from vilma.persistence.decoding import Decoder
from vilma.persistence.encoding import Encoder

__all__ = ["ModelFile", "load_model", "read_model_file", "save_model", "write_model_file"]

FORMAT = "vilma-model-2"
_DESCRIPTION = "model.json"
_VERSIONS = {"vilma_version": "vilma", "scikit_learn_version": "scikit-learn"}


@dataclass(frozen=True)
class ModelFile:
    """The content of a model file.

    Parameters
    ----------
    model : object
        A fitted estimator or pipeline.
    metadata : dict
        Plain values of the writer's choice.
    """

    model: Any
    metadata: Mapping[str, Any]


def save_model(
    model: Any, path: str | os.PathLike[str], *, metadata: Mapping[str, Any] | None = None
) -> None:
    """Write a fitted model to a file that holds numbers and settings, and nothing that runs.

    Parameters
    ----------
    model : object
        A fitted estimator of vilma, or a pipeline of such and of transformers of
        ``vilma.features`` and scikit-learn: scalers, encoders, imputers, ``ColumnTransformer``,
        ``Nystroem``, random trees and others.
    path : path
        The file, whatever its name. It is replaced when the new content is on the disk.
    metadata : mapping, optional
        Plain values to keep beside the model: strings, numbers, lists and dictionaries.

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the model is not fitted.
    TypeError
        If it has a part that such a file cannot hold, as a function or an estimator of another
        package; the message names the part.
    ValueError
        If a setting reaches beyond the model, as a pipeline's `memory` does.
    OSError
        If the file cannot be written.

    See Also
    --------
    load_model : Read the file.

    Notes
    -----
    The file is a zip archive of ``model.json`` and arrays in NumPy's format, with a SHA-256
    digest of all its bytes as the comment. Times in `history_` are written as NaN, so that the
    same fit makes the same bytes. What `warm_start` keeps in memory, and requests of metadata,
    are left out.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from vilma import IISVOR_IMC, load_model, save_model
    >>> X, y = np.arange(8.0).reshape(-1, 1), [1, 1, 1, 2, 2, 2, 3, 3]
    >>> path = Path(tempfile.mkdtemp()) / "model.vilma"
    >>> save_model(IISVOR_IMC(alpha=0.01).fit(X, y), path)
    >>> load_model(path).predict([[0.0], [4.0], [7.0]])
    array([1, 2, 3])
    """
    require_path("path", path)
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata should be a mapping of plain values, got {metadata!r}.")
    content = ModelFile(model, {} if metadata is None else metadata)
    with atomic_write(Path(path).absolute()) as stream:
        write_model_file(stream, content)


def load_model(path: str | os.PathLike[str]) -> Any:
    """Read a model from a file of :func:`save_model` or ``vilma fit``.

    Nothing in the file is run, whoever wrote it: it can only name classes of a fixed list, whose
    attributes are numbers, strings and arrays, and these are checked.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    object
        The fitted estimator or pipeline.

    Raises
    ------
    ValueError
        If it is no such file, is damaged, or its content does not fit together.
    OSError
        If it cannot be read.

    Warns
    -----
    UserWarning
        If it was written by another version of vilma, or holds transformers of another version
        of scikit-learn.

    See Also
    --------
    save_model : Write the file.
    """
    require_path("path", path)
    with Path(path).open("rb") as stream:
        return read_model_file(stream, os.fspath(path)).model


def write_model_file(stream: BinaryIO, content: ModelFile) -> None:
    """Write a model file.

    Parameters
    ----------
    stream : binary file, open for reading and writing
    content : ModelFile

    Raises
    ------
    NotFittedError, TypeError, ValueError
        As :func:`save_model`.
    """
    check_is_fitted(content.model)
    encoder = Encoder()
    description = {
        "format": FORMAT,
        "vilma_version": vilma.__version__,
        "scikit_learn_version": sklearn.__version__,
        "metadata": encoder.encode(dict(content.metadata), "metadata"),
        "model": encoder.encode(content.model, "model"),
    }
    text = json.dumps(description, sort_keys=True, indent=1, allow_nan=False)
    pack({_DESCRIPTION: text.encode(), **encoder.members}, stream)


def read_model_file(stream: BinaryIO, name: str) -> ModelFile:
    """Read a model file.

    Parameters
    ----------
    stream : binary file, open for reading
    name : str
        What messages call it.

    Returns
    -------
    ModelFile

    Raises
    ------
    ValueError
        If it is something else, damaged, or of another format.
    """
    try:
        members = unpack(stream)
        description = json.loads(members[_DESCRIPTION])
        found = description["format"]
    except (ValueError, LookupError, TypeError, RecursionError, zipfile.BadZipFile) as error:
        raise _not_a_model(name, error) from error
    if found != FORMAT:
        raise ValueError(
            f"{name} is of the format {found!r}; this version of vilma, {vilma.__version__}, "
            f"reads {FORMAT!r}. Read it with the version that wrote it, or fit again."
        )
    try:
        decoder = Decoder(members)
        content = ModelFile(
            decoder.decode(description["model"], "model"),
            decoder.decode(description["metadata"], "metadata"),
        )
        check_is_fitted(content.model)
        versions = {each: str(description[each]) for each in _VERSIONS}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _not_a_model(name, error) from error
    _warn_of_versions(name, versions, '"sklearn.' in str(members[_DESCRIPTION]))
    return content


def _warn_of_versions(name: str, versions: Mapping[str, str], has_transformers: bool) -> None:
    here = {"vilma_version": vilma.__version__, "scikit_learn_version": sklearn.__version__}
    for key, package in _VERSIONS.items():
        if versions[key] == here[key] or (package == "scikit-learn" and not has_transformers):
            continue
        warnings.warn(
            f"{name} was written by {package} {versions[key]}, this is {here[key]}; fit again if "
            "predictions look wrong",
            UserWarning,
            stacklevel=4,
        )


def _not_a_model(name: str, error: Exception) -> ValueError:
    reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
    return ValueError(
        f"{name} is not a readable model file: {reason}. Expected a file of vilma.save_model or "
        "`vilma fit`."
    )
