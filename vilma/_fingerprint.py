"""One digest for whatever decides a result: equal contents have equal digests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["fingerprint"]


def fingerprint(*objects: Any) -> str:
    """Return a digest of parameters and data, the same in every process.

    Parameters
    ----------
    *objects : object
        Arrays, numbers, strings, paths and containers of such; tensors; networks, which count by
        structure and weights; objects with ``get_params``; classes and functions, which count by
        name; other objects by their class and state.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> from vilma._fingerprint import fingerprint
    >>> fingerprint([1, 2.0], "a") == fingerprint([1, 2.0], "a")
    True
    >>> fingerprint([1, 2]) == fingerprint([1, 2.0])
    False
    """
    walk = _Walk()
    for each in objects:
        walk.add(each)
    return walk.digest.hexdigest()


class _Walk:
    """Goes through objects and feeds a digest, every part with its kind and length."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._open: list[int] = []  # what is being walked through, from the outside in

    def add(self, value: Any) -> None:
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
            self._write(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))
        elif isinstance(value, (np.ndarray, np.generic)):
            self._add_array(np.asarray(value))
        elif isinstance(value, os.PathLike):
            self._write("path", os.fsencode(value))
        elif isinstance(value, type) or _is_function(value):
            self._add_named(value)
        elif id(value) in self._open:
            self._write("above", str(self._open.index(id(value))).encode())
        else:
            self._open.append(id(value))
            self._add_object(value)
            self._open.pop()

    def _write(self, kind: str, content: bytes | memoryview) -> None:
        self.digest.update(f"{kind} {len(content)}\n".encode())
        self.digest.update(content)

    def _add_array(self, array: np.ndarray) -> None:
        if array.dtype.hasobject:
            self._add_items("objects", array.ravel().tolist())
            self.add(array.shape)
            return
        order = "C"
        if not array.flags.c_contiguous:
            if array.flags.f_contiguous:
                order, array = "F", array.T
            else:
                array = np.ascontiguousarray(array)
        kind = f"array {order} {np.lib.format.dtype_to_descr(array.dtype)} {array.shape}"
        self._write(kind, array.reshape(-1).view(np.uint8).data if array.size else b"")

    def _add_named(self, value: Any) -> None:
        self._write("name", f"{value.__module__}.{value.__qualname__}".encode())
        if not isinstance(value, type):
            self.add(dict(vars(value)) if hasattr(value, "__dict__") else {})

    def _add_items(self, kind: str, items: Iterable[Any]) -> None:
        items = list(items)
        self._write(kind, str(len(items)).encode())
        for each in items:
            self.add(each)

    def _add_object(self, value: Any) -> None:
        cls = type(value)
        name = f"{cls.__module__}.{cls.__qualname__}"
        if isinstance(value, Mapping):
            pairs = sorted(value.items(), key=lambda pair: (type(pair[0]).__name__, str(pair[0])))
            self._add_items(name, [part for pair in pairs for part in pair])
        elif isinstance(value, (list, tuple)):
            self._add_items(name, value)
        elif isinstance(value, (set, frozenset)):
            self._add_items(name, sorted(value, key=repr))
        elif hasattr(value, "state_dict") and hasattr(value, "named_modules"):
            self._add_items(name, [repr(value), dict(value.state_dict())])
        elif hasattr(value, "detach") and hasattr(value, "cpu"):
            self._add_tensor(value)
        elif hasattr(value, "get_params"):
            self._add_items(name, [value.get_params(deep=False)])
        else:
            state = value.__getstate__()
            self._add_items(name, [repr(value) if state is None else state])

    def _add_tensor(self, tensor: Any) -> None:
        import torch  # which is there: this is a tensor

        tensor = tensor.detach().cpu().contiguous()
        kind = f"tensor {tensor.dtype} {tuple(tensor.shape)}"
        # Through bytes: NumPy lacks some of the types.
        self._write(kind, tensor.flatten().view(torch.uint8).numpy().data)


def _is_function(value: Any) -> bool:
    return callable(value) and hasattr(value, "__qualname__") and hasattr(value, "__module__")
