"""The cutting planes of the paper's Algorithm 1, whose loop is in ``solver.py``."""

from vilma.solvers.cutting_plane.method import CuttingPlaneMethod

__all__ = ["CuttingPlaneMethod"]
