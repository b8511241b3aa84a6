"""Design matrices: all that the solvers know of X.

To add a kind of matrix, write a subclass of `DesignMatrix` in a file of its own and let
`as_design_matrix` choose it.
"""

from vilma.design_matrices.base import DesignMatrix
from vilma.design_matrices.bordered import BorderedMatrix
from vilma.design_matrices.centering import center_narrow_columns
from vilma.design_matrices.choose import as_design_matrix
from vilma.design_matrices.rows import Rows, reorder_rows, row_bytes
from vilma.design_matrices.stacked import StackedMatrix

__all__ = [
    "BorderedMatrix",
    "DesignMatrix",
    "Rows",
    "StackedMatrix",
    "as_design_matrix",
    "center_narrow_columns",
    "reorder_rows",
    "row_bytes",
]
