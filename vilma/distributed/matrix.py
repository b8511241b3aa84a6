"""X in partitions on the workers of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vilma._fingerprint import fingerprint
from vilma._optional import require
from vilma.distributed.loaded import LoadedRows
from vilma.distributed.partitions import Partitions
from vilma.distributed.reading import n_rows

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["PartitionedMatrix"]

# Smaller partitions are put together: a call of a part takes 0.2 ms whatever its size.
_ROWS_PER_PART = 100_000


class PartitionedMatrix(Partitions):
    """A matrix whose rows are held by the workers of a Dask cluster.

    The estimators take it as X. Rows, labels and everything else of which there is one number per
    row stay on the workers; the client gets sums. The fitted model is an ordinary local one, with
    the same certificate.

    Make one by :meth:`from_dask`, :meth:`from_folders` or :meth:`from_delayed`.

    Parameters
    ----------
    blocks : sequence of dask.delayed.Delayed
        One for each partition, giving its rows.
    n_features : int
        Number of columns.
    lengths : sequence of int, optional
        Number of rows of each partition, where that is known.
    columns : sequence of str, optional
        Names of the columns.
    client : distributed.Client, optional
        Of the cluster; by default the current one.
    rows_per_part : int, default=100,000
        Partitions on a worker are put together up to so many rows: small ones cost time per call,
        and putting them together takes their memory twice for a moment. 0 keeps all as they are.
    patience : float, default=30
        Seconds to wait for a worker where none is left, or for rows that nothing works on any
        more, until an error says so.

    Attributes
    ----------
    shape : tuple of (int or float, int)
        Number of rows, NaN where it is not known yet, and of columns.

    See Also
    --------
    vilma.MappedMatrix : Rows on the disk of one machine.

    Notes
    -----
    Rows are loaded at the first `fit` and stay on the workers until :meth:`release`, or until
    other labels or weights come. A worker that is lost costs its partitions' reading: they are
    loaded onto another worker, and the fit goes on where it was.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from vilma import IISVOR_IMC
    >>> from vilma.distributed import PartitionedMatrix
    >>> client = Client(processes=False, n_workers=1, dashboard_address=":0")
    >>> X = da.arange(8.0, chunks=4).reshape(-1, 1)
    >>> P = PartitionedMatrix.from_dask(X)
    >>> model = IISVOR_IMC(alpha=0.01).fit(P, [1, 1, 1, 2, 2, 2, 3, 3])
    >>> model.predict(P).compute()
    array([1, 1, 1, 2, 2, 2, 3, 3])
    >>> client.close()
    """

    def __init__(
        self,
        blocks: Sequence[Any],
        n_features: int,
        *,
        lengths: Sequence[int] | None = None,
        columns: Sequence[str] | None = None,
        client: Client | None = None,
        rows_per_part: int = _ROWS_PER_PART,
        patience: float = 30.0,
    ) -> None:
        require("distributed", "distributed", "PartitionedMatrix")
        if not len(blocks):
            raise ValueError("There is no partition. Give at least one.")
        self._blocks = list(blocks)
        self._lengths = None if lengths is None else [int(each) for each in lengths]
        self.columns = None if columns is None else [str(each) for each in columns]
        self._client = client
        self._rows_per_part = rows_per_part
        self._patience = patience
        self._n_features = n_features
        self._loaded: tuple[str, LoadedRows] | None = None

    @classmethod
    def from_dask(cls, X: Any, **options: Any) -> PartitionedMatrix:
        """Use a dask array, or a dask data frame of numbers.

        ``dask.array.from_zarr`` and ``dask.dataframe.read_parquet`` make them of what is on disk.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame of shape (n_samples, n_features)
            Chunks of columns are put together.
        **options : object
            `client`, `rows_per_part` and `patience`, see above.

        Returns
        -------
        PartitionedMatrix

        Raises
        ------
        TypeError
            If X is something else.
        """
        dask = require("dask", "distributed", "PartitionedMatrix")
        if not dask.is_dask_collection(X) or not hasattr(X, "to_delayed"):
            raise TypeError(
                f"X should be a dask array or data frame, got {type(X).__name__}. An array in "
                "memory becomes one by dask.array.from_array(X, chunks=(100_000, -1))."
            )
        if hasattr(X, "columns"):
            blocks = _delayed_partitions(X)
            return cls(blocks, len(X.columns), columns=list(X.columns), **options)
        if X.ndim != 2:
            raise ValueError(f"X should have two dimensions, got shape {X.shape}.")
        X = X.rechunk({1: -1})
        lengths = None if np.isnan(X.shape[0]) else X.chunks[0]
        return cls(X.to_delayed().ravel(), X.shape[1], lengths=lengths, **options)

    @classmethod
    def from_folders(
        cls, folders: Sequence[str | os.PathLike[str]], **options: Any
    ) -> PartitionedMatrix:
        """Use folders of :func:`vilma.save_mapped`, ``vilma lbp`` or ``vilma embed``.

        Each is a partition, read by the worker that gets it: all workers must see the folders
        under the same paths. One that exceeds 256 MB is read in blocks for every product.

        Parameters
        ----------
        folders : sequence of path
        **options : object
            `client`, `rows_per_part` and `patience`, see above.

        Returns
        -------
        PartitionedMatrix
        """
        from vilma.mapped import MappedMatrix

        dask = require("dask", "distributed", "PartitionedMatrix")
        if isinstance(folders, (str, os.PathLike)):
            raise TypeError(f"folders should be a list of paths, got one path, {folders!r}.")
        paths = [os.fspath(folder) for folder in folders]
        shapes = [MappedMatrix.open(path).shape for path in paths]
        blocks = [dask.delayed(path) for path in paths]
        n_features = shapes[0][1] if shapes else 0
        return cls(blocks, n_features, lengths=[rows for rows, _ in shapes], **options)

    @classmethod
    def from_delayed(
        cls, blocks: Sequence[Any], n_features: int, **options: Any
    ) -> PartitionedMatrix:
        """Use delayed calls that give the rows: arrays, sparse matrices, OneHotCodes, folders.

        Parameters
        ----------
        blocks : sequence of dask.delayed.Delayed
            One for each partition.
        n_features : int
            Number of columns.
        **options : object
            `lengths`, `columns`, `client`, `rows_per_part` and `patience`, see above.

        Returns
        -------
        PartitionedMatrix
        """
        return cls(blocks, n_features, **options)

    @property
    def shape(self) -> tuple[float, int]:  # type: ignore[override]
        """Number of rows, NaN where it is not known yet, and of columns."""
        return (
            float("nan") if self._lengths is None else sum(self._lengths),
            self._n_features,
        )

    @property
    def n_partitions(self) -> int:
        """Number of partitions."""
        return len(self._blocks)

    def __len__(self) -> int:
        return sum(self._known_lengths())

    def __repr__(self) -> str:
        return f"PartitionedMatrix({self.n_partitions} partitions, shape={self.shape})"

    def load(self, y: Any, sample_weight: Any = None) -> LoadedRows:
        """Load the rows with their labels onto the workers, unless they are there.

        Parameters
        ----------
        y : dask array, series or data frame, or array-like of shape (n_samples,) or (n_samples, 2)
            Labels. A dask collection needs the same partitions as X, or chunks that are known.
        sample_weight : dask array or series, or array-like of shape (n_samples,), optional
            Nonnegative weights.

        Returns
        -------
        LoadedRows

        Raises
        ------
        ValueError
            If numbers of rows differ, or a partition is not as it should be; it is named.
        """
        from vilma.distributed.dask_engine import DaskEngine, Source

        key = fingerprint(*(_token(each) for each in (y, sample_weight)))
        if self._loaded is not None:
            known, rows = self._loaded
            if known == key and not rows.engine.closed:
                return rows
            self.release()
        if y is None:
            raise ValueError("Partitions need labels to learn from, but y is None.")
        labels = self._split(y, "y")
        weights: list[Any] = [None] * self.n_partitions
        if sample_weight is not None:
            weights = self._split(sample_weight, "sample_weight")
        sources = list(map(Source, self._blocks, labels, weights))
        engine = DaskEngine(self._find_client(), sources, self._rows_per_part, self._patience)
        rows = LoadedRows(engine)
        if rows.shape[1] != self._n_features:
            engine.close()
            raise ValueError(
                f"The partitions have {rows.shape[1]} columns, but n_features={self._n_features}."
            )
        self._loaded = key, rows
        return rows

    def release(self) -> None:
        """Let go of rows that were loaded; the next fit loads them again."""
        if self._loaded is not None:
            self._loaded[1].engine.close()
            self._loaded = None

    def map_rows(self, function: Callable[[Any], np.ndarray], example: np.ndarray) -> Any:
        """Apply a function to every partition when the result is computed.

        Parameters
        ----------
        function : callable
            Maps rows to an array with as many.
        example : ndarray of shape (0, ...)
            An array like those that the function returns.

        Returns
        -------
        dask.array.Array of shape (n_samples, ...)
        """
        import dask
        import dask.array

        apply = dask.delayed(_apply)
        nothing = example[:0]
        shared = dask.delayed(function)
        lengths = [float("nan")] * self.n_partitions if self._lengths is None else self._lengths
        return dask.array.concatenate(
            [
                dask.array.from_delayed(
                    apply(shared, rows, nothing), (length, *example.shape[1:]), meta=example
                )
                for rows, length in zip(self._blocks, lengths, strict=True)
            ],
            allow_unknown_chunksizes=True,
        )

    def _find_client(self) -> Client:
        import distributed

        if self._client is not None:
            return self._client
        try:
            return distributed.get_client()
        except ValueError as error:
            raise ValueError(
                "There is no client of a Dask cluster. Start one by "
                "client = distributed.Client(...), or pass `client`."
            ) from error

    def _known_lengths(self) -> list[int]:
        """Return the number of rows of every partition, asking for it where it is not known."""
        if self._lengths is None:
            import dask

            count = dask.delayed(n_rows)
            counts = [count(block) for block in self._blocks]
            self._lengths = list(self._find_client().compute(dask.delayed(counts)).result())
        return self._lengths

    def _split(self, values: Any, name: str) -> list[Any]:
        """Cut labels or weights into those of every partition."""
        import dask

        if not dask.is_dask_collection(values):
            lengths = self._known_lengths()
            if not hasattr(values, "iloc"):
                values = np.asarray(values)
            if len(values) != sum(lengths):
                raise ValueError(
                    f"Found input variables with inconsistent numbers of samples: X has "
                    f"{sum(lengths)} rows and {name} {len(values)}."
                )
            stops = np.cumsum(lengths)
            rows = values.iloc if hasattr(values, "iloc") else values
            pieces = [
                rows[stop - length : stop] for stop, length in zip(stops, lengths, strict=True)
            ]
            return [dask.delayed(piece, traverse=False) for piece in pieces]
        if hasattr(values, "rechunk"):
            if values.ndim > 1:
                values = values.rechunk({1: -1})
            if self._lengths is not None and not np.isnan(values.shape[0]):
                if values.shape[0] != sum(self._lengths):
                    raise ValueError(
                        f"Found input variables with inconsistent numbers of samples: X has "
                        f"{sum(self._lengths)} rows and {name} {values.shape[0]}."
                    )
                values = values.rechunk({0: tuple(self._lengths)})
        pieces = _delayed_partitions(values)
        if len(pieces) != self.n_partitions:
            raise ValueError(
                f"X has {self.n_partitions} partitions and {name} {len(pieces)}. Repartition one "
                "of them, or make their chunks known by compute_chunk_sizes()."
            )
        return pieces


def _delayed_partitions(values: Any) -> list[Any]:
    """Return the partitions of a dask collection, as many as it says to have.

    Where few columns of Parquet files are asked for, Dask reads several files as one partition:
    of the labels fewer than of the features.
    """
    pieces = list(np.ravel(values.to_delayed()))
    if len(pieces) != values.npartitions:
        pieces = list(np.ravel(values.to_delayed(optimize_graph=False)))
    return pieces


def _token(values: Any) -> Any:
    """What tells labels or weights apart: the name of a dask collection, the content of others."""
    import dask

    if dask.is_dask_collection(values):
        return dask.base.tokenize(values)
    if hasattr(values, "iloc"):
        return str(getattr(values, "dtypes", "")), np.asarray(values)
    return None if values is None else np.asarray(values)


def _apply(function: Callable[[Any], np.ndarray], rows: Any, nothing: np.ndarray) -> np.ndarray:
    from vilma.mapped import MappedMatrix

    rows = MappedMatrix.open(rows) if isinstance(rows, str) else rows
    return function(rows) if rows.shape[0] else nothing
