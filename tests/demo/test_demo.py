"""The demonstration: its tasks, its comparison, its picture and its command."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import vilma.demo.comparison
from vilma.cli import main
from vilma.demo import (
    Vagueness,
    compare,
    folder_task,
    photographs,
    photographs_task,
    survey_task,
)
from vilma.demo.baselines import MedianGuess, RoundedRidge, midpoints, outside
from vilma.demo.task import TEST, TRAIN, VALIDATION

INF = np.inf
UTKFACE = Path(__file__).parents[3] / "shared" / "data" / "utkface"


def run(*arguments):
    return CliRunner().invoke(main, ["demo", *map(str, arguments)])


@pytest.fixture
def quick(monkeypatch):
    """Try one alpha only."""
    monkeypatch.setattr(vilma.demo.comparison, "IMAGE_ALPHAS", (1.0,))
    monkeypatch.setattr(vilma.demo.comparison, "RIDGE_ALPHAS", (100.0,))


@pytest.fixture(scope="module")
def task():
    return photographs_task(Vagueness(5, 0.2), seed=0)


def test_degrading_grows_with_the_level():
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (60, 40), dtype=np.uint8)
    distance = [
        np.abs(photographs.degrade(crop, level, rng).astype(float) - crop).mean()
        for level in photographs.LEVELS
    ]
    assert np.all(np.diff(distance) > -1)  # the noise may turn neighbours round
    assert distance[0] < 3 < 40 < distance[-1]


def test_cutting_leaves_out_plain_crops():
    photograph = np.zeros((130, 90), dtype=np.uint8)
    photograph[60:120, 40:80] = np.arange(40) * 6
    (crop,) = photographs.cut(photograph)
    np.testing.assert_array_equal(crop, photograph[60:120, 40:80])


def test_photographs_have_every_level_and_one_part(task):
    names = [name for names in photographs.PHOTOGRAPHS.values() for name in names]
    assert len(names) == len(set(names))
    assert task.items.shape[1:] == (60, 40)
    for part in (TRAIN, VALIDATION, TEST):
        levels = task.truth[task.part == part, 0]
        assert set(levels) == set(range(1, 21))
    assert np.all(task.intervals[:, 0] <= task.truth[:, 0])
    assert np.all(task.truth[:, 1] <= task.intervals[:, 1])
    again = photographs_task(Vagueness(5, 0.2), seed=0)
    np.testing.assert_array_equal(task.items, again.items)
    assert not np.array_equal(task.truth, photographs_task(Vagueness(), seed=1).truth)


def test_missing_photographs(tmp_path, task):
    with pytest.raises(ValueError, match=r"None of the photographs astronaut\.png, .*is in"):
        photographs_task(Vagueness(), folder=tmp_path)
    rng = np.random.default_rng(0)
    for names in photographs.PHOTOGRAPHS.values():
        Image.fromarray(rng.integers(0, 256, (120, 400), dtype=np.uint8)).save(tmp_path / names[0])
    few = photographs_task(Vagueness(), folder=tmp_path)
    assert len(few.items) == 3 * 3 * 20
    assert "1 train, 1 choose alpha, 1 test" in few.description


def test_a_folder_is_divided():
    labels = np.repeat(np.arange(100.0)[:, np.newaxis], 2, axis=1)
    images = np.zeros((100, 60, 40), dtype=np.uint8)
    options = {"label_name": "age", "vagueness": Vagueness(10), "seed": 0}
    task = folder_task(images, labels, np.arange(100), **options)
    assert [np.sum(task.part == part) for part in (TRAIN, VALIDATION, TEST)] == [60, 15, 25]
    assert task.exact
    np.testing.assert_array_equal(task.truth, labels)
    np.testing.assert_array_equal(task.intervals[[0, 99]], [[0, 9], [90, 99]])

    labels[0, 1] = INF
    task = folder_task(images, labels, np.arange(100), **options)
    assert not task.exact
    np.testing.assert_array_equal(task.intervals, labels)
    with pytest.raises(ValueError, match=r"at least 20 labelled images.*got 19"):
        folder_task(images[:19], labels[:19], np.arange(100), **options)


def test_baselines():
    classes = np.arange(10)
    y = np.array([[0.0, 2], [4, 4], [8, INF], [-INF, INF]])
    np.testing.assert_array_equal(midpoints(y, classes), [1, 4, 8.5, 4.5])
    X = np.array([[1.0], [4], [8.5], [4.5]])
    assert RoundedRidge(1e-6, classes=classes).fit(X, y).predict([[3.6], [99]]).tolist() == [4, 9]
    # Ends 0 2 4 4 8 9 0 9: the middle one.
    assert MedianGuess(classes=classes).fit(X, y).predict(X).tolist() == [4, 4, 4, 4]
    assert outside(y, np.array([3, 4, 1, 7])).tolist() == [1, 0, 7, 0]


def test_the_median_guess_is_the_best_constant():
    rng = np.random.default_rng(0)
    y = np.sort(rng.integers(0, 10, (40, 2)), axis=1).astype(float)
    guess = MedianGuess(classes=np.arange(10)).fit(None, y).guess_
    losses = [outside(y, np.full(40, level)).mean() for level in range(10)]
    assert losses[guess] == min(losses)


def test_supported_thresholds_are_where_annotations_end():
    levels = np.repeat(np.arange(100.0)[:, np.newaxis], 2, axis=1)
    images = np.zeros((100, 6, 4), dtype=np.uint8)
    for width, count in ((100, 0), (50, 1), (40, 2), (10, 9)):
        options = {"label_name": "age", "vagueness": Vagueness(width), "seed": 0}
        assert folder_task(images, levels, np.arange(100), **options).n_supported == count


def test_one_question_of_the_survey_beats_midpoints():
    comparison = compare(survey_task(Vagueness(), seed=0))
    errors = {result.name: result.error for result in comparison.results}
    assert list(errors) == [
        "vilma, ordered logit",
        "vilma, exact labels",
        "ridge on midpoints",
        "median guess",
    ]
    # Means over 20 seeds are in benchmarks/EXPERIMENTS.md.
    assert errors["vilma, ordered logit"] < 0.95 * errors["ridge on midpoints"]
    assert errors["vilma, ordered logit"] < errors["vilma, exact labels"] + 0.1
    assert not comparison.reasons()


def test_the_other_question_of_the_survey_beats_midpoints():
    comparison = compare(survey_task(Vagueness(), target="PID", seed=0))
    errors = {result.name: result.error for result in comparison.results}
    assert errors["vilma, ordered logit"] < 0.8 * errors["ridge on midpoints"]
    assert not comparison.reasons()


def test_a_lost_comparison_says_why():
    lost = compare(survey_task(Vagueness(4), seed=0))
    assert lost.task.n_supported == 1
    assert "at 1 threshold(s) only" in lost.reasons()[0]
    results = [replace(lost.results[0], errors=np.array([1.0, 2.0])), *lost.results[1:]]
    results[2] = replace(results[2], name="ridge on midpoints", errors=np.array([1.0, 1.5]))
    narrow = replace(lost, task=survey_task(Vagueness(2), seed=0), results=results)
    (told,) = narrow.reasons()
    assert "better here than the ordered logit by 0.250 (standard error 0.250)" in told
    assert "They end at 3 of 6 thresholds" in told
    asked = replace(narrow, task=survey_task(Vagueness(), seed=0))
    assert "They end at" not in asked.reasons()[0]


def test_names_of_bands_stay_apart_and_name_the_widest():
    picture = pytest.importorskip("vilma.demo.picture")
    classes = np.arange(1, 6)
    heights, names = picture._name_bands(classes, np.array([2.0, 2.0, 2.1, 6.0]), 0.0, 10.0)
    assert dict(zip(names, heights, strict=True)) == pytest.approx(
        {"1": 1, "4": 4.05, "5": 8, "3": 2.05}
    )
    heights, names = picture._name_bands(classes, np.array([2.0, 2.0, 2.1, 6.0]), 0.0, 30.0)
    assert "2" not in names
    assert "3" not in names


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((7, 7), "7"),
        ((6, 10), "6–10"),
        ((60, INF), "≥ 60"),
        ((-INF, 20), "≤ 20"),
        ((-INF, INF), "any"),
    ],
)
def test_intervals_in_words(ends, text):
    picture = pytest.importorskip("vilma.demo.picture")
    assert picture._range(np.array(ends, dtype=float)) == text


def test_comparison_of_the_photographs(quick, task):
    comparison = compare(task)
    errors = {result.name: result.error for result in comparison.results}
    assert list(errors) == [
        "vilma, ordered logit",
        "vilma, IISVOR_IMC",
        "vilma, exact labels",
        "ridge on midpoints",
        "median guess",
    ]
    assert errors["vilma, ordered logit"] < 0.6 * errors["median guess"]
    levels = task.truth[comparison.test, 0]
    assert errors["vilma, ordered logit"] == pytest.approx(
        np.abs(comparison.predicted - levels).mean()
    )
    assert np.all(task.part[comparison.test] == TEST)
    assert comparison.estimator.gap_ <= comparison.estimator.tol


def test_command_with_the_survey(tmp_path):
    result = run("--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for text in ("one answer each", "236 test respondents", "vilma, ordered logit", "gap "):
        assert text in result.stdout
    assert "own place from 1" in result.stdout
    assert "note:" not in result.stdout
    with Image.open(tmp_path / "out" / "vilma-demo.png") as picture:
        assert picture.size[0] > 1000


def test_command_with_the_party(tmp_path):
    result = run("--party", "--cell-width", 2, "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "party identification from 0" in result.stdout
    assert "known by cells of 2 levels" in result.stdout


def test_command_with_photographs(quick, tmp_path):
    result = run("--photographs", "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    for text in (
        "no photograph is in two parts",
        "Certificate of the first: objective",
        "lower bound",
        "vilma, exact labels",
        "median guess",
    ):
        assert text in result.stdout
    with Image.open(tmp_path / "out" / "vilma-demo.png") as picture:
        assert min(picture.size) > 1000
        assert len(picture.convert("RGB").resize((100, 100)).getcolors(10_000)) > 100


@pytest.fixture
def folder(tmp_path):
    """Forty images of noise that grows with the level, one of them broken."""
    rng = np.random.default_rng(0)
    images = tmp_path / "images"
    images.mkdir()
    levels = np.arange(40) % 8
    for k, level in enumerate(levels):
        pixels = (
            128
            + np.cumsum(rng.standard_normal((66, 44)), axis=1)
            + level * rng.standard_normal((66, 44))
        )
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(images / f"{k}.png")
    (images / "broken.png").write_bytes(b"")
    return images, levels


def test_command_with_exact_labels(quick, folder, tmp_path):
    images, levels = folder
    labels = tmp_path / "labels.csv"
    labels.write_text("file,age\n" + "".join(f"{k}.png,{y}\n" for k, y in enumerate(levels)))
    result = run(
        "--images", images, "--labels", labels, "--box", 2, 3, 42, 63, "--cell-width", 2,
        "--output-dir", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "skipped broken.png" in result.stderr
    assert "40 images, age 0 to 7, known by cells of 2 levels; divided at random" in result.stdout
    assert "vilma, exact labels" in result.stdout
    assert (tmp_path / "out" / "vilma-demo.png").stat().st_size > 10_000


def test_command_with_intervals(quick, folder, tmp_path):
    images, levels = folder
    labels = tmp_path / "labels.csv"
    rows = (f"{k}.png,{max(y - 1, 0)},{y + 1 if y < 6 else ''}\n" for k, y in enumerate(levels))
    labels.write_text("file,lower,upper\n" + "".join(rows))
    result = run("--images", images, "--labels", labels, "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "annotated as they are" in result.stdout
    assert "distance to interval" in result.stdout
    assert "exact labels" not in result.stdout
    assert (tmp_path / "out" / "vilma-demo.png").stat().st_size > 10_000


def test_command_with_a_scale(quick, folder, tmp_path):
    images, levels = folder
    labels = tmp_path / "labels.csv"
    labels.write_text("file,age\n" + "".join(f"{k}.png,{y}\n" for k, y in enumerate(levels)))
    options = ["--images", images, "--labels", labels, "--output-dir", tmp_path / "out"]
    result = run(*options, "--classes", 0, 9)
    assert result.exit_code == 0, result.output
    assert "40 images, age 0 to 9, " in result.stdout
    result = run(*options, "--classes", 1, 9)
    assert result.exit_code == 1
    assert "the label 0 of '0.png' is not on the scale 1, 2, ..., 9" in result.stderr


def test_without_matplotlib_there_is_no_picture(monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec

    def without_matplotlib(name, package=None):
        return None if name == "matplotlib" else find_spec(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_matplotlib)
    result = run("--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert '[plot]"' in result.stdout
    assert "vilma, ordered logit" in result.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "."], "--images and --labels belong together"),
        (["--box", 0, 0, 9, 9], "give --images, too"),
        (["--classes", 0, 9], "give --images, too"),
        (["--party", "--photographs"], "--party is a question of the survey"),
        (["--photographs", "--images", ".", "--labels", __file__], "leave out --images"),
        (["--cell-width", 1], "1 is not in the range x>=2"),
    ],
)
def test_usage_errors(arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_an_output_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("--output-dir", tmp_path / "file" / "out")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr


def test_faces(quick, tmp_path):
    if not UTKFACE.is_dir():
        pytest.skip(f"{UTKFACE} is not there")
    lines = (UTKFACE / "labels.csv").read_text().splitlines()
    labels = tmp_path / "labels.csv"
    chosen = lines[1::16]
    labels.write_text("\n".join([lines[0], *chosen]) + "\n")
    images = tmp_path / "images"
    images.mkdir()
    for line in chosen:
        name = line.split(",")[0]
        (images / name).symlink_to(UTKFACE / "images" / name)
    result = run(
        "--images", images, "--labels", labels, "--box", 40, 10, 160, 190, "--cell-width", 10,
        "--output-dir", tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    errors = {
        line[:26].strip(): float(line[26:38])
        for line in result.stdout.splitlines()
        if line.startswith(("vilma", "ridge", "median"))
    }
    assert errors["vilma, ordered logit"] < 0.8 * errors["median guess"]
