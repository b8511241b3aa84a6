"""Columns that linear models do well with, of a table of numbers and categories."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

import vilma
from vilma._suspect_columns import (
    names_of_rows,
    numbers_among_texts,
    numbers_too_close,
    numbers_with_marks,
)
from vilma.design_matrices.blas import BlasLimit
from vilma.exceptions import ColumnWarning
from vilma.features._columns import (
    as_categories,
    as_numbers,
    is_numeric,
    named_categorical,
    read_columns,
)
from vilma.features._containers import ContainerOutput
from vilma.features._trees import Condition
from vilma.features.leaf_codes import LeafCodes
from vilma.features.union import mean_square_norm
from vilma.labels import read_labels
from vilma.mixed import MixedColumns
from vilma.one_hot import OneHotCodes

__all__ = ["TableFeatures"]

_PARTS = ("linear", "leaves", "kernel")
# Of grown trees. With one set of them for all folds, 2 rows were 2 % better than 5 on six tables
# of strong signals; on seven of weak ones the squared loss was 2 % worse, on two 8 and 14 %.
# Made anew for each fold, on 20 splits of sixteen other tables, 2 and 10 rows were 0.7 % worse and
# 1.1 % better (standard errors 1.0 and 0.8): no reason to leave 5.
_MIN_SAMPLES_LEAF = 5
# The steps inside hand on arrays, whatever `sklearn.set_config` asks of transformers.
_OF_ARRAYS = config_context(transform_output="default")
_CHUNK = 4096  # rows whose one-hot columns are dense at a time, for the kernel


class TableFeatures(  # type: ignore[call-arg]
    ContainerOutput, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    r"""Linear columns, leaves of trees and a kernel side by side, of a table as it is.

    A linear model of one direction draws a straight line; on these columns the same convex,
    certified model follows curves, steps and interactions:

    - ``"linear"``: numbers, missing ones replaced by the median and told by a column of their
      own, standardised; categories one-hot;
    - ``"leaves"``: leaves of trees, see :class:`vilma.features.LeafCodes`;
    - ``"kernel"``: Nystroem's approximation of the Gaussian kernel :math:`\exp(-\gamma |x -
      x'|^2)` of the linear columns.

    Each part is scaled so that its rows have a mean squared norm of 1, hence one alpha suits all.
    The result is :class:`vilma.MixedColumns` whose blocks have the names of the parts;
    cross-validated estimators choose among these with ``blocks="choose"``.

    Parameters
    ----------
    parts : sequence of {"linear", "leaves", "kernel"}, default=("linear", "leaves", "kernel")
        The parts to make.
    estimator : "random" or object, default=None
        Where the leaves come from. None means extremely randomised trees grown on the middle of
        every annotation, of five rows or more in a leaf and at most 256 leaves, or random trees
        where `fit` is given no labels. ``"random"`` means random trees always, an ensemble is as
        for :class:`LeafCodes`.
    n_trees : int, default=100
        Number of trees, unless an ensemble is given.
    max_depth : int, default=5
        Depth of random trees.
    n_components : int, default=300
        Number of landmarks of the kernel, at most the number of rows.
    gamma : float, default=0.5
        Of the kernel, for linear columns of a mean squared norm of 1.
    max_categories : int, default=30
        Categories of a column that get a column each; rarer ones share one with those that `fit`
        has not seen.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale of y, where trees are grown on it.
    output : {"mixed", "csr"}, default="mixed"
        :class:`vilma.MixedColumns`, or the same as a sparse matrix.
    random_state : int or None, default=0
        Of trees and landmarks.
    n_jobs : int, default=None
        Threads that grow trees, unless an ensemble is given, and those of BLAS for the kernel.

    Attributes
    ----------
    leaves_ : LeafCodes
        The fitted trees, on numbers as they are and categories as their ranks.
    kernel_ : sklearn.kernel_approximation.Nystroem
        The fitted kernel.
    categories_ : dict of int to list of (str or None)
        The categories seen in `fit` of every column that holds some, by the column's place; None
        is that of missing cells.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had string names.

    See Also
    --------
    vilma.features.Union : Any transformers side by side.
    vilma.displays.HeaviestColumnsDisplay : Which of these columns move the projection most.

    Notes
    -----
    Trees that have seen the labels of held-out rows mislead a search for alpha: on what visitors
    would pay for Kakadu the error was 6 % and 10 % larger with the alpha that looked best. In a
    pipeline the cross-validated estimators therefore make these columns anew for every fold, from
    the rows that it trains on. Other searches should be given the whole pipeline.

    Columns of a data frame are numbers by their type, truth values included; all others hold
    categories, a Categorical of numbers, too. In an array of objects a column of nothing but
    numbers is one. Dates are refused. Where a column of categories comes as numbers in `transform`
    ("1", "2" and "unknown" in one file, 1 and 2 in another), they are the categories that read
    like them.

    Weights are not taken: leave rows of weight 0 out, which teach nothing to the estimator and
    everything to medians, scales and trees.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from vilma import IISVOR_IMC
    >>> from vilma.features import TableFeatures
    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, size=(300, 2))
    >>> y = np.digitize(X[:, 0] ** 2 + X[:, 1] ** 2, [0.3, 0.6, 0.9])  # rings
    >>> TableFeatures(n_components=50).fit_transform(X).names
    ('linear', 'leaves', 'kernel')
    >>> straight = IISVOR_IMC(0.001).fit(X, y)
    >>> curved = make_pipeline(TableFeatures(), IISVOR_IMC(0.001)).fit(X, y)
    >>> straight.score(X, y) < 0.5 < 0.9 < curved.score(X, y)
    True
    """

    _needed: ClassVar[tuple[str, ...]] = ("_categorical", "_linear_scale", "_numeric")
    _parameter_constraints: ClassVar[dict] = {
        "parts": ["array-like"],
        "estimator": [HasMethods(["fit"]), StrOptions({"random"}), None],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "gamma": [Interval(Real, 0, None, closed="neither")],
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "classes": ["array-like", None],
        "output": [StrOptions({"mixed", "csr"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        parts: Sequence[str] = _PARTS,
        *,
        estimator: Any = None,
        n_trees: int = 100,
        max_depth: int = 5,
        n_components: int = 300,
        gamma: float = 0.5,
        max_categories: int = 30,
        classes: Any = None,
        output: Literal["mixed", "csr"] = "mixed",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.parts = parts
        self.estimator = estimator
        self.n_trees = n_trees
        self.max_depth = max_depth
        self.n_components = n_components
        self.gamma = gamma
        self.max_categories = max_categories
        self.classes = classes
        self.output = output
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> TableFeatures:
        """Learn medians, scales, categories, trees and landmarks.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Numbers and categories, missing values included.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Exact or interval labels, on which trees are grown.

        Returns
        -------
        TableFeatures
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter is invalid, or a number infinite or beyond single precision.
        TypeError
            If X is sparse or holds dates.

        Warns
        -----
        vilma.exceptions.ColumnWarning
            Where a column of texts holds numbers, such as "1.5" beside "?" or "1,5"; where its
            texts are different in most rows; where numbers are closer than trees can part.
        """
        self.fit_transform(X, y)
        return self

    @_OF_ARRAYS
    def fit_transform(self, X: Any, y: Any = None) -> MixedColumns | csr_array:
        """Learn what `fit` does, and return the columns of X.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            Numbers and categories, missing values included.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Exact or interval labels, on which trees are grown.

        Returns
        -------
        MixedColumns or scipy.sparse.csr_array of shape (n_samples, n_features_out)
            The columns of all parts. Where trees are grown on y, cross-validated estimators grow
            them anew for every fold.
        """
        self._validate_params()
        self._check_parts()
        columns = read_columns(X)
        validate_data(self, X, skip_check_array=True)
        self._numeric = [place for place, column in enumerate(columns) if is_numeric(column)]
        self._categorical = [place for place in range(len(columns)) if place not in self._numeric]
        table = self._split(columns, {})
        self._warn_of_columns(table, named_categorical(X))
        if self._numeric:
            imputer = SimpleImputer(
                strategy="median", add_indicator=True, keep_empty_features=True
            )
            self._standardise = make_pipeline(imputer, StandardScaler()).fit(table.numbers)
        if self._categorical:
            self._encoder = OrdinalEncoder(
                handle_unknown="use_encoded_value",
                unknown_value=-1,
                max_categories=self.max_categories + 1,
            ).fit(table.categories)
        codes = self._code(table)
        self._linear_scale = 1.0
        blocks = self._linear(table, codes)
        norm = sum(mean_square_norm(block) for block in blocks)
        self._linear_scale = 1.0 / np.sqrt(norm or 1.0)
        if "leaves" in self.parts:
            self.leaves_ = LeafCodes(
                self._ensemble(y),
                n_trees=self.n_trees,
                max_depth=self.max_depth,
                classes=self.classes,
                random_state=self.random_state,
                n_jobs=self.n_jobs,
            ).fit(self._for_trees(table, codes), y)
        if "kernel" in self.parts:
            n_samples = len(columns[0])
            chosen = np.arange(n_samples)
            self.kernel_ = Nystroem(
                gamma=self.gamma,
                n_components=min(self.n_components, n_samples),
                random_state=self.random_state,
            )
            # It takes no more of X than its landmarks, which a few rows give as well.
            if n_samples > _CHUNK:
                rng = np.random.default_rng(0 if self.random_state is None else self.random_state)
                chosen = np.sort(rng.choice(n_samples, max(_CHUNK, self.n_components), False))
            with self._blas_limit():
                self.kernel_.fit(self._dense(blocks, chosen))
        made = self._assemble(table, codes, blocks)
        if isinstance(made, MixedColumns) and self._learns_from(y):
            made.remake = _Remake(self, X, y)
        return made

    @_OF_ARRAYS
    def transform(self, X: Any) -> MixedColumns | csr_array:
        """Return the columns of X.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            With the columns of `fit`.

        Returns
        -------
        MixedColumns or scipy.sparse.csr_array of shape (n_samples, n_features_out)
            The columns of all parts.

        Raises
        ------
        ValueError
            If columns are not those of `fit`.

        Warns
        -----
        vilma.exceptions.ColumnWarning
            Where none of a column's categories was seen in `fit`, or a column of numbers is empty.
        """
        check_is_fitted(self)
        columns = read_columns(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        table = self._split(columns, self.categories_)
        self._warn_of_empty_columns(table)
        codes = self._code(table)
        return self._assemble(table, codes, self._linear(table, codes))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return what every column means.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; by default those seen in `fit`, or x0, x1, ...

        Returns
        -------
        ndarray of str
            Such as ``"age"``, ``"age is missing"``, ``"colour = red"``, ``"tree3: age <= 34.5"``
            and ``"kernel7"``.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        result: list[str] = []
        if "linear" in self.parts:
            if self._numeric:
                own = [str(names[place]) for place in self._numeric]
                indicator = self._standardise[0].indicator_
                result += own
                result += [f"{own[place]} is missing" for place in indicator.features_]
            for place, words in zip(self._categorical, self._category_names(), strict=True):
                result += [f"{names[place]} = {word}" for word in words]
        if "leaves" in self.parts:
            rules = self.leaves_.rules(lambda each: self._describe(each, names))
            result += [f"tree{tree}: {rule}" for tree, each in enumerate(rules) for rule in each]
        if "kernel" in self.parts:
            result += [f"kernel{place}" for place in range(len(self.kernel_.components_))]
        return np.array(result, dtype=object)

    @property
    def categories_(self) -> dict[int, list[str | None]]:
        """Categories that `fit` saw, by the place of their column; None if a cell was missing."""
        known = self._encoder.categories_ if self._categorical else []
        return {
            place: words.tolist() for place, words in zip(self._categorical, known, strict=True)
        }

    def _check_parts(self) -> None:
        parts = list(self.parts)
        wrong = [part for part in parts if part not in _PARTS]
        if wrong or not parts or len(set(parts)) < len(parts):
            raise ValueError(f"parts must be some of {_PARTS}, each once; got {self.parts!r}.")

    def _learns_from(self, y: Any) -> bool:
        return "leaves" in self.parts and y is not None and not isinstance(self.estimator, str)

    def _ensemble(self, y: Any) -> Any:
        """Return what grows the trees; None means random ones."""
        if isinstance(self.estimator, str) or (self.estimator is None and y is None):
            return None
        if self.estimator is not None:
            return self.estimator
        return ExtraTreesRegressor(
            self.n_trees,
            min_samples_leaf=_MIN_SAMPLES_LEAF,
            max_leaf_nodes=256,  # one byte a tree
            max_features=1 / 3,
            n_jobs=self.n_jobs,
            random_state=self.random_state,
        )

    def _split(
        self, columns: list[np.ndarray], known: Mapping[int, Sequence[str | None]]
    ) -> _Table:
        """Separate numbers from categories, of which some columns' are known."""
        names, n_samples = self._names(), len(columns[0])
        numbers = np.empty((n_samples, len(self._numeric)))
        for place, column in enumerate(self._numeric):
            numbers[:, place] = as_numbers(columns[column], str(names[column]))
        categories = np.empty((n_samples, len(self._categorical)), dtype=object)
        for place, column in enumerate(self._categorical):
            categories[:, place] = as_categories(columns[column], known.get(column, ()))
        return _Table(numbers, categories)

    def _warn_of_columns(self, table: _Table, categorical: Sequence[bool]) -> None:
        """Warn of columns that are probably not what they are taken for."""
        names = self._names()

        def warn(place: int, about: str | None) -> None:
            if about is not None:
                warnings.warn(f"Column {names[place]!r} {about}.", ColumnWarning, stacklevel=5)

        for place, numbers in zip(self._numeric, table.numbers.T, strict=True):
            warn(place, numbers_too_close(numbers))
        for place, words in zip(self._categorical, table.categories.T, strict=True):
            texts = [word for word in words if word is not None]
            about = None
            if not any(categorical[place : place + 1]):
                about = numbers_with_marks(texts) or numbers_among_texts(texts)
                if about is not None:
                    about += (
                        ". Make numbers of it, missing where there is none: pandas.to_numeric("
                        'column, errors="coerce"); codes may be a Categorical'
                    )
            if about is None:
                about = names_of_rows(texts, len(words))
                if about is not None:
                    about += "; leave it out"
            warn(place, about)

    def _warn_of_empty_columns(self, table: _Table) -> None:
        """Warn of columns of numbers that have none any more."""
        if len(table.numbers) < 2 or not self._numeric:
            return
        empty = np.isnan(table.numbers).all(axis=0)
        empty &= self._standardise[1].var_[: len(empty)] > 0.0  # one number tells nothing
        for place in np.flatnonzero(empty):
            warnings.warn(
                f"Column {self._names()[self._numeric[place]]!r} is empty: its median in fit "
                "stands for every row. Was it read in the same way?",
                ColumnWarning,
                stacklevel=4,
            )

    def _names(self) -> Sequence[str]:
        numbered = [f"x{place}" for place in range(len(self._numeric) + len(self._categorical))]
        return getattr(self, "feature_names_in_", numbered)

    def _category_names(self) -> list[list[str]]:
        """Names of every category column's codes; the first stands for whatever is rare or new."""
        if not self._categorical:
            return []
        encoder = self._encoder
        infrequent = encoder.infrequent_categories_
        return [
            ["other"]
            + [
                "missing" if word is None else str(word)
                for word in known
                if rare is None or word not in rare
            ]
            for known, rare in zip(encoder.categories_, infrequent, strict=True)
        ]

    def _code(self, table: _Table) -> np.ndarray:
        """Codes of the categories in the order of `_category_names`."""
        n_samples, n_columns = table.categories.shape
        codes = np.zeros((n_samples, n_columns), dtype=np.int64)
        if not n_columns:
            return codes
        encoded = self._encoder.transform(table.categories)
        given = table.categories != None  # noqa: E711 (cell by cell)
        all_new = ((encoded == -1) | ~given).all(axis=0) & (given.sum(axis=0) > 1)
        for unseen in np.flatnonzero(all_new):
            known = self._encoder.categories_[unseen].tolist()
            new = table.categories[:, unseen].tolist()
            if names_of_rows(known, len(known)) and names_of_rows(new, n_samples):
                continue  # of which `fit` has warned
            warnings.warn(
                f"Column {self._names()[self._categorical[unseen]]!r} has none of the categories "
                "that fit saw: all its cells count as rare ones do. Was it read in the same way?",
                ColumnWarning,
                stacklevel=4,
            )
        for place, words in enumerate(self._category_names()):
            # Rare categories have the code behind the others, new ones -1.
            column = encoded[:, place].astype(np.int64) + 1
            codes[:, place] = np.where(column >= len(words), 0, column)
        return codes

    def _linear(self, table: _Table, codes: np.ndarray) -> list[np.ndarray | OneHotCodes]:
        blocks: list[np.ndarray | OneHotCodes] = []
        if self._numeric:
            blocks.append(self._standardise.transform(table.numbers))
        if self._categorical:
            blocks.append(OneHotCodes(codes, [len(words) for words in self._category_names()]))
        return blocks

    def _for_trees(self, table: _Table, codes: np.ndarray) -> np.ndarray:
        return np.column_stack([table.numbers, codes]).astype(np.float32)

    def _dense(self, blocks: list, rows: slice | np.ndarray) -> np.ndarray:
        return self._linear_scale * np.hstack(
            [b[rows].toarray() if isinstance(b, OneHotCodes) else b[rows] for b in blocks]
        )

    def _blas_limit(self) -> BlasLimit:
        """Keep BLAS to the threads that were asked for.

        With one more than there are free cores, the decomposition of 300 landmarks takes fifty
        times as long, all of it waiting.
        """
        return BlasLimit(effective_n_jobs(self.n_jobs))

    def _assemble(
        self, table: _Table, codes: np.ndarray, linear: list[np.ndarray | OneHotCodes]
    ) -> MixedColumns | csr_array:
        blocks: list[Any] = []
        if "linear" in self.parts:
            blocks += [(block, self._linear_scale, "linear") for block in linear]
        if "leaves" in self.parts:
            leaves = self.leaves_.transform(self._for_trees(table, codes))
            blocks.append((leaves, 1.0 / np.sqrt(leaves.codes.shape[1]), "leaves"))
        if "kernel" in self.parts:
            n_samples = len(codes)
            kernel = np.empty((n_samples, len(self.kernel_.components_)))
            with self._blas_limit():
                for start in range(0, n_samples, _CHUNK):
                    rows = slice(start, start + _CHUNK)
                    kernel[rows] = self.kernel_.transform(self._dense(linear, rows))
            blocks.append((kernel, 1.0, "kernel"))
        parts, scales, names = zip(*blocks, strict=True)
        X = vilma.hstack(parts, scales=scales, names=names)
        return X if self.output == "mixed" else X.tocsr()

    def _describe(self, condition: Condition, names: Sequence[str]) -> str:
        place, operator, value = condition
        if place < len(self._numeric):
            return f"{names[self._numeric[place]]} {operator} {value:.4g}"
        place -= len(self._numeric)
        words = self._category_names()[place]
        ranks = np.arange(len(words))
        inside = ranks <= value if operator == "<=" else ranks > value
        chosen = ", ".join(word for word, here in zip(words, inside, strict=True) if here)
        return f"{names[self._categorical[place]]} in {{{chosen}}}"

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


class _Remake:
    """Columns of a table, made with the labels of some of its rows.

    A transformer that has been fitted to some rows is kept: a search that goes on beyond the end
    of its grid asks for the same ones again.
    """

    def __init__(self, transformer: TableFeatures, X: Any, y: Any) -> None:
        with warnings.catch_warnings(action="ignore"):  # they came when the trees were grown
            labels = read_labels(y, transformer.classes)
        self._X, self._y = X, np.column_stack([labels.lower, labels.upper])
        self._transformer = clone(transformer).set_params(classes=np.arange(labels.n_classes))
        self._fitted: dict[bytes, TableFeatures] = {}

    def __call__(self, train: np.ndarray, others: np.ndarray) -> tuple[Any, Any]:
        known, rest = _safe_indexing(self._X, train), _safe_indexing(self._X, others)
        key = np.asarray(train).tobytes()
        if key in self._fitted:
            return self._fitted[key].transform(known), self._fitted[key].transform(rest)
        transformer = clone(self._transformer)
        with warnings.catch_warnings(action="ignore", category=ColumnWarning):  # told of all rows
            columns = transformer.fit_transform(known, self._y[train])
            self._fitted[key] = transformer
            return columns, transformer.transform(rest)


class _Table(NamedTuple):
    numbers: np.ndarray  # (n_samples, n_numeric), missing ones NaN
    categories: np.ndarray  # (n_samples, n_categorical) of str, missing ones None
