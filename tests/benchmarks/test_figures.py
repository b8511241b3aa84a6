"""Choosing, scoring, summing up and comparing, on made-up results."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.scores import losses_outside, score
from benchmarks.suite.cli import main
from benchmarks.suite.growth import find_series
from benchmarks.suite.machine import different_facts, machine_facts
from benchmarks.suite.memory import current_memory, peak_memory
from benchmarks.suite.plots import plot_gap_against_time, plot_time_against_size
from benchmarks.suite.results import Results
from benchmarks.suite.summary import summarize
from benchmarks.suite.validation import choose_candidate


def fit(task, adapter, repeat, seconds, **changes):
    return {
        "task": task,
        "adapter": adapter,
        "options": {"alpha": 0.1},
        "validation": False,
        "repeat": repeat,
        "status": "ok",
        "seconds": seconds,
        "peak_bytes": 100e6,
        "above_bytes": 20e6,
        "converged": True,
        "mae": 1.0,
        "macro_mae": 1.2,
        **changes,
    }


def certified(rows, seconds, n_iter, **changes):
    task = f"dense-{rows}"
    history = {"seconds": [0.1, seconds], "gap": [0.5, 0.001]}
    extra = {"gap": 0.001, "n_iter": n_iter, "pair_seconds": 0.01, "history": history}
    return [
        fit(task, "iisvor-imc", repeat, factor * seconds, **{**extra, **changes})
        for repeat, factor in enumerate((1.0, 0.5, 3.0))
    ]


@pytest.fixture
def results(tmp_path) -> Results:
    adapters = ["iisvor-imc", "ridge", "mord-at"]
    tasks = [
        {"kind": "dense", "name": f"dense-{rows}", "rows": rows, "adapters": adapters}
        for rows in (100, 1000)
    ]
    settings = {"title": "T", "threads": 1, "repeats": 3, "time_limit": 9.0, "tasks": tasks}
    made = Results(tmp_path / "old" / "results.json", settings, {"processor": "abacus"})
    made.path.parent.mkdir()
    made.fits = [
        *certified(100, 1.0, 10),
        *certified(1000, 20.0, 20),
        fit("dense-100", "ridge", 0, 0.5, converged=False),
        fit("dense-100", "mord-at", 0, 0.5, status="failed", reason="ValueError: a | b"),
    ]
    made.skipped = [{"task": "dense-1000", "adapter": "mord-at", "reason": "install mord"}]
    made.save()
    return made


def compare(old: Results, new: Results, *options):
    new.path = old.path.parent.parent / "new" / "results.json"
    new.path.parent.mkdir(exist_ok=True)
    new.save()
    folders = [str(each.path.parent) for each in (old, new)]
    return CliRunner().invoke(main, ["compare", *folders, *map(str, options)])


def test_rows_are_medians(results):
    rows = {(row.task, row.adapter): row for row in summarize(results)}
    assert len(rows) == 5  # ridge was not reached on the second task
    row = rows["dense-100", "iisvor-imc"]
    assert (row.n_fits, row.seconds, row.fastest, row.slowest) == (3, 1.0, 0.5, 3.0)
    assert row.pairs == pytest.approx(100.0)
    assert row.seconds_per_iteration == pytest.approx(0.1)
    assert rows["dense-100", "ridge"].seconds_per_iteration is None
    assert not rows["dense-100", "ridge"].converged
    assert rows["dense-100", "mord-at"].status == "failed"
    assert rows["dense-1000", "mord-at"].reason == "install mord"


def test_growth_is_the_slope_between_logarithms(results):
    (series,) = find_series(results, summarize(results))
    assert series.rows == [100, 1000]
    assert series.slope == pytest.approx(np.log10(20.0))
    assert series.slope_per_iteration == pytest.approx(1.0)  # 0.1 s and 1 s


def test_series_hold_like_tasks_only(results):
    results.settings["tasks"][1]["features"] = 7
    assert find_series(results, summarize(results)) == []


def test_seeds_are_averaged(results):
    tasks = results.settings["tasks"]
    for seed, task in enumerate(tasks):
        task.update(kind="dense", name=f"split-seed-{seed}", rows=9, seed=seed)
    results.fits = [
        fit(task["name"], "ridge", 0, 1.0, mae=mae)
        for task, mae in zip(tasks, (2.0, 3.0), strict=True)
    ]
    results.skipped = []
    results.save()
    output = CliRunner().invoke(main, ["report", str(results.path.parent)]).output
    assert "| split | ridge | 2 | 2.5 ± 0.71 | 1.2 ± 0 | 1 ± 0 |" in output
    assert "Growth" not in output


def test_report_escapes_what_would_part_cells_and_marks_what_did_not_converge(results):
    output = CliRunner().invoke(main, ["report", str(results.path.parent)]).output
    assert "ValueError: a \\| b" in output
    assert "| ridge* |" in output
    assert "skipped: install mord" in output
    assert "processor abacus" in output


def test_nothing_to_plot_makes_no_plot(results):
    assert plot_time_against_size([]) is None
    results.fits = [fit("dense-100", "ridge", 0, 0.5)]
    assert plot_gap_against_time(results) is None


def test_plots_show_every_history(results):
    figure = plot_gap_against_time(results)
    assert [axes.get_title() for axes in figure.axes] == ["dense-100", "dense-1000"]
    (line,) = figure.axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), [0.5, 0.001])


def test_equal_results_compare_well(results):
    result = compare(results, copy.deepcopy(results))
    assert result.exit_code == 0
    assert result.output == "0 regressions in 3 rows\n"


def test_a_regression_exceeds_both_margins(results):
    new = copy.deepcopy(results)
    for record in new.fits[:3]:
        record["seconds"] *= 1.5
    result = compare(results, new)
    assert result.exit_code == 1
    assert "dense-100, iisvor-imc: seconds 1 -> 1.5 (+50%)" in result.output
    assert "1 regressions in 3 rows" in result.output
    assert compare(results, new, "--time", 0.6, 0.1).exit_code == 0  # not by share
    assert compare(results, new, "--time", 0.1, 0.6).exit_code == 0  # not by seconds
    assert compare(new, results).exit_code == 0  # better is no regression


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("peak_bytes", 200e6, "dense-100, ridge: peak_bytes 1e+08 -> 2e+08 (+100%)"),
        ("mae", 1.1, "dense-100, ridge: mae 1 -> 1.1 (+10%)"),
        ("macro_mae", 1.5, "dense-100, ridge: macro_mae 1.2 -> 1.5 (+25%)"),
    ],
)
def test_memory_and_errors_are_compared(results, field, value, line):
    new = copy.deepcopy(results)
    new.fits[6][field] = value
    result = compare(results, new)
    assert result.exit_code == 1
    assert line in result.output


def test_gaps_are_compared(results):
    new = copy.deepcopy(results)
    for record in new.fits[:3]:
        record["gap"] = 0.002
    assert "gap 0.001 -> 0.002" in compare(results, new).output


def test_rows_that_fail_or_vanish_are_regressions(results):
    new = copy.deepcopy(results)
    new.fits[6].update(status="timed out", reason="no end after 9 s")
    new.fits = [record for record in new.fits if record["task"] == "dense-100"]
    new.machine = {"processor": "slide rule"}
    output = compare(results, new).output
    assert "dense-100, ridge: was measured, now timed out: no end after 9 s" in output
    assert "dense-1000, iisvor-imc: was measured, now missing" in output
    assert "note: the processor was abacus, is slide rule" in output


def test_different_runs_are_not_compared(results):
    new = copy.deepcopy(results)
    new.settings["tasks"][0]["rows"] = 101
    result = compare(results, new)
    assert result.exit_code == 1
    assert "The task 'dense-100' has rows 100 in" in result.output
    new = copy.deepcopy(results)
    new.settings["threads"] = 2
    assert "compare runs with equal threads" in compare(results, new).output


def test_results_of_another_format_are_refused(results):
    results.path.write_text('{"format": 0}')
    with pytest.raises(ValueError, match="has the format 0; expected 1"):
        Results.load(results.path.parent)
    results.path.write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        Results.load(results.path.parent)


def test_the_most_regularised_within_one_standard_error_is_chosen():
    best = np.tile([0.0, 1.0], 50)
    slightly_worse = best.copy()
    slightly_worse[:1] += 1.0  # mean excess 0.01, standard error 0.00995
    noisy = 1.1 - best  # mean excess 0.1, standard error 0.1
    worse = best + 0.1  # mean excess 0.1, standard error 0
    assert choose_candidate([worse, best]) == 1
    assert choose_candidate([noisy, best]) == 0
    assert choose_candidate([slightly_worse, best]) == 1
    assert choose_candidate([None, worse, noisy, best, worse]) == 2
    assert choose_candidate([best, best]) == 0
    assert choose_candidate([None, None]) is None


def test_scores_by_hand():
    truth, predicted = np.array([1, 1, 1, 4]), np.array([1, 2, 3, 0])
    assert score(truth, predicted) == {"mae": 7 / 4, "macro_mae": (1.0 + 4.0) / 2}
    losses = losses_outside(np.array([[1, 3], [2, 2], [5, 6]]), np.array([2, 4, 4]))
    np.testing.assert_array_equal(losses, [0, 2, 1])


def test_memory_grows_with_what_is_held():
    before = current_memory()
    held = np.ones(12_000_000)  # 96 MB: too much to go where earlier tests have left room
    assert current_memory() - before > 60e6
    assert peak_memory() >= current_memory() - 1e6
    assert held.all()


def test_facts_of_the_machine():
    facts = machine_facts(["click", "no-such-package"])
    assert {"processor", "cores", "memory", "python", "vilma", "click"} <= set(facts)
    assert "no-such-package" not in facts
    assert different_facts({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "4"}) == [
        "b was 2, is 4"
    ]
