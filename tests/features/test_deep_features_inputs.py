"""What DeepFeatures takes and refuses; a function stands for the network."""

import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests.reference.tiny_networks import save_images
from vilma.features import DeepFeatures, ImageReadError, read_rgb


def mean_colour(images):
    return np.array([image.mean(axis=(0, 1)) for image in images])


@pytest.fixture
def paths(tmp_path):
    return save_images(tmp_path, 4)


def expected(paths):
    return mean_colour([read_rgb(path) for path in paths]).astype(np.float32)


@pytest.mark.parametrize("n_jobs", [None, 3])
@pytest.mark.parametrize(
    "form",
    [
        list,
        tuple,
        lambda paths: [str(path) for path in paths],
        lambda paths: np.array([str(path) for path in paths]),
        lambda paths: np.array(paths, dtype=object),
        pd.Series,
        lambda paths: pd.DataFrame({"file": [str(path) for path in paths]}),
        lambda paths: np.array([[path] for path in paths], dtype=object),
        lambda paths: [read_rgb(path) for path in paths],
        lambda paths: [paths[0], *(read_rgb(path) for path in paths[1:])],
    ],
)
def test_forms_of_images(paths, form, n_jobs):
    features = DeepFeatures(mean_colour, batch_size=3, n_jobs=n_jobs)
    rows = features.fit_transform(form(paths))
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, expected(paths))


def test_orientation_is_applied(tmp_path):
    pixels = np.zeros((8, 20, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    rows = DeepFeatures(lambda images: [i.shape[:2] for i in images]).transform(
        [tmp_path / "turned.png"]
    )
    assert rows.tolist() == [[20, 8]]


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("a.jpg", TypeError, r"X is a single path, 'a\.jpg'; give a list: \[path\]"),
        ([], ValueError, r"0 sample\(s\): X has no images"),
        (np.empty((0, 9, 9), np.uint8), ValueError, r"0 sample\(s\)"),
        (3, TypeError, r"X must be a list.*Got int"),
        ({"a": 1}, TypeError, r"X must be a list.*Got dict"),
        (["", "b"], TypeError, r"X\[0\] must be a path of text, not empty"),
        ([None], TypeError, r"X\[0\] must be a path or an array, got NoneType"),
        (np.zeros((9, 9), np.uint8), ValueError, r"X must be.*Got an array of shape \(9, 9\)"),
        (np.zeros((9, 9, 3), np.uint8), ValueError, "looks like one image in colour"),
        (np.zeros((2, 9, 9)), ValueError, r"X\[0\] must be.*uint8.*Got float64 of shape \(9, 9\)"),
        (np.zeros((2, 9, 9, 4), np.uint8), ValueError, r"X\[0\].*Got uint8 of shape \(9, 9, 4\)"),
        ([np.zeros((9, 9), np.uint8), np.zeros((0, 9), np.uint8)], ValueError, r"X\[1\] must be"),
    ],
)
def test_bad_images(X, error, message):
    for method in ("fit", "transform"):
        with pytest.raises(error, match=message):
            getattr(DeepFeatures(mean_colour), method)(X)


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("cached", [False, True])
def test_bad_files(paths, tmp_path, n_jobs, cached):
    features = DeepFeatures(mean_colour, n_jobs=n_jobs, batch_size=2)
    if cached:
        features.set_params(cache_dir=tmp_path / "cache", identity="mean colour")
    with pytest.raises(FileNotFoundError, match=r"X\[2\]: the file '.*gone\.png' cannot be read"):
        features.transform([*paths[:2], tmp_path / "gone.png", *paths[2:]])
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(ImageReadError, match=r"X\[3\]: Cannot read '.*text\.png' as an image"):
        features.transform([*paths[:3], tmp_path / "text.png"])
    with pytest.raises(OSError, match=r"X\[0\]: the file '.*' cannot be read"):
        features.transform([tmp_path])


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size == 0, must be >= 1"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be an instance of int"),
        ({"dtype": "float64"}, ValueError, "dtype must be one of 'float32', .*got 'float64'"),
        ({"normalize": 1}, TypeError, "normalize must be an instance of"),
        ({"local_files_only": None}, TypeError, "local_files_only must be an instance of"),
        ({"verbose": "yes"}, TypeError, "verbose must be an instance of"),
        ({"device": None}, TypeError, "device must be a string, got None"),
        ({"device": "cuda"}, ValueError, "A function chooses its device and precision itself"),
        ({"identity": 3}, TypeError, "identity must be a string, got 3"),
        ({"cache_dir": 3}, TypeError, "cache_dir must be a path or None, got 3"),
        ({"cache_dir": "cache"}, ValueError, "cache_dir needs identity= for a module or a func"),
        ({"model": 3}, TypeError, "model must be 'dlib', the name or directory .* got 3"),
        ({"model": dict}, TypeError, "model must be 'dlib', .* got <class 'dict'>"),
        ({"preprocessing": "crop"}, TypeError, "preprocessing must be a function.*got 'crop'"),
        ({"model": "./no"}, FileNotFoundError, r"There is no directory '\./no'"),
    ],
)
def test_bad_parameters(parameters, error, message):
    images = np.zeros((1, 9, 9), np.uint8)
    with pytest.raises(error, match=message):
        DeepFeatures(mean_colour).set_params(**parameters).fit_transform(images)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (np.zeros((1, 4, 3, 3)), r"got shape \(1, 4, 3, 3\) for 1 image\(s\)\. Average feature"),
        (np.zeros((2, 4)), r"got shape \(2, 4\) for 1 image"),
        (np.zeros((1, 0)), r"got shape \(1, 0\)"),
        (np.zeros(1), r"got shape \(1,\)"),
        (["a"], "must return one row of numbers per image, got list"),
        (None, r"got shape \(\) for 1 image"),
        ([[1.0, np.inf]], r"nan or infinite"),
    ],
)
def test_bad_outputs(output, message):
    with pytest.raises(ValueError, match=rf"X\[0\]: .*{message}"):
        DeepFeatures(lambda images: output).transform(np.zeros((1, 9, 9), np.uint8))


def test_the_image_at_fault_is_named():
    def fragile(images):
        rows = mean_colour(images)
        return np.where(rows > 100, np.nan, rows)

    images = np.zeros((6, 9, 9), np.uint8)
    images[4] = 200
    with pytest.raises(ValueError, match=r"X\[4\]: The model returned numbers that are nan"):
        DeepFeatures(fragile, batch_size=3).transform(images)


@pytest.mark.parametrize("cached", [False, True])
def test_rows_of_different_widths(cached, tmp_path):
    cache = {"cache_dir": tmp_path, "identity": "widths"} if cached else {}
    images = [np.zeros((9, width), np.uint8) for width in (4, 5)]
    features = DeepFeatures(lambda images: [range(images[0].shape[1])], batch_size=1, **cache)
    with pytest.raises(ValueError, match="rows of 4 numbers for some images and of 5"):
        features.transform(images)


def test_functions_with_preprocessing(paths):
    features = DeepFeatures(
        lambda batch: batch.reshape(len(batch), -1),
        preprocessing=lambda images: [image[:2, :2, 0] for image in images],
    )
    rows = features.transform(paths)
    assert rows.tolist() == [read_rgb(path)[:2, :2, 0].ravel().tolist() for path in paths]


@pytest.mark.parametrize(
    ("prepared", "message"),
    [
        (np.zeros((2, 4)), "for a list of one image it returned 2 entries"),
        (None, "it returned NoneType"),
        ({"input_ids": [1]}, "it returned dict"),
        (["a"], "an entry of dtype <U1"),
        ([], "it returned 0 entries"),
    ],
)
def test_bad_preprocessing(prepared, message):
    features = DeepFeatures(mean_colour, preprocessing=lambda images: prepared)
    with pytest.raises(ValueError, match=rf"X\[0\]: preprocessing is given a list.*{message}"):
        features.transform(np.zeros((1, 9, 9), np.uint8))


def test_stateless(paths):
    features = DeepFeatures(mean_colour, normalize=True)
    assert features.transform(paths).shape == (4, 3)
    with pytest.raises(NotFittedError, match="known once it has seen an image: call fit"):
        _ = features.n_features_out_
    with pytest.raises(NotFittedError, match="Call 'fit'"):
        features.get_feature_names_out()
    features.fit(paths[:1])
    assert features.n_features_out_ == 3
    assert clone(features).get_params() == features.get_params()


def test_the_width_is_that_of_the_model_set_last(paths):
    features = DeepFeatures(mean_colour).fit(paths)
    again = pickle.loads(pickle.dumps(features))
    assert again.n_features_out_ == 3
    features.set_params(model=lambda images: np.zeros((len(images), 5)))
    with pytest.raises(NotFittedError, match="call fit"):
        _ = features.n_features_out_
    assert features.fit(paths).n_features_out_ == 5
    features.set_params(preprocessing=lambda images: images)
    with pytest.raises(NotFittedError, match="call fit"):
        _ = features.n_features_out_


def test_set_output(paths):
    features = DeepFeatures(mean_colour).set_output(transform="pandas")
    table = features.fit_transform(pd.Series(paths, index=[5, 6, 7, 8]))
    assert table.columns.tolist() == ["deepfeatures0", "deepfeatures1", "deepfeatures2"]
    assert table.index.tolist() == [5, 6, 7, 8]


def test_pickle(paths):
    features = DeepFeatures(mean_colour).fit(paths)
    again = pickle.loads(pickle.dumps(features))
    np.testing.assert_array_equal(again.transform(paths), features.transform(paths))


def test_verbose(paths, capsys):
    DeepFeatures(mean_colour, verbose=1).transform(paths)
    assert re.search(r"4/4 .*image", capsys.readouterr().err)


def test_rows_of_zeros_stay(paths):
    rows = DeepFeatures(lambda images: np.zeros((len(images), 2)), normalize=True).transform(paths)
    assert not rows.any()


@pytest.mark.parametrize(
    ("module", "model", "extra"), [("dlib", "dlib", "faces"), ("huggingface_hub", "a/b", "deep")]
)
def test_missing_package(module, model, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'needs {module}.*pip install .*\[{extra}\]"'):
        DeepFeatures(model).fit(np.zeros((1, 9, 9), np.uint8))


def test_import_is_light():
    heavy = "{'torch', 'transformers', 'dlib', 'huggingface_hub', 'skimage'}"
    script = (
        "import sys; from vilma.features import DeepFeatures; DeepFeatures('dlib');"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ
    )
    assert result.stdout.strip() == "[]"
