"""Warnings of the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["AnnotationWarning", "ColumnWarning", "WeakSignalWarning"]


class WeakSignalWarning(UserWarning):
    """A fitted model tells few rows apart: another loss, alpha or other columns may do better.

    Attributes
    ----------
    finding : callable or None
        Returns what was found, without the advice; it is given a function that names labels.
    """

    finding: Callable[[Callable[[Any], str]], str] | None = None


class AnnotationWarning(UserWarning):
    """Annotations share a label, or lie on one side only of thresholds, and cannot teach.

    Attributes
    ----------
    finding : callable or None
        Returns the message; it is given a function that names labels.
    """

    finding: Callable[[Callable[[Any], str]], str] | None = None


class ColumnWarning(UserWarning):
    """A column of a table is probably not what it is taken for, or says nothing of other rows."""
