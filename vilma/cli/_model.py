"""The model file: a fitted estimator and the settings of the features it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, require_same_settings
from vilma.cli._files import atomic_write
from vilma.cli._report import readable_errors
from vilma.persistence.model_file import ModelFile, read_model_file, write_model_file


@dataclass(frozen=True)
class Model:
    """A fitted estimator that knows its features.

    Attributes
    ----------
    estimator : VILMA, IISVOR_EXP or IISVOR_IMC
        Fitted.
    settings : dict
        What the features of its training data were computed with.
    """

    estimator: Any
    settings: dict[str, Any]


def write_model(path: Path, model: Model) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path : Path
        The file to be written.
    model : Model
        What to write.
    """
    with atomic_write(path) as stream:
        write_model_file(stream, ModelFile(model.estimator, {"settings": model.settings}))


def read_model(path: Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path
        A file written by :func:`write_model`. Nothing in it is run.

    Returns
    -------
    Model
        Its content.

    Raises
    ------
    click.ClickException
        If the file is something else, or damaged.
    """
    with readable_errors(), path.open("rb") as stream:
        content = read_model_file(stream, str(path))
        settings = content.metadata.get("settings")
        if not isinstance(settings, dict):
            raise ValueError(
                f"{path} does not say which features it is for. Expected a file of `vilma fit`."
            )
    return Model(content.model, settings)


def read_model_and_features(
    model: Path, features: Path, max_memory: int
) -> tuple[Model, FeatureStore]:
    """Read a model and features that fit it.

    Parameters
    ----------
    model, features : Path
        The two files, or a file and a folder.
    max_memory : int
        Bytes of a folder's features to hold at a time.

    Returns
    -------
    Model, FeatureStore
        Their contents.

    Raises
    ------
    click.ClickException
        If a file cannot be read, or the features were computed in another way than the model's.
    """
    fitted, store = read_model(model), read_features(features, max_memory)
    require_same_settings(fitted.settings, store.settings, model=model, features=features)
    return fitted, store
