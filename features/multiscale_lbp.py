"""Multi-scale local binary patterns as a scikit-learn transformer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import Any, Literal, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_array

from vilma._numba import interruptible
from vilma.features._lbp_kernels import halve, interior_patterns
from vilma.one_hot import OneHotCodes

N_PATTERNS = 256
_SMALLEST_SIDE = 3  # a pixel needs neighbours on all sides
_BLOCK_PIXELS = 1 << 19  # of the images a thread takes at once: 218 crops of 60 x 40

# The weights of ITU-R 601-2, and their 16-bit fixed-point form for uint8 (they add up to 2**16).
_LUMA = (0.299, 0.587, 0.114)
_LUMA_FIXED = (19595, 38470, 7471)


class LBPFeature(NamedTuple):
    """What one column (or each of several columns) of the output stands for.

    Parameters
    ----------
    level : int or ndarray of int
        Pyramid level; level 0 is the full resolution.
    row, column : int or ndarray of int
        The centre pixel in the image of that level, counted from 0. As border pixels have no
        pattern, the smallest value is 1.
    pattern : int or ndarray of int
        The 8-bit pattern, 0 to 255.
    """

    level: int | NDArray[np.intp]
    row: int | NDArray[np.intp]
    column: int | NDArray[np.intp]
    pattern: int | NDArray[np.intp]


class MultiScaleLBP(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """One-hot local binary patterns of an image pyramid.

    Every interior pixel of every pyramid level has an 8-bit pattern: bit k is set when
    neighbour k is strictly smaller than the pixel itself. The neighbours are counted row by
    row, from the least significant bit::

        0 1 2
        3 . 4
        5 6 7

    A pixel with its pattern becomes a block of 256 columns holding a single one. Each further
    level replaces 2 x 2 pixels by their sum; an odd last row or column is dropped first. The
    blocks are ordered by level, then row, then column.

    The transformer learns nothing, so it may be used without :meth:`fit`. Its output is always
    sparse; like scikit-learn's ``HashingVectorizer`` it has no ``set_output``.

    Parameters
    ----------
    size : tuple of (int, int), default=(60, 40)
        Height and width of the images in pixels, both at least 3.

    levels : int or None, default=None
        Number of pyramid levels, the full resolution included. None halves the image until a
        side is under 3 pixels, which makes 4 levels of 60 x 40: 60 x 40, 30 x 20, 15 x 10
        and 7 x 5.

    drop_full_resolution : bool, default=True
        Leave out level 0, as the experiments of [1]_ do: 60 x 40 images then have 623
        positions and 159,488 features. With False, they have 2,827 and 723,712.

    output : {"csr", "codes"}, default="csr"
        A sparse matrix, or :class:`vilma.OneHotCodes` with one byte per position, which
        vilma's estimators take as it is.

    dtype : dtype, default=numpy.float32
        Type of the ones in the sparse output: boolean, integer or floating.

    n_jobs : int or None, default=None
        Number of threads. None means 1 unless in a :obj:`joblib.parallel_backend` context;
        -1 means all processors. The output does not depend on it.

    Attributes
    ----------
    positions_ : ndarray of int of shape (n_positions, 3)
        Level, row and column of each block of 256 columns, see :class:`LBPFeature`.

    n_features_out_ : int
        Number of columns of the output, 256 times the number of positions.

    See Also
    --------
    vilma.features.read_image : Read an image file as grey.
    vilma.features.canonical_crop : Crop and resize a grey image to ``size``.

    Notes
    -----
    An image is not a row of columns, so there is no ``n_features_in_``.

    *Colour.* RGB images are turned grey as ``0.299 R + 0.587 G + 0.114 B``. For uint8 that sum
    is rounded to uint8 exactly as by Pillow's ``convert("L")``; otherwise it stays unrounded.

    *Exactness.* uint8 images use integer arithmetic throughout: equal sums of pixels are equal.
    All other types are computed in float64, which is just as exact for whole numbers as long
    as ``4 ** (levels - 1)`` times the largest pixel is under 2 ** 53. For fractions, such as
    uint8 images divided by 255, rounding may decide between two sums that are equal on paper;
    pass the uint8 images instead.

    References
    ----------
    .. [1] Antoniuk, Franc, Hlavac: V-shaped interval insensitive loss for ordinal
       classification, Machine Learning 103, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.features import MultiScaleLBP
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 60, 40), dtype=np.uint8)
    >>> lbp = MultiScaleLBP()
    >>> X = lbp.fit_transform(images)
    >>> X.shape
    (5, 159488)
    >>> lbp.get_feature_names_out()[300]
    'lbp_l1_r01_c02_p044'
    """

    def __init__(
        self,
        size: tuple[int, int] = (60, 40),
        levels: int | None = None,
        drop_full_resolution: bool = True,
        output: Literal["csr", "codes"] = "csr",
        dtype: DTypeLike = np.float32,
        n_jobs: int | None = None,
    ) -> None:
        self.size = size
        self.levels = levels
        self.drop_full_resolution = drop_full_resolution
        self.output = output
        self.dtype = dtype
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: Any = None) -> MultiScaleLBP:
        """Check the parameters and the shape of the images; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width) or (n_images, height, width, 3)
            Grey or RGB images.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        MultiScaleLBP
            The transformer itself.

        Raises
        ------
        ValueError
            If a parameter is invalid or X is not a stack of images of the given ``size``.
        """
        self._output_dtype()
        self._kept_levels()
        self._n_threads()
        self._check_images(X)
        return self

    def transform(self, X: ArrayLike) -> csr_array | OneHotCodes:
        """Turn images into one-hot patterns.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width) or (n_images, height, width, 3)
            Grey or RGB images, without nan or infinity.

        Returns
        -------
        scipy.sparse.csr_array or OneHotCodes of shape (n_images, n_features_out_)
            Exactly one 1 in every block of 256 columns of a row. Indices are sorted, and
            int32 as long as the number of ones fits.

        Raises
        ------
        ValueError
            If a parameter is invalid, X is not a stack of images of the given ``size``, or
            a pixel is nan or infinite.
        """
        dtype = self._output_dtype()
        codes = self.compute_codes(X)
        if self.output == "codes":
            return OneHotCodes(codes, N_PATTERNS)
        n_images, n_positions = codes.shape
        n_features = N_PATTERNS * n_positions
        fits = max(codes.size, n_features) <= np.iinfo(np.int32).max
        index_dtype = np.int32 if fits else np.int64
        block_starts = np.arange(0, n_features, N_PATTERNS, dtype=index_dtype)
        patterns = csr_array(
            (
                np.ones(codes.size, dtype=dtype),
                (codes + block_starts).ravel(),
                np.arange(0, codes.size + 1, n_positions, dtype=index_dtype),
            ),
            shape=(n_images, n_features),
        )
        patterns.has_canonical_format = True  # spares every later user the check
        return patterns

    @interruptible()
    def compute_codes(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Compute the patterns themselves: the output of transform in one byte per block.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width) or (n_images, height, width, 3)
            Grey or RGB images, without nan or infinity.

        Returns
        -------
        ndarray of uint8 of shape (n_images, n_positions)
            ``codes[i, p] == v`` means that column ``256 * p + v`` of row i is the one.

        Raises
        ------
        ValueError
            If a parameter is invalid, X is not a stack of images of the given ``size``, or
            a pixel is nan or infinite.
        """
        kept = self._kept_levels()
        n_threads = self._n_threads()
        images = self._check_images(X)
        codes = np.empty((len(images), _count_positions(kept)), dtype=np.uint8)

        block = max(1, _BLOCK_PIXELS // (images.shape[1] * images.shape[2]))

        def fill(start: int) -> None:
            stop = start + block
            grey = _to_grey(images[start:stop], start, kept)
            _fill_codes(grey, kept, codes[start:stop])

        starts = range(0, len(images), block)
        if n_threads == 1 or len(starts) == 1:
            for start in starts:
                fill(start)
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                # Consuming the results raises the error of the first bad block.
                list(pool.map(fill, starts))
        return codes

    @property
    def n_features_out_(self) -> int:
        """Number of columns of the output."""
        return N_PATTERNS * _count_positions(self._kept_levels())

    @property
    def positions_(self) -> NDArray[np.intp]:
        """Level, row and column of each block, shape (n_positions, 3)."""
        tables = []
        for level, (height, width) in self._kept_levels().items():
            table = np.empty((height - 2, width - 2, 3), dtype=np.intp)
            table[..., 0] = level
            table[..., 1] = np.arange(1, height - 1)[:, np.newaxis]
            table[..., 2] = np.arange(1, width - 1)
            tables.append(table.reshape(-1, 3))
        return np.concatenate(tables)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name the columns of the output.

        Parameters
        ----------
        input_features : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        ndarray of str objects of shape (n_features_out_,)
            For example ``"lbp_l1_r03_c12_p137"``: level 1, row 3, column 12, pattern 137.
        """
        endings = [f"_p{pattern:03d}" for pattern in range(N_PATTERNS)]
        return np.array(
            [
                block + ending
                for block in (
                    f"lbp_l{level}_r{row:02d}_c{column:02d}"
                    for level, row, column in self.positions_.tolist()
                )
                for ending in endings
            ],
            dtype=object,
        )

    def describe_feature(self, index: int | ArrayLike) -> LBPFeature:
        """Tell which level, pixel and pattern a column of the output stands for.

        Parameters
        ----------
        index : int or array-like of int
            Column or columns of the output, counted from 0.

        Returns
        -------
        LBPFeature
            Of ints for a single column; of arrays shaped like ``index`` for several.

        Raises
        ------
        TypeError
            If ``index`` is not of integers.
        IndexError
            If there is no such column.

        Examples
        --------
        >>> from vilma.features import MultiScaleLBP
        >>> MultiScaleLBP().describe_feature(300)
        LBPFeature(level=1, row=1, column=2, pattern=44)
        """
        indices = np.asarray(index)
        if indices.size and indices.dtype.kind not in "iu":
            raise TypeError(
                f"index must be an integer or integers, got {index!r} (dtype {indices.dtype})."
            )
        n_features = self.n_features_out_
        outside = indices[(indices < 0) | (indices >= n_features)]
        if outside.size:
            raise IndexError(
                f"There is no feature {outside.flat[0]}: this MultiScaleLBP has {n_features} "
                f"features, counted from 0 to {n_features - 1}."
            )
        indices = indices.astype(np.intp)
        level, row, column = np.moveaxis(self.positions_[indices // N_PATTERNS], -1, 0)
        pattern = indices % N_PATTERNS
        if indices.ndim == 0:
            return LBPFeature(int(level), int(row), int(column), int(pattern))
        return LBPFeature(level, row, column, pattern)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        return tags

    def _size(self) -> tuple[int, int]:
        sides = self.size if isinstance(self.size, (tuple, list)) else ()
        valid = all(isinstance(side, Integral) and side >= _SMALLEST_SIDE for side in sides)
        if len(sides) != 2 or not valid:
            raise ValueError(
                "The 'size' parameter of MultiScaleLBP must be a tuple (height, width) of "
                f"integers, both at least {_SMALLEST_SIDE}. Got {self.size!r} instead."
            )
        return int(sides[0]), int(sides[1])

    def _kept_levels(self) -> dict[int, tuple[int, int]]:
        """Map each level that has features to its (height, width)."""
        shapes = []
        height, width = self._size()
        while min(height, width) >= _SMALLEST_SIDE:
            shapes.append((height, width))
            height, width = height // 2, width // 2

        if not isinstance(self.drop_full_resolution, (bool, np.bool_)):
            raise ValueError(
                "The 'drop_full_resolution' parameter of MultiScaleLBP must be True or False. "
                f"Got {self.drop_full_resolution!r} instead."
            )
        first = int(self.drop_full_resolution)
        if self.levels is not None:
            counted = isinstance(self.levels, Integral) and not isinstance(self.levels, bool)
            if not counted or not 1 <= self.levels <= len(shapes):
                raise ValueError(
                    "The 'levels' parameter of MultiScaleLBP must be None or an integer from 1 "
                    f"to {len(shapes)}, the number of levels of size={self.size!r} with both "
                    f"sides at least {_SMALLEST_SIDE}. Got {self.levels!r} instead."
                )
            shapes = shapes[: self.levels]
        if len(shapes) == first:
            raise ValueError(
                f"MultiScaleLBP with size={self.size!r} and levels={self.levels!r} has only the "
                "full-resolution level, and drop_full_resolution=True leaves nothing. Set "
                "drop_full_resolution=False, or use more levels or larger images."
            )
        return {level: shapes[level] for level in range(first, len(shapes))}

    def _output_dtype(self) -> np.dtype:
        if self.output not in ("csr", "codes"):
            raise ValueError(
                "The 'output' parameter of MultiScaleLBP must be 'csr' or 'codes'. "
                f"Got {self.output!r} instead."
            )
        try:
            dtype = np.dtype(self.dtype)
        except TypeError:
            dtype = np.dtype(object)
        if self.dtype is None or dtype.kind not in "biuf":
            raise ValueError(
                "The 'dtype' parameter of MultiScaleLBP must be a boolean, integer or floating "
                f"NumPy dtype. Got {self.dtype!r} instead."
            )
        return dtype

    def _n_threads(self) -> int:
        counted = isinstance(self.n_jobs, Integral) and not isinstance(self.n_jobs, bool)
        if self.n_jobs is not None and not (counted and self.n_jobs != 0):
            raise ValueError(
                "The 'n_jobs' parameter of MultiScaleLBP must be None or an integer other than "
                f"0. Got {self.n_jobs!r} instead."
            )
        return effective_n_jobs(self.n_jobs)

    def _check_images(self, X: ArrayLike) -> NDArray:
        """Check everything about X but the pixel values, which are checked block by block."""
        size = self._size()
        if isinstance(X, (list, tuple)):
            _check_equal_shapes(X)
        images = check_array(
            X,
            dtype=None,
            ensure_2d=False,
            allow_nd=True,
            ensure_all_finite=False,
            estimator=self,
            input_name="X",
        )
        if images.dtype.kind not in "biuf":
            raise ValueError(
                f"X must hold numbers, uint8 or floating, got dtype {images.dtype}. Convert "
                "the images first, for example by np.stack(images).astype(np.uint8)."
            )
        _check_shape(images.shape, size)
        return images


def _count_positions(levels: dict[int, tuple[int, int]]) -> int:
    return sum((height - 2) * (width - 2) for height, width in levels.values())


def _check_equal_shapes(images: list | tuple) -> None:
    shapes = [np.shape(image) for image in images if hasattr(image, "shape")]
    for i, shape in enumerate(shapes):
        if shape != shapes[0]:
            raise ValueError(
                f"All images of X must have the same shape, but image 0 has {shapes[0]} and "
                f"image {i} has {shape}. Resize them to one size first, for example by "
                "vilma.features.canonical_crop."
            )


def _check_shape(shape: tuple[int, ...], size: tuple[int, int]) -> None:
    height, width = size
    expected = (
        f"(n_images, {height}, {width}) for grey or (n_images, {height}, {width}, 3) for RGB"
    )
    if shape[1:] != size and shape in (size, (*size, 3), (*size, 4)):
        raise ValueError(
            f"X of shape {shape} is a single image, but a stack of images of shape {expected} "
            "is expected. Pass image[np.newaxis]."
        )
    if len(shape) not in (3, 4):
        raise ValueError(
            f"X must be images of shape {expected}, got an array of shape {shape}. Flattened "
            f"images can be restored by X.reshape(-1, {height}, {width})."
        )
    if len(shape) == 4 and shape[3] == 4:
        raise ValueError(
            f"X of shape {shape} looks like RGBA, but X must be of shape {expected}. Blend the "
            "images with a background, or drop the transparency by X[..., :3]."
        )
    if len(shape) == 4 and shape[3] != 3:
        raise ValueError(
            f"X of shape {shape} has {shape[3]} channels, but X must be of shape {expected}. "
            "Choose one channel, for example by X[..., 0]."
        )
    if shape[1:3] != size:
        raise ValueError(
            f"The images of X are {shape[1]} x {shape[2]} (height x width), but this "
            f"MultiScaleLBP takes {height} x {width}. Resize them first, for example by "
            f"vilma.features.canonical_crop(image, size=({height}, {width})), or set "
            f"size=({shape[1]}, {shape[2]})."
        )


def _to_grey(images: NDArray, first: int, kept: dict[int, tuple[int, int]]) -> NDArray:
    """Bring a block of images to grey, in the dtype of the sums; image ``first`` starts it."""
    if images.dtype == np.uint8:
        largest_sum = 255 << (2 * max(kept))
        work_dtype = np.int32 if largest_sum <= np.iinfo(np.int32).max else np.int64
        grey = images.astype(work_dtype, order="C")
        if images.ndim == 4:
            grey = (_weigh(grey, _LUMA_FIXED) + (1 << 15)) >> 16
        return np.ascontiguousarray(grey)

    grey = np.ascontiguousarray(images, dtype=np.float64)
    finite = np.isfinite(grey).reshape(len(grey), -1).all(axis=1)
    if not finite.all():
        bad = first + int(np.argmin(finite))
        raise ValueError(
            f"Image {bad} of X contains nan or infinity (counted from 0), but every pixel must "
            "be finite. Remove or repair that image."
        )
    return grey if images.ndim == 3 else _weigh(grey, _LUMA)


def _weigh(images: NDArray, weights: tuple[float, float, float]) -> NDArray:
    red, green, blue = weights
    return red * images[..., 0] + green * images[..., 1] + blue * images[..., 2]


def _fill_codes(
    level: NDArray, kept: dict[int, tuple[int, int]], codes: NDArray[np.uint8]
) -> None:
    """Write the patterns of a block of grey images at all kept levels into ``codes``."""
    first = 0
    for number in range(max(kept) + 1):
        if number > 0:
            n_images, height, width = level.shape
            smaller = np.empty((n_images, height // 2, width // 2), dtype=level.dtype)
            halve(level, smaller)
            level = smaller
        if number in kept:
            interior_patterns(level, codes, first)
            first += (level.shape[1] - 2) * (level.shape[2] - 2)
