from __future__ import annotations

import lzma

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy import sparse
from scipy.stats import binom
from sklearn.model_selection import KFold

from benchmarks.experiments.cli import main
from benchmarks.experiments.comparison import CHOSEN, compare_methods, show_comparison
from benchmarks.experiments.faces import Faces, bracket_table, split_faces
from benchmarks.experiments.few_exact import place_between_cells, run_few_exact, show_few_exact
from benchmarks.experiments.figures import draw_few_exact, draw_tables23, draw_vagueness
from benchmarks.experiments.layout import markdown, spread
from benchmarks.experiments.methods import EstimatorMethod, MedianMethod
from benchmarks.experiments.questions import (
    ChosenMethod,
    RegressionInUnits,
    Survey,
    load_survey,
    question_methods,
    run_questions,
    run_vagueness,
    show_questions,
    show_vagueness,
)
from benchmarks.experiments.real_data import (
    IntervalTable,
    anes_dollars,
    anes_levels,
    clean_columns,
    read_chipseq,
    read_kakadu,
)
from benchmarks.experiments.rows import available, competitors, paper_methods, vilma_methods
from benchmarks.experiments.selection import N_FOLDS, fit_selected, run_method, validate
from benchmarks.experiments.standard_errors import (
    COEF,
    DESIGNS,
    draw_survey,
    run_standard_errors,
)
from benchmarks.experiments.table1 import run_table1, show_table1
from benchmarks.experiments.tables23 import (
    MixedDesign,
    find_worsened,
    run_tables23,
    show_tables23,
)
from benchmarks.experiments.views import Views
from vilma import IISVOR_IMC, OneHotCodes, OrderedLogit, OrderedLogitCV
from vilma.datasets import make_interval_problem

IMC = EstimatorMethod("SVOR-IMC", IISVOR_IMC(), (1.0, 0.1))


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def faces() -> Faces:
    rng = np.random.default_rng(0)
    ages = rng.integers(1, 31, 90)
    codes = np.clip(ages[:, None] // 3 + rng.integers(-2, 3, (90, 12)), 0, 15)
    return Faces(OneHotCodes(codes, 16), ages)


@pytest.fixture(scope="module")
def table() -> IntervalTable:
    problem = make_interval_problem(120, 3, n_classes=6, random_state=0)
    return IntervalTable(
        "problem", problem.data, problem.target, problem.classes, "levels", problem.truth
    )


def test_median_is_the_best_constant():
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 20):
        intervals = np.sort(rng.integers(0, 10, (n, 2)), axis=1)
        (model,) = MedianMethod().fit(None, intervals, np.arange(10), [None])
        label = model.predict(np.zeros((1, 1)))[0]
        below, above = intervals[:, :1] - np.arange(10), np.arange(10) - intervals[:, 1:]
        losses = np.maximum(np.maximum(below, above), 0).sum(axis=0)
        assert losses[label] == losses.min()


def test_views_scale_dense_columns_by_the_training_rows():
    X = np.array([[0.0], [2.0], [9.0]])
    train, test = Views(X, np.array([0, 1]), np.array([2])).get("own")
    np.testing.assert_allclose(train, [[-1.0], [1.0]])
    np.testing.assert_allclose(test, [[8.0]])


def test_views_of_codes(faces, monkeypatch):
    monkeypatch.setattr("benchmarks.experiments.views.N_COMPONENTS", 4)
    views = Views(faces.X, np.arange(60), np.arange(60, 90))
    assert views.get("own")[1] == faces.X[60:]
    plain = views.get("plain")[0]
    assert sparse.issparse(plain)
    np.testing.assert_array_equal(plain.toarray(), faces.X[:60].toarray())
    train, test = views.get("reduced")
    assert train.shape == (60, 4)
    assert test.shape == (30, 4)
    assert views.get("reduced")[0] is train


def test_options_are_chosen_on_annotations_alone(table):
    losses = validate(IMC, table.X, table.intervals, table.classes)
    assert losses.shape == (2,)
    loss, candidate, model = fit_selected(IMC, table.X, table.intervals, table.classes)
    assert loss == losses.min()
    assert candidate == IMC.candidates[int(np.argmin(losses))]
    assert model.alpha == candidate


def test_validation_of_a_constant_is_its_held_out_loss():
    intervals = np.tile([[2, 3]], (9, 1))
    losses = validate(MedianMethod(), np.zeros((9, 1)), intervals, np.arange(5))
    np.testing.assert_array_equal(losses, [0.0])


def test_vilma_equals_svor_imc_and_penalised_biases_differ(faces):
    train, test = np.arange(60), np.arange(60, 90)
    intervals = np.column_stack([faces.ages, faces.ages])[train]
    views = Views(faces.X, train, test)
    vilma, imc, reg = (
        run_method(method, views, intervals, faces.classes).predicted
        for method in paper_methods([0.1])
    )
    error = np.abs(imc - faces.ages[test]).mean()
    assert np.abs(vilma - faces.ages[test]).mean() == pytest.approx(error, abs=0.2)
    assert np.abs(reg - faces.ages[test]).mean() > error


def test_every_method_runs(table):
    others = available(competitors(), silent)
    losses = compare_methods(table, vilma_methods()[:1], others[-1:], silent, n_folds=2)
    assert [each.name for each in losses] == ["IISVOR_IMC", CHOSEN, "median"]
    np.testing.assert_array_equal(losses[0].outside, losses[1].outside)
    assert losses[0].outside.mean() < losses[2].outside.mean()
    assert (losses[0].outside <= losses[0].errors).all()
    text = show_comparison(table, losses)
    assert text.startswith("problem: 120 rows, 3 features, 6 labels, ")
    assert "| IISVOR_IMC | " in text
    views = Views(table.X, np.arange(80), np.arange(80, 120))
    for method in [*vilma_methods()[1:], *others[:-1]]:
        method.candidates = method.candidates[2:3]
        predicted = run_method(method, views, table.intervals[:80], table.classes).predicted
        assert predicted.shape == (40,)
        assert set(predicted) <= set(table.classes)


def test_missing_packages_are_named(monkeypatch):
    ridge = competitors()[0]
    monkeypatch.setattr("benchmarks.adapters.sklearn_models.RoundedRidge.module", "no_such_module")
    lines = []
    assert available([ridge], lines.append) == []
    assert lines == ["left out: ridge on midpoints (install scikit-learn)"]


def test_splits_part_the_rows():
    first, second = split_faces(10, 2)
    assert sorted([*first.train, *first.test]) == list(range(10))
    assert len(first.test) == 3
    assert not np.array_equal(first.train, second.train)


def test_table1(faces):
    errors = run_table1(faces, list(split_faces(90, 2)), [30, 60], [IMC], silent)
    assert [len(values) for values in errors.values()] == [2, 2]
    lines = show_table1(errors).splitlines()
    assert lines[0] == "|  | m = 30 | m = 60 |"
    assert lines[2].startswith("| SVOR-IMC | ")


def test_tables23(faces, tmp_path):
    design = MixedDesign((20, 40, 60), (20, 40), (5,))
    errors = run_tables23(faces, list(split_faces(90, 2)), design, [IMC], silent)
    lines = show_tables23(errors, design).splitlines()
    assert lines[0] == "SVOR-IMC:"
    assert lines[2] == "| m_P | u | m = 20 | m = 40 | m = 60 |"
    assert lines[4].startswith("| supervised |  | ")
    assert lines[6].startswith("| 40 | 5 | — | ")
    assert lines[5].split("|")[3] == lines[4].split("|")[3]
    draw_tables23(errors, design, "SVOR-IMC", tmp_path / "tables.png")
    assert (tmp_path / "tables.png").stat().st_size > 0


def test_steps_that_worsen_are_found():
    design = MixedDesign((1, 2, 3), (1,), (5,))
    errors = {
        ("A", 1, 1, 1): [5.0, 5.2],
        ("A", 1, 5, 2): [4.0, 4.2],
        ("A", 1, 5, 3): [4.4, 4.6],
    }
    assert find_worsened(errors, design, "A") == ["m_P = 1, u = 5, m = 2 to 3: +0.40"]
    errors["A", 1, 5, 3] = [4.1, 4.3]
    assert find_worsened(errors, design, "A") == []


def test_exact_labels_beyond_the_sizes_are_refused():
    with pytest.raises(ValueError, match="m_P = 7 should be one of the training sizes"):
        MixedDesign((5, 10), (7,))


def test_thresholds_between_cells():
    placed = place_between_cells(np.array([0.0, 1.0, 3.0, 3.0, 5.0]), width=2)
    np.testing.assert_allclose(placed, [0.0, 1.0, 2.0, 3.0, 4.0])


def test_exact_labels_are_spread_over_the_folds(faces):
    rows = np.arange(10, 90)
    intervals = faces.cells(30, 0.25, rows)
    exact = intervals[:, 0] == intervals[:, 1]
    assert exact.sum() == 20
    np.testing.assert_array_equal(intervals[exact][:, 0], faces.ages[rows][exact])
    for _, fold in KFold(N_FOLDS, shuffle=True, random_state=0).split(rows):
        assert 3 <= exact[fold].sum() <= 12


def test_few_exact(faces, tmp_path):
    results = run_few_exact(faces, IMC, (5,), (0.0, 1.0), silent, n_folds=2)
    assert [len(folds) for folds in results.values()] == [2, 2]
    for errors in results[5, 1.0]:
        assert errors.default == errors.minimised
    lines = show_few_exact(results).splitlines()
    assert lines[2].startswith("| 5 years, 0% | ")
    assert lines[3].startswith("| 5 years, 100% | ")
    draw_few_exact(results, tmp_path / "few.png")
    assert (tmp_path / "few.png").stat().st_size > 0


def test_brackets_of_faces_hold_the_ages(faces):
    table = bracket_table(faces)
    assert (table.intervals[:, 0] <= faces.ages).all()
    assert (faces.ages <= table.intervals[:, 1]).all()
    assert np.ptp(table.intervals, axis=1).max() == 9


def test_clean_columns():
    columns = np.array(
        [[-np.inf, 1.0, np.nan, 2.0], [0.5, 1.0, np.inf, np.nan], [3.0, 1.0, np.nan, 1]]
    )
    np.testing.assert_array_equal(clean_columns(columns), [[0.5, 2.0], [0.5, 1.0], [3.0, 1.0]])


def test_kakadu_levels_lie_between_bids(tmp_path):
    path = tmp_path / "kakadu.csv"
    path.write_text(
        "lower,upper,answer,jobs,sex\n0,2,nn,1,male\n2,5,ny,2,female\n0,50,nn,3,male\n"
        "250,999,yy,4,female\n20,999,yy,5,male\n"
    )
    table = read_kakadu(path)
    np.testing.assert_array_equal(table.intervals, [[0, 0], [1, 1], [0, 3], [6, 6], [3, 6]])
    np.testing.assert_array_equal(table.X[:, 1], [1, 0, 1, 0, 1])


def test_chipseq_levels_are_cut_at_quantiles(tmp_path):
    path = tmp_path / "a_set.csv.xz"
    rows = [
        f"{k},{'-inf' if k == 0 else k},{'inf' if k == 99 else k + 0.5},x,1" for k in range(100)
    ]
    text = "\n".join(["mean,min.log.lambda,max.log.lambda,sequenceID,fold", *rows])
    path.write_bytes(lzma.compress(text.encode()))
    table = read_chipseq(path)
    assert table.name == "a set"
    assert table.X.shape == (100, 1)
    assert table.intervals[0, 0] == 0
    assert table.intervals[99, 1] == 19
    assert np.bincount(table.intervals.ravel()).min() >= 8


def test_anes_scales():
    levels, dollars = anes_levels(), anes_dollars()
    assert np.bincount(levels.intervals[:, 0]).min() > 0
    assert (levels.intervals[:, 0] == levels.intervals[:, 1]).all()
    pairs = {tuple(pair) for pair in dollars.intervals.tolist()}
    assert {(0, 2), (10, 10), (15, 16), (105, 105)} <= pairs
    assert len(pairs) == 24


def test_layout():
    assert markdown(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
    assert spread([1.0, 3.0]) == "2.00 ± 1.41"
    assert spread([2.0]) == "2.00 ± 0.00"


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(40):
        age = 1 + k % 8
        pixels = rng.integers(0, 30 * age, (12, 12)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{age}_0_0_{k}.png")
    return tmp_path


def test_commands_print_tables(folder):
    options = ["--images", str(folder), "--size", "10", "--size", "20", "--splits", "2"]
    options += ["--alpha", "1", "--method", "SVOR-IMC"]
    result = CliRunner().invoke(main, ["table1", *options])
    assert result.exit_code == 0, result.output
    assert "| SVOR-IMC | " in result.stdout
    result = CliRunner().invoke(main, ["tables23", *options, "--exact", "10", "--width", "4"])
    assert result.exit_code == 0, result.output
    assert "| 10 | 4 | " in result.stdout
    assert "SVOR-IMC, worse by over one deviation: " in result.stdout


def test_command_refuses_more_rows_than_there_are(folder):
    result = CliRunner().invoke(main, ["table1", "--images", str(folder), "--size", "50"])
    assert result.exit_code == 2
    assert "--size 50 is more than the 28 rows that are left for training." in result.output


def test_command_refuses_labels_that_are_no_ages(folder):
    names = sorted(path.name for path in folder.glob("*.png"))
    labels = folder / "labels.csv"
    labels.write_text("file,label\n" + "".join(f"{name},1.5\n" for name in names))
    result = CliRunner().invoke(
        main, ["few-exact", "--images", str(folder), "--labels", str(labels)]
    )
    assert result.exit_code == 1
    assert "should have one column of whole numbers besides the files" in result.output


@pytest.fixture(scope="module")
def survey() -> Survey:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    labels = np.clip(np.rint(X[:, 0] + 0.3 * rng.normal(size=200) + 2), 0, 4).astype(int)
    return Survey(X, labels, np.arange(5))


def test_questions(survey):
    logit = ChosenMethod("logit", OrderedLogitCV)
    known = ChosenMethod("exact labels: logit", OrderedLogitCV)
    errors = run_questions(survey, [logit, MedianMethod()], [known], 2, silent)
    assert list(errors) == ["logit", "median", "exact labels: logit"]
    assert len(errors["median"]) == 2
    assert np.mean(errors["logit"]) < 0.6 * np.mean(errors["median"])
    header, _, *rows = show_questions(errors).splitlines()
    assert header == "| method | MAE | above the first | first is better |"
    assert rows[1].endswith("| 2 of 2 |")
    level = show_questions({"one": [0.3, 0.5], "other": [0.1 + 0.2, 0.6]})
    assert level.splitlines()[-1].endswith("| 1 of 2 |")


def test_vagueness(survey, tmp_path):
    logit = ChosenMethod("vilma", OrderedLogitCV)
    results = run_vagueness(survey, [logit], [0.0, 1.0], 2, silent)
    # All exact: the exact rows are all rows; none exact: nothing to learn from.
    assert results["vilma", 0.0] == results["exact labels only", 0.0]
    assert ("exact labels only", 1.0) not in results
    assert "| 100% vague |" in show_vagueness(results)
    draw_vagueness(results, tmp_path / "vague.png")
    with Image.open(tmp_path / "vague.png") as picture:
        assert picture.size[0] > 600


def test_confidence_intervals_cover_the_truth():
    told = []
    results = run_standard_errors(100, 200, told.append)
    assert list(results) == list(DESIGNS)
    assert told == ["100 surveys"]
    for coverages in results.values():
        covered = sum(coverage.covered for coverage in coverages)
        # Of 95 % intervals, coefficients nearly independent: outside of these once in 1,000 seeds.
        assert binom.ppf(5e-4, 300, 0.95) <= covered <= binom.ppf(1 - 5e-4, 300, 0.95)
    exact, brackets, question = (np.mean([c.width for c in each]) for each in results.values())
    assert exact < brackets < question  # what annotations do not tell, intervals pay for


def test_surveys_follow_the_model():
    X, label = draw_survey(20000, np.random.default_rng(0))
    model = OrderedLogit().fit(X, label)
    errors = model.summary().to_frame()["std_err"].to_numpy()
    assert (np.abs(model.coef_ - COEF) < 4.0 * errors).all()
    rng = np.random.default_rng(0)
    for annotate in DESIGNS.values():
        lower, upper = annotate(label, rng).T
        assert ((lower <= label) & (label <= upper)).all()


def test_the_command_of_standard_errors():
    result = CliRunner().invoke(main, ["standard-errors", "--draws", "2", "--rows", "100"])
    assert result.exit_code == 0, result.output
    assert "| brackets of three labels | " in result.stdout


def test_both_questions_of_the_survey():
    party, income = load_survey("PID"), load_survey("income")
    assert len(party.classes) == 7
    assert len(income.classes) == 24
    assert party.X.shape == income.X.shape == (944, 9)
    assert np.unique(income.labels).tolist() == list(range(24))
    assert income.begins[:3].tolist() == [0, 3000, 5000]
    assert income.begins[-1] == 105_000
    own = load_survey()
    assert own.classes.tolist() == list(range(1, 8))
    assert own.begins is None


@pytest.mark.parametrize("log", [False, True])
def test_regression_in_units_recovers_brackets(log):
    pytest.importorskip("lifelines")
    rng = np.random.default_rng(0)
    begins = np.array([0.0, 10.0, 20.0, 40.0, 80.0])
    X = rng.normal(size=(400, 1))
    number = np.exp(3.0 + 0.8 * X[:, 0]) if log else 40.0 + 20.0 * X[:, 0]
    label = np.clip(np.searchsorted(begins, number, side="right") - 1, 0, None)
    method = RegressionInUnits("units", begins, log=log)
    (model,) = method.fit(X, np.column_stack([label, label]), np.arange(5), [None])
    assert np.mean(model.predict(X) == label) > 0.9


def test_of_one_model_only_the_logit_plays():
    survey = load_survey()
    answers, exact = question_methods(survey, one_model=True)
    names = [method.name for method in (*answers, *exact)]
    assert sum(name.startswith("vilma") for name in names) == 1
    assert len(question_methods(survey, one_model=False)[0]) == len(answers) + 2
    income, _ = question_methods(load_survey("income"), one_model=True)
    assert len(income) == len(answers) + 2
