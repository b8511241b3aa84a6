"""Objects from JSON and arrays: what :mod:`vilma.persistence.encoding` writes."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.tree._tree import Tree
from sklearn.utils._param_validation import InvalidParameterError

from vilma.persistence.checks import check_fitted, check_settings
from vilma.persistence.encoding import NOT_KEPT, PLAIN_TYPES, SPARSE_CLASSES
from vilma.persistence.known import class_named

__all__ = ["Decoder"]

_LEAF = -1  # scikit-learn's mark of a node without children


class Decoder:
    """Turns JSON and arrays into one object.

    Parameters
    ----------
    members : mapping of str to bytes
        Contents of ``.npy`` files, by name.
    """

    def __init__(self, members: Mapping[str, bytes]) -> None:
        self._members = members
        self._arrays: dict[str, np.ndarray] = {}
        self._kinds = {
            "array": self._array,
            "objects": self._objects,
            "scalar": self._scalar,
            "float": self._float,
            "tuple": self._tuple,
            "dict": self._dict,
            "slice": self._slice,
            "range": self._range,
            "dtype": self._dtype,
            "type": self._type,
            "sparse": self._sparse,
            "tree": self._tree,
            "object": self._object,
        }

    def decode(self, node: Any, path: str) -> Any:
        """Return the value that a node stands for.

        Parameters
        ----------
        node : object
            As read from JSON.
        path : str
            Where it is, for messages.

        Returns
        -------
        object

        Raises
        ------
        ValueError
            If it stands for nothing that a model file may hold.
        """
        if isinstance(node, list):
            return self._items(node, path)
        if not isinstance(node, dict):
            return node
        if "!" not in node:
            return {key: self.decode(item, f"{path}[{key!r}]") for key, item in node.items()}
        kind = node["!"]
        if not isinstance(kind, str) or kind not in self._kinds:
            raise ValueError(f"{path} is of the kind {kind!r}, which is not known")
        try:
            return self._kinds[kind](node, path)
        except KeyError as error:
            raise ValueError(f"{path} lacks the key {error}") from error
        except (TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no {kind}: {error}") from error

    def _items(self, items: Any, path: str) -> list:
        if not isinstance(items, list):
            raise ValueError(f"{path} is no list")
        return [self.decode(item, f"{path}[{place}]") for place, item in enumerate(items)]

    def _array(self, node: dict, path: str) -> np.ndarray:
        member = node["member"]
        if member not in self._arrays:
            if member not in self._members:
                raise ValueError(f"{path} is in {member!r}, which is missing")
            self._arrays[member] = read_array(self._members[member], member)
        return self._arrays[member]

    def _objects(self, node: dict, path: str) -> np.ndarray:
        items = self._items(node["items"], path)
        array = np.empty(len(items), dtype=object)
        array[:] = items
        return array.reshape(_shape(node["shape"], path))

    def _scalar(self, node: dict, path: str) -> np.generic:
        dtype = np.dtype(str(node["dtype"]))
        value = self.decode(node["value"], path)
        if dtype.kind not in "biuf" or not isinstance(value, (bool, int, float)):
            raise ValueError(f"{path} is no number: {value!r} of dtype {dtype}")
        return dtype.type(value)

    def _float(self, node: dict, path: str) -> float:
        value = float(node["value"])
        if math.isfinite(value):
            raise ValueError(f"{path} is {value!r} where only NaN and infinities are written so")
        return value

    def _tuple(self, node: dict, path: str) -> tuple:
        return tuple(self._items(node["items"], path))

    def _dict(self, node: dict, path: str) -> dict:
        return dict(map(tuple, self._items(node["items"], path)))

    def _slice(self, node: dict, path: str) -> slice:
        return slice(*self._items(node["items"], path))

    def _range(self, node: dict, path: str) -> range:
        return range(*self._items(node["items"], path))

    def _dtype(self, node: dict, path: str) -> np.dtype:
        return np.dtype(str(node["name"]))

    def _type(self, node: dict, path: str) -> type:
        name = str(node["name"])
        return PLAIN_TYPES[name] if name in PLAIN_TYPES else np.dtype(name).type

    def _sparse(self, node: dict, path: str) -> Any:
        parts = [
            self.decode(node["arrays"][name], f"{path}.{name}")
            for name in ("data", "indices", "indptr")
        ]
        matrix = SPARSE_CLASSES[node["class"]](tuple(parts), shape=_shape(node["shape"], path))
        matrix.check_format(full_check=True)
        return matrix

    def _tree(self, node: dict, path: str) -> Tree:
        nodes = _expect_array(self.decode(node["nodes"], f"{path}.nodes"), path)
        values = _expect_array(self.decode(node["values"], f"{path}.values"), path)
        n_classes = _expect_array(self.decode(node["n_classes"], path), path)
        n_features, n_outputs = int(node["n_features"]), int(node["n_outputs"])
        if n_classes.shape != (n_outputs,) or n_classes.dtype.kind != "i" or n_outputs < 1:
            raise ValueError(f"{path} has classes of shape {n_classes.shape}")
        if nodes.dtype.names is None or not {"left_child", "right_child", "feature"} <= set(
            nodes.dtype.names
        ):
            raise ValueError(f"{path}.nodes are no nodes of a tree")
        _check_nodes(nodes, n_features, path)
        tree = Tree(n_features, n_classes.astype(np.intp), n_outputs)
        # It compares dtypes and shapes with its own, which depend on the version.
        tree.__setstate__(
            {
                "max_depth": int(node["max_depth"]),
                "node_count": len(nodes),
                "nodes": nodes,
                "values": values,
            }
        )
        return tree

    def _object(self, node: dict, path: str) -> Any:
        cls: Any = class_named(str(node["class"]))
        state = {
            key: self.decode(item, f"{path}.{key}") for key, item in dict(node["state"]).items()
        }
        if not issubclass(cls, BaseEstimator):
            return _make_plain(cls, state, path)
        _check_names(cls, state, path)
        check_settings(cls, state, path)
        estimator = object.__new__(cls)
        vars(estimator).update(state)
        if hasattr(cls, "_parameter_constraints"):
            try:
                estimator._validate_params()
            except InvalidParameterError as error:
                raise ValueError(f"{path}: {error}") from error
        check_fitted(estimator, path)
        if getattr(cls, "_derived", ()):
            estimator._derive()
        return estimator


def _make_plain(cls: Any, state: dict[str, Any], path: str) -> Any:
    """Make a splitter, a column selector or a record of results."""
    fields = getattr(cls, "__dataclass_fields__", None)
    if fields is not None and fields.keys() != state.keys():
        raise ValueError(f"{path} has the fields {sorted(state)}, expected {sorted(fields)}")
    made = object.__new__(cls)
    vars(made).update(state)
    return made


def _check_names(cls: Any, state: Mapping[str, Any], path: str) -> None:
    """Every parameter is there, and nothing takes the place of what belongs to the class."""
    parameters = set(cls._get_param_names())
    missing = sorted(parameters - state.keys())
    if missing:
        raise ValueError(f"{path} lacks the parameter {missing[0]!r} of {cls.__name__}")
    for name in state.keys() - parameters:
        if name.startswith("__") or name in NOT_KEPT or hasattr(cls, name):
            raise ValueError(f"{path} has the attribute {name!r}, which is none of a fitted model")


def _check_nodes(nodes: np.ndarray, n_features: int, path: str) -> None:
    """Every way down ends: the compiled code that walks it checks nothing."""
    left, right = nodes["left_child"], nodes["right_child"]
    place = np.arange(len(nodes))
    leaf = left == _LEAF
    inner = ~leaf
    below = np.stack([left, right])[:, inner]
    fine = (
        len(nodes) > 0
        and (right[leaf] == _LEAF).all()
        and (below > place[inner]).all()
        and (below < len(nodes)).all()
        and (nodes["feature"][inner] >= 0).all()
        and (nodes["feature"][inner] < n_features).all()
    )
    if not fine:
        raise ValueError(f"{path} is a tree whose branches lead nowhere")


def read_array(content: bytes, name: str) -> np.ndarray:
    """Read a ``.npy`` file that holds no Python objects and is as long as it says.

    Parameters
    ----------
    content : bytes
    name : str
        For messages.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If it is something else.
    """
    stream = io.BytesIO(content)
    try:
        if np.lib.format.read_magic(stream) != (1, 0):
            raise ValueError("another version of the format")
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # the header is parsed as Python's literals
        raise ValueError(f"{name} is no array ({error})") from error
    if dtype.hasobject:
        raise ValueError(f"{name} holds Python objects")
    found = len(content) - stream.tell()
    if math.prod(shape) * dtype.itemsize != found:
        raise ValueError(f"{name} says the shape is {shape}, but has {found} bytes")
    array = np.frombuffer(content, dtype, math.prod(shape), stream.tell()).copy()
    return array.reshape(shape, order="F" if fortran else "C")


def _shape(sides: Any, path: str) -> tuple[int, ...]:
    if not isinstance(sides, list) or not all(type(side) is int and side >= 0 for side in sides):
        raise ValueError(f"{path} has the shape {sides!r}")
    return tuple(sides)


def _expect_array(value: Any, path: str) -> np.ndarray:
    if not isinstance(value, np.ndarray):
        raise ValueError(f"{path} should be an array")
    return value
