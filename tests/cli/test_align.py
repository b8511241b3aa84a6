"""Alignment of faces by the commands that compute features."""

import csv
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage.data import astronaut

from vilma.cli import main
from vilma.cli._features import read_features
from vilma.features import DeepFeatures, FaceAligner, MultiScaleLBP, face_template


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def manifest(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


@pytest.fixture
def place(tmp_path):
    return tmp_path / "features"


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "faces"
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png", "sub/c.png"):
        Image.fromarray(rng.integers(0, 256, (300, 200), dtype=np.uint8)).save(folder / name)
    return folder


@pytest.fixture
def points():
    template = face_template("mtcnn5")
    return {"a.png": 3 * template + 20, "sub/c.png": 2 * template[:, ::-1] * [1, -1] + [30, 180]}


@pytest.fixture
def write_landmarks(tmp_path):
    def write_landmarks(points):
        path = tmp_path / "landmarks.csv"
        header = [f"{axis}{number}" for number in range(1, 6) for axis in "xy"]
        with path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file", *header])
            table.writerows([name, *each.ravel()] for name, each in points.items())
        return path

    return write_landmarks


def test_given_landmarks(images, points, write_landmarks, place):
    landmarks = write_landmarks(points)
    result = run("lbp", images, "--landmarks", landmarks, "--layout", "mtcnn5", "-o", place)
    assert result.exit_code == 0, result.output
    assert manifest(place)[0] == ["a.png", "ok", ""]
    assert manifest(place)[1] == ["b.png", "failed", f"{landmarks} has no landmarks of 'b.png'."]
    store = read_features(place)
    assert store.names == ["a.png", "sub/c.png"]
    aligner = FaceAligner(layout="mtcnn5")
    crops = [aligner.align(images / name, points[name]) for name in store.names]
    codes = MultiScaleLBP().compute_codes(np.stack(crops))
    np.testing.assert_array_equal(store.X.read().codes, codes)
    assert store.settings["alignment"] == "similarity by landmarks given (mtcnn5)"
    assert store.settings["size"] == [60, 40]


def test_other_landmarks_are_other_features(images, points, write_landmarks, place):
    command = ["lbp", images, "--layout", "mtcnn5", "-o", place, "--landmarks"]
    assert run(*command, write_landmarks(points)).exit_code == 0
    points["b.png"] = points["a.png"]
    result = run(*command, write_landmarks(points))
    assert result.exit_code == 1
    assert "is of another job: the file of landmarks is another" in result.stderr
    result = run(*command, write_landmarks(points), "--start-over", "--warp", "affine")
    assert result.exit_code == 0, result.output
    store = read_features(place)
    assert store.names == ["a.png", "b.png", "sub/c.png"]
    assert store.settings["alignment"] == "affine by landmarks given (mtcnn5)"


def test_names_match_as_those_of_labels(images, points, write_landmarks, place):
    elsewhere = {f"elsewhere/{name}": each for name, each in points.items()}
    del elsewhere["elsewhere/sub/c.png"]
    elsewhere["c.png"] = points["sub/c.png"]
    landmarks = write_landmarks(elsewhere)
    command = ["lbp", images, "--layout", "mtcnn5", "--landmarks", landmarks]
    assert run(*command, "-o", place).exit_code == 0
    store = read_features(place)
    assert store.names == ["a.png", "sub/c.png"]
    aligner = FaceAligner(layout="mtcnn5")
    crops = [aligner.align(images / name, points[name]) for name in store.names]
    codes = MultiScaleLBP().compute_codes(np.stack(crops))
    np.testing.assert_array_equal(store.X.read().codes, codes)


def test_the_default_layout_has_a_name(images, write_landmarks, place):
    landmarks = write_landmarks({"a.png": 3 * face_template("dlib5") + 20})
    assert run("lbp", images, "--landmarks", landmarks, "-o", place).exit_code == 0
    assert read_features(place).settings["alignment"] == "similarity by landmarks given (dlib5)"
    result = run("lbp", images, "--landmarks", landmarks, "--layout", "dlib5", "-o", place)
    assert "complete already" in result.stderr


def test_another_number_of_points(images, tmp_path, place):
    path = tmp_path / "landmarks.csv"
    path.write_text("file,x1,y1\na.png,1,2\n")
    result = run("lbp", images, "--landmarks", path, "-o", place)
    assert result.exit_code == 1
    assert "landmarks must be 5 or 68 points (x, y), got 1" in result.stderr


def test_a_model_knows_the_alignment(images, points, write_landmarks, place, tmp_path):
    points["b.png"] = points["a.png"]
    labels, model = tmp_path / "labels.csv", tmp_path / "model.vilma"
    labels.write_text("file,label\na.png,1\nb.png,2\nsub/c.png,1\n")
    command = ["lbp", images, "-o", place]
    run(*command, "--landmarks", write_landmarks(points), "--layout", "mtcnn5")
    assert run("fit", place, labels, "-o", model, "--alpha", 1).exit_code == 0
    assert run("predict", model, place).exit_code == 0
    assert run(*command, "--start-over").exit_code == 0
    result = run("predict", model, place)
    assert result.exit_code == 1
    assert "alignment is None, the model expects 'similarity by landmarks given" in result.stderr


def test_a_wrong_table(images, tmp_path, place):
    path = tmp_path / "landmarks.csv"
    path.write_text("file,x1,y1\na.png,1,nan\n")
    result = run("lbp", images, "--landmarks", path, "-o", place)
    assert result.exit_code == 1
    assert "expected a finite number" in result.stderr
    assert list(tmp_path.glob("features*")) == []


@pytest.mark.parametrize("size", [None, (48, 32)])
def test_faces_are_found(images, place, size):
    pytest.importorskip("dlib")
    Image.fromarray(astronaut()).save(images / "astronaut.png")
    options = [] if size is None else ["--size", *size]
    result = run("lbp", images, "--align", *options, "-o", place)
    assert result.exit_code == 0, result.output
    lines = manifest(place)
    assert [line[:2] for line in lines] == [
        ["a.png", "failed"],
        ["astronaut.png", "ok"],
        ["b.png", "failed"],
        ["sub/c.png", "failed"],
    ]
    assert "no face was found" in lines[0][2]
    store = read_features(place)
    size = size or (60, 40)
    crop = FaceAligner(size=size).align(images / "astronaut.png")
    codes = MultiScaleLBP(size=size).compute_codes(crop[np.newaxis])
    np.testing.assert_array_equal(store.X.read().codes, codes)
    assert store.settings["alignment"] == (
        "similarity by landmarks found by dlib (of several: error, doublings: 2)"
    )


def test_several_faces(images, place):
    pytest.importorskip("dlib")
    Image.fromarray(np.hstack([astronaut(), astronaut()])).save(images / "two.png")
    result = run("lbp", images / "two.png", "--align", "-o", place)
    assert result.exit_code == 1
    assert "there are 2 faces" in result.stderr
    command = ["lbp", images / "two.png", "--align", "--several", "largest", "--turns"]
    assert run(*command, "--doublings", 1, "-o", place).exit_code == 0
    assert read_features(place).settings["alignment"] == (
        "similarity by landmarks found by dlib (of several: largest, doublings: 1, turned)"
    )


def test_embeddings_of_aligned_faces(images, place):
    pytest.importorskip("dlib")
    path = images / "astronaut.png"
    Image.fromarray(astronaut()).save(path)
    command = ["embed", path, "--features", "dlib", "--align"]
    assert run(*command, "--size", 120, 80, "-o", place).exit_code == 0
    store = read_features(place)
    crop = FaceAligner(size=(120, 80), color=True).align(path)
    expected = DeepFeatures("dlib", preprocessing="whole").transform([crop])
    np.testing.assert_array_equal(store.X.read(), expected)
    assert store.settings["size"] == [120, 80]
    assert "found by dlib" in store.settings["alignment"]


def test_without_the_detector(images, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    monkeypatch.setattr("vilma.features.alignment.dlib_models._local", type("Local", (), {})())
    result = run("lbp", images, "--align", "-o", place)
    assert result.exit_code == 1
    assert '[faces]"' in result.stderr
    assert list(place.parent.glob("features*")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--align", "--box", 0, 0, 9, 9], "--box takes the same part of every image"),
        (["--align", "--layout", "dlib5"], "--layout says which points the --landmarks are"),
        (["--warp", "affine"], "--warp belongs to alignment"),
        (["--turns"], "--several, --turns and --doublings belong to finding faces"),
        (["--several", "largest"], "give --align, without --landmarks"),
        (["--manifest", "m.csv"], "--manifest belongs to files"),
    ],
)
def test_usage_errors(images, place, arguments, message):
    result = run("lbp", images, "-o", place, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not place.exists()
