"""Right and wrong calls of estimators, labels, metrics and data sets."""

from __future__ import annotations

from typing import Any

import numpy as np

import vilma
from tests.wrong_calls import THING, Name
from vilma import datasets, intervals, metrics
from vilma.labels import read_labels, read_scale
from vilma.losses import cost_matrix

X = np.random.default_rng(0).normal(size=(12, 2))
Y = [1, 2, 3] * 4
PAIRS = [[1, 1], [2, 3], [3, 3]] * 4
PREDICTED = [3, 1, 1] * 4
SCALE = [1, 2, 3]
PROBA = np.full((12, 3), 1 / 3)
DRAWN = intervals.annotate_cells(Y, width=2)
LABELS: dict[str, Any] = {"y": Y}
SCORED = {"y_true": PAIRS, "y_pred": PREDICTED, "classes": SCALE, "sample_weight": np.ones(12)}
SCORES = {"y_true": "labels", "y_pred": "labels", "classes": "classes", "sample_weight": "weights"}


def make(cls, method):
    """Return a function of parameters and arguments of one method, X and y among them."""

    def call(**arguments):
        names = cls().get_params()
        parameters = {name: arguments.pop(name) for name in list(arguments) if name in names}
        data = arguments.pop("data", X)
        if method == "fit":
            return cls(**parameters).fit(data, **arguments)
        return getattr(_fitted(cls), method)(data, **arguments)

    return call


FITTED: dict[type, Any] = {}


def _fitted(cls):
    if cls not in FITTED:
        FITTED[cls] = cls(classes=SCALE).fit(X, PAIRS)
    return FITTED[cls]


def estimator(cls, kinds, weights=True):
    right = {"data": X, "y": PAIRS}
    spoilt = {"data": "X", "y": "labels", "classes": "classes", **kinds}
    if weights:
        spoilt["sample_weight"] = "weights"
    # One weight for all rows is scikit-learn's custom.
    return Name(f"{cls.__name__}.fit", make(cls, "fit"), right, spoilt, (("sample_weight", 7),))


NOWHERE = "no/such/folder"  # what comes this far fails there
LINEAR = {
    "tol": [*"a", b"1", [1], {}, np.nan, -1.0, None, 1j],
    "max_iter": "count",
    "n_jobs": "jobs",
    "spread_thresholds": "flag",
    "verbose": ["a", -1, [], {}, np.nan],
}
ONE_ALPHA = {**LINEAR, "alpha": "positive", "solver": "choice", "warm_start": "flag"}
PATH = {
    **LINEAR,
    "alphas": [
        7,
        "abc",
        b"ab",
        {},
        [],
        [[1, 2]],
        [-1.0],
        [0],
        [np.nan],
        ["a"],
        [None],
        [1j],
    ],
    "cv": [[], "abc", 1, 0, -3, 1.5, {}, 13, [1, 2], [[1, 2]], [([], [])]],
    "scoring": ["mea", 7, b"a", [], {}],
    "refit": "flag",
    "rule": "choice",
    "blocks": ["no", 7, 1.5, {}, [], [["a"]], None, THING],
}
LOSS = [
    None,
    7,
    "no",
    b"mae",
    [],
    {},
    [[1, 2]],
    np.ones((3, 3)),
    lambda d: "a",
    lambda d: -d,
    lambda d: 0,
]
LOSSES = [None, 7, "mae", [], ["no"], [7], [[[1, 2]]], [lambda d: -d], {}, THING]
PREDICTIONS = ["predict", "project", "decision_function"]

NAMES = [
    Name(
        "read_labels",
        read_labels,
        {"y": PAIRS},
        {"y": "labels", "classes": "classes"},
        fine=(("y", [1, 2]),),
    ),
    Name(
        "read_scale",
        read_scale,
        {"classes": SCALE},
        {"classes": "classes"},
        fine=(("classes", [97, 98]), ("classes", ["x", "y"])),
    ),
    Name(
        "cost_matrix",
        cost_matrix,
        {"loss": "mae", "n_classes": 3},
        {"loss": LOSS[:-1], "n_classes": "count"},
    ),
    *(
        Name(
            metric.__name__,
            metric,
            SCORED,
            {**SCORES, **kinds},
            fine=(*fine,),
        )
        for metric, kinds, fine in [
            (metrics.interval_insensitive_loss, {"loss": LOSS[:-1]}, ()),
            (metrics.interval_coverage, {}, ()),
            (metrics.cumulative_score, {"k": [*"a", [1], {}, np.nan, -1, None, 1j, b"1"]}, ()),
            (
                metrics.epsilon_error,
                {"sigma": ["1", [1, 2], {}, np.nan, -1, 0, None, 1j, b"1", np.inf, ["1"] * 12]},
                (),
            ),
            (
                metrics.estimated_absolute_error,
                {"shares": ["1", [0.5], [2, 2], {}, np.nan, -1, 0, 1j, b"1"]},
                (),
            ),
            (metrics.geometric_mean_error, {"floor": "positive"}, ()),
            (metrics.error_by_label, {}, ()),
            (metrics.macro_averaged_mean_absolute_error, {}, ()),
            (metrics.maximum_mean_absolute_error, {}, ()),
            (metrics.quadratic_weighted_kappa, {}, ()),
        ]
    ),
    Name(
        "threshold_shares",
        metrics.threshold_shares,
        {"y": PAIRS, "classes": SCALE},
        {"y": "labels", "classes": "classes", "sample_weight": "weights"},
        fine=(("y", [1, 2]),),
    ),
    Name(
        "ranked_probability_score",
        metrics.ranked_probability_score,
        {"y_true": PAIRS, "y_proba": PROBA, "classes": SCALE},
        {**SCORES, "y_proba": "X"} | {"y_pred": []},
    ),
    Name(
        "interval_log_loss",
        metrics.interval_log_loss,
        {"y_true": PAIRS, "y_proba": PROBA, "classes": SCALE},
        {**SCORES, "y_proba": "X"} | {"y_pred": []},
    ),
    Name(
        "prediction_interval_coverage",
        metrics.prediction_interval_coverage,
        {**SCORED, "y_pred": PAIRS},
        {**SCORES, "require": "choice"},
    ),
    Name(
        "shot_report",
        metrics.shot_report,
        {"y_true": PAIRS, "y_pred": PREDICTED, "y_train": PAIRS, "classes": SCALE},
        {
            "y_true": "labels",
            "y_pred": "labels",
            "y_train": "labels",
            "classes": "classes",
            "many": [*"a", [1], {}, np.nan, -1, None, 1j, 0],
            "few": [*"a", [1], {}, np.nan, -1, None, 1j, 0],
            "floor": "positive",
        },
        fine=(("y_train", [1, 2]),),
    ),
    Name(
        "interval_scorer",
        metrics.interval_scorer,
        {},
        {"loss": [*LOSS[:6], "mea", [[1, 2]]], "classes": "classes"},
        fine=(("classes", [97, 98]), ("classes", ["x", "y"])),
    ),
    Name(
        "ordinal_scorer",
        metrics.ordinal_scorer,
        {"metric": "epsilon_error"},
        {"metric": "choice", "classes": "classes", "nonsense": [1, None]},
        fine=(("classes", [97, 98]), ("classes", ["x", "y"])),
    ),
    Name(
        "to_intervals",
        intervals.to_intervals,
        LABELS,
        {"y": "labels", "classes": "classes"},
        fine=(("y", [1, 2]), ("y", [np.inf] * 12)),
    ),
    Name(
        "interval_strata",
        intervals.interval_strata,
        LABELS,
        {
            "y": "labels",
            "classes": "classes",
            "by": "choice",
            "n_strata": "count",
            "least": "count",
        },
        fine=(("y", [1, 2]),),
    ),
    *(
        Name(
            process.__name__,
            process,
            {**LABELS, **right},
            {
                "y": "labels",
                "classes": "classes",
                "exact": "exact",
                "random_state": "seed",
                **kinds,
            },
            fine=(("y", [1, 2]),),
        )
        for process, right, kinds in [
            (intervals.annotate_cells, {"width": 2}, {"width": "count"}),
            (intervals.annotate_sliding, {"width": 2}, {"width": "count"}),
            (intervals.annotate_questions, {"n_questions": 1}, {"n_questions": "count"}),
            (
                intervals.annotate_asymmetric,
                {"below": 1, "above": 1},
                {"below": "count", "above": "count"},
            ),
        ]
    ),
    Name(
        "misplace_intervals",
        intervals.misplace_intervals,
        {"drawn": intervals.annotate_cells(Y, width=1), "share": 0.5},
        {
            "drawn": [None, 7, "abc", [], {}, Y, PAIRS, DRAWN.intervals],
            "share": "share",
            "random_state": "seed",
        },
    ),
    Name(
        "zero_one_bound",
        intervals.zero_one_bound,
        {"interval_risk": 0.1, "ambiguity_degree": 0.5},
        {"interval_risk": "share", "ambiguity_degree": "share"},
    ),
    Name(
        "absolute_error_bound",
        intervals.absolute_error_bound,
        {"interval_risk": 0.1, "exact_share": 0.5, "maximal_width": 3},
        {
            "interval_risk": [
                *"a",
                None,
                -1,
                np.nan,
                np.inf,
                [1],
                [[1]],
                {},
                1j,
                b"1",
                np.array([1]),
            ],
            "exact_share": "share",
            "maximal_width": "count",
        },
    ),
    Name(
        "annotation_report",
        intervals.annotation_report,
        {"y": PAIRS},
        {"y": "labels", "classes": "classes", "y_true": "labels"},
        fine=(("y", [1, 2]), ("y_true", None)),
    ),
    Name(
        "parse_brackets",
        intervals.parse_brackets,
        {"labels": ["1-2", "3-4"]},
        {
            "labels": [
                None,
                7,
                "abc",
                b"abc",
                {},
                {"1-2"},
                [],
                [[]],
                [b"1-2"],
                [True],
                [1j],
                [{1}],
                ["no"],
                [np.inf],
                [("a", 1)],
                [(1, 2, 3)],
                [(2, 1)],
                [object()],
                np.zeros((2, 3)),
                int,
            ],
            "classes": "classes",
            "closed": "choice",
            "irregular": "choice",
            "decimal": "choice",
            "ignore": [7, "kg", b"a", [1], [None], {1: 2}],
            "names": [7, "a", [1], ["a"], {1}],
        },
    ),
    Name(
        "combine_annotators",
        intervals.combine_annotators,
        {"annotations": [Y, PAIRS]},
        {
            "annotations": [
                None,
                7,
                "abc",
                b"abc",
                {},
                {1},
                [],
                [7],
                [None],
                [[1, 2], [1]],
                X,
                int,
                [["a"], ["b"]],
                [[1j]],
            ],
            "how": "choice",
            "classes": "classes",
        },
    ),
    Name(
        "combine_annotators by quantiles",
        intervals.combine_annotators,
        {"annotations": [Y, PAIRS], "how": "quantiles"},
        {
            "quantiles": [
                None,
                7,
                "ab",
                [],
                [1],
                [0.1, 0.2, 0.3],
                [0.9, 0.1],
                [-1, 2],
                [np.nan, 1],
                ["a", "b"],
                {},
            ]
        },
    ),
    Name(
        "combine_by_item",
        intervals.combine_by_item,
        {"items": Y, "y": PAIRS},
        {
            "items": [
                None,
                7,
                "abc",
                [],
                {},
                [1, 2],
                [None] * 12,
                [np.nan] * 12,
                X,
                [{}] * 12,
                [1, "a"] * 6 if False else [object()] * 12,
            ],
            "y": "labels",
            "how": "choice",
            "classes": "classes",
        },
        fine=(("y", [np.nan] * 12), ("y", [None] * 12), ("y", [np.inf] * 12)),
    ),
    Name(
        "spans_between_ends",
        intervals.spans_between_ends,
        {"y": PAIRS},
        {"y": "labels"},
        fine=(("y", [1, 2]),),
    ),
    *(
        Name(
            f"{splitter.__name__}.split",
            lambda splitter=splitter, data=X, y=PAIRS, groups=None, **parameters: list(
                splitter(**parameters).split(
                    data, y, *([np.repeat(range(6), 2)] if "Group" in splitter.__name__ else [])
                )
            ),
            {"n_splits": 2},
            {
                "n_splits": "count",
                "by": "choice",
                "n_strata": "count",
                "classes": "classes",
                "y": "labels",
                "shuffle": "flag",
            },
        )
        for splitter in (
            intervals.IntervalStratifiedKFold,
            intervals.IntervalStratifiedGroupKFold,
        )
    ),
    Name(
        "make_interval_problem",
        datasets.make_interval_problem,
        {"n_samples": 20, "n_features": 2},
        {
            "n_samples": "count",
            "n_features": "count",
            "n_classes": "count",
            "annotation": "choice",
            "width": "count",
            "exact": "exact",
            "noise": [*"a", None, -1, np.nan, np.inf, [1], {}, 1j],
            "wrong": "share",
            "random_state": "seed",
        },
    ),
    Name(
        "parse_utkface_name",
        datasets.parse_utkface_name,
        {"name": "26_1_0_2.jpg"},
        {"name": "path"},
    ),
    Name("load_image_folder", datasets.load_image_folder, {}, {"folder": "path"}, works=False),
    *(
        estimator(cls, kinds)
        for cls, kinds in [
            (vilma.IISVOR_EXP, ONE_ALPHA),
            (vilma.IISVOR_IMC, ONE_ALPHA),
            (vilma.VILMA, {**ONE_ALPHA, "loss": LOSS, "penalize_biases": "flag"}),
            (
                vilma.PWVILMA,
                {
                    **ONE_ALPHA,
                    "loss": LOSS,
                    "correlation": "share",
                    "n_pieces": [0, -1, 1.5, "a", [], {}, np.nan],
                },
            ),
            (
                vilma.PWVILMACV,
                {
                    **PATH,
                    "losses": LOSSES,
                    "correlations": [7, "abc", [], ["a"], [2.0], [-1.0], [np.nan], {}, [[1.0]]],
                    "n_pieces": [0, -1, 1.5, "a", [], {}, np.nan],
                },
            ),
            (vilma.IISVOR_EXPCV, PATH),
            (vilma.IISVOR_IMCCV, PATH),
            (vilma.VILMACV, {**PATH, "losses": LOSSES, "penalize_biases": "flag"}),
            (
                vilma.OrderedLogit,
                {
                    **LINEAR,
                    "alpha": [None, "a", -1.0, np.nan, np.inf, [1.0], 1j],
                    "link": "choice",
                    "prediction": "choice",
                    "covariance": "choice",
                    "warm_start": "flag",
                },
            ),
            (vilma.OrderedLogitCV, {**PATH, "link": "choice", "prediction": "choice"}),
            (
                vilma.CalibratedOrdinalClassifier,
                {
                    "estimator": [7, "abc", [], {}, object()],
                    "link": "choice",
                    "n_jobs": "jobs",
                    "cv": PATH["cv"],
                },
            ),
            (
                vilma.ConformalOrdinalClassifier,
                {
                    "estimator": [7, "abc", [], {}, object()],
                    "calibration_size": "share",
                    "random_state": "seed",
                },
            ),
        ]
    ),
    *(
        Name(
            f"{cls.__name__}.{method}",
            make(cls, method),
            {},
            {"data": "X"},
            fine=(("data", [[1.0, 2.0]]),),
        )
        for cls in (vilma.IISVOR_IMC, vilma.VILMACV)
        for method in PREDICTIONS
    ),
    Name(
        "IISVOR_IMC.score",
        make(vilma.IISVOR_IMC, "score"),
        {"y": PAIRS},
        {"data": "X", "y": "labels", "sample_weight": "weights"},
    ),
    Name(
        "CalibratedOrdinalClassifier.predict_proba",
        make(vilma.CalibratedOrdinalClassifier, "predict_proba"),
        {},
        {"data": "X"},
        fine=(("data", [[1.0, 2.0]]),),
    ),
    Name(
        "vilma_path",
        lambda X=X, y=PAIRS, alphas=(1.0, 0.1), **rest: vilma.vilma_path(X, y, alphas, **rest),
        {},
        {
            "X": "X",
            "y": "labels",
            "alphas": [None, *PATH["alphas"]],
            "sample_weight": "weights",
            "estimator": [7, "abc", [], {}, object(), vilma.VILMACV()],
        },
        fine=(("sample_weight", 7),),
    ),
    Name(
        "OneHotCodes",
        vilma.OneHotCodes,
        {"codes": [[0, 1], [1, 0]], "block_sizes": 2},
        {"codes": "X", "block_sizes": [None, "a", 1.5, [], [2], [[2, 2]], {}, -1, 0, 2**40, 1j]},
    ),
    Name(
        "OneHotCodes.__getitem__",
        lambda key: vilma.OneHotCodes([[0, 1], [1, 0]], 2)[key],
        {"key": 0},
        {"key": [None, "a", 1.5, 2, -3, {}, object(), [[0, 1]], (0, 1), [5], np.nan, 1j]},
    ),
    Name(
        "OneHotCodes.__matmul__",
        lambda other: vilma.OneHotCodes([[0, 1], [1, 0]], 2) @ other,
        {"other": np.ones(4)},
        {
            "other": [
                None,
                7,
                "abc",
                [],
                {},
                np.ones(3),
                np.ones((3, 2)),
                ["a"] * 4,
                object(),
                np.ones((4, 1, 1)),
                [1j] * 4,
            ]
        },
    ),
    Name(
        "OneHotCodes.from_csr",
        vilma.OneHotCodes.from_csr,
        {"X": np.eye(4), "block_sizes": 4},
        {"X": "X", "block_sizes": [None, "a", 1.5, [], [2], [[2, 2]], {}, -1, 0, 2**40, 1j]},
        fine=(("X", [[]]),),
    ),
    Name("hstack", lambda block: vilma.hstack([block, X]), {"block": X}, {"block": "X"}),
]
