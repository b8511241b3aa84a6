"""Matrices that stay on disk and are read in blocks of rows.

A kind of matrix is a subclass of `Store` in a file of its own; `MappedMatrix` adds rows, the
budget of memory and the names that scikit-learn looks for.
"""

from vilma.mapped.folder import save_mapped
from vilma.mapped.matrix import MappedMatrix

__all__ = ["MappedMatrix", "save_mapped"]
