"""The model file: a fitted estimator and the settings of the features it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import joblib

import vilma
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, require_same_settings
from vilma.cli._files import atomic_write
from vilma.cli._report import warn

FORMAT = "vilma-model-1"


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
    content = {
        "format": FORMAT,
        "vilma_version": vilma.__version__,
        "estimator": model.estimator,
        "settings": model.settings,
    }
    with atomic_write(path) as stream:
        joblib.dump(content, stream, compress=3)


def read_model(path: Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path
        A file written by :func:`write_model`. It is a pickle: reading runs what it contains.

    Returns
    -------
    Model
        Its content.

    Raises
    ------
    click.ClickException
        If the file is something else, or damaged.
    """
    try:
        content = joblib.load(path)
    # a file that is no pickle can fail in any way at all
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise click.ClickException(_not_a_model(path, reason)) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise click.ClickException(_not_a_model(path, f"no {FORMAT}"))
    if content["vilma_version"] != vilma.__version__:
        warn(
            f"{path} was written by vilma {content['vilma_version']}, this is "
            f"{vilma.__version__}; fit again if predictions look wrong"
        )
    return Model(content["estimator"], content["settings"])


def _not_a_model(path: Path, reason: str) -> str:
    return f"{path} is not a readable model file ({reason}). Expected one from `vilma fit`."


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
