"""What a fitted model says of its columns: changes of scores and labels, with intervals."""

from vilma.inspection.coefficients import CoefficientTable, coefficient_table

__all__ = ["CoefficientTable", "coefficient_table"]
