"""Training: reproducible, resumable, and in the phases that are asked for."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma.deep import DeepOrdinalClassifier  # noqa: E402
from vilma.deep.checkpoint import fingerprint  # noqa: E402
from vilma.deep.objectives import AbsoluteError, ProgressiveMargin  # noqa: E402
from vilma.deep.plan import plan_phases  # noqa: E402

SETTINGS = {"max_epochs": 6, "batch_size": 16, "learning_rate": 0.01, "random_state": 3}


def data(m=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, 3)).astype(np.float32)
    y = np.clip(np.round(X[:, 0] * 2 + 3), 0, 6).astype(int)
    return X, np.stack([np.maximum(y - 1, 0), y], axis=1)


def weights(model):
    return {name: value.numpy() for name, value in model.network_.state_dict().items()}


def assert_same(a, b):
    """Both models have the same bits."""
    for name, value in weights(a).items():
        np.testing.assert_array_equal(value, weights(b)[name], err_msg=name)
    names = ["stage", "loss", "validation_error"]
    np.testing.assert_array_equal(a.history_[names].tolist(), b.history_[names].tolist())


class Interruption(BaseException):
    """Stands for a keyboard's."""


class Noise:
    """An augmentation that is interrupted at one of its calls."""

    calls_left = -1

    def __call__(self, rows):
        Noise.calls_left -= 1
        if Noise.calls_left == 0:
            raise Interruption
        return rows + 0.1 * torch.randn_like(rows)


VARIANTS = {
    "dropout": {"dropout": 0.3},
    "pml": {"loss": ProgressiveMargin(n_stages=3)},
    "accon": {"regularizer": "accon"},
    "two stages": {"regularizer": "rank_contrast", "pretraining_epochs": 3},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 5, "validation_fraction": 0.2},
}


# Reproducible ---------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_same_seed_gives_the_same_bits(variant):
    X, y = data()
    make = lambda: DeepOrdinalClassifier(**VARIANTS[variant], **SETTINGS)  # noqa: E731
    assert_same(make().fit(X, y), make().fit(X, y))


def test_the_callers_random_numbers_stay():
    X, y = data()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    DeepOrdinalClassifier(**SETTINGS).fit(X, y)
    assert torch.equal(torch.rand(3), expected)


def test_the_callers_threads_stay():
    X, y = data()
    before = torch.get_num_threads()
    DeepOrdinalClassifier(n_jobs=1, **SETTINGS).fit(X, y).predict(X)
    assert torch.get_num_threads() == before


# Checkpoints ----------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("call", [3, 11, 14])
def test_an_interrupted_training_goes_on(variant, call, tmp_path):
    X, y = data()
    settings = {"augmentation": Noise(), **VARIANTS[variant], **SETTINGS}
    undisturbed = DeepOrdinalClassifier(**settings).fit(X, y)
    model = DeepOrdinalClassifier(checkpoint=tmp_path / "training.pt", **settings)
    Noise.calls_left = call
    with pytest.raises(Interruption):
        model.fit(X, y)
    assert not hasattr(model, "network_")
    assert_same(model.fit(X, y), undisturbed)
    assert [each.name for each in tmp_path.iterdir()] == ["training.pt"]


def test_a_finished_training_is_read_back(tmp_path):
    X, y = data()
    a = DeepOrdinalClassifier(checkpoint=tmp_path / "a.pt", **SETTINGS).fit(X, y)
    b = DeepOrdinalClassifier(checkpoint=str(tmp_path / "a.pt"), **SETTINGS).fit(X, y)
    # Seconds too: nothing was trained.
    np.testing.assert_array_equal(a.history_.tolist(), b.history_.tolist())
    assert_same(a, b)


@pytest.mark.parametrize(
    "change", [{"learning_rate": 0.02}, {"loss": "ce"}, {"random_state": 4}, {"max_epochs": 7}]
)
def test_a_checkpoint_of_another_configuration(change, tmp_path):
    X, y = data()
    file = tmp_path / "a.pt"
    DeepOrdinalClassifier(checkpoint=file, **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match=r"a\.pt is a checkpoint of another configuration"):
        DeepOrdinalClassifier(checkpoint=file, **{**SETTINGS, **change}).fit(X, y)


def test_a_checkpoint_of_other_data(tmp_path):
    X, y = data()
    file = tmp_path / "a.pt"
    DeepOrdinalClassifier(checkpoint=file, **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match="another configuration"):
        DeepOrdinalClassifier(checkpoint=file, **SETTINGS).fit(X + 1, y)


def test_a_file_that_is_no_checkpoint(tmp_path):
    X, y = data()
    (tmp_path / "a.pt").write_text("hello")
    with pytest.raises(ValueError, match=r"a\.pt cannot be read as a checkpoint"):
        DeepOrdinalClassifier(checkpoint=tmp_path / "a.pt", **SETTINGS).fit(X, y)
    with pytest.raises(ValueError, match="path of a file in a folder that exists"):
        DeepOrdinalClassifier(checkpoint=tmp_path / "b" / "a.pt", **SETTINGS).fit(X, y)


def test_a_checkpoint_needs_a_seed(tmp_path):
    X, y = data()
    settings = {**SETTINGS, "random_state": None}
    with pytest.raises(ValueError, match="checkpoint needs an integer as random_state, got None"):
        DeepOrdinalClassifier(checkpoint=tmp_path / "a.pt", **settings).fit(X, y)


def test_fingerprints():
    a, b = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert fingerprint(a, [1.0]) == fingerprint(a, [1.0])
    assert fingerprint(a) != fingerprint(b)
    assert fingerprint(AbsoluteError()) != fingerprint(AbsoluteError(power=2.0))
    assert fingerprint(np.arange(3)) != fingerprint(np.arange(3.0))


# A loss that is no number -----------------------------------------------------------------------


class Overflowing(torch.nn.Module):
    """Embeddings that become infinite with the first step."""

    def __init__(self):
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(0.9999999))

    def forward(self, X):
        return X * torch.exp(1e6 * (self.factor - 1.0).abs())


def test_a_loss_that_is_no_number():
    X, y = data()
    model = DeepOrdinalClassifier(encoder=Overflowing(), **SETTINGS)
    with pytest.raises(ValueError, match=r"loss became (nan|inf) in epoch 1 .* Lower the"):
        model.fit(X, y)
    assert not hasattr(model, "classes_")


# Early stopping ---------------------------------------------------------------------------------


def test_early_stopping_keeps_the_best_epoch():
    X, y = data()
    model = DeepOrdinalClassifier(
        early_stopping=True,
        n_iter_no_change=3,
        validation_fraction=0.25,
        **{**SETTINGS, "max_epochs": 100, "learning_rate": 0.1},
    ).fit(X, y)
    errors = model.history_["validation_error"]
    best = int(np.argmin(errors))
    assert model.n_iter_ == best + 4 < 100
    held_back = np.sort(np.random.RandomState(_seed(3)).permutation(60)[:15])
    positions = (model.project(X[held_back]) - y[held_back].T) / 6.0
    error = np.maximum(np.maximum(-positions[0], positions[1]), 0.0).mean()
    assert error <= errors[best] + 1e-6  # projections are clipped to the scale


def _seed(random_state):
    return np.random.RandomState(random_state).randint(np.iinfo(np.int32).max)


def test_patience_belongs_to_a_curriculum():
    X, y = data(m=90)
    settings = {**SETTINGS, "max_epochs": 60, "learning_rate": 0.1}
    model = DeepOrdinalClassifier(
        ProgressiveMargin(n_stages=3), early_stopping=True, n_iter_no_change=3, **settings
    ).fit(X, y)
    stages = model.history_["stage"]
    assert set(stages) == {0, 1, 2}
    assert np.bincount(stages).min() < 20  # one of them ended early, and the next began
    for stage in range(3):
        errors = model.history_["validation_error"][stages == stage]
        assert len(errors) == 20 or len(errors) == np.argmin(errors) + 4


def test_nothing_left_to_train_on():
    with pytest.raises(ValueError, match="holds back 1 of 1 rows, which leaves none"):
        DeepOrdinalClassifier(early_stopping=True, classes=[0, 1]).fit([[1.0]], [1])


# Phases -----------------------------------------------------------------------------------------


def test_plan():
    assert [(p.n_epochs, p.part) for p in plan_phases(5, 0, None)] == [(5, "all")]
    assert [(p.n_epochs, p.part) for p in plan_phases(5, 2, None)] == [(2, "encoder"), (5, "head")]
    curricula = [np.arange(k) for k in (1, 2, 3)]
    phases = plan_phases(7, 0, curricula)
    assert [(p.n_epochs, p.stage) for p in phases] == [(2, 0), (2, 1), (3, 2)]
    assert [len(p.rows) for p in phases] == [1, 2, 3]
    with pytest.raises(ValueError, match="max_epochs=2 leaves curricula without an epoch"):
        plan_phases(2, 0, curricula)


def test_pretraining_leaves_the_encoder_alone_afterwards():
    X, y = data()
    settings = {"regularizer": "rank_contrast", "pretraining_epochs": 2, **SETTINGS}
    short = DeepOrdinalClassifier(**{**settings, "max_epochs": 1}).fit(X, y)
    long = DeepOrdinalClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(short.transform(X), long.transform(X))
    assert not np.array_equal(short.project(X), long.project(X))
    assert long.n_iter_ == 8


@pytest.mark.parametrize(
    ("regularizer", "message"), [(None, "needs a regularizer"), ("conr", "compares predictions")]
)
def test_pretraining_in_vain(regularizer, message):
    X, y = data()
    with pytest.raises(ValueError, match=message):
        DeepOrdinalClassifier(regularizer=regularizer, pretraining_epochs=2).fit(X, y)


def test_curricula_are_in_the_history():
    X, y = data()
    model = DeepOrdinalClassifier(ProgressiveMargin(n_stages=3), **SETTINGS).fit(X, y)
    assert model.history_["stage"].tolist() == [0, 0, 1, 1, 2, 2]


def test_regularizers_see_two_views():
    X, y = data(m=16)
    seen = []

    def record(rows):
        seen.append(len(rows))
        return rows

    settings = {**SETTINGS, "max_epochs": 1}
    DeepOrdinalClassifier(augmentation=record, **settings).fit(X, y)
    assert seen == [16]
    DeepOrdinalClassifier(augmentation=record, regularizer="supcon", **settings).fit(X, y)
    assert seen == [16, 16, 16]


# partial_fit ------------------------------------------------------------------------------------


def test_partial_fit_is_fit_in_pieces():
    X, y = data()
    scale = range(7)
    whole = DeepOrdinalClassifier(schedule="constant", classes=scale, dropout=0.2, **SETTINGS)
    pieces = DeepOrdinalClassifier(dropout=0.2, **SETTINGS)
    whole.fit(X, y)
    for epoch in range(6):
        pieces.partial_fit(X, y, classes=scale if epoch == 0 else None)
    assert_same(whole, pieces)
    assert pieces.n_iter_ == 6


def test_partial_fit_after_fit():
    X, y = data()
    model = DeepOrdinalClassifier(**SETTINGS).fit(X, y)
    before = model.project(X)
    model.partial_fit(X[:20], y[:20])
    assert model.n_iter_ == 7
    assert not np.array_equal(model.project(X), before)
    with pytest.raises(ValueError, match="not the same as in the first call"):
        model.partial_fit(X, y, classes=[1, 2, 3])
    with pytest.raises(ValueError, match="label 9 in row 0, which is not in classes"):
        model.partial_fit(X[:1], [9])


def test_partial_fit_keeps_the_order_of_the_parameter():
    X, y = data()
    names = np.array(["g", "f", "e", "d", "c", "b", "a"])
    named = DeepOrdinalClassifier(classes=names, **SETTINGS)
    coded = DeepOrdinalClassifier(classes=range(7), **SETTINGS)
    for _ in range(2):  # scikit-learn passes the sorted labels
        named.partial_fit(X, names[y], classes=np.unique(names[y]))
        coded.partial_fit(X, y, classes=range(7))
    assert named.scale_.tolist() == names.tolist()
    np.testing.assert_array_equal(named.project(X), coded.project(X))
    with pytest.raises(ValueError, match="not the same as in the first call"):
        named.partial_fit(X, names[y], classes=["b", "a", "c", "d", "e", "f", "g"])
    with pytest.raises(ValueError, match="not the same as the parameter `classes`"):
        DeepOrdinalClassifier(classes=names).partial_fit(X, names[y], classes=names[:3])
