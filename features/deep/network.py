"""A torch network in inference: device, precision, batches, and what its outputs must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma._optional import require

DTYPES = ("float32", "float16", "bfloat16")


class DeviceError(ValueError):
    """A device that cannot be used; no image is at fault."""


def choose_device(device: str) -> Any:
    """Turn the parameter `device` into a ``torch.device`` that is there.

    Raises
    ------
    DeviceError
        If torch does not know it or cannot reach it.
    """
    torch = require("torch", "deep", "A network")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(0, device=chosen)
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(
            f"device={device!r} cannot be used: {reason} Give 'auto' (CUDA if it is there, else "
            "the CPU), 'cpu', 'cuda' or 'cuda:1'."
        ) from error
    return chosen


class NetworkRunner:
    """Runs a function of a network over prepared images.

    On the CPU the images go through the network one by one, so that the bits of a row depend on
    its image alone: kernels for several images add up in an order that changes with their
    number. On a few cores a batch is hardly faster. Elsewhere images of one shape form a batch.

    Parameters
    ----------
    function : callable
        Maps a tensor of shape (n_images, ...) to their embeddings: a network or a method of it.
    device : torch.device
        Where the network is.
    dtype : str
        Precision of floating-point inputs, as of the network.
    """

    def __init__(self, function: Callable[[Any], Any], device: Any, dtype: str) -> None:
        self.function = function
        self.device = device
        self.dtype = dtype
        self.one_by_one = device.type == "cpu"

    def embed(self, prepared: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
        """Embed images, each given without the batch axis."""
        torch = require("torch", "deep", "A network")
        with torch.inference_mode():
            if self.one_by_one:
                return np.concatenate([self._run([image]) for image in prepared])
            groups = groupby(prepared, key=np.shape)
            with _exact_convolutions(torch.backends.cudnn):
                return np.concatenate([self._run(list(group)) for _, group in groups])

    def _run(self, images: list[NDArray[Any]]) -> NDArray[np.float32]:
        import torch

        tensor = torch.tensor(np.stack(images))
        if tensor.is_floating_point():
            tensor = tensor.to(getattr(torch, self.dtype))
        try:
            output = self.function(tensor.to(self.device))
        except torch.OutOfMemoryError as error:
            raise torch.OutOfMemoryError(
                f"A batch of {len(images)} images does not fit into the memory of "
                f"{self.device}: make batch_size smaller. {error}"
            ) from error
        except Exception as error:  # whatever its layers raise for shapes they do not expect
            if _is_of_the_machine(error):
                raise
            raise ValueError(
                f"The model cannot take what its preprocessing makes of an image, {tensor.dtype} "
                f"of shape {tuple(tensor.shape[1:])}: {error}"
            ) from error
        return as_rows(output, len(images))


def _is_of_the_machine(error: Exception) -> bool:
    """Tell whether the device or the memory has failed: no image is at fault then."""
    import torch

    # Newer versions of torch have a type for some of them.
    kinds = (MemoryError, getattr(torch, "AcceleratorError", MemoryError))
    words = ("CUDA error", "cuDNN error", "CPUAllocator")
    return isinstance(error, kinds) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in words)
    )


@contextmanager
def _exact_convolutions(cudnn: Any) -> Iterator[None]:
    """Keep cuDNN from rounding float32 to 10 bits, an error of 1e-3 each, and from chance."""
    # In newer versions of torch the old switch fails for those who have used the new one.
    switches: list[tuple[Any, str, Any]] = [
        (cudnn.conv, "fp32_precision", "ieee")
        if hasattr(cudnn, "conv")
        else (cudnn, "allow_tf32", False),
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", False),
    ]
    before = [getattr(place, name) for place, name, _ in switches]
    try:
        for place, name, value in switches:
            setattr(place, name, value)
        yield
    finally:
        for (place, name, _), value in zip(switches, before, strict=True):
            setattr(place, name, value)


def as_rows(output: Any, n_images: int) -> NDArray[np.float32]:
    """Turn what a model returns into a matrix with one row per image.

    Parameters
    ----------
    output : tensor, array, or an output of Hugging Face
        Of shape (n_images, n_columns), or with further axes of length 1. Of an output with names,
        `image_embeds` counts, or `pooler_output`, or the first token of `last_hidden_state`.
    n_images : int
        How many images went in.

    Returns
    -------
    ndarray of float32 of shape (n_images, n_columns)
        The embeddings.

    Raises
    ------
    ValueError
        If the shape is another one, or a number is nan or infinite.
    """
    for field in ("image_embeds", "pooler_output"):
        if isinstance(output, Mapping) and output.get(field) is not None:
            output = output[field]
            break
    else:
        if isinstance(output, Mapping) and output.get("last_hidden_state") is not None:
            output = output["last_hidden_state"][:, 0]  # the token that stands for the image
    if hasattr(output, "detach"):
        output = output.detach().float().cpu().numpy()
    try:
        rows = np.asarray(output, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"The model must return one row of numbers per image, got {type(output).__name__}."
        ) from error
    if rows.ndim > 2 and set(rows.shape[2:]) == {1}:
        rows = rows.reshape(rows.shape[:2])
    if rows.ndim != 2 or len(rows) != n_images or rows.shape[1] == 0:
        raise ValueError(
            f"The model must return one row of numbers per image, got shape {rows.shape} for "
            f"{n_images} image(s). Average feature maps or tokens first, for instance in a module "
            "that wraps the model."
        )
    if not np.isfinite(rows).all():
        raise ValueError(
            "The model returned numbers that are nan or infinite. With dtype='float16' large "
            "values overflow: use 'bfloat16' or 'float32'."
        )
    return rows
