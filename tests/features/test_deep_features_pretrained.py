"""CLIP and ResNet of Hugging Face: the same numbers as by hand, and what is refused."""

import json
import os
import shutil
import sys
import time
from functools import partial

import numpy as np
import pytest
from PIL import Image

from tests.reference.tiny_networks import save_clip, save_images, save_resnet, save_transformer
from vilma.features import DeepFeatures
from vilma.features.deep.network import NetworkRunner

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return folder, *save_clip(folder)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnet")
    return folder, *save_resnet(folder)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"))


@pytest.mark.parametrize(
    ("kind", "pooling"), [("vit", True), ("vit", False), ("dinov2", True), ("siglip", True)]
)
def test_other_models(kind, pooling, tmp_path, paths):
    model, processor = save_transformer(tmp_path, kind, pooling)
    features = DeepFeatures(tmp_path, device="cpu")
    assert features.n_features_out_ == 8
    rows = features.fit_transform(paths[:2])
    with torch.inference_mode():
        for path, row in zip(paths, rows, strict=False):
            pixels = processor([Image.open(path)], return_tensors="pt")["pixel_values"]
            run = model.vision_model if kind == "siglip" else model
            found = run(pixel_values=pixels)
            expected = found.pooler_output if pooling else found.last_hidden_state[:, 0]
            np.testing.assert_allclose(row, expected[0], rtol=1e-5, atol=1e-6)


def test_pictures_and_tensors(clip, paths):
    features = DeepFeatures(clip[0], device="cpu")
    expected = features.transform(paths)
    pictures = [Image.open(path) for path in paths]
    np.testing.assert_array_equal(features.transform(pictures), expected)
    tensors = [torch.from_numpy(np.array(each)).permute(2, 0, 1) for each in pictures]
    np.testing.assert_array_equal(features.transform(tensors), expected)
    np.testing.assert_array_equal(features.transform([t / 255 for t in tensors]), expected)
    stack = torch.stack([tensors[0], tensors[0]])
    np.testing.assert_array_equal(features.transform(stack), expected[[0, 0]])
    with pytest.raises(ValueError, match=r"X\[1\]: a tensor should have the shape \(3, height"):
        features.transform([tensors[0], tensors[0].permute(1, 2, 0)])
    with pytest.raises(ValueError, match=r"X\[0\]: .* brightness from 0 to 1, got -2 to"):
        features.transform([tensors[0] / 100 - 2])


def copy_of(folder, place):
    return shutil.copytree(folder, place / "copy")


@torch.inference_mode()
def by_hand(model, processor, images):
    rows = []
    for image in images:
        pixels = processor([image], return_tensors="pt")["pixel_values"]
        run = getattr(model, "get_image_features", model)
        rows.append(run(pixel_values=pixels).pooler_output.flatten())
    return torch.stack(rows).numpy()


@pytest.mark.parametrize(("kind", "width"), [("clip", 12), ("resnet", 10)])
def test_same_as_by_hand(kind, width, request, paths):
    folder, model, processor = request.getfixturevalue(kind)
    images = [Image.open(path) for path in paths]
    rows = DeepFeatures(folder, device="cpu").fit_transform(paths)
    assert rows.shape == (7, width)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, by_hand(model, processor, images))


@pytest.mark.parametrize("kind", ["clip", "resnet"])
def test_row_depends_on_its_image_alone(kind, request, paths):
    folder = request.getfixturevalue(kind)[0]
    rows = DeepFeatures(folder, device="cpu").transform(paths)
    order = [3, 0, 6, 5, 1, 4, 2]
    shuffled = [paths[place] for place in order]
    for batch_size, n_jobs in [(1, None), (2, 1), (3, 2), (7, 3)]:
        features = DeepFeatures(folder, device="cpu", batch_size=batch_size, n_jobs=n_jobs)
        np.testing.assert_array_equal(features.transform(shuffled), rows[order])


@pytest.mark.parametrize("kind", ["clip", "resnet"])
def test_batches_as_on_a_gpu_agree(kind, request, paths, monkeypatch):
    folder = request.getfixturevalue(kind)[0]
    rows = DeepFeatures(folder, device="cpu").transform(paths)
    made = NetworkRunner.__init__

    def in_batches(self, *arguments):
        made(self, *arguments)
        self.one_by_one = False

    monkeypatch.setattr(NetworkRunner, "__init__", in_batches)
    for batch_size in (3, 7):
        features = DeepFeatures(folder, device="cpu", batch_size=batch_size)
        np.testing.assert_allclose(features.transform(paths), rows, atol=1e-5)


def test_batches_are_of_one_shape():
    shapes = []

    def function(batch):
        shapes.append(tuple(batch.shape))
        return batch.mean(dim=(2, 3))

    runner = NetworkRunner(function, torch.device("cpu"), "float32")
    runner.one_by_one = False
    images = [np.full((3, side, 4), side, np.float32) for side in (2, 2, 5, 2)]
    assert runner.embed(images)[:, 0].tolist() == [2, 2, 5, 2]
    assert shapes == [(2, 3, 2, 4), (1, 3, 5, 4), (1, 3, 2, 4)]


@pytest.mark.skipif(
    not hasattr(torch.backends.cudnn, "conv"), reason="torch has no precision of convolutions"
)
@pytest.mark.parametrize("precision", ["ieee", "tf32"])
def test_convolutions_are_exact_whatever_the_user_has_set(precision, request):
    convolutions = torch.backends.cudnn.conv
    request.addfinalizer(
        partial(setattr, convolutions, "fp32_precision", convolutions.fp32_precision)
    )
    convolutions.fp32_precision = precision
    settings = []

    def function(batch):
        settings.append((convolutions.fp32_precision, torch.backends.cudnn.deterministic))
        return batch

    runner = NetworkRunner(function, torch.device("cpu"), "float32")
    runner.one_by_one = False
    runner.embed([np.zeros(3, np.float32)])
    assert settings == [("ieee", True)]
    assert convolutions.fp32_precision == precision
    assert not torch.backends.cudnn.deterministic


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("kind", ["clip", "resnet"])
def test_gpu_agrees_with_cpu(kind, request, paths):
    folder = request.getfixturevalue(kind)[0]
    on_cpu = DeepFeatures(folder, device="cpu").transform(paths)
    for batch_size in (2, 64):
        features = DeepFeatures(folder, device="cuda", batch_size=batch_size)
        np.testing.assert_allclose(features.transform(paths), on_cpu, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", ["clip", "resnet"])
def test_paths_arrays_and_stacks(kind, request, tmp_path):
    folder = request.getfixturevalue(kind)[0]
    stack = np.random.default_rng(0).integers(0, 256, (3, 30, 28, 3), dtype=np.uint8)
    files = []
    for place, image in enumerate(stack):
        files.append(str(tmp_path / f"{place}.png"))
        Image.fromarray(image).save(files[-1])
    features = DeepFeatures(str(folder), device="cpu")
    rows = features.transform(files)
    np.testing.assert_array_equal(features.transform(np.array(files)), rows)
    np.testing.assert_array_equal(features.transform(stack), rows)
    np.testing.assert_array_equal(features.transform(list(stack)), rows)


def test_grey_is_colour_with_equal_channels(resnet):
    grey = np.random.default_rng(0).integers(0, 256, (2, 30, 3), dtype=np.uint8)
    features = DeepFeatures(resnet[0], device="cpu")
    with pytest.raises(ValueError, match=r"shape \(2, 30, 3\) looks like one image in colour"):
        features.transform(grey)
    wide = np.random.default_rng(0).integers(0, 256, (2, 30, 28), dtype=np.uint8)
    coloured = np.stack([wide] * 3, axis=-1)
    np.testing.assert_array_equal(features.transform(wide), features.transform(coloured))


def test_normalize(clip, paths):
    rows = DeepFeatures(clip[0], device="cpu").transform(paths)
    unit = DeepFeatures(clip[0], device="cpu", normalize=True).transform(paths)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(unit * np.linalg.norm(rows, axis=1, keepdims=True), rows, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(resnet, paths, dtype):
    rows = DeepFeatures(resnet[0], device="cpu").transform(paths)
    half = DeepFeatures(resnet[0], device="cpu", dtype=dtype).transform(paths)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - rows).max() < 0.1


def test_identity_is_content(clip, resnet, tmp_path):
    folder = copy_of(clip[0], tmp_path)
    assert DeepFeatures(folder).model_id_ == DeepFeatures(clip[0]).model_id_
    assert DeepFeatures(folder).model_id_.startswith("clip:")
    assert DeepFeatures(resnet[0]).model_id_.startswith("resnet:")
    before = DeepFeatures(folder).model_id_
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "image_mean": [0.5, 0.5, 0.5]}))
    changed = DeepFeatures(folder).model_id_
    assert changed != before
    save_clip(folder, seed=1)
    assert DeepFeatures(folder).model_id_ not in (before, changed)


def test_changed_files_are_read_again(tmp_path, paths):
    save_resnet(tmp_path, seed=0)
    features = DeepFeatures(tmp_path, device="cpu")
    before = features.transform(paths)
    save_resnet(tmp_path, seed=1)
    os.utime(tmp_path / "model.safetensors", (1, 1))
    assert np.abs(features.transform(paths) - before).max() > 1e-3


def test_columns_are_known_without_running(clip, resnet):
    assert DeepFeatures(clip[0]).n_features_out_ == 12
    names = DeepFeatures(resnet[0]).get_feature_names_out()
    assert names.tolist() == [f"deepfeatures{column}" for column in range(10)]


def test_reports_of_transformers_stay_quiet(clip, paths, capfd):
    verbosity = transformers.utils.logging.get_verbosity()
    DeepFeatures(clip[0], device="cpu").transform(paths[:1])
    assert capfd.readouterr() == ("", "")
    assert transformers.utils.logging.get_verbosity() == verbosity


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", r"has no config\.json; it must hold a model"),
        ("preprocessor_config.json", r"has no preprocessor_config\.json, so nothing says how"),
        ("model.safetensors", r"has no weights: neither model\.safetensors nor pytorch_model"),
    ],
)
def test_missing_file(clip, tmp_path, paths, missing, message):
    folder = copy_of(clip[0], tmp_path)
    (folder / missing).unlink()
    with pytest.raises(FileNotFoundError, match=message):
        DeepFeatures(folder).fit(paths)


def test_missing_part_of_the_weights(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"logit_scale": "model-1-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FileNotFoundError, match=r"names the file 'model-1-of-2\.safetensors'"):
        DeepFeatures(folder).fit(paths)


def test_weights_in_parts(clip, tmp_path, paths):
    folder, model, processor = clip
    model.save_pretrained(tmp_path, max_shard_size="10KB")
    processor.save_pretrained(tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    np.testing.assert_array_equal(
        DeepFeatures(tmp_path, device="cpu").transform(paths),
        DeepFeatures(folder, device="cpu").transform(paths),
    )


def test_weights_in_the_older_format(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    (folder / "model.safetensors").unlink()
    torch.save(clip[1].state_dict(), folder / "pytorch_model.bin")
    np.testing.assert_array_equal(
        DeepFeatures(folder, device="cpu").transform(paths),
        DeepFeatures(clip[0], device="cpu").transform(paths),
    )


def test_image_encoder_alone(clip, tmp_path, paths):
    encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(clip[0])
    encoder.save_pretrained(tmp_path)
    clip[2].save_pretrained(tmp_path)
    alone = DeepFeatures(tmp_path, device="cpu")
    assert alone.n_features_out_ == 12
    rows = DeepFeatures(clip[0], device="cpu").transform(paths)
    np.testing.assert_array_equal(alone.transform(paths), rows)


def test_width_that_the_file_leaves_out(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    config = json.loads((folder / "config.json").read_text())
    del config["projection_dim"]
    (folder / "config.json").write_text(json.dumps(config))
    features = DeepFeatures(folder, device="cpu")
    assert features.n_features_out_ == 512  # the default of transformers
    with pytest.raises(ValueError, match=r"The model in .* cannot be loaded: "):
        features.transform(paths)


def test_preprocessing_that_does_not_fit(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    path = folder / "preprocessor_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "crop_size": {"height": 32, "width": 32}}))
    with pytest.raises(ValueError, match=r"X\[0\].*makes images of 32 x 32.*takes 24 x 24"):
        DeepFeatures(folder, device="cpu").transform(paths)


def test_weights_that_are_not_of_this_network(clip, resnet, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    shutil.copy(resnet[0] / "model.safetensors", folder)
    with pytest.raises(ValueError, match=r"lack \d+ of the tensors of CLIPVisionModelWith"):
        DeepFeatures(folder, device="cpu").transform(paths)


@pytest.mark.parametrize(
    "sizes",
    [
        {"size": {"shortest_edge": 10**6}},
        {"crop_size": {"height": 24, "width": 10**9}},
        {"image_processor": {"size": [24, 5000]}},
    ],
)
def test_absurd_sizes(clip, tmp_path, paths, sizes):
    folder = copy_of(clip[0], tmp_path)
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **sizes}))
    with pytest.raises(
        ValueError, match=r"asks for images with a side of [\d,]+ pixels; networks"
    ):
        DeepFeatures(folder, device="cpu").transform(paths)


def test_code_and_pickles_beside_the_weights_are_not_run(clip, tmp_path, paths):
    folder, mark = copy_of(clip[0], tmp_path), tmp_path / "mark"
    (folder / "own_code.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    for name, kind in (("config.json", "AutoConfig"), ("preprocessor_config.json", "AutoImage")):
        content = json.loads((folder / name).read_text())
        own = dict.fromkeys([kind, "AutoModel", "AutoImageProcessor"], "own_code.Own")
        (folder / name).write_text(json.dumps({**content, "auto_map": own}))
    rows = DeepFeatures(folder, device="cpu").transform(paths)
    np.testing.assert_array_equal(rows, DeepFeatures(clip[0], device="cpu").transform(paths))

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    (folder / "model.safetensors").unlink()
    torch.save({"weight": Bomb()}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"The model in .* cannot be loaded"):
        DeepFeatures(folder, device="cpu").transform(paths)
    assert not mark.exists()


def test_damaged_files(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"The model in .* cannot be loaded"):
        DeepFeatures(folder, device="cpu").transform(paths)
    (folder / "preprocessor_config.json").write_text("{}{")
    with pytest.raises(ValueError, match=r"The preprocessing in .* cannot be loaded"):
        DeepFeatures(folder, device="cpu").transform(paths)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json' is not valid JSON"):
        DeepFeatures(folder, device="cpu").transform(paths)


def test_other_types_of_model(clip, tmp_path, paths):
    folder = copy_of(clip[0], tmp_path)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="is of the type 'bert', for which transformers has no"):
        DeepFeatures(folder).fit(paths)


@pytest.mark.parametrize("package", ["torch", "transformers"])
def test_missing_package(clip, tmp_path, paths, package, monkeypatch):
    folder = copy_of(clip[0], tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf'needs {package}, .*pip install .*\[deep\]"'):
        DeepFeatures(folder, device="cpu").transform(paths)


def test_other_preprocessing_is_refused(clip, paths):
    with pytest.raises(ValueError, match=r"comes with its own preprocessing and identity"):
        DeepFeatures(clip[0], preprocessing=clip[2]).fit(paths)


@pytest.mark.parametrize("device", ["gpu", "cuda:77", "meta:x"])
def test_device_that_is_not_there(resnet, paths, device):
    with pytest.raises(ValueError, match=f"device='{device}' cannot be used: .*Give 'auto'"):
        DeepFeatures(resnet[0], device=device).transform(paths)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_failures_of_the_machine_are_not_of_an_image(error):
    def function(batch):
        raise error

    runner = NetworkRunner(function, torch.device("cpu"), "float32")
    with pytest.raises(type(error)):
        runner.embed([np.zeros(3, np.float32)])
    error = RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(ValueError, match="cannot take what its preprocessing makes"):
        runner.embed([np.zeros(3, np.float32)])


def test_thin_images_are_refused(clip):
    # Brought to a short side of 24 pixels, the second would be 24 x 480,000.
    features = DeepFeatures(clip[0], device="cpu")
    assert features.transform(np.zeros((1, 2, 100), np.uint8)).shape == (1, 12)
    thin = [np.zeros((9, 9), np.uint8), np.zeros((1, 20_000), np.uint8)]
    with pytest.raises(ValueError, match=r"X\[1\]: an image of 20000 x 1 pixels is too thin"):
        features.transform(thin)


def test_threads_load_one_preprocessing(clip, tmp_path, monkeypatch):
    load, n_loaded = transformers.AutoImageProcessor.from_pretrained, []

    def slowly(*arguments, **options):
        n_loaded.append(1)
        time.sleep(0.05)
        return load(*arguments, **options)

    monkeypatch.setattr(transformers.AutoImageProcessor, "from_pretrained", slowly)
    verbosity = transformers.utils.logging.get_verbosity()
    images = np.zeros((8, 30, 30), np.uint8)
    DeepFeatures(copy_of(clip[0], tmp_path), device="cpu", n_jobs=4).transform(images)
    assert len(n_loaded) == 1
    assert transformers.utils.logging.get_verbosity() == verbosity
