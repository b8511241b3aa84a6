"""The comparison of deep methods, on a few made-up faces."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

pytest.importorskip("torch", reason="torch is not installed")

import torch

from benchmarks.deep import methods
from benchmarks.deep.cli import main
from benchmarks.deep.convolutional import (
    Training,
    convolutional_encoder,
    convolutional_model,
)
from benchmarks.deep.faces import (
    EmbeddedFaces,
    annotate,
    load_embeddings,
    split_faces,
    thin_tail,
)
from benchmarks.deep.runs import Records
from benchmarks.deep.tables import show_combinations


@pytest.fixture(autouse=True)
def short_training(monkeypatch):
    monkeypatch.setitem(methods.TRAINING, "max_epochs", 5)  # one for each curriculum of PML


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory):
    rng = np.random.default_rng(0)
    ages = rng.integers(1, 31, 150)
    X = np.stack([ages / 10.0, rng.normal(size=150)], axis=1).astype(np.float32)
    path = tmp_path_factory.mktemp("faces") / "faces.npz"
    np.savez(path, X=X, ages=ages)
    return path


def run(*arguments):
    done = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_tail_is_thinned():
    ages = np.repeat([7, 8, 9], [100, 50, 20])
    labels, counts = np.unique(ages[thin_tail(ages, 0)], return_counts=True)
    assert labels.tolist() == [7, 8, 9]
    assert counts.tolist() == [100, 16, 2]  # shares of 1, 10 ** -0.5 and 0.1, rounded up


def test_annotations():
    faces = EmbeddedFaces(np.zeros((3, 1)), np.array([1, 10, 25]))
    rows = np.array([0, 1, 2])
    assert faces.classes.tolist() == list(range(1, 31))
    assert annotate(faces, rows, "exact").tolist() == [1, 10, 25]
    assert annotate(faces, rows, "intervals").tolist() == [[1, 10], [1, 10], [21, 30]]
    assert annotate(faces, rows, "midpoints").tolist() == [5, 5, 25]


def test_open_annotations_hold_the_age():
    faces = EmbeddedFaces(np.zeros((90, 1)), np.arange(90) % 30 + 1)
    intervals = annotate(faces, np.arange(90), "open")
    assert ((intervals[:, 0] <= faces.ages) & (faces.ages <= intervals[:, 1])).all()
    shares = [np.isneginf(intervals[:, 0]).mean(), np.isposinf(intervals[:, 1]).mean()]
    assert (intervals[np.isfinite(intervals)] >= 1).all()
    assert 0.15 < min(shares) <= max(shares) < 0.5
    np.testing.assert_array_equal(annotate(faces, np.arange(90), "open"), intervals)


def test_combinations(embeddings, tmp_path):
    records = tmp_path / "records.jsonl"
    chosen = ["--loss", "l1", "--loss", "gaussian", "--regularizer", "accon", "--seeds", 2]
    chosen += ["--epochs", 2]
    found = run("combinations", embeddings, "--records", records, "--rows", 60, *chosen)
    lines = [line for line in found.splitlines() if line.startswith("| gaussian")]
    assert len(lines) == 3
    names = {json.loads(line)["key"]["name"] for line in records.read_text().splitlines()}
    assert names == {"l1", "l1 + accon", "gaussian", "gaussian + accon"}
    assert run("combinations", embeddings, "--records", records, "--rows", 60, *chosen) == found


def test_worse_is_more_than_the_deviation_of_the_loss_alone():
    alone = np.array([5.0, 6.0, 7.0])  # with a deviation of 1
    found = {"ce": alone, "ce + accon": alone + 1.1, "ce + conr": np.array([5.8, 6.9, 8.0])}
    errors = {(name, "exact"): {"plain": values} for name, values in found.items()}
    table = show_combinations(errors, ["ce"], ["accon", "conr"], "exact")
    assert table.splitlines()[-1] == ("| ce | 6.00 ± 1.00 | -1.10 ± 0.00 (worse) | -0.90 ± 0.10 |")


def test_splits_do_not_overlap(embeddings):
    faces = load_embeddings(embeddings)
    split = split_faces(faces, 0, lambda ages, seed: np.arange(len(ages)))
    assert sorted([*split.train, *split.test]) == list(range(150))
    assert len(split.test) == 45


def test_bad_files(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2)))
    with pytest.raises(ValueError, match="has no array 'ages'"):
        load_embeddings(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", X=np.ones((2, 2)), ages=[1, 2, 3])
    with pytest.raises(ValueError, match=r"an age for each of its rows, got the shapes \(2, 2\)"):
        load_embeddings(tmp_path / "b.npz")


def test_records_are_not_measured_twice(tmp_path):
    path = tmp_path / "records.jsonl"
    assert Records(path).get({"seed": 1}, lambda: {"balanced": 2.0}) == {"balanced": 2.0}
    assert Records(path).get({"seed": 1}, lambda: {"balanced": 3.0}) == {"balanced": 2.0}
    assert len(path.read_text().splitlines()) == 1
    assert json.loads(path.read_text())["key"] == {"seed": 1}


def test_long_tail(embeddings, tmp_path):
    options = ("--seed", 0, "--seed", 1, "--records", tmp_path / "records.jsonl")
    names = ("--method", "L1", "--method", "L1 + ACCon", "--method", "SVOR-IMC")
    first = run("long-tail", embeddings, *names, *options)
    assert "| L1 + ACCon | L1 |" in first
    assert "| method | intervals | midpoints | gain | verdict |" in first
    assert run("long-tail", embeddings, *names, *options) == first
    layers = ("--hidden", 8, "--hidden", 4, "--dropout", 0.1)
    assert run("long-tail", embeddings, *names, *options, *layers) != first


def test_few_shot_and_shift(embeddings):
    names = ("--method", "L1", "--seed", 0)
    assert "| method | 1 | 2 |" in run("few-shot", embeddings, *names, "--size", 1, "--size", 2)
    shifted = run("shift", embeddings, *names, "--labels", 3, "--share", 0.2)
    assert "| method | 3 labels, 20% left |" in shifted


def test_embedding_and_time(embeddings):
    names = ("--method", "cross entropy", "--method", "VILMA")
    table = run("embedding", embeddings, *names, "--seed", 0)
    assert "| method | own head | linear, learned | linear, both | linear, raw |" in table
    assert "| VILMA |" not in table
    assert "cross entropy: " in run("time", embeddings, "--method", "cross entropy")


@pytest.mark.parametrize("name", methods.METHODS)
def test_every_method_fits(name, embeddings):
    faces = load_embeddings(embeddings)
    estimator = methods.METHODS[name].make(faces.classes, 0, methods.Encoder((8,), 0.0))
    assert set(methods.METHODS[name].baselines) <= set(methods.METHODS)
    predicted = estimator.fit(faces.X, annotate(faces, np.arange(150), "intervals")).predict(
        faces.X
    )
    assert set(predicted) <= set(faces.classes)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Grey squares, brighter above the middle the older they are, and a file of ages."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    ages = rng.integers(1, 31, 60)
    lines = ["file,age"]
    for row, age in enumerate(ages):
        pixels = rng.integers(0, 60, (60, 40))
        pixels[: 2 * age] += 150
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{row}.png")
        lines.append(f"{row}.png,{age}")
    labels = folder / "ages.csv"
    labels.write_text("\n".join(lines))
    return folder, labels


def test_images(photographs, tmp_path):
    folder, labels = photographs
    command = ("images", "--images", folder, "--labels", labels, "--epochs", 1, "--seeds", 1)
    names = ("--method", "L1", "--method", "L1 + ACCon", "--box", 0, 0, 40, 60)
    first = run(*command, *names, "--records", tmp_path / "records.jsonl")
    assert first.count("| SVOR-IMC, patterns |") == 4
    assert "linear model on the learned embedding, balanced" in first
    assert first.count("| L1 + ACCon | L1 |") == 2
    assert run(*command, *names, "--records", tmp_path / "records.jsonl") == first


def test_images_with_intervals_are_refused(photographs, tmp_path):
    folder, _ = photographs
    labels = tmp_path / "intervals.csv"
    labels.write_text("file,lower,upper\n0.png,1,\n1.png,1,5\n")
    with pytest.warns(UserWarning, match="without a label"):
        done = CliRunner().invoke(
            main, ["images", "--images", str(folder), "--labels", str(labels)]
        )
    assert done.exit_code == 1
    assert "should have one column of whole numbers besides the files" in done.output


def test_the_network_learns_bytes():
    training = Training(widths=(4, 8), n_outputs=5, epochs=15, learning_rate=0.01, dropout=0.0)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 50, (60, 1, 20, 12), dtype=np.uint8)
    ages = rng.integers(0, 3, 60)
    for image, age in zip(images, ages, strict=True):
        image[0, 6 * age : 6 * age + 6] += 200
    model = convolutional_model("L1", np.arange(3), (20, 12), training, 0).fit(images, ages)
    assert np.mean(model.predict(images) == ages) > 0.9
    assert model.transform(images).shape == (60, 5)


def test_initial_weights_come_from_the_seed():
    first, same, other = (
        convolutional_encoder((20, 12), Training(widths=(4,)), seed).state_dict()["1.weight"]
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_grey_range_does_not_matter():
    encoder = convolutional_encoder((20, 12), Training(widths=(4,)), 0).eval()
    pictures = torch.rand(3, 1, 20, 12) * 100
    torch.testing.assert_close(encoder(pictures), encoder(2 * pictures + 10), atol=1e-4, rtol=1e-4)
