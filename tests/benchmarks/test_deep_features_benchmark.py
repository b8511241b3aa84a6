"""The comparison of patterns and embeddings, on a few images."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.sparse import csr_array

from benchmarks import embeddings
from benchmarks.experiments.methods import Method
from vilma.features import DeepFeatures


class Total(Method):
    """Predicts the sum of a row, times its option."""

    name = "total"
    candidates = (1, 2)

    def fit(self, X, intervals, classes, candidates):
        return [Times(option) for option in candidates]


class Times:
    def __init__(self, option):
        self.option = option

    def predict(self, X):
        return self.option * X.sum(axis=1)


def test_scale_and_option_are_chosen_together():
    X = csr_array(np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]]))
    method = embeddings.ScaledMethod(Total(), n_columns=2, scales=(1, 10))
    assert method.candidates == [(1, 1), (1, 2), (10, 1), (10, 2)]
    fits = method.fit(X, np.zeros((2, 2)), np.arange(3), method.candidates)
    predicted = [model.predict(X).tolist() for model in fits]
    assert predicted == [[6, 1], [12, 2], [51, 10], [102, 20]]


@pytest.mark.filterwarnings("ignore:.*did not reach the tolerance.*")
def test_command(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    ages = random.integers(20, 40, 60)
    rows = []
    for place, age in enumerate(ages):
        pixels = random.integers(0, 60, (12, 10), dtype=np.uint8) + 5 * age.astype(np.uint8)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{place}.png")
        rows.append((f"{place}.png", age))
    labels = tmp_path / "ages.csv"
    with labels.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "label"), *rows])

    def brightness(images):
        return [[image.mean(), image.std()] for image in images]

    def features(*arguments, preprocessing, **options):
        return DeepFeatures(brightness, identity="brightness", **options)

    monkeypatch.setattr(embeddings, "DeepFeatures", features)
    for name in ("PATTERN_ALPHAS", "VECTOR_ALPHAS", "CURVE_ALPHAS", "SCALES", "CURVE_SCALES"):
        monkeypatch.setattr(embeddings, name, getattr(embeddings, name)[:1])
    monkeypatch.setattr(embeddings, "RIDGE_ALPHAS", (10.0, 1.0))
    arguments = ["--images", tmp_path, "--labels", labels, "--splits", 1]
    arguments += ["--cache", tmp_path / "cache"]
    result = CliRunner().invoke(embeddings.main, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    table = [line.split(" | ") for line in result.stdout.splitlines()]
    assert table[0] == ["| features", "method", "exact ages", "brackets of 10 years |"]
    assert len(table) == 15
    errors = {(row[0], row[1]): float(row[2].split()[0]) for row in table[2:]}
    assert errors["| embeddings", "IISVOR_IMC"] < errors["| LBP", "IISVOR_IMC"]
