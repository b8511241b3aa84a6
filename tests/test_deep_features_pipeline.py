"""DeepFeatures in pipelines and searches on paths, and names of the hub."""

import os
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import Memory
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.reference.tiny_networks import save_clip, save_images, save_resnet
from vilma import VILMA
from vilma.features import DeepFeatures

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
hub = pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resnet")
    save_resnet(folder)
    return folder


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"), 12)


@pytest.fixture
def pipeline(resnet):
    features = DeepFeatures(resnet, device="cpu", batch_size=5)
    return make_pipeline(features, StandardScaler(), VILMA(alpha=0.1))


INTERVALS = np.array([[0, 1], [0, 0], [1, 2], [2, 2], [1, 1], [0, 2]] * 2)


@pytest.mark.parametrize(("n_jobs", "form"), [(1, list), (1, np.array), (2, list)])
def test_grid_search_on_paths(pipeline, paths, tmp_path, n_jobs, form):
    pipeline.set_params(deepfeatures__cache_dir=tmp_path)
    grid = {"vilma__alpha": [1.0, 0.1], "deepfeatures__normalize": [False, True]}
    search = GridSearchCV(pipeline, grid, cv=KFold(2), n_jobs=n_jobs, error_score="raise")
    X = form([str(path) for path in paths])
    search.fit(X, INTERVALS)
    assert search.predict(X).shape == (12,)
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 12


def test_memory_of_a_pipeline(pipeline, paths, tmp_path):
    expected = pipeline.fit(paths, INTERVALS).predict(paths)
    pipeline.set_params(memory=Memory(tmp_path, verbose=0))
    for _ in range(2):
        np.testing.assert_array_equal(pipeline.fit(paths, INTERVALS).predict(paths), expected)


def test_pickle_has_no_weights(pipeline, paths, resnet):
    pipeline.fit(paths, INTERVALS)
    content = pickle.dumps(pipeline[0])
    assert len(content) < 2000
    assert b"torch" not in content
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict(paths), pipeline.predict(paths))


def test_full_cache_needs_no_network(resnet, paths, tmp_path, monkeypatch):
    features = DeepFeatures(resnet, device="cpu", cache_dir=tmp_path)
    rows = features.transform(paths)

    def load(*arguments):
        raise AssertionError("weights were loaded")

    monkeypatch.setattr("vilma.features.deep.pretrained.load_network", load)
    np.testing.assert_array_equal(features.transform(paths), rows)


@pytest.fixture
def offline_hub(tmp_path, monkeypatch):
    """An empty local cache, and a hub that counts what it is asked for."""
    asked = []
    snapshot = tmp_path / "snapshot"

    def snapshot_download(name, *, local_files_only=False, **options):
        if not snapshot.is_dir():
            if local_files_only:
                raise hub.errors.LocalEntryNotFoundError(name)
            asked.append((name, options))
            save_clip(snapshot)
        return os.fspath(snapshot)

    names = ["config.json", "model.safetensors", "pytorch_model.bin", "tf_model.h5"]
    info = SimpleNamespace(sha="abc", siblings=[SimpleNamespace(rfilename=n) for n in names])
    api = SimpleNamespace(model_info=lambda name: info)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(hub, "HfApi", lambda: api)
    return asked


def test_nothing_is_downloaded_unless_asked(offline_hub, paths):
    message = r"nothing is downloaded unless asked\. Run `hf download some/clip`, or give local_f"
    with pytest.raises(FileNotFoundError, match=message):
        DeepFeatures("some/clip").fit(paths)
    assert offline_hub == []


def test_download_when_asked(offline_hub, paths):
    features = DeepFeatures("some/clip", device="cpu", local_files_only=False)
    rows = features.transform(paths)
    assert rows.shape == (12, 12)
    ((name, options),) = offline_hub
    assert (name, options["revision"]) == ("some/clip", "abc")
    assert "model.safetensors" in options["allow_patterns"]
    assert "pytorch_model.bin" not in options["allow_patterns"]
    features.set_params(local_files_only=True)
    np.testing.assert_array_equal(features.transform(paths), rows)
    assert len(offline_hub) == 1


def test_half_of_the_files_are_not_enough(offline_hub, paths):
    features = DeepFeatures("some/clip", device="cpu", local_files_only=False).fit(paths)
    snapshot = Path(hub.snapshot_download("some/clip"))
    (snapshot / "preprocessor_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="neither a directory nor in the local cache"):
        features.set_params(local_files_only=True).fit(paths)


def test_download_that_fails(offline_hub, paths, monkeypatch):
    def fail(name):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=fail))
    with pytest.raises(FileNotFoundError, match="could not be downloaded: no route to host"):
        DeepFeatures("some/clip", local_files_only=False).fit(paths)


@pytest.mark.parametrize("name", ["not a name", "a/b/c", "../up", "C:\\models"])
def test_names_that_cannot_be(name, paths):
    with pytest.raises(FileNotFoundError, match=r"no directory|neither a directory nor"):
        DeepFeatures(name).fit(paths)
