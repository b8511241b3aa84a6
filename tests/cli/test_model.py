"""The commands `vilma fit`, `vilma predict` and `vilma evaluate`, one after the other."""

import csv
import io
import json
import os
import pickle

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.exceptions import ConvergenceWarning

import vilma
from vilma import IISVOR_EXP, IISVOR_IMC, PWVILMA, VILMA, load_model, save_model
from vilma._sealed import seal
from vilma.cli import main
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, write_features
from vilma.persistence import model_file

N_IMAGES, N_BLOCKS, N_LEVELS = 120, 6, 5


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def one_hot(codes):
    """Return codes 0..255 of some positions as the features of as many blocks."""
    from scipy import sparse

    n, n_blocks = codes.shape
    indices = (codes + 256 * np.arange(n_blocks)).ravel().astype(np.int32)
    indptr = np.arange(0, n * n_blocks + 1, n_blocks, dtype=np.int32)
    ones = np.ones(len(indices), dtype=np.float32)
    return sparse.csr_array((ones, indices, indptr), shape=(n, 256 * n_blocks))


@pytest.fixture
def levels():
    return np.arange(N_IMAGES) % N_LEVELS + 1


@pytest.fixture
def features(tmp_path, levels):
    """Each block tells the level, give or take one."""
    rng = np.random.default_rng(0)
    codes = np.clip(levels[:, np.newaxis] + rng.integers(-1, 2, (N_IMAGES, N_BLOCKS)), 0, 9)
    names = [f"{k:03d}.png" for k in range(N_IMAGES)]
    path = tmp_path / "features.npz"
    write_features(path, FeatureStore(names, one_hot(codes), {"box": None}))
    return path


@pytest.fixture
def write_labels(tmp_path):
    def write_labels(header, rows):
        path = tmp_path / "labels.csv"
        lines = (",".join(map(str, row)) for row in rows)
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write_labels


@pytest.fixture
def exact(write_labels, levels):
    return write_labels("file,label", ((f"{k:03d}.png", y) for k, y in enumerate(levels)))


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.vilma"


@pytest.fixture
def fitted(features, exact, model):
    result = run("fit", features, exact, "-o", model, "--alpha", 0.01)
    assert result.exit_code == 0, result.output
    return model


def test_from_labels_to_figures(features, exact, model, levels, tmp_path):
    result = run("fit", features, exact, "-o", model)
    assert result.exit_code == 0, result.output
    assert "120 image(s), 1,536 feature(s), 5 levels from 1 to 5" in result.stdout
    assert result.stdout.count("validation interval MAE") == 6
    assert (
        "all 120 image(s) held out once, in 5 parts; mean absolute error, with its standard error:"
        "\n  this model" in result.stdout
    )
    assert "ridge on midpoints" in result.stdout
    assert "median guess" in result.stdout
    assert result.stdout.count("chosen") == 1
    for word in ("objective", "lower bound", "gap", "iterations", " s\n", "IISVOR_IMC, alpha"):
        assert word in result.stdout

    result = run("predict", model, features)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    estimator = load_model(model)
    X = read_features(features).X
    assert [row["file"] for row in rows] == [f"{k:03d}.png" for k in range(N_IMAGES)]
    assert [row["label"] for row in rows] == [str(y) for y in estimator.predict(X)]
    projection = [float(row["projection"]) for row in rows]
    np.testing.assert_array_equal(projection, estimator.project(X))

    table = tmp_path / "predictions.csv"
    written = run("predict", model, features, "-o", table)
    assert written.exit_code == 0, written.output
    assert table.read_text() == result.stdout
    assert "120 prediction(s)" in written.stdout

    result = run("evaluate", model, features, exact, "--json")
    assert result.exit_code == 0, result.output
    error = np.abs(estimator.predict(X) - levels)
    assert error.mean() < 0.3  # guessing the median makes 1.2
    assert json.loads(result.stdout) == {
        "n_rows": 120,
        "n_exact": 120,
        "n_with_training_features": 120,
        "median_guess_mae": pytest.approx(1.2),
        "interval_mae": pytest.approx(error.mean()),
        "share_inside": pytest.approx((error == 0).mean()),
        "mae": pytest.approx(error.mean()),
    }
    result = run("evaluate", model, features, exact)
    assert f"mean absolute error               {error.mean():10.4f}" in result.stdout
    assert "inside" not in result.stdout
    assert (
        "120 of these 120 image(s) have the features of rows that were trained on" in result.stderr
    )
    assert "On rows that were held out, `vilma fit` found" in result.stderr


def test_open_ends(features, write_labels, model, levels):
    ends = [("", 2) if y <= 2 else (4, "") if y >= 4 else (3, 3) for y in levels]
    labels = write_labels(
        "file,lower,upper", ((f"{k:03d}.png", *pair) for k, pair in enumerate(ends))
    )
    result = run("fit", features, labels, "-o", model, "--alpha", 0.01, "--classes", 1, 5)
    assert result.exit_code == 0, result.output
    assert "5 levels from 1 to 5" in result.stdout
    assert "validation" not in result.stdout  # nothing to choose
    estimator = load_model(model)
    assert estimator.classes_.tolist() == [1, 2, 3, 4, 5]

    predicted = estimator.predict(read_features(features).X)
    inside = [lo <= p <= hi for p, (lo, hi) in zip(predicted, fill(ends), strict=True)]
    report = json.loads(run("evaluate", model, features, labels, "--json").stdout)
    assert report["share_inside"] == pytest.approx(np.mean(inside))
    assert report["share_inside"] > 0.9
    assert report["n_exact"] == 24


def fill(ends):
    return [(lo if lo != "" else 1, hi if hi != "" else 5) for lo, hi in ends]


def test_no_exact_label_to_measure(features, fitted, write_labels):
    labels = write_labels("file,lower,upper", [("000.png", 1, 2), ("001.png", 2, "")])
    result = run("evaluate", fitted, features, labels)
    assert result.exit_code == 0, result.output
    assert "none exact" in result.stdout
    lines = result.stdout.splitlines()
    compared = lines[[line.startswith("  of guessing") for line in lines].index(True) - 1]
    assert compared.startswith("mean absolute distance to interval")
    assert "left out 118 image(s)" in result.stderr
    report = json.loads(run("evaluate", fitted, features, labels, "--json").stdout)
    assert report["mae"] is None
    assert report["n_rows"] == 2


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (["--estimator", "iisvor-exp"], IISVOR_EXP),
        (["--estimator", "iisvor-imc"], IISVOR_IMC),
        (["--estimator", "vilma"], VILMA),
        (["--estimator", "vilma", "--loss", "zero_one"], VILMA),
        (["--estimator", "pwvilma", "--loss", "zero_one"], PWVILMA),
    ],
)
def test_what_is_trained(features, exact, model, options, kind):
    result = run(
        "fit", features, exact, "-o", model, *options, "--alpha", 0.1, "--tol", 0.01,
        "--max-iter", 200,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    with model.open("rb") as stream:
        content = model_file.read_model_file(stream, "model")
    estimator = content.model
    assert type(estimator) is kind
    assert (estimator.alpha, estimator.tol, estimator.max_iter) == (0.1, 0.01, 200)
    assert content.metadata["settings"] == {"box": None}
    assert content.metadata["training"]["n_rows"] == 120
    assert len(content.metadata["training"]["fingerprints"]) == 118  # two rows occur twice
    if "--loss" in options:
        assert estimator.loss == "zero_one"


def test_same_data_same_bytes(features, exact, model):
    contents = []
    for _ in range(2):
        result = run("fit", features, exact, "-o", model, "--alpha", 0.1)
        assert result.exit_code == 0, result.output
        contents.append(model.read_bytes())
    assert contents[0] == contents[1]


def test_a_crafted_pickle_is_not_run(features, model, tmp_path):
    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    model.write_bytes(pickle.dumps(Bomb()))
    result = run("predict", model, features)
    assert result.exit_code == 1
    assert "is not a readable model file" in result.stderr
    np.save(features.with_suffix(".npy"), np.array([Bomb()], dtype=object))
    crafted = tmp_path / "crafted.npz"
    with crafted.open("w+b") as stream:
        np.savez(stream, format=np.array([Bomb()], dtype=object))
        seal(stream)
    for bomb in (model, features.with_suffix(".npy"), crafted):
        result = run("fit", bomb, features, "-o", tmp_path / "other.vilma")
        assert result.exit_code == 1
        assert "is not a readable feature file" in result.stderr
    assert not mark.exists()


def test_a_model_for_no_features(features, model):
    save_model(VILMA().fit(np.eye(2), [0, 1]), model)
    result = run("predict", model, features)
    assert result.exit_code == 1
    assert "does not say which features it is for" in result.stderr


def test_several_directions(features, exact, model):
    result = run(
        "fit", features, exact, "-o", model, "--estimator", "pwvilma", "--pieces", 2,
        "--correlation", 0.5, "--alpha", 0.1, "--tol", 0.01,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    estimator = load_model(model)
    assert (estimator.correlation, len(estimator.coef_)) == (0.5, 2)
    header, first, *_ = run("predict", model, features).stdout.splitlines()
    assert header == "file,label,projection_1,projection_2"
    assert len(first.split(",")) == 4


def test_the_seed_decides_the_choice(features, exact, model):
    reports = [
        run("fit", features, exact, "-o", model, "--seed", seed).stdout for seed in (1, 1, 2)
    ]
    choices = [[line for line in text.splitlines() if "MAE" in line] for text in reports]
    assert choices[0] == choices[1]
    assert choices[0] != choices[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "training the model, and choosing alpha by a share of 0.2 of the rows\n"),
        (["--alpha", 0.1], "training the model\n"),
    ],
)
def test_how_alpha_is_chosen_is_said(features, exact, model, options, said):
    result = run("fit", features, exact, "-o", model, "--folds", 0, *options)
    assert said in result.stderr


def test_too_few_iterations_are_said(features, exact, model):
    result = run("fit", features, exact, "-o", model, "--alpha", 0.001, "--max-iter", 1)
    assert result.exit_code == 0, result.output
    assert "warning: " in result.stderr
    assert issubclass(ConvergenceWarning, UserWarning)  # what the command listens for


def test_what_has_no_partner_is_counted(features, write_labels, model):
    rows = [(f"{k:03d}.png", k % 5) for k in range(100)] + [("unknown.png", 3)]
    result = run("fit", features, write_labels("file,label", rows), "-o", model, "--alpha", 0.1)
    assert result.exit_code == 0, result.output
    assert "100 image(s)" in result.stdout
    assert "left out 20 image(s)" in result.stderr
    assert "100.png, 101.png, 102.png, 103.png, 104.png and 15 more" in result.stderr
    assert "left out 1 label(s)" in result.stderr


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([("x.png", 1)], [], "no image of"),
        ([("000.png", 1.5), ("001.png", 2)], [], "not all integers (1.5 is the first)"),
        ([("000.png", 2), ("001.png", 2)], [], "name only the level 2"),
        ([("000.png", 2), ("001.png", 9)], ["--classes", 1, 5], "label 9 of '001.png' is not on"),
        ([("000.png", 2), ("001.png", 1)], ["--validation", 0.99], "training set will be empty"),
    ],
)
def test_labels_that_cannot_be_learned(features, write_labels, model, rows, options, message):
    result = run("fit", features, write_labels("file,label", rows), "-o", model, *options)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert message in " ".join(result.stderr.split()).replace("train set", "training set")
    assert not model.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "mae"], "--loss belongs to --estimator vilma or pwvilma; auto has its own"),
        (["--correlation", 0.5], "--correlation and --pieces belong to --estimator pwvilma;"),
        (["--classes", 5, 5], "5 5 is no scale; expected LOWEST < HIGHEST"),
        (["--classes", "1_0", 20], "'1_0' is no number; expected one without underscores"),
        (["--max-iter", "1_0"], "'1_0' is no number; expected one without underscores"),
        (["--alpha", "1_0"], "'1_0' is no number; expected one without underscores"),
        (["--alpha", "nan"], "'nan' is no finite number"),
        (["--n-jobs", "1_0"], "'1_0' is no number; expected one without underscores"),
        (["--columns", "file"], "'file' is not of the form FILE,LABEL"),
        (["--alpha", 0], "0.0 is not in the range x>0"),
        (["--validation", 1], "1.0 is not in the range 0<x<1"),
    ],
)
def test_usage_errors(features, exact, model, options, message):
    result = run("fit", features, exact, "-o", model, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_named_columns(features, write_labels, model, levels):
    labels = write_labels("x,path,age", ((0, f"{k:03d}.png", y) for k, y in enumerate(levels)))
    result = run("fit", features, labels, "-o", model, "--alpha", 0.1)
    assert result.exit_code == 1
    assert "has the columns 'x,path,age'" in result.stderr
    result = run("fit", features, labels, "-o", model, "--alpha", 0.1, "--columns", "path,age")
    assert result.exit_code == 0, result.output
    assert run("evaluate", model, features, labels).exit_code == 0  # the model knows its columns
    other = write_labels("path,years", ((f"{k:03d}.png", y) for k, y in enumerate(levels)))
    assert "has the columns 'path,years'" in run("evaluate", model, features, other).stderr
    assert run("evaluate", model, features, other, "--columns", "path,years").exit_code == 0
    usual = write_labels("file,label", ((f"{k:03d}.png", y) for k, y in enumerate(levels)))
    assert run("evaluate", model, features, usual).exit_code == 0


def test_labels_are_read_as_in_training(features, write_labels, model, levels):
    answers = ["unsure" if k == 3 else f"{y}-{y + 1}" for k, y in enumerate(levels)]
    labels = write_labels("file,label", ((f"{k:03d}.png", y) for k, y in enumerate(answers)))
    options = ["--no-answer", "unsure", "--closed", "left", "--alpha", 0.1, "--folds", 0]
    result = run("fit", features, labels, "-o", model, *options)
    assert result.exit_code == 0, result.output
    result = run("evaluate", model, features, labels, "--json")
    assert result.exit_code == 0, result.output
    n_labelled = len(levels) - 1
    assert json.loads(result.stdout)["n_rows"] == n_labelled
    assert json.loads(result.stdout)["n_exact"] == n_labelled  # closed left: 3-4 is 3
    result = run("evaluate", model, features, labels, "--json", "--closed", "both")
    assert result.exit_code == 1
    assert "is not on the scale of the model" in result.stderr  # read as both, one end lies beyond


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_stopped_while_writing_the_model(features, exact, model, monkeypatch, stop):
    model.write_bytes(b"old")
    before = sorted(model.parent.iterdir())

    def write_half(members, stream):
        stream.write(b"half")
        raise stop

    monkeypatch.setattr(model_file, "pack", write_half)
    result = run("fit", features, exact, "-o", model, "--alpha", 0.1)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert model.read_bytes() == b"old"
    assert sorted(model.parent.iterdir()) == before


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_features_computed_in_another_way(features, fitted, exact, command):
    store = read_features(features)
    write_features(features, FeatureStore(store.names, store.X, {"box": [0, 0, 60, 40]}))
    labels = [exact] if command == "evaluate" else []
    result = run(command, fitted, features, *labels)
    assert result.exit_code == 1
    assert "box is [0, 0, 60, 40], the model expects None" in result.stderr


@pytest.mark.parametrize("content", [b"", b"no model", b"\x80\x04K\x01."])
def test_a_file_that_is_no_model(features, model, content):
    model.write_bytes(content)
    result = run("predict", model, features)
    assert result.exit_code == 1
    assert "is not a readable model file" in result.stderr
    assert "Expected a file of vilma.save_model or `vilma fit`" in " ".join(result.stderr.split())


def test_swapped_arguments(features, fitted):
    result = run("predict", features, fitted)
    assert result.exit_code == 1
    assert "features.npz is not a readable model file" in result.stderr


def test_a_model_of_another_version(features, fitted, monkeypatch):
    monkeypatch.setattr(vilma, "__version__", "9.9")
    result = run("predict", fitted, features)
    assert result.exit_code == 0
    assert "written by vilma 0.1.0, this is 9.9" in result.stderr
    assert result.stdout.startswith("file,label,projection\n")


def test_names_that_are_no_text(features, fitted, tmp_path):
    store = read_features(features)
    store.names[0] = "\udcff.png"  # as Python reads the byte FF
    write_features(features, store)
    table = tmp_path / "predictions.csv"
    assert run("predict", fitted, features, "-o", table).exit_code == 0
    assert table.read_bytes().splitlines()[1].startswith(b"\xff.png,")
    assert run("predict", fitted, features).stdout_bytes == table.read_bytes()


def test_missing_files(features, tmp_path):
    result = run("predict", tmp_path / "none.vilma", features)
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_the_error_is_that_of_rows_not_trained_on(features, write_labels, model):
    """Labels of noise: what is held out is guessed, what is trained on is known by heart."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 256, (N_IMAGES, 60))
    names = [f"{k:03d}.png" for k in range(N_IMAGES)]
    write_features(features, FeatureStore(names, one_hot(codes), {"box": None}))
    labels = write_labels("file,label", zip(names, rng.integers(1, 6, N_IMAGES), strict=True))
    result = run("fit", features, labels, "-o", model, "--alpha", 0.001)
    held_out = float(result.stdout.split("this model")[1].split()[0])
    report = json.loads(run("evaluate", model, features, labels, "--json").stdout)
    assert report["mae"] < 0.1
    assert held_out > 1.0


def test_no_share_is_held_out(features, exact, model):
    result = run("fit", features, exact, "-o", model, "--alpha", 0.1, "--folds", 0)
    assert "held out" not in result.stdout
    result = run("fit", features, exact, "-o", model, "--folds", 1)
    assert "1 part leaves nothing to train on" in result.stderr
    run("fit", features, exact, "-o", model, "--alpha", 0.1, "--folds", 0)
    result = run("evaluate", model, features, exact)
    assert "`vilma fit --folds 5` measures it" in result.stderr


def test_groups_are_held_out_whole(features, write_labels, model, levels, monkeypatch):
    from vilma.cli import _training

    seen = []
    outside = _training.outside
    monkeypatch.setattr(
        _training,
        "outside",
        lambda truth, predicted: seen.append(truth) or outside(truth, predicted),
    )
    # The label tells the group: whole labels are held out.
    rows = [(f"{k:03d}.png", y, f"person {y}") for k, y in enumerate(levels)]
    labels = write_labels("file,label,person", rows)
    options = ["--columns", "file,label", "--alpha", 0.1, "--group"]
    result = run("fit", features, labels, "-o", model, *options, "person")
    assert result.exit_code == 0, result.output
    assert "held out once with their groups, in 5 parts" in result.stdout
    held_out = [truth for truth in seen if len(truth) == 24]  # others choose alpha
    assert all(len(np.unique(truth)) == 1 for truth in held_out)
    assert len(held_out) == 15  # five parts, three methods
    result = run("fit", features, labels, "-o", model, *options, "persons")
    assert result.exit_code == 1
    assert "has no column 'persons'" in result.stderr
    assert "Did you mean 'person'?" in result.stderr


def test_new_rows_are_not_said_to_be_trained_on(features, exact, fitted, tmp_path):
    store = read_features(features)
    X = store.X.copy()
    X.indices[:6] = [0, 256, 512, 768, 1024, 1280]
    other = tmp_path / "other.npz"
    write_features(other, FeatureStore(store.names, X, store.settings))
    report = json.loads(run("evaluate", fitted, other, exact, "--json").stdout)
    assert report["n_with_training_features"] == 119


def test_intervals_and_probabilities(features, exact, model, levels):
    options = ["--alpha", 0.01, "--folds", 0]
    result = run("fit", features, exact, "-o", model, "--intervals", *options)
    assert result.exit_code == 0, result.output
    result = run("predict", model, features, "--coverage", 0.8, "--proba")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    inside = [
        float(r["lower"]) <= y <= float(r["upper"]) for r, y in zip(rows, levels, strict=True)
    ]
    assert np.mean(inside) > 0.75
    total = [sum(float(row[f"P({y})"]) for y in range(1, 6)) for row in rows]
    np.testing.assert_allclose(total, 1.0)
    run("fit", features, exact, "-o", model, *options)
    assert "fit --intervals" in run("predict", model, features, "--coverage", 0.8).stderr
    assert "ordered-logit" in run("predict", model, features, "--proba").stderr


@pytest.mark.parametrize("options", [["--levels", "a,b"], ["--drop", "x"], ["--id", "name"]])
def test_options_of_tables_are_refused(features, exact, model, options):
    result = run("fit", features, exact, "-o", model, *options)
    assert result.exit_code == 2
    said = " ".join(result.stderr.split())
    assert f"{options[0]} is for the columns of a table, and {features} holds features" in said


@pytest.mark.parametrize("options", [["--closed", "left"], ["--decimal", "point"]])
def test_options_of_brackets_are_refused_for_ends_of_intervals(
    features, write_labels, fitted, levels, options
):
    ends = write_labels("file,lower,upper", ((f"{k:03d}.png", y, y) for k, y in enumerate(levels)))
    for command in (["fit", features, ends, "-o", fitted], ["evaluate", fitted, features, ends]):
        result = run(*command, *options)
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert f"{options[0]} is for a column of labels and brackets, and {ends} has the" in said
    assert run("evaluate", fitted, features, ends).exit_code == 0


def test_decimals_of_the_label_file_of_training_are_kept(features, write_labels, model, levels):
    rows = [(f"{k:03d}.png", y) for k, y in enumerate(levels)]
    written = write_labels("file,label", ((name, f'"{y},0"') for name, y in rows))
    fast = ["--alpha", 0.01, "--folds", 0]
    assert run("fit", features, written, "-o", model, *fast).exit_code == 0
    longer = write_labels("file,label", ((name, f'"{y},000"') for name, y in rows))
    assert run("evaluate", model, features, longer).exit_code == 0
    result = run("evaluate", model, features, longer, "--decimal", "point")
    assert "is not on the scale of the model" in " ".join(result.stderr.split())
    pointed = write_labels("file,label", ((name, f"{y}.0") for name, y in rows))
    result = run("evaluate", model, features, pointed)
    assert "Where a point parts decimals, give --decimal point." in " ".join(result.stderr.split())
    assert run("evaluate", model, features, pointed, "--decimal", "point").exit_code == 0
