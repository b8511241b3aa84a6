"""The deep estimators as scikit-learn's users meet them."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from vilma import VILMA, CalibratedOrdinalClassifier
from vilma.metrics import interval_insensitive_loss

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import DeepOrdinalClassifier, RegCLIPClassifier  # noqa: E402
from vilma.deep.losses import lds_weights  # noqa: E402
from vilma.deep.objectives import (  # noqa: E402
    LOSSES,
    REGULARIZERS,
    AngleCompensation,
    GroupHeads,
    SoftLabels,
)

THOROUGH = {"learning_rate": 0.01, "max_epochs": 60, "random_state": 0}
QUICK = {"max_epochs": 5, "random_state": 0}


def data(m=120, n=4, n_classes=5, seed=0):
    """Features, exact labels and intervals around them; labels are 10, 20, ..."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, n))
    score = X @ rng.normal(size=n) + 0.2 * rng.normal(size=m)
    y = 10 + 10 * (np.argsort(np.argsort(score)) * n_classes // m)
    lower = np.maximum(y - 10 * rng.integers(0, 2, size=m), 10)
    upper = np.minimum(y + 10 * rng.integers(0, 2, size=m), 10 * n_classes)
    return X, y, np.stack([lower, upper], axis=1)


def expected_failures(estimator):
    """Checks that do not go with what the estimators are for."""
    failures = {
        "check_sample_weight_equivalence_on_dense_data": (
            "rows are dealt to batches, so that one row of weight 2 is not two rows"
        )
    }
    if hasattr(estimator, "predict_proba"):
        failures["check_classifiers_train"] = "predicts the mean label, not the most likely one"
    return failures


@parametrize_with_checks(
    [
        DeepOrdinalClassifier(),
        DeepOrdinalClassifier("gaussian", regularizer="accon", max_epochs=3),
        RegCLIPClassifier(max_epochs=3),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_compatible(estimator, check):
    check(estimator)


# Labels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_learns_from_intervals(loss):
    X, y, intervals = data()
    model = DeepOrdinalClassifier(loss, **THOROUGH).fit(X, intervals)
    assert set(model.predict(X)) <= set(model.classes_)
    constant = min(np.abs(y - guess).mean() for guess in np.unique(y))
    assert np.abs(model.predict(X) - y).mean() < 0.5 * constant


@pytest.mark.parametrize("regularizer", REGULARIZERS)
def test_every_regularizer_learns_from_intervals(regularizer):
    X, y, intervals = data()
    model = DeepOrdinalClassifier(regularizer=regularizer, **THOROUGH).fit(X, intervals)
    assert np.abs(model.predict(X) - y).mean() < 6.0
    assert np.isfinite(model.history_["loss"]).all()


def test_exact_labels_are_degenerate_intervals():
    X, y, _ = data()
    for loss in LOSSES:
        a = DeepOrdinalClassifier(loss, **QUICK).fit(X, y)
        b = DeepOrdinalClassifier(loss, **QUICK).fit(X, np.stack([y, y], axis=1))
        np.testing.assert_array_equal(a.project(X), b.project(X))


def test_open_ends_reach_to_the_end_of_the_scale():
    X, _, intervals = data()
    opened = intervals.astype(float)
    opened[intervals[:, 1] == 50, 1] = np.inf
    opened[intervals[:, 0] == 10, 0] = np.nan
    scale = range(10, 51, 10)
    a = DeepOrdinalClassifier(classes=scale, **QUICK).fit(X, opened)
    b = DeepOrdinalClassifier(classes=scale, **QUICK).fit(X, intervals)
    np.testing.assert_array_equal(a.project(X), b.project(X))


def test_strings_are_one_step_apart():
    X, y, _ = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])
    named = DeepOrdinalClassifier(classes=sizes, **QUICK).fit(X, sizes[y // 10 - 1])
    coded = DeepOrdinalClassifier(classes=[0, 1, 2], **QUICK).fit(X, y // 10 - 1)
    np.testing.assert_array_equal(named.predict(X), sizes[coded.predict(X)])
    np.testing.assert_array_equal(named.project(X), coded.project(X))


def test_probabilities_follow_the_sorted_labels():
    X, y, _ = data(n_classes=3)
    sizes = np.array(["small", "medium", "large"])
    named = DeepOrdinalClassifier("ce", classes=sizes, **QUICK).fit(X, sizes[y // 10 - 1])
    coded = DeepOrdinalClassifier("ce", classes=[0, 1, 2], **QUICK).fit(X, y // 10 - 1)
    assert named.scale_.tolist() == ["small", "medium", "large"]
    assert named.classes_.tolist() == ["large", "medium", "small"]
    np.testing.assert_array_equal(named.predict_proba(X), coded.predict_proba(X)[:, ::-1])


def test_numbers_are_as_far_apart_as_they_say():
    X = np.linspace(0, 1, 60)[:, None]
    y = np.repeat([0, 1, 10], 20)
    model = DeepOrdinalClassifier(random_state=0).fit(X, y)
    projected = model.project(X)
    assert projected.min() >= 0
    assert projected.max() <= 10
    nearest = np.searchsorted([0.5, 5.5], projected)
    np.testing.assert_array_equal(model.predict(X), model.classes_[nearest])


def test_labels_nobody_used_can_be_predicted():
    X = np.linspace(0, 1, 80)[:, None]
    y = np.repeat([0, 10], 40)
    model = DeepOrdinalClassifier(classes=range(11), random_state=0).fit(X, y)
    assert len(set(model.predict(np.linspace(0.4, 0.6, 200)[:, None]))) > 2


def test_labels_outside_the_scale():
    X, y, _ = data()
    with pytest.raises(ValueError, match=r"label 30 in row \d+, which is not in classes"):
        DeepOrdinalClassifier(classes=[10, 20, 40, 50]).fit(X, y)


# Weights --------------------------------------------------------------------------------------


def test_rows_of_weight_zero_do_not_take_part():
    X, y, _ = data()
    weight = np.ones(len(y))
    weight[::3] = 0.0
    kept = weight > 0
    a = DeepOrdinalClassifier(classes=np.unique(y), **QUICK).fit(X, y, weight)
    b = DeepOrdinalClassifier(classes=np.unique(y), **QUICK).fit(X[kept], y[kept])
    np.testing.assert_array_equal(a.project(X), b.project(X))


def test_smoothed_label_weights_are_sample_weights():
    X, y, _ = data()
    few = np.concatenate([np.flatnonzero(y < 40), np.flatnonzero(y >= 40)[:6]])
    X, y = X[few], y[few]
    _, codes, counts = np.unique(y, return_inverse=True, return_counts=True)
    weights = lds_weights(torch.from_numpy(counts.astype(float))).numpy()
    a = DeepOrdinalClassifier(label_weights="lds", **QUICK).fit(X, y)
    b = DeepOrdinalClassifier(**QUICK).fit(X, y, sample_weight=weights[codes])
    np.testing.assert_allclose(a.project(X), b.project(X), rtol=1e-4)


@pytest.mark.parametrize("how", ["inverse", "sqrt_inverse"])
def test_label_weights_help_rare_labels(how):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [200, 40])
    X = (2 * y + rng.normal(size=240))[:, None]
    plain = DeepOrdinalClassifier("ce", **THOROUGH).fit(X, y)
    weighted = DeepOrdinalClassifier("ce", label_weights=how, **THOROUGH).fit(X, y)
    assert weighted.project(X[y == 1]).mean() > plain.project(X[y == 1]).mean() + 0.05


def test_label_weights_by_a_function():
    X, y, _ = data()
    seen = []

    def equal(counts):
        seen.append(counts)
        return np.ones(len(counts))

    a = DeepOrdinalClassifier(label_weights=equal, **QUICK).fit(X, y)
    np.testing.assert_array_equal(seen[0], [24] * 5)
    b = DeepOrdinalClassifier(**QUICK).fit(X, y)
    np.testing.assert_array_equal(a.project(X), b.project(X))
    with pytest.raises(ValueError, match=r"label_weights should turn counts .* shape \(5,\)"):
        DeepOrdinalClassifier(label_weights=lambda counts: counts[:2]).fit(X, y)


# Encoders -------------------------------------------------------------------------------------


class TinyConv(torch.nn.Module):
    """Images of shape (3, 8, 8) to six numbers, with batch normalisation."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 6, 3, stride=2), torch.nn.BatchNorm2d(6), torch.nn.ReLU()
        )

    def forward(self, X):
        return self.layers(X / 255.0).mean(dim=(2, 3))


def images(m=60):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], m // 3)
    X = rng.integers(0, 80, size=(m, 3, 8, 8)) + 60 * y[:, None, None, None]
    return X.astype(np.uint8), y


def test_images_with_an_encoder():
    X, y = images()
    encoder = TinyConv()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    model = DeepOrdinalClassifier(encoder=encoder, **{**THOROUGH, "n_jobs": 1}).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.transform(X).shape == (60, 6)
    assert all(torch.equal(encoder.state_dict()[name], value) for name, value in before.items())
    np.testing.assert_array_equal(model.predict(X), model.predict(X.astype(float)))


def test_frozen_parameters_stay():
    X, y = images()
    encoder = TinyConv()
    encoder.layers[0].weight.requires_grad_(False)
    model = DeepOrdinalClassifier(encoder=encoder, device="cpu", **QUICK).fit(X, y)
    fitted = model.network_.encoder.layers[0]
    assert torch.equal(fitted.weight, encoder.layers[0].weight)
    assert not torch.equal(fitted.bias, encoder.layers[0].bias)


def test_an_encoder_that_does_not_fit():
    X, y = images()
    with pytest.raises(ValueError, match=r"encoder cannot take rows of shape \(3, 8, 8\)"):
        DeepOrdinalClassifier(encoder=torch.nn.Linear(5, 2)).fit(X, y)
    with pytest.raises(ValueError, match=r"should return a tensor of shape \(n_rows, n_outputs\)"):
        DeepOrdinalClassifier(encoder=torch.nn.Identity()).fit(X, y)
    with pytest.raises(ValueError, match="Found array with dim 4"):
        DeepOrdinalClassifier().fit(X, y)
    model = DeepOrdinalClassifier(encoder=TinyConv(), **QUICK).fit(X, y)
    with pytest.raises(ValueError, match=r"rows of shape \(3, 8, 4\), but .* fitted with"):
        model.predict(X[..., :4])


def test_no_hidden_layers_is_a_linear_model():
    X, y, _ = data()
    model = DeepOrdinalClassifier(hidden_layer_sizes=(), **QUICK).fit(X, y)
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    np.testing.assert_allclose(model.transform(X), standard, atol=1e-5)


@pytest.mark.parametrize("sizes", [(0,), (2.5,), [[3]]])
def test_bad_hidden_layer_sizes(sizes):
    X, y, _ = data()
    with pytest.raises(ValueError, match="hidden_layer_sizes should be a tuple of positive"):
        DeepOrdinalClassifier(hidden_layer_sizes=sizes).fit(X, y)


def test_several_regularizers():
    X, y, intervals = data()
    both = DeepOrdinalClassifier(regularizer=["accon", "conr"], **QUICK).fit(X, intervals)
    first = DeepOrdinalClassifier(
        regularizer=["accon", "conr"], regularizer_weight=[1.0, 0.0], **QUICK
    ).fit(X, intervals)
    alone = DeepOrdinalClassifier(regularizer="accon", **QUICK).fit(X, intervals)
    np.testing.assert_allclose(first.project(X), alone.project(X), rtol=1e-5)
    assert not np.allclose(both.project(X), alone.project(X))
    for regularizer, weight in ((["accon"], [1.0, 2.0]), ([], 1.0), ("accon", [1.0])):
        with pytest.raises(ValueError, match="Several regularizers need a list of one or more"):
            DeepOrdinalClassifier(regularizer=regularizer, regularizer_weight=weight).fit(X, y)
    with pytest.raises(ValueError, match=r"A regularizer should be one of .*, got 'x'"):
        DeepOrdinalClassifier(regularizer=["x"]).fit(X, y)


def test_a_device_of_torch():
    X, y, _ = data()
    named = DeepOrdinalClassifier(device="cpu", **QUICK).fit(X, y)
    given = DeepOrdinalClassifier(device=torch.device("cpu"), **QUICK).fit(X, y)
    np.testing.assert_array_equal(named.project(X), given.project(X))


def test_projected_embeddings_have_length_one():
    X, y, _ = data()
    model = DeepOrdinalClassifier(regularizer="accon", embedding_dim=7, **QUICK).fit(X, y)
    embedding = model.transform(X)
    assert embedding.shape == (120, 7)
    np.testing.assert_allclose(np.linalg.norm(embedding, axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("regularizer", ["accon", "supcon"])
@pytest.mark.parametrize("loss", ["ce", "gaussian", "pml"])
def test_scores_of_labels_see_the_embedding_itself(loss, regularizer):
    X, y, _ = data()
    settings = {"hidden_layer_sizes": (9,), "device": "cpu", **THOROUGH}
    alone = DeepOrdinalClassifier(loss, **settings).fit(X, y)
    model = DeepOrdinalClassifier(loss, regularizer=regularizer, **settings).fit(X, y)
    assert model.transform(X).shape == (120, 9)
    with torch.no_grad():
        compared = model.network_.penalties[0].projection(torch.from_numpy(model.transform(X)))
    np.testing.assert_allclose(compared.norm(dim=1), 1.0, rtol=1e-5)
    error = lambda fitted: np.abs(fitted.predict(X) - y).mean()  # noqa: E731
    assert error(model) < error(alone) + 1.0  # labels are 10 apart; on unit vectors it was 5 more


@pytest.mark.parametrize("loss", ["ce", "pml", "clm", "iisvor_imc"])
def test_without_weight_a_regularizer_beside_the_head_changes_nothing(loss):
    X, _, intervals = data()
    alone = DeepOrdinalClassifier(loss, dropout=0.2, **QUICK).fit(X, intervals)
    beside = DeepOrdinalClassifier(
        loss, regularizer=["accon", "supcon"], regularizer_weight=0.0, dropout=0.2, **QUICK
    ).fit(X, intervals)
    np.testing.assert_allclose(beside.project(X), alone.project(X), rtol=1e-6)


@pytest.mark.parametrize("regularizer", [None, "accon", "supcon"])
def test_labels_of_a_cell_stay_level(regularizer):
    X, y, _ = data()
    lower = y - 9  # cells of ten: no row tells the labels of one apart
    model = DeepOrdinalClassifier(
        "ce", regularizer=regularizer, classes=range(1, 51), **THOROUGH
    ).fit(X, np.stack([lower, y], axis=1))
    cells = model.predict_proba(X).reshape(120, 5, 10)
    assert cells.sum(axis=2).max(axis=1).mean() > 0.6  # it has learned which cell
    assert (cells.max(axis=2) / cells.min(axis=2)).max() < 1.05


# What comes out -------------------------------------------------------------------------------


def test_probabilities():
    X, y, _ = data()
    model = DeepOrdinalClassifier("ce", random_state=0).fit(X, y)
    probabilities = model.predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(probabilities @ model.classes_, model.project(X), rtol=1e-4)
    assert not hasattr(DeepOrdinalClassifier("l1"), "predict_proba")


def test_rules_of_prediction():
    X, y, _ = data()
    probabilities = DeepOrdinalClassifier("ce", **QUICK).fit(X, y).predict_proba(X)
    mode = DeepOrdinalClassifier(SoftLabels("exact", rule="mode"), **QUICK).fit(X, y)
    median = DeepOrdinalClassifier(SoftLabels("exact", rule="median"), **QUICK).fit(X, y)
    np.testing.assert_array_equal(mode.predict(X), mode.classes_[probabilities.argmax(axis=1)])
    place = (probabilities.cumsum(axis=1) < 0.5).sum(axis=1)
    np.testing.assert_array_equal(median.predict(X), median.classes_[place])


def test_the_embedding_feeds_a_linear_model():
    X, _, intervals = data()
    deep = DeepOrdinalClassifier(regularizer="accon", **QUICK)
    pipeline = make_pipeline(deep, VILMA(alpha=1e-3)).fit(X, intervals)
    assert interval_insensitive_loss(intervals, pipeline.predict(X)) < 5.0
    names = pipeline[0].get_feature_names_out()
    assert names[0] == "deepordinalclassifier0"
    assert len(names) == 64


def test_calibration_by_the_projection():
    X, y, _ = data()
    model = CalibratedOrdinalClassifier(DeepOrdinalClassifier(random_state=0), cv=3).fit(X, y)
    assert model.predict_proba(X).shape == (120, 5)


def test_search_over_parameters_of_a_loss():
    X, y, _ = data()
    model = DeepOrdinalClassifier(SoftLabels(), regularizer=AngleCompensation(), **QUICK)
    search = GridSearchCV(
        model, {"loss__sigma": [0.5, 1.0], "regularizer__temperature": [0.5]}, cv=2
    ).fit(X, y)
    assert search.best_estimator_.get_params()["loss__sigma"] in (0.5, 1.0)


def test_cross_validation_on_intervals():
    X, _, intervals = data()
    assert cross_val_score(DeepOrdinalClassifier(**QUICK), X, intervals, cv=2).shape == (2,)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (SoftLabels(sigma=0.0), "'sigma' parameter of SoftLabels"),
        (GroupHeads(n_groups=1), "'n_groups' parameter of GroupHeads"),
        ("l3", "'loss' parameter of DeepOrdinalClassifier"),
    ],
)
def test_bad_parameters_of_a_loss(loss, message):
    X, y, _ = data()
    with pytest.raises(ValueError, match=message):
        DeepOrdinalClassifier(loss).fit(X, y)


def test_a_device_that_is_not_there():
    X, y, _ = data()
    with pytest.raises(ValueError, match="device='toaster' cannot be used here"):
        DeepOrdinalClassifier(device="toaster").fit(X, y)


def test_pickling_and_cloning():
    X, y, _ = data()
    model = DeepOrdinalClassifier("pml", **QUICK).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_a_failed_fit_leaves_the_former_one():
    X, y, _ = data()
    model = DeepOrdinalClassifier(**QUICK).fit(X, y)
    before = model.project(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan), y)
    np.testing.assert_array_equal(model.project(X), before)


def test_importing_takes_no_torch():
    code = "import sys, vilma.deep; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


WITHOUT_TORCH = """
import sys
class NoTorch:
    def find_spec(self, name, *others):
        if name == "torch":
            raise ModuleNotFoundError("No module named 'torch'")
sys.meta_path.insert(0, NoTorch())
from vilma.deep import DeepOrdinalClassifier
"""


def test_without_torch_the_extra_is_named():
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True)
    assert '[deep]"' in done.stderr


def test_no_warning_by_torch():
    X, y, _ = data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DeepOrdinalClassifier(mixed_precision=True, **QUICK).fit(X, y)
