"""Dual coordinate ascent on the hinges' slopes, one example after the other."""

from vilma.solvers.coordinate_ascent.method import CoordinateAscentMethod

__all__ = ["CoordinateAscentMethod"]
