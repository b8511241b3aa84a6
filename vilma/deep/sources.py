"""Where rows come from: an array, a Dataset of torch, or files of images."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.deep._torch import torch

__all__ = ["ArraySource", "DatasetSource", "ImageFiles", "Source", "is_dataset", "is_paths"]

_Dataset = torch.utils.data.Dataset
_Loader = torch.utils.data.DataLoader
_PIXELS = "pixel_values"  # what image processors of transformers call their output


class Source(ABC):
    """Rows that are read batch by batch, by their numbers."""

    row_shape: tuple[int, ...]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[torch.Tensor]:
        """Return the rows with the given numbers, batch by batch, on the host.

        Parameters
        ----------
        numbers : iterable of ndarray of int
            Numbers of the rows of each batch.
        """

    @abstractmethod
    def identity(self) -> list[Any]:
        """Return what a checkpoint is to recognise the rows by."""

    def first(self) -> torch.Tensor:
        """Return two rows, or the only one, as an encoder takes them."""
        (rows,) = self.batches([np.arange(min(2, len(self)))])
        return rows.float()


class ArraySource(Source):
    """Rows of an array, in memory or mapped from a file.

    Parameters
    ----------
    X : ndarray of shape (n_rows, ...)
        float32, or uint8.
    """

    def __init__(self, X: NDArray) -> None:
        self.X = X
        self.row_shape = X.shape[1:]

    def __len__(self) -> int:
        return len(self.X)

    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[torch.Tensor]:
        for batch in numbers:
            yield torch.from_numpy(np.ascontiguousarray(self.X[batch]))

    def identity(self) -> list[Any]:
        return [self.X]


class DatasetSource(Source):
    """Rows of a Dataset with numbered items.

    Parameters
    ----------
    data : Dataset or DataLoader
        Items are tensors or arrays, or tuples and dictionaries that begin with one or have it as
        "pixel_values". Of a loader, the data set is used, and how it reads: workers, collation,
        pinned memory. Which rows are read when is for the training to say.

    Raises
    ------
    TypeError
        If items have no numbers, or a loader draws rows by a rule of its own.
    ValueError
        If there are none.
    """

    def __init__(self, data: Any) -> None:
        self._options: dict[str, Any] = {}
        collate: Callable[[list[Any]], Any] | None = None
        if isinstance(data, _Loader):
            _refuse_sampler(data)
            collate = data.collate_fn
            self._options = {
                name: getattr(data, name)
                for name in ("num_workers", "pin_memory", "timeout", "worker_init_fn")
            }
            if data.num_workers:
                self._options["prefetch_factor"] = data.prefetch_factor
                self._options["multiprocessing_context"] = data.multiprocessing_context
            data = data.dataset
        if isinstance(data, torch.utils.data.IterableDataset) or not hasattr(data, "__getitem__"):
            raise TypeError(
                f"X should be a data set with numbered items (__len__ and __getitem__), got "
                f"{type(data).__name__}: batches are drawn in random order, and rows held back."
            )
        self.dataset = data
        self._collate = _InputsOnly(collate or torch.utils.data.default_collate)
        if not len(self):
            raise ValueError(
                f"Found a {type(data).__name__} with 0 sample(s) while a minimum of 1 is required."
            )
        with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay
            self.row_shape = tuple(self._collate([data[0]]).shape[1:])

    def __len__(self) -> int:
        return len(self.dataset)

    def batches(self, numbers: Iterable[NDArray[np.int64]]) -> Iterator[torch.Tensor]:
        loader: _Loader[Any] = _Loader(
            self.dataset,
            batch_sampler=[batch.tolist() for batch in numbers],
            collate_fn=self._collate,
            generator=torch.Generator().manual_seed(_peek()),
            **self._options,
        )
        for rows in loader:
            if rows.shape[1:] != self.row_shape:
                raise ValueError(
                    f"Items of the data set have different shapes: {tuple(rows.shape[1:])} and "
                    f"{self.row_shape}."
                )
            yield rows

    def labels(self) -> Any:
        """Return the annotations that items have beside their inputs, or None.

        They are the data set's `targets` if it has such, as those of torchvision do; otherwise
        every item is read for them.
        """
        targets = getattr(self.dataset, "targets", None)
        if targets is not None:
            return np.asarray(targets)
        if isinstance(self.dataset, torch.utils.data.TensorDataset):
            tensors = self.dataset.tensors
            return tensors[1].numpy() if len(tensors) > 1 else None
        if not isinstance(self.dataset[0], Sequence) or len(self.dataset[0]) < 2:
            return None
        return np.stack([np.asarray(self.dataset[k][1]) for k in range(len(self))])

    def identity(self) -> list[Any]:
        if isinstance(self.dataset, ImageFiles):
            return [*map(os.fspath, self.dataset.paths)]
        # Reading everything to compare it would cost an epoch, and items may be random.
        return [type(self.dataset).__qualname__, len(self), list(self.row_shape)]


def _peek() -> int:
    """Return a number that depends on the state of the random numbers, and leave that as it is.

    It seeds the workers of a loader, anew in every epoch. A loader without any would draw one too,
    and rows would come in another order than those of an array.
    """
    with torch.random.fork_rng(devices=[]):
        return int(torch.randint(2**31, ()))


class ImageFiles(_Dataset):
    """Images in files, read when they are needed.

    Parameters
    ----------
    paths : sequence of str or path
        The files.
    preprocessing : callable or None
        Turns a picture, a PIL image in RGB, into a tensor or an array. By default pictures are
        bytes of shape (3, height, width).
    """

    def __init__(self, paths: Sequence[Any], preprocessing: Callable[[Any], Any] | None) -> None:
        self.paths = list(paths)
        self.preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> torch.Tensor:
        from PIL import Image

        from vilma.features import read_rgb

        pixels = read_rgb(self.paths[number])
        if self.preprocessing is None:
            return torch.from_numpy(pixels).permute(2, 0, 1)
        made = self.preprocessing(Image.fromarray(pixels))
        return made if isinstance(made, torch.Tensor) else torch.from_numpy(np.asarray(made))


class _InputsOnly:
    """Collation of items, of which the inputs are kept.

    Parameters
    ----------
    collate : callable
        From a list of items to a batch.
    """

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self._collate = collate

    def __call__(self, items: list[Any]) -> torch.Tensor:
        try:
            batch = self._collate(items)
        except RuntimeError as error:
            shapes = sorted({tuple(np.shape(_inputs(item))) for item in items})
            raise ValueError(
                f"Items of the data set do not go into one batch; their shapes are {shapes}. "
                "Bring them to one size: by `preprocessing` for files, or in the data set."
            ) from error
        found = _inputs(batch)
        if not isinstance(found, torch.Tensor):
            raise TypeError(
                "Items of the data set should be tensors or arrays, alone or first in a tuple, or "
                f'"{_PIXELS}" in a dictionary; got {type(found).__name__}.'
            )
        return found


def _inputs(item: Any) -> Any:
    if isinstance(item, Mapping):
        return item.get(_PIXELS)
    return item[0] if isinstance(item, (list, tuple)) and len(item) else item


def _refuse_sampler(loader: Any) -> None:
    sampler = getattr(loader, "sampler", None)
    usual = (
        torch.utils.data.RandomSampler,
        torch.utils.data.SequentialSampler,
    )
    batches = getattr(loader, "batch_sampler", None)
    own = type(batches) not in {torch.utils.data.BatchSampler, type(None)}
    if own or not (sampler is None or type(sampler) in usual):
        raise TypeError(
            f"The DataLoader draws rows by {type(batches if own else sampler).__name__}, but fit "
            "decides itself which rows are read when. Leave the sampler out; weights of rows go "
            "into sample_weight or label_weights."
        )


def is_dataset(X: Any) -> bool:
    """Tell whether X is a Dataset or a DataLoader of torch."""
    return isinstance(X, (_Dataset, _Loader))


def is_paths(X: Any) -> bool:
    """Tell whether X is one row of file names."""
    if isinstance(X, np.ndarray) and X.ndim != 1:
        return False
    if not hasattr(X, "__len__") or isinstance(X, (str, bytes, Mapping)) or not len(X):
        return False
    first = next(iter(X))
    return isinstance(first, (str, os.PathLike))
