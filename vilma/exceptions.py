"""Warnings of the package."""

__all__ = ["AnnotationWarning", "ColumnWarning", "WeakSignalWarning"]


class WeakSignalWarning(UserWarning):
    """A fitted model tells few rows apart: another loss, alpha or other columns may do better.

    Attributes
    ----------
    finding : str
        What was found, without the advice.
    """

    finding: str = ""


class AnnotationWarning(UserWarning):
    """Annotations share a label, or lie on one side only of thresholds, and cannot teach."""


class ColumnWarning(UserWarning):
    """A column of a table is probably not what it is taken for, or says nothing of other rows."""
