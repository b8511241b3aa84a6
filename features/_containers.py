"""What transformers share whose output is a container of this package, not a data frame."""

from __future__ import annotations

from typing import Any, Literal, Self

__all__ = ["ContainerOutput"]


class ContainerOutput:
    """`set_output` that refuses data frames.

    The class also says ``auto_wrap_output_keys=None``: then ``sklearn.set_config`` for all
    transformers leaves its output as it is.
    """

    def set_output(self, *, transform: Literal["default"] | None = None) -> Self:
        """Accept the default; there are no data frames of these columns.

        Parameters
        ----------
        transform : {"default"} or None, default=None
            Anything else is refused.

        Returns
        -------
        self : object
            The transformer itself.

        Raises
        ------
        ValueError
            If data frames are asked for.
        """
        chosen: Any = transform
        if chosen not in (None, "default"):
            raise ValueError(
                f"{type(self).__name__} has no output {chosen!r}: its columns, of which most are "
                "zero, stay in a container of vilma that estimators take as it is. Leave "
                "set_output out for it. To look at the columns: "
                "pandas.DataFrame.sparse.from_spmatrix(features.transform(X).tocsr(), "
                "columns=features.get_feature_names_out()); with output='csr' without tocsr()."
            )
        return self
