"""Training: reproducible, resumable, and in the phases that are asked for."""

import os
import pickle
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from vilma._fingerprint import fingerprint  # noqa: E402
from vilma._sealed import seal  # noqa: E402
from vilma.deep import DeepOrdinalClassifier  # noqa: E402
from vilma.deep.callbacks import Callback  # noqa: E402
from vilma.deep.checkpoint import Checkpoint  # noqa: E402
from vilma.deep.objectives import AbsoluteError, ProgressiveMargin  # noqa: E402
from vilma.deep.plan import plan_phases  # noqa: E402

# Bits are promised on the CPU.
SETTINGS = {
    "max_epochs": 6,
    "batch_size": 16,
    "learning_rate": 0.01,
    "random_state": 3,
    "device": "cpu",
}


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
    "change", [{"learning_rate": 0.02}, {"loss": "ce"}, {"random_state": 4}, {"batch_size": 7}]
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


@pytest.mark.parametrize("damage", ["cut", "flipped", "other keys", "other network", "empty"])
def test_a_damaged_checkpoint(damage, tmp_path):
    X, y = data()
    file = tmp_path / "a.pt"
    model = DeepOrdinalClassifier(checkpoint=file, **SETTINGS).fit(X, y)
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "flipped":
        weight = model.network_.head.linear.weight.detach().numpy().tobytes()
        content[content.index(weight)] ^= 0xFF  # torch would take it as it is
        file.write_bytes(content)
    else:
        saved = torch.load(file, weights_only=True)
        if damage == "other keys":
            saved["state"]["surprise"] = saved["state"].pop("records")
        else:
            saved["state"]["network"].popitem()
        with file.open("w+b") as stream:
            torch.save(saved, stream)
            seal(stream)
    with pytest.raises(ValueError, match=r"a\.pt cannot be read as a checkpoint"):
        DeepOrdinalClassifier(checkpoint=file, **SETTINGS).fit(X, y)


def test_flipped_bits_of_a_checkpoint_are_noticed(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.pt", "digest")
    checkpoint.save({"weights": torch.arange(50.0), "epoch": 3})
    content = (tmp_path / "a.pt").read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(content), 60, replace=False).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / "a.pt").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.pt cannot be read as a checkpoint"):
            checkpoint.load()
    (tmp_path / "a.pt").write_bytes(content)
    assert torch.equal(checkpoint.load()["weights"], torch.arange(50.0))


def test_a_crafted_checkpoint_is_not_run(tmp_path):
    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    (tmp_path / "a.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ValueError, match=r"a\.pt cannot be read as a checkpoint"):
        Checkpoint(tmp_path / "a.pt", "digest").load()
    with (tmp_path / "a.pt").open("w+b") as stream:
        torch.save({"format": 3, "digest": "digest", "state": Bomb()}, stream)
        seal(stream)
    with pytest.raises(ValueError, match=r"a\.pt cannot be read as a checkpoint"):
        Checkpoint(tmp_path / "a.pt", "digest").load()
    assert not mark.exists()


@pytest.mark.parametrize("variant", ["dropout", "early stopping", "two stages"])
def test_a_finished_training_is_extended(variant, tmp_path):
    X, y = data()
    settings = {**VARIANTS[variant], **SETTINGS, "schedule": "constant"}
    whole = DeepOrdinalClassifier(**{**settings, "max_epochs": 9}).fit(X, y)
    settings["checkpoint"] = tmp_path / "a.pt"
    DeepOrdinalClassifier(**settings).fit(X, y)
    extended = DeepOrdinalClassifier(**{**settings, "max_epochs": 9}).fit(X, y)
    assert_same(extended, whole)
    with pytest.raises(ValueError, match="it cannot become one of"):
        DeepOrdinalClassifier(**{**settings, "max_epochs": 2}).fit(X, y)


def test_the_last_curriculum_is_extended(tmp_path):
    X, y = data()
    settings = {**VARIANTS["pml"], **SETTINGS, "checkpoint": tmp_path / "a.pt"}
    DeepOrdinalClassifier(**settings).fit(X, y)
    extended = DeepOrdinalClassifier(**{**settings, "max_epochs": 8}).fit(X, y)
    assert extended.history_["stage"].tolist() == [0, 0, 1, 1, 2, 2, 2, 2]


class Stop(Callback):
    """Press a key after some epochs."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch(self, progress):
        if progress.epoch == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize("checkpoint", [False, True])
def test_the_keyboard_leaves_the_last_epoch(checkpoint, tmp_path):
    X, y = data()
    settings = {**SETTINGS, "checkpoint": tmp_path / "a.pt" if checkpoint else None}
    with pytest.warns(UserWarning, match="interrupted after 2 of 6 epochs"):
        model = DeepOrdinalClassifier(callbacks=[Stop(2)], **settings).fit(X, y)
    assert model.n_iter_ == 2
    assert model.predict(X).shape == (60,)
    rest = DeepOrdinalClassifier(**settings).fit(X, y)
    assert_same(rest, DeepOrdinalClassifier(**SETTINGS).fit(X, y))


def test_the_keyboard_in_the_midst_of_an_epoch():
    X, y = data()
    calls = []

    def press(rows):
        calls.append(None)
        if len(calls) == 14:  # the second batch of the fourth epoch
            raise KeyboardInterrupt
        return rows

    with pytest.warns(UserWarning, match="interrupted after 3 of 6 epochs"):
        model = DeepOrdinalClassifier(augmentation=press, **SETTINGS).fit(X, y)
    stopped = DeepOrdinalClassifier(callbacks=[Until(3)], **SETTINGS).fit(X, y)
    assert_same(model, stopped)
    calls[:] = [None] * 13
    with pytest.raises(KeyboardInterrupt):  # nothing is there to be kept
        DeepOrdinalClassifier(augmentation=press, **SETTINGS).fit(X, y)


# Optimization -----------------------------------------------------------------------------------


class Until(Callback):
    """End the training, and note what it tells."""

    def __init__(self, epoch=100):
        self.epoch = epoch
        self.told = []

    def on_start(self, progress):
        self.told.append(("start", progress.epoch, progress.n_epochs, progress.record))

    def on_epoch(self, progress):
        self.told.append(("epoch", progress.epoch, progress.n_epochs, progress.record))
        progress.network.eval()
        return progress.epoch == self.epoch

    def on_end(self, progress):
        self.told.append(("end", progress.epoch, progress.n_epochs, progress.record))


def test_callbacks():
    X, y = data()
    log = Until(4)
    model = DeepOrdinalClassifier(callbacks=[log], early_stopping=True, **SETTINGS).fit(X, y)
    assert [event[:3] for event in log.told] == [
        ("start", 0, 6),
        *(("epoch", k, 6) for k in range(1, 5)),
        ("end", 4, 6),
    ]
    for event, record in zip(log.told[1:5], model.history_, strict=True):
        found = event[3]
        assert [found[name] for name in model.history_.dtype.names] == list(record.tolist())
    rates = [event[3]["learning_rate"] for event in log.told[1:5]]
    np.testing.assert_allclose(rates, 0.01 * (1 + np.cos(np.pi * np.arange(4) / 6)) / 2)
    with pytest.raises(
        ValueError, match=r"callbacks should be a list of objects of .*, got 3 among"
    ):
        DeepOrdinalClassifier(callbacks=[3], **SETTINGS).fit(X, y)


def test_forward_is_the_projection():
    X, y = data()
    model = DeepOrdinalClassifier("gaussian", **SETTINGS).fit(X, y + 20)
    with torch.no_grad():
        found = model.network_(torch.from_numpy(X))
    np.testing.assert_allclose(found, model.project(X), rtol=1e-6)
    exported = torch.export.export(model.network_, (torch.from_numpy(X),)).module()
    np.testing.assert_allclose(exported(torch.from_numpy(X)).detach(), found, rtol=1e-6)


def by_hand(optimizer, schedule=None, epochs=3):
    """Train the network that an estimator begins with, in one batch, by a plain loop."""
    X, y = data()
    settings = {**SETTINGS, "batch_size": 60, "max_epochs": epochs}
    begin = (
        DeepOrdinalClassifier(
            callbacks=[Until(1)],
            learning_rate=1e-30,
            **{**{k: v for k, v in settings.items() if k != "learning_rate"}, "weight_decay": 0.0},
        )
        .fit(X, y)
        .network_
    )
    steps = optimizer(begin)
    rates = None if schedule is None else schedule(steps)
    lower, upper = torch.from_numpy(y / 6.0).float().T
    begin.train()
    for _ in range(epochs):
        predicted = begin.head(begin.embed(torch.from_numpy(X)))[:, 0]
        loss = ((lower - predicted).relu() + (predicted - upper).relu()).mean()
        steps.zero_grad()
        loss.backward()
        steps.step()
        if rates is not None:
            rates.step()
    return X, y, settings, begin


def assert_close(model, network):
    expected = network.state_dict()
    for name, value in model.network_.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)


def test_an_optimizer_and_a_schedule_of_ones_own():
    make = partial(torch.optim.SGD, momentum=0.5)
    decay = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
    X, y, settings, network = by_hand(lambda net: make(net.parameters(), lr=0.2), decay)
    settings.update(learning_rate=0.2, weight_decay=0.0)
    model = DeepOrdinalClassifier(optimizer=make, schedule=decay, **settings).fit(X, y)
    assert_close(model, network)


def test_a_learning_rate_for_each_part():
    def make(network):
        parts = {"encoder": 0.3, "head": 0.05}
        groups = [
            {"params": getattr(network, part).parameters(), "lr": rate}
            for part, rate in parts.items()
        ]
        return torch.optim.SGD(groups, momentum=0.9)

    X, y, settings, network = by_hand(make)
    settings.update(
        learning_rate={"encoder": 0.3, "head": 0.05}, weight_decay=0.0, schedule="constant"
    )
    assert_close(DeepOrdinalClassifier(optimizer="sgd", **settings).fit(X, y), network)
    with pytest.raises(
        ValueError, match=r"one each for 'encoder' and 'head', got \{'head': 1.0\}"
    ):
        DeepOrdinalClassifier(learning_rate={"head": 1.0}).fit(X, y)


def test_weight_decay_is_of_matrices():
    X, y, settings, network = by_hand(
        lambda net: torch.optim.AdamW(
            [
                {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": 2.0},
                {"params": [p for p in net.parameters() if p.ndim < 2], "weight_decay": 0.0},
            ],
            lr=0.02,
        )
    )
    settings.update(learning_rate=0.02, weight_decay=2.0, schedule="constant")
    assert_close(DeepOrdinalClassifier(**settings).fit(X, y), network)


def test_accumulated_batches_are_one():
    X, y = data()
    settings = {**SETTINGS, "schedule": "constant"}
    one = DeepOrdinalClassifier(**{**settings, "batch_size": 60}).fit(X, y)
    four = DeepOrdinalClassifier(accumulate=4, **{**settings, "batch_size": 15}).fit(X, y)
    assert_close(four, one.network_)


def test_warm_up_and_clipping():
    X, y = data()
    log = Until()
    settings = {**SETTINGS, "batch_size": 30, "schedule": "constant", "weight_decay": 0.0}
    settings.update(optimizer="sgd", learning_rate=1.0, max_grad_norm=1e-4)
    moved = []
    for warmup in (0, 2):
        settings["max_epochs"] = 1
        start = DeepOrdinalClassifier(**{**settings, "learning_rate": 1e-30}).fit(X, y).network_
        model = DeepOrdinalClassifier(warmup_epochs=warmup, callbacks=[log], **settings).fit(X, y)
        before, after = start.state_dict(), model.network_.state_dict()
        moved.append(sum((after[k] - before[k]).square().sum().item() for k in after) ** 0.5)
    # Two steps along gradients of norm 1e-4: 1, and 0.9 of it and 1; warming up a quarter, a half.
    assert moved[0] == pytest.approx(2.9e-4, rel=0.05)
    assert moved[1] == pytest.approx((0.25 + 0.5 * 1.9) * 1e-4, rel=0.05)


def test_what_is_no_optimizer():
    X, y = data()
    with pytest.raises(ValueError, match="optimizer should be a name, or a function of groups"):
        DeepOrdinalClassifier(optimizer=lambda groups: 3).fit(X, y)
    with pytest.raises(ValueError, match="schedule should be a name, or a function of the optim"):
        DeepOrdinalClassifier(schedule=lambda optimizer: 3).fit(X, y)


def test_a_schedule_of_ones_own_is_resumed(tmp_path):
    X, y = data()
    step = partial(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.3)
    settings = {**SETTINGS, "schedule": step, "warmup_epochs": 2}
    whole = DeepOrdinalClassifier(**settings).fit(X, y)
    settings["checkpoint"] = tmp_path / "a.pt"
    with pytest.warns(UserWarning, match="interrupted"):
        DeepOrdinalClassifier(callbacks=[Stop(3)], **settings).fit(X, y)
    assert_same(DeepOrdinalClassifier(**settings).fit(X, y), whole)


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
    ("regularizer", "weight", "message"),
    [
        (None, None, "needs a regularizer"),
        ("accon", 0.0, "regularizer_weight=0.0"),
        ("conr", None, "compares predictions"),
        (["accon", "conr"], None, "compares predictions"),
    ],
)
def test_pretraining_in_vain(regularizer, weight, message):
    X, y = data()
    model = DeepOrdinalClassifier(
        regularizer=regularizer, regularizer_weight=weight, pretraining_epochs=2
    )
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)


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
