"""Wrong calls of what stands beside the estimators: files, pictures, images, networks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import vilma
from tests.core_calls import NAMES as LINEAR
from tests.core_calls import X, Y
from tests.wrong_calls import THING, Name, outcome
from vilma import (
    datasets,
    displays,
    features,
    inference,
    inspection,
    intervals,
    metrics,
    model_selection,
)

torch = pytest.importorskip("torch")

from vilma import deep  # noqa: E402
from vilma.deep import coarse_labels, losses, objectives, protocols, views  # noqa: E402

PAIRS = [[1, 1], [2, 3], [3, 3]] * 4
NOT_A_MODEL: list[Any] = [None, 7, "abc", [], {}, THING, vilma.VILMA(), vilma.VILMA]
MISSING = np.full((12, 2), np.nan)
TABLE = pd.DataFrame({"y": [1, 2, 2, 1], "a": [0.0, 1.0, 2.0, 1.0]})
AXES: list[Any] = [7, "abc", [], {}, THING]
NUMBER: list[Any] = ["a", b"1", [1, 2], {}, THING, None, 1j, np.nan]
POSITIVE: list[Any] = [*NUMBER, 0, -1.0]
COUNT: list[Any] = ["a", b"1", [1, 2], {}, THING, None, 1j, np.nan, 1.5, -1, np.inf]


@cache
def fitted(kind=vilma.VILMA, **parameters):
    return kind(**parameters).fit(X, Y)


@pytest.fixture(autouse=True)
def _no_pictures_left():
    yield
    plt.close("all")


# Displays ---------------------------------------------------------------------------------------

ROWS = {"X": "X", "y": "labels", "classes": "classes", "sample_weight": "weights", "ax": AXES}
PREDICTED = {"y_true": "labels", "y_pred": "labels"} | {k: ROWS[k] for k in list(ROWS)[2:]}
GREY = np.zeros((2, 60, 40), dtype=np.uint8)
LBP = features.MultiScaleLBP()
DRAWN = [
    (
        displays.AnnotationsDisplay.from_labels,
        {"y": PAIRS},
        {"y": "labels", "classes": "classes", "ax": AXES},
        [("y", [1, 2])],
    ),
    (
        displays.ConvergenceDisplay.from_estimator,
        {"estimator": fitted()},
        {"estimator": NOT_A_MODEL, "kind": "choice", "x": "choice", "ax": AXES},
        [],
    ),
    (
        displays.CoefficientsDisplay.from_estimator,
        {"estimator": fitted(), "X": X},
        {"estimator": NOT_A_MODEL, "X": "X", "kind": "choice", "ax": AXES},
        [],
    ),
    (
        displays.DirectionsDisplay.from_estimator,
        {"estimator": fitted(vilma.PWVILMA)},
        {
            "estimator": NOT_A_MODEL,
            "feature_names": [7, ["a"], [["a", "b"]], {}, THING],
            "max_features": COUNT,
            "ax": AXES,
        },
        [],
    ),
    (
        displays.DirectionsDisplay.from_coef,
        {
            "coef": np.ones((2, 2)),
            "step_weights": np.eye(2),
            "classes": [1, 2, 3],
            "feature_names": ["a", "b"],
        },
        {
            "coef": [None, 7, "abc", [], [[]], [["a"]], np.ones(2), np.ones((3, 2)), {}, THING],
            "step_weights": [None, 7, "ab", [], np.ones(2), np.eye(3), [["a"]], {}, THING],
            "classes": "classes",
            "feature_names": [None, 7, ["a"], [["a", "b"]], {}, THING],
            "max_features": COUNT,
            "ax": AXES,
        },
        [],
    ),
    *(
        (each.from_estimator, {"estimator": fitted(), "X": X, "y": PAIRS}, rows, [])
        for each, rows in [
            (displays.ErrorByLabelDisplay, {"estimator": NOT_A_MODEL, **ROWS}),
            (displays.OrdinalConfusionDisplay, {"estimator": NOT_A_MODEL, **ROWS}),
            (
                displays.ThresholdsDisplay,
                {"estimator": NOT_A_MODEL, **{k: v for k, v in ROWS.items() if k != "classes"}},
            ),
        ]
    ),
    *(
        (each.from_predictions, {"y_true": PAIRS, "y_pred": Y}, PREDICTED, [])
        for each in (displays.ErrorByLabelDisplay, displays.OrdinalConfusionDisplay)
    ),
    (
        displays.ThresholdsDisplay.from_predictions,
        {
            "y_true": PAIRS,
            "projection": np.arange(12.0),
            "thresholds": [4.0, 8.0],
            "classes": [1, 2, 3],
        },
        {
            "y_true": "labels",
            "projection": [None, 7, "abc", [], [1.0], ["a"] * 12, [[1.0]] * 12, {}, THING, [1j]],
            "thresholds": [
                None,
                7,
                "ab",
                [],
                [1.0],
                [8.0, 4.0],
                ["a", "b"],
                {},
                THING,
                [np.nan] * 2,
            ],
            "classes": "classes",
            "sample_weight": "weights",
            "ax": AXES,
        },
        [],
    ),
    (
        displays.HeaviestColumnsDisplay.from_estimator,
        {"estimator": fitted(), "X": X},
        {
            "estimator": NOT_A_MODEL,
            "X": "X",
            "names": [7, ["a"], [["a", "b"]], {}, THING],
            "n_columns": COUNT,
            "ax": AXES,
        },
        [],
    ),
    (
        displays.LBPWeightsDisplay.from_coef,
        {"coef": np.zeros(LBP.n_features_out_), "lbp": LBP},
        {
            "coef": [None, 7, "abc", [], [1.0], {}, THING, [["a"]]],
            "lbp": [None, 7, "abc", [], {}, THING, vilma.VILMA()],
            "images": [7, "abc", [], {}, THING, [[1]], np.zeros((2, 3))],
            "ax": AXES,
        },
        [],
    ),
    (
        displays.LBPWeightsDisplay.from_estimator,
        {"estimator": None},
        {"estimator": NOT_A_MODEL[1:]},
        None,
    ),
    (
        displays.PathDisplay.from_estimator,
        {"estimator": fitted(vilma.VILMACV, alphas=(1.0, 0.1), cv=2)},
        {"estimator": NOT_A_MODEL, "ax": AXES},
        [],
    ),
    (
        displays.PathDisplay.from_models,
        {"models": [fitted(alpha=1.0), fitted(alpha=0.1)], "X": X, "y": Y},
        {
            "models": [None, 7, "abc", [], {}, THING, [None], [THING], [vilma.VILMA()]],
            "X": "X",
            "y": "labels",
            "scoring": ["mea", 7, b"a", [], {}],
            "kind": "choice",
            "ax": AXES,
        },
        [],
    ),
]


# What looks wrong and is right, by the name of the callable.
ALLOWED: dict[str, list[tuple[str, Any]]] = {
    # One row has deviations of 0, and no bar is drawn.
    "HeaviestColumnsDisplay.from_estimator": [("X", [[1.0, 2.0]])],
    "CoefficientsDisplay.from_estimator": [("X", [[1.0, 2.0]])],
    # One row falls into one leaf; random trees take missing values; a scale that no labels need.
    "LeafCodes": [
        ("X", [[1.0, 2.0]]),
        ("X", MISSING),
        ("classes", [97, 98]),
        ("classes", ["x", "y"]),
    ],
    # The same, and strings and other objects are categories.
    "TableFeatures": [
        *(("X", [[1.0, 2.0]]), ("X", MISSING), ("X", [["a", "b"]] * 12)),
        *(("X", [[THING, THING]] * 12), ("classes", [97, 98]), ("classes", ["x", "y"])),
    ],
    # Its transformers are LeafCodes.
    "Union": [("X", [[1.0, 2.0]]), ("X", MISSING)],
}


def allowed(name):
    return tuple(ALLOWED.get(name, ()))


def name_of(method):
    return f"{method.__self__.__name__}.{method.__name__}"


PICTURES = [
    Name(
        name_of(method),
        method,
        right,
        kinds,
        (*(fine or ()), *allowed(name_of(method))),
        works=fine is not None,
    )
    for method, right, kinds, fine in DRAWN
]

# Rows on disk, columns side by side, out of fold ------------------------------------------------

FOLDER = TemporaryDirectory()


def on_disk(array):
    path = Path(FOLDER.name) / f"{len(list(Path(FOLDER.name).iterdir()))}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


DENSE = on_disk(X)
NOT_A_FILE: list[Any] = [None, 7, "no/such/file", [], {}, THING, X, on_disk(np.zeros((1, 2, 2)))]
FILES = [
    Name(
        "save_mapped",
        vilma.save_mapped,
        {"X": X, "folder": "no/such/place/at/all"},
        {"X": "X", "folder": [None, 7, 1.5, [], {}, THING, "\0", "no/such/place"]},
        works=False,
    ),
    Name(
        "MappedMatrix.open",
        vilma.MappedMatrix.open,
        {"folder": "no/such/place"},
        {"folder": "path"},
        works=False,
    ),
    Name(
        "MappedMatrix.from_npy",
        vilma.MappedMatrix.from_npy,
        {"array": DENSE},
        {"array": NOT_A_FILE, "max_memory": COUNT},
    ),
    Name(
        "MappedMatrix.from_codes",
        vilma.MappedMatrix.from_codes,
        {"codes": on_disk(np.zeros((3, 2), dtype=np.uint8)), "block_sizes": 2},
        {
            "codes": NOT_A_FILE,
            "block_sizes": [None, "a", 1.5, [], [2], [[2, 2]], {}, -1, 0, 1j],
            "max_memory": COUNT,
        },
    ),
    Name(
        "MappedMatrix.from_csr",
        vilma.MappedMatrix.from_csr,
        {
            "data": on_disk(np.ones(2)),
            "indices": on_disk(np.array([0, 1], dtype=np.int32)),
            "indptr": on_disk(np.array([0, 1, 2])),
            "n_features": 2,
        },
        {
            "data": [*NOT_A_FILE[1:], DENSE],
            "indices": [*NOT_A_FILE, DENSE],
            "indptr": [*NOT_A_FILE, DENSE],
            "n_features": COUNT,
            "max_memory": COUNT,
        },
    ),
    Name(
        "save_model",
        vilma.save_model,
        {"model": fitted(), "path": Path(FOLDER.name) / "model"},
        {
            "model": [None, 7, "abc", [], {}, THING, vilma.VILMA(), vilma.VILMA],
            "path": "path",
            "metadata": [7, "abc", [1], THING, {"a": THING}],
        },
    ),
    Name("load_model", vilma.load_model, {"path": "no/such/file"}, {"path": "path"}, works=False),
    Name(
        "PositionsClassifier",
        lambda X=X, y=PAIRS, sample_weight=None, **parameters: model_selection.PositionsClassifier(
            **parameters
        ).fit(X, y, sample_weight),
        {"estimator": vilma.VILMA()},
        {
            "estimator": [None, 7, "abc", [], {}, THING, vilma.VILMA],
            "classes": "classes",
            "X": "X",
            "y": "labels",
            "sample_weight": "weights",
        },
    ),
    Name(
        "cross_val_predict",
        model_selection.cross_val_predict,
        {"estimator": vilma.VILMA(classes=[1, 2, 3]), "X": X, "y": PAIRS, "cv": 2},
        {
            "estimator": [None, 7, "abc", [], {}, THING, vilma.VILMA],
            "X": "X",
            "y": "labels",
            "cv": [[], "abc", 1, 0, -3, 1.5, {}, 13, [1, 2], [[1, 2]], [([], [])], True],
            "method": "choice",
            "groups": [7, "abc", [], [1, 2], {}],
            "sample_weight": "weights",
            "classes": "classes",
        },
    ),
    Name(
        "coefficient_table",
        inspection.coefficient_table,
        {"model": fitted(), "X": X, "y": Y, "n_resamples": 2},
        {
            "model": NOT_A_MODEL,
            "X": "X",
            "y": "labels",
            "names": [7, ["a"], [["a", "b"]], {}, THING],
            "n_resamples": [*COUNT, 0],
            "level": [*POSITIVE, 1.0],
            "random_state": "seed",
        },
        fine=(("y", None), ("X", [[1.0, 2.0]])),
    ),
    Name(
        "read_formula",
        inference.read_formula,
        {"formula": "y ~ a", "data": TABLE},
        {
            "formula": [None, 7, [], {}, THING, "", "~", "y ~", "y ~ a +", "y ~ b", "a", "y ~ ."],
            "data": [None, 7, "abc", [], {}, THING, {"y": [1], "a": [2]}, TABLE[["a"]]],
            "na_action": [None, 7, "ignore"],
        },
    ),
    Name(
        "Formula",
        lambda formula, X: inference.Formula(formula).fit(X).transform(X),
        {"formula": "a", "X": TABLE},
        {
            "formula": [None, 7, [], {}, THING, "", "a +", "b", ".", "a | a", "a ~ a"],
            "X": [None, 7, "abc", [], {}, THING, {"a": [2]}, TABLE[["y"]]],
        },
    ),
]

# Images and tables ------------------------------------------------------------------------------

IMAGES: list[Any] = [
    None,
    7,
    "no/such/file",
    b"abc",
    {},
    THING,
    [],
    np.zeros(3),
    np.zeros((2, 60, 40, 4)),
    np.full((60, 40), np.nan),
    [[["a"]]],
]
SIZE: list[Any] = [None, 7, "ab", [], (1,), (1, 2, 3), (0, 5), (-1, 5), (1.5, 5), ("a", "b"), {}]
TARGETS = np.arange(12) % 3


def make(kind, method="fit_transform", **data):
    def call(**arguments):
        given = {name: arguments.pop(name, value) for name, value in data.items()}
        return getattr(kind(**arguments), method)(**given)

    return call


LEAVES = {
    "n_trees": COUNT,
    "max_depth": COUNT,
    "output": "choice",
    "random_state": "seed",
    "classes": "classes",
}
PIXELS = [
    Name(
        "MultiScaleLBP",
        make(features.MultiScaleLBP, X=GREY),
        {},
        {
            "X": IMAGES,
            "size": SIZE,
            "levels": [7, "ab", [], [9], [-1], [1.5], ["a"], {}, [[1]]],
            "output": "choice",
            "dtype": [None, "a", 7, [], {}, complex, THING],
            "n_jobs": "jobs",
        },
    ),
    Name(
        "LeafCodes",
        make(features.LeafCodes, X=X, y=TARGETS),
        {"n_trees": 2},
        {"X": "X", **LEAVES, "min_samples_leaf": COUNT, "estimator": [7, "a", [], {}, THING]},
        fine=allowed("LeafCodes"),
    ),
    Name(
        "LeafCodes of an estimator",
        make(features.LeafCodes, X=X, y=TARGETS),
        {"estimator": features.leaf_codes.ExtraTreesRegressor(2)},
        {"y": "labels", "classes": "classes"},
        fine=(("y", None),),
    ),
    Name(
        "TableFeatures",
        make(features.TableFeatures, X=X, y=TARGETS),
        {"n_trees": 2, "n_components": 2},
        {
            "X": "X",
            "parts": [None, 7, "abc", [], ["no"], ["linear", "linear"], {}, THING],
            **LEAVES,
            "n_components": COUNT,
            "gamma": POSITIVE,
            "max_categories": COUNT,
            "estimator": [7, "a", [], {}, THING],
        },
        fine=allowed("TableFeatures"),
    ),
    Name(
        "Union",
        make(features.Union, X=X),
        {"transformer_list": [("leaves", features.LeafCodes(n_trees=2))]},
        {
            "X": "X",
            "transformer_list": [None, 7, "abc", [], [1], [("a", 1)], [("a", THING)], {}],
            "scale": "choice",
            "n_jobs": "jobs",
        },
        fine=allowed("Union"),
    ),
    Name(
        "canonical_crop",
        features.canonical_crop,
        {"image": np.zeros((80, 60), dtype=np.uint8)},
        {
            "image": IMAGES,
            "box": [7, "abcd", [], (1, 2, 3), (5, 5, 5, 5), (9, 9, 1, 1), ("a",) * 4, {}],
            "size": SIZE,
        },
    ),
    *(
        Name(each.__name__, each, {"path": ""}, {"path": "path"}, works=False)
        for each in (features.read_image, features.read_rgb, features.read_landmarks)
    ),
    Name(
        "find_images",
        features.find_images,
        {"paths": "."},
        {"paths": [None, 7, 1.5, {1: 2}, THING, "\0", "no/such/place", [7], [None]]},
        works=False,
    ),
    Name("face_template", features.face_template, {}, {"layout": "choice", "size": SIZE}),
    Name(
        "FaceAligner",
        make(features.FaceAligner, X=GREY),
        {"landmarks": np.tile(features.face_template(), (2, 1, 1))},
        {
            "X": IMAGES,
            "landmarks": [7, "no/such/file", [], [[1, 2]], np.zeros((2, 7, 2)), {}, THING],
            "layout": "choice",
            "warp": "choice",
            "size": SIZE,
            "color": "flag",
            "several": "choice",
            "doublings": COUNT,
            "turns": "flag",
            "min_score": NUMBER,
            "min_eye_distance": POSITIVE,
            "n_jobs": "jobs",
        },
    ),
    Name(
        "DeepFeatures",
        make(features.DeepFeatures, X=GREY),
        {"model": lambda images: np.stack([image.mean((0, 1)) for image in images])},
        {
            "X": IMAGES,
            "model": [None, 7, "no/such/model", [], {}, THING],
            "preprocessing": [7, "abc", [], {}, THING],
            "device": [None, 7, "no", [], {}, THING],
            "dtype": "choice",
            "batch_size": COUNT,
            "normalize": "flag",
            "cache_dir": [7, [], {}, THING],
            "local_files_only": "flag",
            "identity": [7, [], {}, THING],
            "n_jobs": "jobs",
            "verbose": ["a", [], {}, 1.5],
        },
    ),
]

# Networks ---------------------------------------------------------------------------------------

TRAINING = {
    "label_weights": [7, "no", [], {}, THING],
    "augmentation": [7, "no", [], {}, THING],
    "classes": "classes",
    "max_epochs": COUNT,
    "batch_size": [*COUNT, 0],
    "accumulate": [*COUNT, 0],
    "optimizer": [None, 7, "no", [], {}, THING],
    "learning_rate": [*POSITIVE, {"head": 1.0}, {"encoder": 1.0, "head": -1.0}],
    "schedule": [None, 7, "no", [], {}, THING],
    "warmup_epochs": COUNT,
    "max_grad_norm": ["a", 0, -1.0, [], {}, THING, np.nan],
    "weight_decay": [*NUMBER, -1.0],
    "early_stopping": "flag",
    "validation_fraction": [*POSITIVE, 1.0, 2.0],
    "n_iter_no_change": [*COUNT, 0],
    "mixed_precision": "flag",
    "device": [None, 7, "no", [], {}, THING],
    "n_jobs": "jobs",
    "preprocessing": [7, "abc", [], {}, THING],
    "callbacks": [7, "abc", [7], [None], THING],
    "checkpoint": [7, [], {}, THING],
    "random_state": "seed",
    "verbose": ["a", -1, [], {}],
}


def train(kind, **defaults):
    def call(X=X, y=PAIRS, sample_weight=None, **parameters):
        return kind(**{**defaults, **parameters}).fit(X, y, sample_weight=sample_weight)

    return call


T = torch.tensor
UNIT = torch.nn.functional.normalize(torch.arange(12.0).reshape(4, 3) + 1, dim=1)
LOGITS = torch.zeros(4, 3)
ENDS = {"lower": T([0, 1, 2, 0]), "upper": T([1, 1, 2, 2])}
COLUMN: list[Any] = [None, 7, "abc", [], {}, THING, T(1), T([0]), T([[0, 1, 2, 0]])]
MATRIX: list[Any] = [None, 7, "abc", [], {}, THING, T(1.0), T([0.0]), T([[]]), T([[0, 1, 2]] * 4)]
TENSORS: dict[str, list[Any]] = {
    "lower": [*COLUMN, T([2, 2, 2, 9])],
    "upper": [*COLUMN, T([-5, -5, -5, -5])],
    "counts": [None, 7, "abc", [], {}, THING, T([[1.0]]), T([-1.0, 1.0, 1.0]), torch.zeros(3)],
    "weights": [7, "abc", [], {}, THING, T([1.0]), T([[1.0]])],
    "thresholds": [None, 7, "abc", [], {}, THING, T(1.0), T([[0.0, 1.0]])],
    "edges": [None, 7, "abc", [], {}, THING, T(1.0), T([2.0, 1.0])],
    "table": [None, 7, "abc", [], {}, THING, T(1.0), torch.eye(2)],
    "temperature": POSITIVE,
    "sigma": POSITIVE,
    "beta": NUMBER,
    "gamma": NUMBER,
    "p": NUMBER,
    "window": NUMBER,
    "rate": NUMBER,
    "label_range": POSITIVE,
    "eps": NUMBER,
    "n_classes": [*COUNT, 0],
    "n_groups": [*COUNT, 0],
    "width": POSITIVE,
    "minimum": NUMBER,
    "size": COUNT,
    "link": "choice",
    "form": "choice",
    "base": "choice",
    "kernel": "choice",
    "variant": "choice",
    "groups": [7, "abc", [], {}, THING, T([1])],
    "samples": [7, "abc", [], {}, THING, T([1])],
    "cost": [7, "abc", [], {}, THING, torch.eye(2)],
    "posterior": [7, "abc", [], {}, THING, T([1.0])],
}
MATRICES = ("embeddings", "logits", "targets", "margins", "images", "prompts", "class_logits")
TENSORS |= dict.fromkeys((*MATRICES, "regressions", "ordinal", "variational"), MATRIX)
TENSORS |= dict.fromkeys(("scores", "predictions"), COLUMN)
CUMULATIVE = {"scores": torch.zeros(4), "thresholds": T([-1.0, 1.0])}
RIGHT: dict[str, dict[str, Any]] = {
    "accon_loss": {"embeddings": UNIT, **ENDS, "label_range": 2.0},
    "asymmetric_table": {"counts": T([1.0, 2.0, 1.0])},
    "class_counts": {**ENDS, "n_classes": 3},
    "clm_log_probabilities": CUMULATIVE,
    "clm_loss": {**CUMULATIVE, **ENDS},
    "conr_loss": {"embeddings": UNIT, "predictions": torch.zeros(4), **ENDS},
    "coral_loss": {"logits": torch.zeros(4, 2), **ENDS},
    "corn_loss": {"logits": torch.zeros(4, 2), **ENDS},
    "cosine_logits": {"images": UNIT, "prompts": UNIT},
    "fcrc_loss": {"logits": LOGITS, **ENDS},
    "focal_r_loss": {"predictions": torch.zeros(4), **ENDS},
    "gaussian_table": {"n_classes": 3},
    "group_edges": {"minimum": 0.0, "width": 1.0, "n_groups": 3},
    "group_labels": {**ENDS, "edges": T([0.0, 1.0, 2.0, 3.0])},
    "iisvor_exp_loss": {**CUMULATIVE, **ENDS},
    "iisvor_imc_loss": {**CUMULATIVE, **ENDS},
    "interval_l1": {"predictions": torch.zeros(4), **ENDS},
    "interval_posterior": {"logits": LOGITS, **ENDS},
    "inverse_weights": {"counts": T([1.0, 2.0, 1.0])},
    "lds_weights": {"counts": T([1.0, 2.0, 1.0])},
    "multi_head_loss": {
        "class_logits": torch.zeros(4, 5),
        "regressions": torch.zeros(4, 5),
        **ENDS,
        "edges": T([0.0, 1.0, 2.0, 3.0]),
    },
    "multi_head_predict": {"class_logits": LOGITS, "regressions": LOGITS},
    "pml_loss": {
        "logits": LOGITS,
        "targets": LOGITS.softmax(1),
        "margins": LOGITS,
    },
    "positive_pairs": ENDS,
    "posterior_targets": {"logits": LOGITS, **ENDS, "table": torch.eye(3)},
    "progressive_margins": {
        "ordinal": torch.zeros(3, 3),
        "variational": torch.zeros(3),
        "posterior": LOGITS.softmax(1),
    },
    "rank_contrast_loss": {"embeddings": UNIT, **ENDS},
    "sample_weights": {"weights": T([1.0, 1.0, 1.0]), **ENDS},
    "soft_label_loss": {"logits": LOGITS, "targets": LOGITS.softmax(1)},
    "soft_targets": {**ENDS, "table": torch.eye(3)},
    "sqrt_inverse_weights": {"counts": T([1.0, 2.0, 1.0])},
    "supcon_loss": {"embeddings": UNIT, **ENDS},
    "symmetric_table": {"n_classes": 3},
    "vilma_loss": {**CUMULATIVE, **ENDS},
}
OPTIONAL = {
    "accon_loss": ("temperature", "groups", "samples", "eps"),
    "asymmetric_table": ("beta",),
    "clm_log_probabilities": ("link",),
    "clm_loss": ("link", "weights"),
    "conr_loss": ("window", "temperature", "rate", "groups", "samples"),
    "coral_loss": ("weights",),
    "corn_loss": ("weights",),
    "cosine_logits": ("temperature",),
    "fcrc_loss": ("variant", "posterior"),
    "focal_r_loss": ("beta", "gamma", "weights"),
    "gaussian_table": ("sigma",),
    "iisvor_exp_loss": ("weights",),
    "iisvor_imc_loss": ("weights",),
    "interval_l1": ("p", "weights"),
    "inverse_weights": ("minimum",),
    "lds_weights": ("base", "kernel", "size", "sigma"),
    "multi_head_loss": ("p", "weights"),
    "pml_loss": ("form", "weights"),
    "positive_pairs": ("groups", "samples"),
    "rank_contrast_loss": ("temperature",),
    "soft_label_loss": ("weights",),
    "supcon_loss": ("temperature", "groups", "samples"),
    "symmetric_table": ("beta",),
    "vilma_loss": ("cost", "weights"),
}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "AbsoluteError": {"power": NUMBER},
    "AngleCompensation": {"temperature": POSITIVE, "n_groups": COUNT[:5], "eps": NUMBER},
    "CLM": {"link": "choice", "rule": "choice"},
    "CORAL": {"rule": "choice"},
    "CORN": {"rule": "choice"},
    "ConR": {"window": NUMBER, "temperature": POSITIVE, "rate": NUMBER},
    "FocalError": {"sharpness": NUMBER, "gamma": NUMBER},
    "GroupHeads": {"n_groups": COUNT, "form": "choice", "beta": NUMBER, "soft": "flag"},
    "IISVOR_EXPLoss": {"alpha": POSITIVE},
    "IISVOR_IMCLoss": {"alpha": POSITIVE},
    "ProgressiveMargin": {
        "sigma": POSITIVE,
        "form": "choice",
        "ordinal_weight": NUMBER,
        "variational_weight": NUMBER,
        "n_stages": COUNT,
        "rule": "choice",
    },
    "RankContrast": {"temperature": POSITIVE, "n_groups": COUNT[:5]},
    "SoftLabels": {"form": "choice", "sigma": POSITIVE, "beta": NUMBER, "rule": "choice"},
    "SupervisedContrast": {"temperature": POSITIVE, "n_groups": COUNT[:5]},
    "VILMALoss": {"alpha": POSITIVE, "loss": [None, 7, "no", [], {}, np.ones((3, 3))]},
}


def train_with(kind):
    """Parameters of objectives are checked when a network is trained with them."""

    def call(**parameters):
        if kind is objectives.ProgressiveMargin:
            parameters.setdefault("n_stages", 1)
        objective = kind(**parameters)
        role = "loss" if issubclass(kind, objectives.Loss) else "regularizer"
        return train(deep.DeepOrdinalClassifier, max_epochs=1, **{role: objective})()

    return call


TEXTS = np.eye(5, 2) + 0.1
NETWORKS = [
    Name(
        "DeepOrdinalClassifier",
        train(deep.DeepOrdinalClassifier, max_epochs=1),
        {},
        {
            "X": "X",
            "y": "labels",
            "sample_weight": "weights",
            "loss": [None, 7, "no", [], {}, THING],
            "regularizer": [7, "no", {}, THING, ["no"], [7]],
            "regularizer_weight": ["a", -1.0, {}, THING, [1.0], [-1.0], np.nan],
            "encoder": [7, "no", [], {}, THING],
            "hidden_layer_sizes": [None, 7, "ab", [0], [-1], [1.5], ["a"], THING],
            "dropout": [*NUMBER, -0.5, 1.0],
            "embedding_dim": [*COUNT, 0],
            "pretraining_epochs": COUNT,
            "refit_head": ["no", [], {}, 2, True],
            **TRAINING,
        },
        fine=(("sample_weight", 7),),
    ),
    Name(
        "RegCLIPClassifier",
        train(deep.RegCLIPClassifier, max_epochs=1),
        {},
        {
            "X": "X",
            "y": "labels",
            "text_embeddings": [7, "no", [], [[]], np.eye(2), {}, THING],
            "n_context": COUNT,
            "coarse_labels": [None, 1, 1.5, "no", [], {}, THING],
            "y_ratio": [*NUMBER, -0.5, 1.0],
            "temperature": ["a", 0, -1.0, [], {}, np.nan],
            "variant": "choice",
            "ranking_weight": [*NUMBER, -1.0],
            "hidden_size": [*COUNT, 0],
            **{name: TRAINING[name] for name in ("batch_size", "optimizer", "schedule", "device")},
        },
    ),
    Name(
        "embed_texts",
        deep.embed_texts,
        {"source": "no/such/model", "texts": ["a"]},
        {
            "source": [None, 7, "no/such/model", [], {}, THING],
            "texts": [None, 7, "a", [], [1], {}, THING],
        },
        works=False,
    ),
    *(
        Name(
            name,
            getattr(losses, name),
            right,
            {argument: TENSORS[argument] for argument in (*right, *OPTIONAL.get(name, ()))},
        )
        for name, right in RIGHT.items()
    ),
    *(
        Name(
            each.__name__,
            each,
            {"n_classes": 3, "n_features": 2},
            {"n_classes": [*COUNT, 0], "n_features": [*COUNT, 0]},
        )
        for each in (losses.ClassStatistics, losses.OrdinalMargin, losses.VariationalMargin)
    ),
    *(
        Name(name, train_with(getattr(objectives, name)), {}, kinds, fine=(("sigma", None),))
        for name, kinds in OBJECTIVES.items()
    ),
    Name(
        "find_loss",
        objectives.find_loss,
        {"loss": "l1"},
        {"loss": [None, 7, "no", [], {}, THING]},
    ),
    Name(
        "find_regularizer",
        objectives.find_regularizer,
        {"regularizer": "conr"},
        {"regularizer": [7, "no", [], {}, THING]},
    ),
    Name(
        "CoarseLabels",
        coarse_labels.CoarseLabels,
        {"names": ("a", "b"), "begins": (0, 1)},
        {
            "names": [None, 7, "a", ("a",), (1, 2), {}, THING],
            "begins": [None, 7, "a", (0,), (1, 0), ("a", "b"), (0, np.nan), {}, THING],
            "template": [None, 7, "", "no place", "{} {}", [], {}, THING],
        },
    ),
    Name(
        "few_shot",
        protocols.few_shot,
        {"y": Y, "n_per_label": 2},
        {"y": "labels", "n_per_label": [*COUNT, 0], "classes": "classes", "random_state": "seed"},
        fine=(("y", [1, 2]),),
    ),
    Name(
        "distribution_shift",
        protocols.distribution_shift,
        {"y": Y, "n_labels": 1, "share": 0.5},
        {
            "y": "labels",
            "n_labels": [*COUNT, 9],
            "share": "share",
            "select": "choice",
            "classes": "classes",
            "random_state": "seed",
        },
        fine=(("y", [1, 2]),),
    ),
    Name(
        "nested_curricula",
        protocols.nested_curricula,
        {"y": Y},
        {
            "y": "labels",
            "fractions": [None, 7, "ab", [], [0.5, 0.2], [2.0], ["a"], [np.nan], {}, THING],
            "classes": "classes",
            "random_state": "seed",
        },
        fine=(("y", [1, 2]),),
    ),
    Name(
        "ImageViews",
        views.ImageViews,
        {},
        {
            "flip": "flag",
            "shift": COUNT,
            "zoom": [*NUMBER, -0.5, 1.0],
            "brightness": [*NUMBER, -1.0],
            "contrast": [*NUMBER, -1.0],
        },
    ),
    Name(
        "two_views",
        views.two_views,
        {"X": torch.zeros(3, 1, 8, 8), "augment": views.ImageViews()},
        {
            "X": [None, 7, "abc", [], {}, THING, T(1.0), T([1.0])],
            "augment": [None, 7, "abc", [], {}, THING, lambda X, generator: X[:1]],
            "generator": [7, "abc", [], {}, THING],
        },
    ),
]
NAMES = [*PICTURES, *FILES, *PIXELS, *NETWORKS]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.name)
def test_right_calls_are_right(name):
    if name.works:
        name.call(**name.right)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.name)
def test_wrong_calls_have_clear_answers(name):
    answers = [
        (argument, value, outcome(name, argument, value)) for argument, value in name.wrong_calls()
    ]
    assert [answer for answer in answers if answer[2] != "clear"] == []


# Results of calls, errors, bases of classes, and what has no arguments to be wrong.
ELSEWHERE = {
    *("LabelErrors", "ShotGroup", "UTKFaceName", "AnnotationReport", "SpanLabels"),
    *("CombinedAnnotations", "DrawnIntervals", "MixedColumns", "LBPFeature"),
    *(
        "CoefficientTable",
        "LikelihoodRatioTest",
        "MarginalEffects",
        "ProportionalOddsTest",
        "Summary",
        "WaldTest",
    ),
    *("load_anes96", "load_wine_quality", "Callback", "Progress", "Bins", "divide_scale"),
    *("FaceNotFoundError", "ImageReadError", "Head", "LabelValues", "Loss", "Regularizer"),
    *("SurrogateLoss", "Task"),
    "COARSE_LABELS",
}
ROOMS = (
    *(vilma, datasets, deep, displays, features, inference, intervals, metrics, model_selection),
    *(coarse_labels, losses, objectives, protocols, views, inspection),
)


def test_every_public_name_is_called():
    called = {re.split("[. ]", name.name)[0] for name in (*LINEAR, *NAMES)}
    public = {
        name
        for room in ROOMS
        for name in room.__all__
        if not isinstance(getattr(room, name), (ModuleType, Mapping, tuple))
    }
    assert public - called - ELSEWHERE == set()
    assert called & ELSEWHERE == set()


def test_there_are_thousands_of_wrong_calls():
    counts = Counter(name.name for name in (*LINEAR, *NAMES) for _ in name.wrong_calls())
    assert sum(counts.values()) >= 6000
