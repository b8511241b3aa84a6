"""Several transformers side by side, whatever kinds of columns they make."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from scipy import sparse
from sklearn.pipeline import FeatureUnion
from sklearn.utils import check_array
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints

import vilma
from vilma._arguments import require_jobs
from vilma._row_container import RowContainer
from vilma.features._containers import ContainerOutput
from vilma.mixed import MixedColumns

__all__ = ["Union", "mean_square_norm"]


class Union(  # type: ignore[call-arg]
    ContainerOutput, FeatureUnion, auto_wrap_output_keys=None
):
    """Apply transformers to the same rows and put what they make side by side.

    Unlike scikit-learn's `FeatureUnion`, dense columns, sparse ones and one-hot codes may come
    together; each keeps its form, see :func:`vilma.hstack`. The blocks are named after the
    transformers.

    Parameters
    ----------
    transformer_list : list of (str, transformer)
        As for :class:`sklearn.pipeline.FeatureUnion`.
    scale : {"norm", "none"}, default="norm"
        ``"norm"`` divides every block by the root of the mean squared norm of its rows in `fit`,
        so that one alpha suits all blocks.
    output : {"mixed", "csr"}, default="mixed"
        :class:`vilma.MixedColumns`, or the same as a sparse matrix.
    n_jobs : int, default=None
        Transformers to work on at once.
    verbose : bool, default=False
        Print the time of every fit.

    Attributes
    ----------
    scales_ : ndarray of shape (n_blocks,)
        Factor of every block.

    See Also
    --------
    vilma.hstack : The same for matrices.
    vilma.features.TableFeatures : A ready union for tables.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from vilma.features import LeafCodes, Union
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> leaves = LeafCodes(n_trees=3, max_depth=1)
    >>> union = Union([("linear", StandardScaler()), ("leaves", leaves)])
    >>> union.fit_transform(X)
    MixedColumns(100 rows, 8 columns: linear: dense 2, leaves: one-hot 6)
    """

    def __init__(
        self,
        transformer_list: list[tuple[str, Any]],
        *,
        scale: Literal["norm", "none"] = "norm",
        output: Literal["mixed", "csr"] = "mixed",
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        super().__init__(transformer_list, n_jobs=n_jobs, verbose=verbose)
        self.scale = scale
        self.output = output

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Union:
        """Fit all transformers and the scales of their blocks.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Data for all transformers.
        y : array-like, default=None
            Labels for those that want them.
        **fit_params : dict
            As for :class:`sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        Union
            The fitted union.
        """
        self.fit_transform(X, y, **fit_params)
        return self

    def fit_transform(
        self, X: Any, y: Any = None, **params: Any
    ) -> MixedColumns | sparse.csr_array:
        """Fit all transformers and put the columns they make side by side.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Data for all transformers.
        y : array-like, default=None
            Labels for those that want them.
        **params : dict
            As for :class:`sklearn.pipeline.FeatureUnion`.

        Returns
        -------
        MixedColumns or scipy.sparse.csr_array of shape (n_samples, n_features_out)
            A block for every transformer.
        """
        validate_parameter_constraints(
            {
                "scale": [StrOptions({"norm", "none"})],
                "output": [StrOptions({"mixed", "csr"})],
            },
            {"scale": self.scale, "output": self.output},
            "Union",
        )
        require_jobs(self.n_jobs)
        listed = isinstance(self.transformer_list, (list, tuple)) and len(self.transformer_list)
        pairs = listed and all(
            isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str)
            for each in self.transformer_list
        )
        if not pairs:
            raise ValueError(
                "transformer_list should be a list of pairs (name, transformer), got "
                f"{self.transformer_list!r}."
            )
        self.__dict__.pop("scales_", None)
        return super().fit_transform(X, y, **params)

    def _hstack(self, Xs: list[Any]) -> MixedColumns | sparse.csr_array:
        names = [name for name, _, _ in self._iter()]
        if "scales_" not in vars(self):
            norms = [mean_square_norm(X) if self.scale == "norm" else 1.0 for X in Xs]
            self.scales_ = 1.0 / np.sqrt([norm or 1.0 for norm in norms])
        X = vilma.hstack(Xs, scales=self.scales_, names=names)
        return X if self.output == "mixed" else X.tocsr()


def mean_square_norm(X: Any) -> float:
    """Mean of the squared Euclidean norms of the rows."""
    if isinstance(X, vilma.OneHotCodes):
        return float(X.codes.shape[1])
    if isinstance(X, MixedColumns):
        return sum(s**2 * mean_square_norm(b) for b, s in zip(X.blocks, X.scales, strict=True))
    if isinstance(X, RowContainer):  # rows on disk
        from vilma.design_matrices import as_design_matrix
        from vilma.design_matrices.threads import BlockThreads

        with BlockThreads() as threads:
            return float(as_design_matrix(X, threads).squared_row_norms().mean())
    checked = check_array(X, accept_sparse="csr", dtype=np.float64)
    values = checked.data if sparse.issparse(checked) else checked.ravel()
    return float(values @ values) / checked.shape[0]
