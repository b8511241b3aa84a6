"""Rows that are read batch by batch: data sets, loaders, files, and arrays on disk."""

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset  # noqa: E402

from vilma.deep import DeepOrdinalClassifier, RegCLIPClassifier  # noqa: E402

SETTINGS = {"max_epochs": 3, "batch_size": 8, "random_state": 0}


class Shades(torch.nn.Module):
    """Means of colours."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)

    def forward(self, X):
        return self.linear(X.mean(dim=(2, 3)) / 255.0)


class Items(Dataset):
    """Items as they are, with a count of how often they were read."""

    def __init__(self, items):
        self.items = items
        self.n_read = 0

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        self.n_read += 1
        return self.items[k]


def pictures(m=20, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, size=(m, 3, 6, 5), dtype=np.uint8)
    y = np.arange(m) % 4
    return X, np.stack([np.maximum(y - 1, 0), y], axis=1)


@pytest.fixture
def files(tmp_path):
    X, y = pictures()
    paths = []
    for k, image in enumerate(X):
        paths.append(tmp_path / f"{k}.png")
        Image.fromarray(image.transpose(1, 2, 0)).save(paths[-1])
    return paths, X, y


def assert_same(a, b, X):
    np.testing.assert_array_equal(a.history_["loss"], b.history_["loss"])
    np.testing.assert_array_equal(a.project(X), b.project(X))


def kinds_of_data(X, y, paths):
    tensor = torch.from_numpy(X)
    lower, upper = torch.from_numpy(y).T
    return {
        "tensors": TensorDataset(tensor),
        "items": Items([tensor[k] for k in range(len(X))]),
        "arrays with labels": Items([(X[k], y[k]) for k in range(len(X))]),
        "dictionaries": Items([{"labels": 3, "pixel_values": X[k]} for k in range(len(X))]),
        "loader": DataLoader(TensorDataset(tensor, lower, upper), batch_size=5, shuffle=True),
        "workers": DataLoader(TensorDataset(tensor), num_workers=1),
        "paths": paths,
        "names": [str(path) for path in paths],
    }


KINDS = list(kinds_of_data(*pictures(), []))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_same_as_from_an_array(kind, early_stopping, files):
    paths, X, y = files
    settings = {**SETTINGS, "encoder": Shades(), "early_stopping": early_stopping}
    expected = DeepOrdinalClassifier(**settings).fit(X, y)
    data = kinds_of_data(X, y, paths)[kind]
    model = DeepOrdinalClassifier(**settings).fit(data, y)
    assert_same(model, expected, X)
    np.testing.assert_array_equal(model.predict(data), expected.predict(X))
    np.testing.assert_array_equal(model.transform(data), expected.transform(X))
    assert model.n_features_in_ == expected.n_features_in_ == 3


@pytest.mark.parametrize("with_targets", [False, True])
def test_labels_of_the_items(with_targets):
    X, y = pictures()
    data = Items([(X[k], tuple(y[k])) for k in range(len(X))])
    if with_targets:
        data.targets = y.tolist()
    settings = {**SETTINGS, "encoder": Shades()}
    expected = DeepOrdinalClassifier(**settings).fit(X, y)
    assert_same(DeepOrdinalClassifier(**settings).fit(data), expected, X)
    exact = TensorDataset(torch.from_numpy(X), torch.from_numpy(y[:, 1]))
    expected = DeepOrdinalClassifier(**settings).fit(X, y[:, 1])
    assert_same(DeepOrdinalClassifier(**settings).fit(exact), expected, X)
    with pytest.raises(ValueError, match="requires y to be passed"):
        DeepOrdinalClassifier(**settings).fit(Items(list(X)))


def test_preprocessing_of_files(files):
    paths, X, y = files
    halve = lambda image: np.asarray(image, np.float32).transpose(2, 0, 1) / 2  # noqa: E731
    settings = {**SETTINGS, "encoder": Shades()}
    expected = DeepOrdinalClassifier(**settings).fit(X.astype(np.float32) / 2, y)
    model = DeepOrdinalClassifier(preprocessing=halve, **settings).fit(paths, y)
    assert_same(model, expected, X)
    clip = RegCLIPClassifier(encoder=Shades(), coarse_labels=2, **SETTINGS)
    assert clip.fit(paths, y).predict(paths).shape == (20,)


def test_without_an_encoder_columns_are_standardised():
    X, y = (
        np.random.default_rng(0).normal(3, 7, size=(40, 3)).astype(np.float32),
        np.arange(40) % 4,
    )
    expected = DeepOrdinalClassifier(**SETTINGS).fit(X, y)
    model = DeepOrdinalClassifier(**SETTINGS).fit(TensorDataset(torch.from_numpy(X)), y)
    assert_same(model, expected, X)
    with pytest.raises(ValueError, match=r"items of shape \(2, 2\); without an encoder"):
        DeepOrdinalClassifier(**SETTINGS).fit(TensorDataset(torch.zeros(4, 2, 2)), y[:4])


def test_weights_and_partial_fit():
    X, y = pictures()
    weight = np.arange(20) % 3
    settings = {**SETTINGS, "encoder": Shades()}
    data = Items(list(X))
    assert_same(
        DeepOrdinalClassifier(**settings).fit(data, y, weight),
        DeepOrdinalClassifier(**settings).fit(X, y, weight),
        X,
    )
    assert_same(
        DeepOrdinalClassifier(**settings).partial_fit(data, y),
        DeepOrdinalClassifier(**settings).partial_fit(X, y),
        X,
    )


def test_an_array_on_disk_stays_there(tmp_path):
    X, y = pictures()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    settings = {**SETTINGS, "encoder": Shades(), "early_stopping": True}
    seen = []

    class Watched(DeepOrdinalClassifier):
        def _make_network(self, rows, task):
            seen.append(rows.source.X)
            return super()._make_network(rows, task)

    model = Watched(**settings).fit(mapped, y)
    assert np.shares_memory(seen[0], mapped)
    assert_same(model, DeepOrdinalClassifier(**settings).fit(X, y), X)


def test_predictions_go_by_the_batch_size():
    X, y = pictures()
    sizes = []

    class Watching(Shades):
        def forward(self, X):
            sizes.append(len(X))
            return super().forward(X)

    model = DeepOrdinalClassifier(encoder=Watching(), **SETTINGS).fit(X, y)
    model.network_.encoder.forward = lambda X: (
        sizes.append(len(X)) or Shades.forward(model.network_.encoder, X)
    )
    sizes.clear()
    model.predict(X)
    assert sizes == [8, 8, 4]
    assert clone(model).batch_size == 8


def test_the_callers_random_numbers_stay():
    X, y = pictures()
    model = DeepOrdinalClassifier(encoder=Shades(), **SETTINGS).fit(Items(list(X)), y)
    before = torch.get_rng_state()
    model.fit(Items(list(X)), y).predict(Items(list(X)))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_resumed_training_knows_its_files(files, tmp_path):
    paths, _, y = files
    settings = {**SETTINGS, "encoder": Shades(), "checkpoint": tmp_path / "a.pt"}
    a = DeepOrdinalClassifier(**settings).fit(paths, y)
    assert_same(DeepOrdinalClassifier(**settings).fit(paths, y), a, paths)
    with pytest.raises(ValueError, match="another configuration"):
        DeepOrdinalClassifier(**settings).fit(paths[::-1], y)


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


def test_what_cannot_be_read(tmp_path):
    X, y = pictures()
    fit = DeepOrdinalClassifier(encoder=Shades(), **SETTINGS).fit
    with pytest.raises(TypeError, match=r"data set with numbered items .* got Stream"):
        fit(Stream(), y)
    weighted = torch.utils.data.WeightedRandomSampler([1.0] * 20, 20)
    with pytest.raises(TypeError, match="draws rows by WeightedRandomSampler, but fit"):
        fit(DataLoader(Items(list(X)), sampler=weighted), y)
    with pytest.raises(ValueError, match="Items with 0 sample"):
        fit(Items([]), y[:0])
    with pytest.raises(TypeError, match=r"should be tensors or arrays.* got NoneType"):
        fit(Items([{"labels": 3}] * 20), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fit(Items(list(X)), y[:5])
    sizes = [np.zeros((3, 4, 4 + k % 2), np.float32) for k in range(20)]
    with pytest.raises(ValueError, match=r"shapes are \[\(3, 4, 4\), \(3, 4, 5\)\]. Bring them"):
        fit(Items(sizes), y)
    with pytest.raises(ValueError, match=r"rows of shape \(3, 2, 2\), but .* \(3, 6, 5\)"):
        fit(X, y).predict(Items([np.zeros((3, 2, 2), np.float32)]))
    with pytest.raises(FileNotFoundError):
        fit([tmp_path / "missing.png"] * 20, y)


# Encoders of transformers --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["clip", "clip side", "resnet", "vit"])
def test_models_of_transformers_are_encoders(kind, tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed")
    from tests.reference.tiny_networks import SIDE, save_clip, save_resnet, save_transformer

    if kind == "resnet":
        encoder, width = save_resnet(tmp_path)[0], 10
    elif kind == "vit":
        encoder, width = save_transformer(tmp_path, "vit", pooling=False)[0], 8
    else:
        import transformers

        encoder, width = save_clip(tmp_path)[0], 12
        if kind == "clip side":
            encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(tmp_path)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 3, SIDE, SIDE)).astype(np.float32), np.arange(12) % 3
    model = DeepOrdinalClassifier(encoder=encoder, **SETTINGS).fit(X, y)
    assert model.transform(X).shape == (12, width)
    before, after = encoder.state_dict(), model.network_.encoder.state_dict()
    assert any(not torch.equal(before[name], value) for name, value in after.items())
