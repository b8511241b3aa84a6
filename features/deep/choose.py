"""From the parameters of DeepFeatures to the embedder they mean."""

from __future__ import annotations

import os
from typing import Any

from vilma.features.deep.custom import FunctionEmbedder, ModuleEmbedder, module_of
from vilma.features.deep.dlib_face import FACES, DlibEmbedder
from vilma.features.deep.embedder import Embedder
from vilma.features.deep.pretrained import PretrainedEmbedder
from vilma.features.deep.weights import find_directory


def choose_embedder(
    model: Any,
    preprocessing: Any,
    *,
    identity: str | None,
    device: str,
    dtype: str,
    local_files_only: bool,
) -> Embedder:
    """Choose by the type of `model`; the parameters are those of ``DeepFeatures``.

    Raises
    ------
    TypeError
        If `model` is of no type that can embed images.
    ValueError
        If the other parameters do not go with it.
    FileNotFoundError, ImportError
        If what it needs is not there.
    """
    if isinstance(model, str) and model == "dlib":
        return _choose_dlib(preprocessing, identity, device, dtype)
    if isinstance(model, (str, os.PathLike)):
        if preprocessing is not None or identity is not None:
            raise ValueError(
                f"model={os.fspath(model)!r} comes with its own preprocessing and identity: leave "
                "out preprocessing= and identity=. To prepare images differently, load the model "
                "and give it as a module."
            )
        return PretrainedEmbedder(find_directory(model, local_files_only), device, dtype)
    if isinstance(model, type) or not callable(model):
        raise TypeError(
            "model must be 'dlib', the name or directory of a model of Hugging Face, a "
            f"torch.nn.Module or a function from images to embeddings, got {model!r:.80}."
        )
    if preprocessing is not None and not callable(preprocessing):
        raise TypeError(
            "preprocessing must be a function that is given a list of RGB images and returns "
            f"what the model takes, got {preprocessing!r:.80}."
        )
    if module_of(model) is None:
        _refuse_network_options("A function", device, dtype)
        return FunctionEmbedder(model, preprocessing, identity)
    if preprocessing is None:
        raise ValueError(
            f"The module {type(module_of(model)).__name__} was given without preprocessing=. Give "
            "the one it was trained with: a function from a list of RGB images (uint8, of shape "
            "(height, width, 3)) to a tensor with one entry per image."
        )
    return ModuleEmbedder(model, preprocessing, identity, device, dtype)


def _choose_dlib(preprocessing: Any, identity: str | None, device: str, dtype: str) -> Embedder:
    if preprocessing is not None and preprocessing not in FACES:
        raise ValueError(
            f"preprocessing of 'dlib' must be one of {', '.join(map(repr, FACES))} or None, "
            f"got {preprocessing!r:.80}."
        )
    if identity is not None:
        raise ValueError("model='dlib' has its own identity: leave out identity=.")
    _refuse_network_options("model='dlib'", device, dtype)
    return DlibEmbedder(preprocessing or "detect")


def _refuse_network_options(model: str, device: str, dtype: str) -> None:
    if device not in ("auto", "cpu") or dtype != "float32":
        raise ValueError(
            f"{model} chooses its device and precision itself: leave device='auto' and "
            f"dtype='float32'. Got device={device!r} and dtype={dtype!r}."
        )
