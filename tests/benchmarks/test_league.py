from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pandas = pytest.importorskip("pandas")

from benchmarks.direction_cost import main as direction_cost  # noqa: E402
from benchmarks.league.__main__ import main  # noqa: E402
from benchmarks.league.limit import LimitedProcess  # noqa: E402
from benchmarks.league.methods import METHODS, RECOMMENDED  # noqa: E402
from benchmarks.league.report import mean_ranks, write_report  # noqa: E402
from benchmarks.league.tables import annotate, find_tables, splits  # noqa: E402
from benchmarks.league.weak_tables import main as weak_tables  # noqa: E402
from benchmarks.pieces import choose  # noqa: E402
from benchmarks.pieces import main as pieces  # noqa: E402
from benchmarks.table_cost import make_table  # noqa: E402


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    X = pandas.DataFrame({"a": rng.normal(size=80), "b": rng.choice(["x", "y"], 80)})
    score = X["a"] + (X["b"] == "x") + 0.1 * rng.normal(size=80)
    label = np.digitize(score, [-0.5, 0.2, 0.9, 1.5])
    X.assign(label=label).to_csv(tmp_path / "exact.csv", index=False)
    ends = {"lower": label, "upper": np.where(label < 4, label + 1, np.inf)}
    X.assign(**ends).to_csv(tmp_path / "intervals.csv.xz", index=False)
    (tmp_path / "other.csv").write_text("x\n1\n")
    return tmp_path


def test_tables_of_labels_and_of_intervals_are_found(folder):
    exact, intervals = find_tables(folder)
    assert (exact.name, exact.exact, exact.n_classes) == ("exact", True, 5)
    assert (intervals.name, intervals.exact, intervals.n_classes) == ("intervals", False, 5)
    assert list(intervals.features) == ["a", "b"]
    assert intervals.intervals.min() == 0
    assert intervals.intervals.max() == 4
    (split,) = splits(exact, 1, "exact", 50)
    assert split.matrices[0].shape == (50, 3)
    np.testing.assert_allclose(split.matrices[0][:, 0].mean(), 0, atol=1e-12)
    assert len(split.test) == 20
    with pytest.raises(ValueError, match="No table in"):
        find_tables(folder / "..")


@pytest.mark.parametrize("design", ["exact", "sliding", "brackets", "question"])
def test_annotations_contain_the_label(design):
    labels = np.repeat(np.arange(9), 20)
    drawn = annotate(labels, 9, design, 0)
    assert ((drawn[:, 0] <= labels) & (labels <= drawn[:, 1])).all()
    widths = drawn[:, 1] - drawn[:, 0] + 1
    assert widths.max() == {"exact": 1, "sliding": 3, "brackets": 3, "question": 8}[design]
    if design == "question":
        assert ((drawn[:, 0] == 0) | (drawn[:, 1] == 8)).all()
    np.testing.assert_array_equal(drawn, annotate(labels, 9, design, 0))


def test_the_league_goes_on_where_it_was_stopped(folder, tmp_path):
    output = tmp_path / "out" / "league.jsonl"
    arguments = ["--data", str(folder), "--output", str(output), "--splits", "1"]
    arguments += ["--design", "exact", "--design", "question"]
    arguments += ["--method", "median", "--method", "linear-imc"]
    result = CliRunner().invoke(main, [*arguments, "--table", "exact"], catch_exceptions=False)
    assert "### exact: 1 tables, 1 splits, 2 methods" in result.output
    lines = output.read_text().splitlines()
    assert len(lines) == 4  # one table, two designs, two methods
    output.write_text("\n".join([*lines[:3], lines[3][:20]]))  # cut short
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    measured = [json.loads(line) for line in output.read_text().splitlines() if line[-1] == "}"]
    assert [each["mae"] for each in measured[:3]] == [json.loads(x)["mae"] for x in lines[:3]]
    keys = {(each["table"], each["design"], each["method"]) for each in measured}
    assert ("intervals", "real", "median") in keys
    assert len(keys) == 6
    by_method = {
        each["method"]: each["mae"]
        for each in measured
        if (each["table"], each["design"]) == ("exact", "exact")
    }
    assert by_method["linear-imc"] < by_method["median"]


def test_calls_that_take_too_long_are_ended_and_others_go_on():
    with LimitedProcess(1.0) as process:
        first = process.call(os.getpid)
        assert first != os.getpid()
        assert process.call(divmod, 7, 3) == (2, 1)
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            process.call(divmod, 7, 0)
        assert process.call(os.getpid) == first
        with pytest.raises(TimeoutError, match="no end after 1 s"):
            process.call(time.sleep, 60)
        second = process.call(os.getpid)
        assert second != first
        with pytest.raises(ChildProcessError, match="exit code 3"):
            process.call(os._exit, 3)
        assert process.call(divmod, 7, 3) == (2, 1)


def test_the_command_measures(folder, tmp_path):
    output = tmp_path / "league.jsonl"
    command = [sys.executable, "-m", "benchmarks.league", "--data", folder, "--output", output]
    command += ["--splits", "1", "--table", "exact", "--design", "exact", "--method", "median"]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    assert json.loads(output.read_text())["mae"] > 0


def test_a_method_that_takes_too_long_loses(folder, tmp_path):
    output = tmp_path / "league.jsonl"
    arguments = [
        "--data",
        str(folder),
        "--output",
        str(output),
        "--splits",
        "1",
        "--table",
        "exact",
    ]
    arguments += ["--design", "exact", "--method", "median", "--time-limit", "0.001"]
    CliRunner().invoke(main, arguments, catch_exceptions=False)
    (line,) = map(json.loads, output.read_text().splitlines())
    assert line["mae"] is None
    assert line["error"] == "no end after 0.001 s"


def test_ranks_and_comparisons():
    errors = pandas.DataFrame({"a": [1.0, 2.0], "b": [2.0, 2.0], "c": [np.nan, 3.0]})
    assert mean_ranks(errors).to_dict() == {"a": 1.25, "b": 1.75, "c": 3.0}
    results = [
        {"table": f"t{t}", "design": "exact", "split": 0, "method": m, "mae": e, "seconds": 1.0}
        for t in range(6)
        for m, e in ((RECOMMENDED, 1.0 + t), ("median", 2.0 + t + 0.1 * t))
    ]
    text = write_report(results)
    assert f"| {RECOMMENDED} | 1.00 | 3.500 |" in text
    assert "| median | 2.00 | 4.750 | 6 : 0 | 0.031 | 1.0 |" in text
    assert "With 1 comparisons one p below 1.000 is to be expected by chance" in text
    assert "### exact: 6 tables, 1 splits, 2 methods" in text
    assert write_report([]) == "Nothing has been measured."


def test_the_report_compares_the_splits_that_all_methods_have():
    def of(method, errors):
        return [
            {"table": "t", "design": "exact", "split": k, "method": method, "mae": e, "seconds": 1}
            for k, e in enumerate(errors)
        ]

    # In floating point 0.1 + 0.2 + 0.3 depends on the order: these two are equal all the same.
    same = of(RECOMMENDED, [0.1, 0.2, 0.3]) + of("median", [0.3, 0.2, 0.1])
    text = write_report(same)
    assert "1 tables, 3 splits" in text
    assert f"| {RECOMMENDED} | 1.50 |" in text
    assert "| median | 1.50 | 0.200 | 0 : 0 |" in text
    text = write_report(same + of("forest", [0.3]))
    assert "1 tables, 1 splits, 3 methods" in text
    assert "| median | 2.50 | 0.300 | 1 : 0 |" in text
    other = [{**each, "table": "other"} for each in of(RECOMMENDED, [1.0]) + of("median", [2.0])]
    assert "2 tables, 1 to 3 splits" in write_report(same + other)


@pytest.mark.filterwarnings("ignore:scipy.optimize:DeprecationWarning")
@pytest.mark.parametrize(
    "name", ["mord-it", "logistic-median", "svr", "forest-median", "lightgbm", "catboost", "ebm"]
)
def test_peers_learn_and_stay_on_the_scale(name):
    method = METHODS[name]
    if not method.installed():
        pytest.skip(f"install {method.package}")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    labels = np.digitize(X[:, 0], [-0.7, 0, 0.7])
    model = method(method.candidates({})[-1], np.arange(4), 1)
    model.fit(X, np.column_stack([labels, labels]))
    predicted = model.predict(X)
    assert predicted.dtype.kind in "iu"
    assert set(np.unique(predicted)) <= set(range(4))
    assert np.abs(predicted - labels).mean() < 0.5


def test_tables_of_weak_signals_are_written(tmp_path):
    CliRunner().invoke(weak_tables, [str(tmp_path)], catch_exceptions=False)
    tables = {table.name: table for table in find_tables(tmp_path)}
    assert set(tables) == {"income", "income-few", "party", "party-few", "wine"}
    assert tables["income"].n_classes == 24
    assert len(tables["income-few"].features.columns) == 3
    np.testing.assert_array_equal(tables["party"].intervals, tables["party-few"].intervals)


def test_the_table_of_both_kinds_has_even_labels():
    features, labels = make_table(2000)
    assert features.shape == (2000, 50)
    assert (np.bincount(labels) == 200).all()
    assert 0.02 < features["number0"].isna().mean() < 0.08
    pandas.testing.assert_frame_equal(features, make_table(2000)[0])


def test_rules_of_choosing_prefer_the_more_regularised():
    folds = {
        (0.1, 0.9, "mae"): np.array([1.0, 1.0, 1.2]),
        (0.1, 1.0, "mae"): np.array([1.2, 1.0, 1.0]),
        (1.0, 0.9, "mae"): np.array([1.1, 1.1, 1.1]),
        (10.0, 1.0, "mae"): np.array([2.0, 2.0, 2.0]),
    }
    assert choose(folds, 0.0) == (0.1, 1.0, "mae")  # of equals
    # The standard error of the best is 0.067, and 1.1 is 0.033 above it.
    assert choose(folds, 0.4) == (0.1, 1.0, "mae")
    assert choose(folds, 0.6) == (1.0, 0.9, "mae")


def test_ratios_of_all_rules_are_printed(folder):
    (folder / "intervals.csv.xz").unlink()
    arguments = ["--data", str(folder), "--splits", "2", "--repeats", "2"]
    result = CliRunner().invoke(pieces, arguments, catch_exceptions=False)
    lines = [line for line in result.output.splitlines() if line.startswith("|")]
    assert lines[0] == "| rule | exact | mean |"
    assert len(lines) == 8
    assert 0.3 < float(lines[3].split()[-2]) < 3.0


def test_the_cost_of_directions_is_a_multiple_of_that_of_one():
    arguments = ["--rows", "200", "--blocks", "6", "--repeats", "1"]
    result = CliRunner().invoke(direction_cost, arguments, catch_exceptions=False)
    lines = [line.split(" | ") for line in result.output.splitlines()[2:]]
    assert [line[1] for line in lines[:3]] == ["VILMA", "VILMA, planes", "PWVILMA, 4 directions"]
    assert len(lines) == 6
    assert [line[3] for line in lines[::3]] == ["1.00", "1.00"]
    for line in lines:
        assert 0.0 < float(line[5].split()[0]) <= 100.0  # % of the fit


def test_methods_are_compared_on_the_splits_that_all_have():
    rows = [
        ("a", 0, "x", 1.0),
        ("a", 1, "x", 9.0),  # y is not there yet
        ("a", 0, "y", 2.0),
        ("b", 0, "x", 5.0),
    ]
    names = ("table", "split", "method", "mae")
    results = [
        {"design": "exact", "seconds": 1.0, **dict(zip(names, row, strict=True))} for row in rows
    ]
    report = write_report(results)
    assert "| x | 1.000 | 5.000 |" in report
    assert "| y | 2.000 | nan |" in report
