"""DeepFeatures in pipelines and searches on paths."""

import pickle

import numpy as np
import pytest
from joblib import Memory
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.reference.tiny_networks import save_images, save_resnet
from vilma import VILMA
from vilma.features import DeepFeatures

pytest.importorskip("torch")
pytest.importorskip("transformers")


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
