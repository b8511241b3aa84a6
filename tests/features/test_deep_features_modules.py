"""Modules of torch with a preprocessing of their own."""

import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from tests.reference.tiny_networks import save_clip, save_images
from vilma.features import DeepFeatures, read_rgb

torch = pytest.importorskip("torch")


def corners(images):
    return torch.stack([torch.tensor(image[:4, :4]).permute(2, 0, 1) / 255 for image in images])


class Tiny(torch.nn.Module):
    """A convolution and two layers that must be in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Dropout(0.5)
        )

    def forward(self, batch):
        return self.layers(batch).mean(dim=(2, 3))

    def encode(self, batch):
        return {"image_embeds": -self.forward(batch)}


class Odd(Tiny):
    def forward(self, batch):
        return super().forward(batch).flatten()


@pytest.fixture
def module():
    torch.manual_seed(0)
    return Tiny()


@pytest.fixture
def paths(tmp_path):
    return save_images(tmp_path, 5)


@torch.inference_mode()
def by_hand(module, paths):
    images = [read_rgb(path) for path in paths]
    return torch.cat([module(corners([image])) for image in images]).numpy()


def test_same_as_by_hand_and_left_alone(module, paths):
    rows = DeepFeatures(module, preprocessing=corners, device="cpu").fit_transform(paths)
    assert module.training
    np.testing.assert_array_equal(rows, by_hand(module.eval(), paths))
    module.train().requires_grad_(False)
    half = DeepFeatures(module, preprocessing=corners, device="cpu", dtype="bfloat16")
    np.testing.assert_allclose(half.transform(paths), rows, atol=0.02)
    assert next(module.parameters()).dtype == torch.float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees_with_cpu(module, paths):
    features = DeepFeatures(module, preprocessing=corners, device="cpu")
    rows = features.transform(paths)
    np.testing.assert_allclose(
        features.set_params(device="cuda").transform(paths), rows, atol=1e-3
    )
    assert next(module.parameters()).device.type == "cpu"


def test_batch_size_and_order_do_not_matter(module, paths):
    rows = DeepFeatures(module, preprocessing=corners, device="cpu").transform(paths)
    for batch_size in (1, 2, 3):
        features = DeepFeatures(
            module, preprocessing=corners, device="cpu", batch_size=batch_size, n_jobs=2
        )
        np.testing.assert_array_equal(features.transform(paths[::-1]), rows[::-1])


def test_method_of_a_module(module, paths):
    plain = DeepFeatures(module, preprocessing=corners, device="cpu")
    method = DeepFeatures(module.encode, preprocessing=corners, device="cpu")
    np.testing.assert_array_equal(method.transform(paths), -plain.transform(paths))
    assert method.model_id_ != plain.model_id_


def test_networks_of_transformers_as_modules(tmp_path, paths):
    pytest.importorskip("transformers")
    model, processor = save_clip(tmp_path)
    as_directory = DeepFeatures(tmp_path, device="cpu")
    as_method = DeepFeatures(model.get_image_features, preprocessing=processor, device="cpu")
    np.testing.assert_array_equal(as_method.transform(paths), as_directory.transform(paths))
    with pytest.raises(ValueError, match=r"X\[0\]: The model cannot take what its prep"):
        DeepFeatures(model, preprocessing=processor, device="cpu").transform(paths)


def test_identity_follows_weights_structure_and_name(module):
    def identity(module, **parameters):
        return DeepFeatures(module, preprocessing=corners, **parameters).model_id_

    first = identity(module)
    assert first.startswith("module:")
    assert identity(clone(DeepFeatures(module, preprocessing=corners)).model) == first
    assert identity(module, identity="a") not in (first, identity(module, identity="b"))
    with torch.no_grad():
        module.layers[0].bias[0] += 1e-3
    changed = identity(module)
    assert changed != first
    module.layers[2] = torch.nn.Identity()
    assert identity(module) not in (first, changed)


def test_cache_needs_a_name_and_follows_weights(module, paths, tmp_path):
    features = DeepFeatures(
        module, preprocessing=corners, device="cpu", cache_dir=tmp_path / "cache"
    )
    with pytest.raises(ValueError, match="cache_dir needs identity= for a module or a function"):
        features.transform(paths)
    features.set_params(identity="tiny, corners")
    before = features.transform(paths)
    np.testing.assert_array_equal(features.transform(paths), before)
    with torch.no_grad():
        module.layers[0].bias += 1
    assert np.abs(features.transform(paths) - before).min() > 0.5


def test_without_preprocessing(module, paths):
    with pytest.raises(ValueError, match=r"The module Tiny was given without preprocessing="):
        DeepFeatures(module).fit(paths)
    with pytest.raises(ValueError, match=r"The module Tiny was given without preprocessing="):
        DeepFeatures(module.encode).fit(paths)
    with pytest.raises(TypeError, match=r"model must be .* got <class '.*Tiny'>"):
        DeepFeatures(Tiny, preprocessing=corners).fit(paths)


def test_preprocessing_of_another_size(module, paths):
    message = r"X\[0\]: The model cannot take .* torch\.float32 of shape \(3, 2, 2\): .*[Kk]ernel"
    with pytest.raises(ValueError, match=message):
        DeepFeatures(module, preprocessing=lambda images: corners(images)[:, :, :2, :2]).fit(paths)


def test_output_that_is_no_matrix(paths):
    with pytest.raises(ValueError, match=r"one row of numbers per image, got shape \(8,\)"):
        DeepFeatures(Odd(), preprocessing=corners, device="cpu").transform(paths)


def test_out_of_memory_names_the_batch_size(module, paths, monkeypatch):
    def exhausted(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Tiny, "forward", exhausted)
    with pytest.raises(torch.OutOfMemoryError, match=r"1 images.*make batch_size smaller"):
        DeepFeatures(module, preprocessing=corners, device="cpu").transform(paths)


def test_pickle_and_hash(module, paths):
    features = DeepFeatures(module, preprocessing=corners, device="cpu").fit(paths)
    rows = features.transform(paths)
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.transform(paths), rows)
    assert again.model_id_ == features.model_id_
    assert joblib.hash(features) == joblib.hash(features)
