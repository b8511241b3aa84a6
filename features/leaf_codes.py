"""Leaves of tree ensembles as one-hot codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone, is_classifier
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    _num_samples,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from vilma._numbers import numbers_expected, refuse_dates
from vilma._wording import reworded
from vilma.features._containers import ContainerOutput
from vilma.features._trees import Condition, leaf_numbers, read_leaves
from vilma.labels import IntervalLabels, read_labels, read_scale
from vilma.one_hot import OneHotCodes

__all__ = ["LeafCodes"]

_WHOSE_CLASSES = (
    "Trees are grown in this order before the estimator is asked: give `classes` to TableFeatures "
    "or LeafCodes as well."
)


class LeafCodes(  # type: ignore[call-arg]
    ContainerOutput, TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Leaves of a tree ensemble, one code per tree: steps and interactions for a linear model.

    A row's code in a tree is the leaf it falls into. A linear model on the one-hot codes learns a
    value for every leaf, as boosting does, but all of them together and by the loss of its own.
    By default the trees are drawn at random, without labels, so vague labels cost nothing here.

    Parameters
    ----------
    estimator : object, default=None
        A forest, tree or GradientBoosting of scikit-learn, or a model of XGBoost or LightGBM.
        It is cloned and trained on the middle of every annotation, as a position on the scale
        (rounded down for a classifier). None means unlabelled random trees: every split takes a
        random column and a random threshold within the rows at hand.
    n_trees : int, default=100
        Number of random trees; a given `estimator` has its own.
    max_depth : int, default=5
        Depth of random trees; 5 gives at most 32 leaves, one byte a tree.
    min_samples_leaf : int, default=1
        Least number of rows in a leaf of random trees.
    prefit : bool, default=False
        Take `estimator` as it is, fitted already, instead of training a clone.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale of y, where `estimator` is trained; by default its sorted labels.
    output : {"codes", "csr"}, default="codes"
        :class:`vilma.OneHotCodes`, or the same as a sparse matrix.
    random_state : int, RandomState instance or None, default=0
        Of random trees: the same trees in every fit by default.
    n_jobs : int, default=None
        Threads that grow random trees.

    Attributes
    ----------
    estimator_ : object
        The fitted ensemble.
    n_leaves_ : ndarray of shape (n_trees,)
        Number of leaves of every tree.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen in `fit`, where X had string names.

    See Also
    --------
    vilma.features.TableFeatures : Leaves beside linear and kernel columns.
    sklearn.ensemble.RandomTreesEmbedding : Random trees as a sparse matrix.

    Notes
    -----
    Missing values go where the trees send them, as far as these take any; rules do not mention
    them. Columns of other scales need no scaling.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.features import LeafCodes
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> leaves = LeafCodes(n_trees=2, max_depth=1)
    >>> leaves.fit_transform(X)
    OneHotCodes(200 rows, 2 blocks, 4 columns)
    >>> leaves.get_feature_names_out()[2]
    'tree1: x0 <= 0.981'
    """

    # What a model file must hold, and what follows from that.
    _needed: ClassVar[tuple[str, ...]] = ("estimator_", "n_leaves_")
    _derived: ClassVar[tuple[str, ...]] = ("_leaves", "_codes")
    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"]), None],
        "n_trees": [Interval(Integral, 1, None, closed="left")],
        "max_depth": [Interval(Integral, 1, None, closed="left")],
        "min_samples_leaf": [Interval(Integral, 1, None, closed="left")],
        "prefit": ["boolean"],
        "classes": ["array-like", None],
        "output": [StrOptions({"codes", "csr"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_trees: int = 100,
        max_depth: int = 5,
        min_samples_leaf: int = 1,
        prefit: bool = False,
        classes: ArrayLike | None = None,
        output: Literal["codes", "csr"] = "codes",
        random_state: Any = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_trees = n_trees
        self.max_depth = max_depth
        self.min_samples_leaf = min_samples_leaf
        self.prefit = prefit
        self.classes = classes
        self.output = output
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> LeafCodes:
        """Grow the trees.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            As the ensemble takes it.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Exact or interval labels for a given `estimator`; random trees need none.

        Returns
        -------
        LeafCodes
            The fitted transformer.

        Raises
        ------
        ValueError
            If a parameter, X or y is invalid.
        TypeError
            If the estimator does not say which leaves rows fall into.
        """
        self._validate_params()
        if self.classes is not None:
            read_scale(self.classes)
        X = self._read(X, reset=True)
        if self.estimator is None:
            model = self._grow_random_trees(X)
        elif self.prefit:
            check_is_fitted(self.estimator)
            model = self.estimator
        else:
            model = self._train(X, y)
        # A few rows tell whether the ensemble says leaves at all, and how many trees it uses.
        n_trees = leaf_numbers(model, _first_rows(X)).shape[1]
        self.estimator_ = model
        self._index_leaves(n_trees)
        self.n_leaves_ = np.array([len(leaves) for leaves in self._leaves])
        return self

    def _index_leaves(self, n_trees: int) -> None:
        self._leaves = read_leaves(self.estimator_)[:n_trees]
        self._codes = [_numbers_to_codes(leaves) for leaves in self._leaves]

    def _derive(self) -> None:
        """Set the attributes of `_derived`, which follow from those that a model file holds."""
        self._index_leaves(len(self.n_leaves_))
        if [len(leaves) for leaves in self._leaves] != self.n_leaves_.tolist():
            raise ValueError("n_leaves_ of LeafCodes are not the numbers of its trees' leaves")

    def transform(self, X: Any) -> OneHotCodes | sparse.csr_array:
        """Return the leaf of every row in every tree.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame of shape (n_samples, n_features)
            As the ensemble takes it.

        Returns
        -------
        OneHotCodes or scipy.sparse.csr_array of shape (n_samples, n_features_out)
            A block for every tree, a column for every leaf.
        """
        check_is_fitted(self)
        X = self._read(X, reset=False)
        numbers = leaf_numbers(self.estimator_, X)
        small = np.uint8 if self.n_leaves_.max() <= 256 else np.uint16
        codes = np.empty(numbers.shape, dtype=small, order="F")
        for tree, table in enumerate(self._codes):
            codes[:, tree] = table[numbers[:, tree]]
        result = OneHotCodes(codes, self.n_leaves_)
        return result if self.output == "codes" else result.tocsr()

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the rule of every leaf.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X; by default those seen in `fit`, or x0, x1, ...

        Returns
        -------
        ndarray of str
            Such as ``"tree3: age <= 34.5 & income > 12"``.
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return np.array(
            [
                f"tree{tree}: {rule}"
                for tree, rules in enumerate(self.rules(lambda each: _describe(each, names)))
                for rule in rules
            ],
            dtype=object,
        )

    def rules(self, describe: Callable[[Condition], str]) -> list[list[str]]:
        """Return the rules of every tree's leaves in words of one's own.

        Parameters
        ----------
        describe : callable
            Turns a condition, a tuple of feature, operator and value, into text.

        Returns
        -------
        list of list of str
            For every tree, the rule of each of its leaves.
        """
        return [
            [" & ".join(map(describe, leaf.conditions)) or "all rows" for leaf in leaves]
            for leaves in self._leaves
        ]

    def _read(self, X: Any, *, reset: bool) -> Any:
        """Check X for random trees; a given ensemble checks it in its own way."""
        if self.estimator is not None:
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X.tocsr() if sparse.issparse(X) else X
        refuse_dates(X, "X")
        with numbers_expected("X"):
            return validate_data(
                self,
                X,
                reset=reset,
                accept_sparse="csr",
                dtype=np.float32,
                ensure_all_finite="allow-nan",
            )

    def _grow_random_trees(self, X: Any) -> ExtraTreesRegressor:
        rng = check_random_state(self.random_state)
        # A random target, one column and one threshold to choose from: all splits are random.
        model = ExtraTreesRegressor(
            self.n_trees,
            max_depth=self.max_depth,
            min_samples_leaf=self.min_samples_leaf,
            max_features=1,
            n_jobs=self.n_jobs,
            random_state=rng.randint(np.iinfo(np.int32).max),
        )
        return model.fit(X, rng.uniform(size=_num_samples(X)))

    def _train(self, X: Any, y: Any) -> Any:
        model = clone(self.estimator)
        if y is None:
            return model.fit(X)
        labels = _read_labels(y, self.classes)
        check_consistent_length(X, labels.lower)
        target: Any = (labels.lower + labels.upper) / 2
        if is_classifier(model):  # these want classes 0, 1, ... without gaps
            target = np.unique(np.floor(target), return_inverse=True)[1]
        return model.fit(X, target)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self.estimator is not None and not self.prefit
        return tags


def _read_labels(y: Any, classes: Any) -> IntervalLabels:
    """Read labels; what is said of their order names whose `classes` are meant.

    The estimator behind warns of open ends as well, and may have been given the order.
    """

    def with_owner(message: str) -> str | None:
        if "are taken as exact" in message:
            return None
        ordered = classes is not None or "`classes`" not in message
        return message if ordered else f"{message} {_WHOSE_CLASSES}"

    with reworded(with_owner, stacklevel=5):
        return read_labels(y, classes)


def _first_rows(X: Any) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[:2]
    return X[:2] if hasattr(X, "shape") else np.asarray(X)[:2]


def _numbers_to_codes(leaves: Sequence[Any]) -> np.ndarray:
    """Table from the library's numbers of a tree's leaves to 0, 1, ..."""
    table = np.zeros(max(leaf.number for leaf in leaves) + 1, dtype=np.int64)
    for code, leaf in enumerate(leaves):
        table[leaf.number] = code
    return table


def _describe(condition: Condition, names: Sequence[str]) -> str:
    feature, operator, value = condition
    name = names[feature] if isinstance(feature, int) else feature
    return f"{name} {operator} {value if isinstance(value, list) else format(value, '.3g')}"
