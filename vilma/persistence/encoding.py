"""Objects as JSON and arrays.

JSON's own values stand for themselves. Everything else is an object with the key ``"!"``, which
says what it is:

===============  ==================================================================================
``"array"``      ``member``: the name of a ``.npy`` file
``"objects"``    ``shape`` and ``items`` of an array of strings, numbers and None
``"scalar"``     ``dtype`` and ``value`` of a NumPy scalar
``"float"``      ``value``: ``"nan"``, ``"inf"`` or ``"-inf"``
``"tuple"``      ``items``
``"dict"``       ``items``: pairs, where keys are not all strings
``"slice"``      ``items``: start, stop, step
``"range"``      ``items``: start, stop, step
``"dtype"``      ``name``
``"type"``       ``name``: of a dtype, or one of `PLAIN_TYPES`
``"sparse"``     ``class``, ``shape``, ``arrays``: data, indices and indptr
``"tree"``       the arrays of a tree of scikit-learn
``"object"``     ``class``, from the list of :mod:`vilma.persistence.known`, and ``state``
===============  ==================================================================================
"""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree

from vilma.persistence.checks import check_settings
from vilma.persistence.known import name_of

__all__ = ["NOT_KEPT", "PLAIN_TYPES", "SPARSE_CLASSES", "Encoder"]

PLAIN_TYPES: dict[str, type] = {
    **{each.__name__: each for each in (bool, float, int, str, object)},
    **{  # those without a dtype, by which columns are selected
        f"numpy.{each.__name__}": each
        for each in (np.floating, np.generic, np.integer, np.number, np.signedinteger)
    },
}
SPARSE_CLASSES = {
    each.__name__: each
    for each in (sparse.csr_array, sparse.csr_matrix, sparse.csc_array, sparse.csc_matrix)
}
# What scikit-learn adds to a pickle, and requests of metadata, which are about fitting.
NOT_KEPT = ("_sklearn_version", "_metadata_request")


class Encoder:
    """Turns one object into JSON and arrays.

    Attributes
    ----------
    members : dict of str to bytes
        The arrays as contents of ``.npy`` files, by name.
    """

    def __init__(self) -> None:
        self.members: dict[str, bytes] = {}
        self._names: dict[int, str] = {}
        self._kept: list[np.ndarray] = []  # so that no other array gets the same id
        self._open: set[int] = set()

    def encode(self, value: Any, path: str) -> Any:
        """Return what stands for a value.

        Parameters
        ----------
        value : object
        path : str
            Where it is, for messages.

        Returns
        -------
        object
            Dictionaries, lists, strings, numbers, booleans and None.

        Raises
        ------
        TypeError
            If it is of a kind that a model file cannot hold.
        ValueError
            If a setting of an estimator reaches beyond the model.
        """
        if value is None or type(value) in (bool, int):
            return value
        if isinstance(value, str):
            return str(value)
        if type(value) is float:
            return value if math.isfinite(value) else {"!": "float", "value": repr(value)}
        if isinstance(value, np.generic):
            return self._encode_scalar(value, path)
        if isinstance(value, np.ndarray):
            return self._encode_array(value, path)
        if isinstance(value, np.dtype):
            return {"!": "dtype", "name": value.str}
        if isinstance(value, type):
            return self._encode_type(value, path)
        if id(value) in self._open:
            raise TypeError(f"{path} refers to an object that it is a part of.")
        self._open.add(id(value))
        try:
            return self._encode_container(value, path)
        finally:
            self._open.remove(id(value))

    def _encode_container(self, value: Any, path: str) -> Any:
        if type(value) is list:
            return self._encode_items(value, path)
        if type(value) is tuple:
            return {"!": "tuple", "items": self._encode_items(value, path)}
        if type(value) in (slice, range):
            parts = [value.start, value.stop, value.step]
            return {"!": type(value).__name__, "items": self._encode_items(parts, path)}
        if isinstance(value, dict):
            return self._encode_dict(value, path)
        if type(value) in SPARSE_CLASSES.values():
            arrays = {name: getattr(value, name) for name in ("data", "indices", "indptr")}
            return {
                "!": "sparse",
                "class": type(value).__name__,
                "shape": list(value.shape),
                "arrays": {
                    name: self.encode(part, f"{path}.{name}") for name, part in arrays.items()
                },
            }
        if isinstance(value, Tree):
            return self._encode_tree(value, path)
        return self._encode_object(value, path)

    def _encode_items(self, items: Any, path: str) -> list:
        return [self.encode(item, f"{path}[{place}]") for place, item in enumerate(items)]

    def _encode_dict(self, value: dict, path: str) -> Any:
        if all(type(key) is str for key in value) and "!" not in value:
            return {key: self.encode(item, f"{path}[{key!r}]") for key, item in value.items()}
        pairs = [
            [self.encode(key, path), self.encode(item, f"{path}[{key!r}]")]
            for key, item in value.items()
        ]
        return {"!": "dict", "items": pairs}

    def _encode_scalar(self, value: np.generic, path: str) -> Any:
        if value.dtype.kind not in "biuf":
            raise _refusal(path, f"a scalar of dtype {value.dtype}")
        return {
            "!": "scalar",
            "dtype": value.dtype.str,
            "value": self.encode(value.item(), path),
        }

    def _encode_array(self, value: np.ndarray, path: str) -> Any:
        if value.dtype.kind == "O":
            items = self._encode_items(value.ravel().tolist(), path)
            return {"!": "objects", "shape": list(value.shape), "items": items}
        if value.dtype.hasobject or value.dtype.kind not in "biufcSUmMV":
            raise _refusal(path, f"an array of dtype {value.dtype}")
        known = self._names.get(id(value))
        if known is None:
            known = f"arrays/{len(self.members)}.npy"
            stream = io.BytesIO()
            np.lib.format.write_array(stream, canonical(value), version=(1, 0), allow_pickle=False)
            self.members[known] = stream.getvalue()
            self._names[id(value)] = known
            self._kept.append(value)
        return {"!": "array", "member": known}

    def _encode_type(self, value: type, path: str) -> Any:
        for name, known in PLAIN_TYPES.items():
            if value is known:
                return {"!": "type", "name": name}
        if issubclass(value, np.generic) and np.dtype(value).kind in "biufSUO":
            return {"!": "type", "name": np.dtype(value).str}
        raise _refusal(path, f"the type {value.__name__}")

    def _encode_tree(self, tree: Tree, path: str) -> Any:
        (n_features, n_classes, n_outputs), state = tree.__reduce__()[1:]
        return {
            "!": "tree",
            "n_features": int(n_features),
            "n_classes": self.encode(np.asarray(n_classes), path),
            "n_outputs": int(n_outputs),
            "max_depth": int(state["max_depth"]),
            "nodes": self.encode(state["nodes"], f"{path}.nodes"),
            "values": self.encode(state["values"], f"{path}.values"),
        }

    def _encode_object(self, value: Any, path: str) -> Any:
        cls: Any = type(value)
        name = name_of(cls)
        if name is None:
            raise _refusal(path, _describe(value))
        state = value.__getstate__() if isinstance(value, BaseEstimator) else vars(value)
        check_settings(cls, state, path)
        left_out = {*NOT_KEPT, *getattr(value, "_derived", ())}
        kept = {key: state[key] for key in sorted(state.keys() - left_out)}
        return {
            "!": "object",
            "class": name,
            "state": {key: self.encode(item, f"{path}.{key}") for key, item in kept.items()},
        }


def canonical(array: np.ndarray) -> np.ndarray:
    """Return an array whose bytes depend on what was learned, and on nothing else.

    Records lose their times, which become NaN, and what memory happens to hold between fields.
    """
    if array.dtype.names is None:
        return array
    clean = np.zeros(array.shape, array.dtype)
    for name in array.dtype.names:
        clean[name] = np.nan if name.endswith("seconds") else array[name]
    return clean


def _describe(value: Any) -> str:
    if callable(value) and hasattr(value, "__qualname__"):
        return f"the function {value.__qualname__}"
    return f"a {type(value).__module__}.{type(value).__qualname__}"


def _refusal(path: str, what: str) -> TypeError:
    advice = "A model file holds numbers, strings and the estimators that vilma knows."
    if path.endswith((".loss", ".losses")):
        advice += " Give the loss by its name or as a matrix of costs."
    elif path.endswith((".scoring", ".cv", ".random_state", ".memory")):
        advice += f" Call set_params({path.rpartition('.')[2]}=None) first: predicting needs none."
    elif ".best_estimator_" in path or what.endswith(("SearchCV",)):
        advice += " Save the search's best_estimator_."
    return TypeError(f"{path} is {what}, which cannot be saved. {advice}")
