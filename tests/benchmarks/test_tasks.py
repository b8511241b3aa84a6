from __future__ import annotations

import hashlib

import numpy as np
import pytest
from PIL import Image

from benchmarks.annotations import Annotation
from benchmarks.suite.config import task_description, task_from_description
from benchmarks.suite.storage import Data, load_data
from benchmarks.suite.tasks.dense import Dense
from benchmarks.suite.tasks.faces import Faces
from benchmarks.suite.tasks.one_hot import OneHot
from vilma import OneHotCodes


def make(task, folder, max_memory=None) -> Data:
    folder.mkdir()
    task.make(folder)
    return load_data(folder, max_memory)


def digest(folder) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.npy"))
    }


SMALL = [
    Dense(name="a", rows=40, test_rows=20, features=3, n_classes=4, annotation="sliding", width=2),
    OneHot(name="b", rows=30, test_rows=10, blocks=4, n_classes=6, annotation="brackets", width=2),
    OneHot(name="c", rows=30, test_rows=10, blocks=4, n_classes=6, form="csr"),
]


@pytest.mark.parametrize("task", SMALL, ids=lambda task: task.name)
def test_tasks_are_deterministic_and_made_from_their_description(task, tmp_path):
    again = task_from_description({**task_description(task), "adapters": ["ridge"]})
    assert again == task
    data = make(task, tmp_path / "one")
    make(again, tmp_path / "two")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    assert data.X.shape == task.size
    assert len(data.intervals) == task.rows
    assert len(data.truth) == task.test_rows == data.X_test.shape[0]
    assert data.X_test.shape[1] == task.size[1]
    assert data.intervals.min() >= 0
    assert max(data.intervals.max(), data.truth.max()) < len(data.classes) == task.n_classes
    assert f"{task.rows}" in task.describe()


def test_another_seed_makes_other_data(tmp_path):
    first, second = (
        make(Dense(name="a", rows=9, test_rows=2, seed=seed), tmp_path / str(seed))
        for seed in (0, 1)
    )
    assert not np.array_equal(first.X, second.X)


def test_dense_labels_are_quantiles_of_a_linear_score(tmp_path):
    data = make(Dense(name="a", rows=1000, features=4, n_classes=5, noise=0.0), tmp_path / "d")
    assert set(np.bincount(data.intervals[:, 0])) == {200}
    means = np.array([data.X[data.intervals[:, 0] == label].mean(axis=0) for label in range(5)])
    # Without noise the mean features of the labels lie in order on the line of the score.
    direction = means[-1] - means[0]
    assert (np.diff(means @ direction) > 0).all()


def test_one_hot_forms_are_the_same_matrix(tmp_path):
    options = {"name": "a", "rows": 25, "test_rows": 5, "blocks": 3, "n_classes": 6}
    codes = make(OneHot(**options), tmp_path / "codes")
    csr = make(OneHot(**options, form="csr"), tmp_path / "csr")
    assert isinstance(codes.X, OneHotCodes)
    assert codes.X.codes.flags.f_contiguous
    np.testing.assert_array_equal(codes.X.toarray(), csr.X.toarray())
    np.testing.assert_array_equal(codes.X_test.toarray(), csr.X_test.toarray())
    np.testing.assert_array_equal(codes.intervals, csr.intervals)


def test_mapped_data_are_the_same_matrix(tmp_path):
    for task in SMALL:
        data = make(task, tmp_path / task.name)
        mapped = load_data(tmp_path / task.name, max_memory=1000)
        weights = np.random.default_rng(0).normal(size=data.X.shape[1])
        np.testing.assert_allclose(mapped.X @ weights, data.X @ weights)


def test_larger_one_hot_tasks_begin_with_the_rows_of_smaller_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.suite.tasks.one_hot._ROWS_AT_ONCE", 8)
    small = make(OneHot(name="a", rows=12, test_rows=3, blocks=3), tmp_path / "small")
    large = make(OneHot(name="a", rows=21, test_rows=3, blocks=3), tmp_path / "large")
    np.testing.assert_array_equal(large.X.codes[:12], small.X.codes)
    np.testing.assert_array_equal(large.intervals[:12], small.intervals)
    np.testing.assert_array_equal(large.truth, small.truth)
    assert not np.array_equal(large.X.codes[:8], large.X.codes[8:16])


def test_one_hot_patterns_drift_with_the_label(tmp_path):
    data = make(OneHot(name="a", rows=4000, test_rows=1, blocks=5, n_classes=11), tmp_path / "d")
    label = data.intervals[:, 0]
    X = data.X.toarray()
    young, old, middle = (
        X[(first <= label) & (label <= last)].mean(axis=0)
        for first, last in ((0, 2), (8, 10), (4, 6))
    )
    assert np.abs(old - young).sum() > 1.3 * np.abs(old - middle).sum()


def test_exact_annotations():
    labels = np.array([0, 3, 2])
    intervals = Annotation()(labels, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(intervals, np.column_stack([labels, labels]))


def test_brackets_are_cells_cut_at_the_border():
    labels = np.random.default_rng(0).integers(0, 17, 200)
    annotate = Annotation(form="brackets", width=5, exact_share=0.3)
    intervals = annotate(labels, 17, np.random.default_rng(1))
    lower, upper = intervals.T
    assert ((lower <= labels) & (labels <= upper)).all()
    brackets = {tuple(row) for row in intervals[lower < upper].tolist()}
    assert brackets == {(0, 4), (5, 9), (10, 14), (15, 16)}
    assert 0.2 < (lower == upper).mean() < 0.4


def test_sliding_intervals_lie_anywhere_around_the_label():
    labels = np.full(300, 5)
    intervals = Annotation(form="sliding", width=3)(labels, 11, np.random.default_rng(0))
    assert {tuple(row) for row in intervals.tolist()} == {(3, 5), (4, 6), (5, 7)}
    ends = Annotation(form="sliding", width=3)(labels, 6, np.random.default_rng(0))
    assert {tuple(row) for row in ends.tolist()} == {(3, 5), (4, 5), (5, 5)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"annotation": "round"}, "annotation must be one of .* got 'round'"),
        ({"width": 0}, "width must be at least 1 label, got 0"),
        ({"exact_share": 2.0}, "exact_share must be from 0 to 1, got 2.0"),
    ],
)
def test_wrong_annotations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Dense(name="a", **options)


def test_wrong_form_is_refused():
    with pytest.raises(ValueError, match="form must be 'codes' or 'csr', got 'dense'"):
        OneHot(name="a", form="dense")


def test_faces_from_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["file,age"]
    for i in range(20):
        Image.fromarray(rng.integers(0, 256, (60, 40), dtype=np.uint8)).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{3 + i % 7}")
    table = tmp_path / "ages.csv"
    table.write_text("\n".join(lines))
    task = Faces(name="f", images=str(tmp_path), labels=str(table), annotation="brackets", width=3)
    assert task.missing() is None
    data = make(task, tmp_path / "data")
    assert data.X.shape == (14, 159_488)
    assert data.X_test.shape[0] == len(data.truth) == 6
    np.testing.assert_array_equal(data.classes, np.arange(3, 10))
    assert {tuple(row) for row in data.intervals.tolist()} <= {(3, 5), (6, 8), (9, 9)}
    assert {3, 6} <= set(data.intervals[:, 0])


def test_absent_faces_are_missing(tmp_path):
    absent = Faces(name="f", images=str(tmp_path / "no"), labels="no.csv")
    assert absent.missing() == f"there is no folder {tmp_path / 'no'}"
    assert Faces(name="f", images=str(tmp_path), labels="no.csv").missing() == (
        "there is no file no.csv"
    )
