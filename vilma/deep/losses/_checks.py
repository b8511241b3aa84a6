"""What the loss functions check of their arguments, and in which precision they compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from inspect import signature
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

from vilma.deep._torch import torch

__all__ = [
    "all_hold",
    "check_column",
    "check_matrix",
    "check_number",
    "check_types",
    "checked",
    "full_precision",
    "product",
    "read_counts",
    "weighted_mean",
]


_P = ParamSpec("_P")
_T = TypeVar("_T")


def checked(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Let a function refuse arguments of other types than it is annotated with.

    A compiled graph goes without the check.
    """
    kinds = {name: str(each.annotation) for name, each in signature(function).parameters.items()}
    names = list(kinds)

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not torch.compiler.is_compiling():
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            check_types(given, kinds)
        return function(*args, **kwargs)

    return call


def check_types(given: dict[str, Any], kinds: dict[str, str]) -> None:
    """Raise a TypeError or ValueError unless arguments are what their annotations say.

    Parameters
    ----------
    given : dict of str to object
        The arguments.
    kinds : dict of str to str
        Annotations; others than those of tensors, booleans and numbers are passed over.
    """
    for name, value in given.items():
        kind = kinds.get(name, "")
        if value is None and kind.endswith("| None"):
            continue
        optional = kind.endswith(" | None")
        kind = kind.removesuffix(" | None")
        if kind == "torch.Tensor":
            array = isinstance(value, torch.Tensor) and (optional or value.ndim > 0)
            _require(array, name, "a tensor of torch, of one dimension or more", value)
        elif kind.startswith("Literal") or kind == "LinkName":
            _require(isinstance(value, str), name, "a string", value)
        elif kind in ("float", "float | torch.Tensor"):
            number = isinstance(value, Real) and not isinstance(value, bool)
            scalar = isinstance(value, torch.Tensor) and value.ndim == 0
            _require(number or scalar, name, "a real number", value)
            if not bool(value == value):
                raise ValueError(f"{name} should be a real number, got NaN.")
        elif kind == "int":
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            _require(whole, name, "an integer of at least 1", value)
            if value < 1:
                raise ValueError(f"{name} should be an integer of at least 1, got {value!r}.")
        elif kind == "bool":
            _require(isinstance(value, bool), name, "True or False", value)


def _require(good: bool, name: str, wanted: str, value: Any) -> None:
    if not good:
        raise TypeError(
            f"{name} should be {wanted}, got {value!r} of type {type(value).__name__}."
        )


def full_precision(values: torch.Tensor) -> torch.Tensor:
    """Return numbers in half precision as single ones, all others as they are.

    Labels such as 201 and logarithms of sums do not survive in bfloat16.
    """
    return values.float() if values.dtype in {torch.float16, torch.bfloat16} else values


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the matrix product as precise as its factors, also in mixed precision.

    Half precision would leave no digits of 1 - s^2 for cosines s near 1, and round targets.
    """
    with torch.autocast(left.device.type, enabled=False):
        return left @ right


def check_matrix(
    name: str,
    values: torch.Tensor,
    *,
    n_rows: int | None = None,
    n_columns: int | None = None,
) -> torch.Tensor:
    """Return a matrix that is not empty in full precision, or say what is wrong with it."""
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(
            f"{name} should be a matrix with a row for each sample, got the shape "
            f"{tuple(values.shape)}."
        )
    if n_rows is not None and len(values) != n_rows:
        raise ValueError(f"{name} should have {n_rows} rows, got {len(values)}.")
    if n_columns is not None and values.shape[1] != n_columns:
        raise ValueError(f"{name} should have {n_columns} columns, got {values.shape[1]}.")
    if not values.is_floating_point():
        raise TypeError(f"{name} should hold floating-point numbers, got {values.dtype}.")
    return full_precision(values)


def check_column(name: str, values: torch.Tensor, n_rows: int) -> None:
    """Raise a ValueError unless there is one number for each row."""
    if values.shape != (n_rows,):
        raise ValueError(
            f"{name} should have the shape ({n_rows},), one number for each row, got "
            f"{tuple(values.shape)}."
        )


def check_number(name: str, value: float, *, least: float = 0.0, strict: bool = True) -> None:
    """Raise a ValueError unless a number is finite and above a bound (or equal, if not strict)."""
    good = value > least if strict else value >= least
    if not (good and math.isfinite(value)):
        wanted = "above" if strict else "of at least"
        raise ValueError(f"{name} should be a finite number {wanted} {least:g}, got {value!r}.")


def all_hold(good: torch.Tensor) -> bool:
    """Tell whether a condition holds for every row; nothing is asked that would be waited for.

    On the host the answer is at hand. Elsewhere the device itself stops where a row does not hold,
    later and with fewer words, and a compiled graph goes without the check.
    """
    if torch.compiler.is_compiling():
        return True
    if good.device.type == "cpu":
        return bool(good.all())
    torch._assert_async(good.all())
    return True


def read_counts(counts: torch.Tensor) -> torch.Tensor:
    """Return numbers of samples of the classes in double precision, or raise a ValueError."""
    check_column("counts", counts, counts.numel())
    counts = counts.detach().double()
    if not bool((counts >= 0).all()) or not bool(counts.sum() > 0):
        raise ValueError(
            f"counts should not be negative, and some positive, got {counts.tolist()}."
        )
    return counts


def weighted_mean(losses: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Return the mean of ``weights * losses``; weights have the mean 1 over the training data."""
    if weights is None:
        return losses.mean()
    check_column("weights", weights, len(losses))
    return (losses * weights.to(losses)).mean()
