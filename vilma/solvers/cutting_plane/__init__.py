"""The paper's Algorithm 1: the outer loop over cutting planes, with a line search."""

from vilma.solvers.cutting_plane.method import CuttingPlaneMethod

__all__ = ["CuttingPlaneMethod"]
