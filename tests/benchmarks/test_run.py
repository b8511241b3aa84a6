from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.adapters import ADAPTERS
from benchmarks.suite import runner
from benchmarks.suite.cli import main
from benchmarks.suite.config import read_config
from benchmarks.suite.jobs import FitJob, run_fit, run_make
from benchmarks.suite.results import Results

TINY = """
title = "Tiny"
repeats = 1
adapters = ["iisvor-imc", "ridge", "vilma-conic"]

[options.iisvor-imc]
alpha = [0.1, 0.01]

[options.ridge]
alpha = 1.0

[options.vilma-conic]
alpha = 0.1

[[tasks]]
name = "tiny"
kind = "dense"
rows = [60, 90]
test_rows = 50
features = 3
n_classes = 4
adapters = ["ridge"]

[[tasks]]
name = "brackets"
kind = "dense"
rows = 60
features = 3
annotation = "brackets"
width = 2
adapters = ["iisvor-imc"]

[[tasks]]
name = "sparse"
kind = "one-hot"
form = "csr"
rows = 40
test_rows = 20
blocks = 3
n_classes = 5
adapters = ["vilma-conic"]

[[tasks]]
name = "absent"
kind = "faces"
images = "no-such-folder"
labels = "no-such-file"
adapters = ["ridge"]
"""


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> tuple[Path, Path, str]:
    """A configuration, the output of its run, and what the run said."""
    folder = tmp_path_factory.mktemp("tiny")
    config = folder / "tiny.toml"
    config.write_text(TINY)
    result = invoke("run", "--config", config, "--output", folder / "out")
    assert result.exit_code == 0, result.output
    return config, folder / "out", result.output


def test_run_measures_every_fit(tiny):
    config, output, said = tiny
    results = Results.load(output)
    final = [fit for fit in results.fits if not fit["validation"]]
    assert sorted((fit["task"], fit["adapter"], fit["repeat"]) for fit in final) == [
        ("brackets", "iisvor-imc", 0),
        ("tiny-rows-60", "ridge", 0),
        ("tiny-rows-90", "ridge", 0),
    ]
    for fit in final:
        assert fit["status"] == "ok"
        assert 0.0 < fit["seconds"] < 60.0
        assert 0 <= fit["above_bytes"] < fit["peak_bytes"]
        assert 0.0 <= fit["mae"] < 4.0
    certified = [fit for fit in final if fit["adapter"] == "iisvor-imc"]
    assert all(fit["gap"] <= 1e-3 for fit in certified)
    assert all(len(fit["history"]["gap"]) == fit["n_iter"] for fit in certified)
    assert [len(fit["losses"]) for fit in results.fits if fit["validation"]] == [60, 60]
    assert {(each["task"], each["reason"]) for each in results.skipped} == {
        ("sparse", "takes dense data only"),
        ("absent", "there is no folder no-such-folder"),
    }
    assert results.settings["threads"] == 1
    assert {"processor", "python", "vilma", "numpy"} <= set(results.machine)
    assert not (output / "data" / "tiny-rows-60").exists()
    assert "ridge          skipped: there is no folder no-such-folder" in said
    assert config.exists()


def test_finished_runs_measure_nothing_again(tiny):
    config, output, _ = tiny
    before = json.loads((output / "results.json").read_text())
    result = invoke("run", "--config", config, "--output", output)
    assert result.exit_code == 0
    assert " s  peak " not in result.output
    assert json.loads((output / "results.json").read_text()) == before


def test_interrupted_runs_go_on(tiny, tmp_path, monkeypatch):
    config, output, _ = tiny
    calls = 0

    def interrupt(job: FitJob):
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return {"status": "ok", "seconds": 1.0, "peak_bytes": 1, "mae": 0.0, "losses": [0.0, 1.0]}

    monkeypatch.setattr(runner, "run_fit", interrupt)
    monkeypatch.setattr(runner, "run_make", lambda task, folder: folder.mkdir(parents=True))
    with pytest.raises(KeyboardInterrupt):
        runner.run_config(read_config(config), tmp_path, lambda line: None)
    assert len(Results.load(tmp_path).fits) == 2
    results = runner.run_config(read_config(config), tmp_path, lambda line: None)
    assert len(results.fits) == len(Results.load(output).fits)
    assert calls == 1 + len(results.fits)


def test_results_of_other_settings_are_refused(tiny, tmp_path):
    config, output, _ = tiny
    other = tmp_path / "other.toml"
    other.write_text(TINY.replace("repeats = 1", "repeats = 3"))
    result = invoke("run", "--config", other, "--output", output)
    assert result.exit_code == 1
    assert "measured under other conditions: the setting 'repeats' differs" in result.output
    assert config.exists()


def test_results_of_other_default_options_are_refused(tiny, monkeypatch):
    config, output, _ = tiny
    monkeypatch.setattr(ADAPTERS["iisvor-imc"], "defaults", {"alpha": (1.0,), "tol": 0.1})
    result = invoke("run", "--config", config, "--output", output)
    assert result.exit_code == 1
    assert "the setting 'options' differs" in result.output


def test_results_of_another_machine_are_refused(tiny, tmp_path, monkeypatch):
    config, output, _ = tiny
    old = Results.load(output)
    old.machine["processor"] = "abacus"
    old.path = tmp_path / "results.json"
    old.save()
    result = invoke("run", "--config", config, "--output", tmp_path)
    assert result.exit_code == 1
    assert "processor was abacus, is" in result.output


def test_fits_beyond_the_time_limit_are_ended_and_reported(tmp_path):
    run_make({"kind": "dense", "name": "a", "rows": 2000, "features": 30}, tmp_path / "data")
    options = {"alpha": 1e-7, "tol": 1e-12, "max_iter": 10**6}
    job = FitJob(str(tmp_path / "data"), "iisvor-imc", options, 1, 0.2, False)
    assert run_fit(job) == {"status": "timed out", "reason": "no end after 0.2 s"}


def test_errors_of_a_method_are_reported(tmp_path):
    run_make({"kind": "dense", "name": "a", "rows": 50, "features": 3}, tmp_path / "data")
    job = FitJob(str(tmp_path / "data"), "ridge", {"alpha": -1.0}, 1, 60.0, False)
    outcome = run_fit(job)
    assert outcome["status"] == "failed"
    assert "'alpha' parameter of Ridge must be" in outcome["reason"]


def test_failures_end_the_repeats_and_reach_the_report(tmp_path, monkeypatch):
    config = tmp_path / "c.toml"
    config.write_text(
        '[[tasks]]\nkind = "dense"\nrows = 9\nadapters = ["ridge", "statsmodels"]\n'
        "[options.ridge]\nalpha = 1.0\n"
    )
    failure = {"status": "timed out", "reason": "no end after 1 s"}
    monkeypatch.setattr(runner, "run_fit", lambda job: failure)
    monkeypatch.setattr(runner, "run_make", lambda task, folder: None)
    results = runner.run_config(read_config(config), tmp_path / "out", lambda line: None)
    assert [fit["adapter"] for fit in results.fits].count("ridge") == 1
    result = invoke("report", tmp_path / "out")
    assert "| ridge | midpoints | timed out: no end after 1 s |" in result.output


def test_data_that_cannot_be_made_say_so(tmp_path):
    task = {"kind": "faces", "name": "f", "images": "no", "labels": "no.csv"}
    with pytest.raises(
        RuntimeError, match=r"Making the data of 'f' failed: FileNotFoundError.*no"
    ):
        run_make(task, tmp_path / "data")


def test_report_has_tables_and_plots(tiny):
    _, output, _ = tiny
    result = invoke("report", output)
    assert result.exit_code == 0
    text = (output / "report.md").read_text()
    assert result.output.strip() == text.strip()
    assert text.startswith("# Tiny\n")
    assert "## tiny-rows-60\n\n60 rows of 3 standard normal features" in text
    assert "| iisvor-imc | intervals | " in text
    assert "alpha 1.0 |" in text
    assert "| vilma-conic | intervals | skipped: takes dense data only |" in text
    assert "## Growth with the rows" in text
    assert "| tiny | ridge | 60 to 90 | " in text
    for plot in ("time-against-size.png", "gap-against-time.png"):
        assert f"({plot})" in text
        assert (output / plot).read_bytes().startswith(b"\x89PNG")


def test_report_wants_results(tmp_path):
    result = invoke("report", tmp_path)
    assert result.exit_code == 1
    assert "There is no results.json" in result.output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = ", "Invalid value"),
        ("", r"there is no \[\[tasks\]\] table"),
        ("speed = 1", "unknown setting 'speed'; there are: adapters, options"),
        ("repeats = 0", "repeats must be of type int and at least 1, got 0"),
        ("repeats = 1.5", "repeats must be of type int and at least 1, got 1.5"),
        ('time_limit = "1"', "time_limit must be of type float and at least 0.001, got '1'"),
        ('[[tasks]]\nkind = "round"', "unknown kind of task 'round'; there are: dense"),
        ('[[tasks]]\nkind = "dense"\nrow = 1', "unknown parameter of kind 'dense' 'row'"),
        ('[[tasks]]\nkind = "dense"\nadapters = ["svm"]', "unknown adapter 'svm'"),
        ('[[tasks]]\nkind = "dense"\nwidth = 0', "width must be at least 1 label, got 0"),
        ('[[tasks]]\nkind = "dense"\n[[tasks]]\nkind = "dense"', "two tasks are named 'dense'"),
        ('[[tasks]]\nkind = "faces"', "missing 2 required keyword-only arguments"),
        (
            '[[tasks]]\nkind = "dense"\n[options.ridge]\nC = 1',
            "ridge has no option 'C'; it has: alpha",
        ),
    ],
)
def test_wrong_configurations_are_refused(content, message, tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "path",
    sorted((Path(runner.__file__).parents[1] / "configs").glob("*.toml")),
    ids=lambda p: p.stem,
)
def test_shipped_configurations_are_valid(path):
    config = read_config(path)
    assert config.entries
    for entry in config.entries:
        assert entry.task.describe()
        assert len(set(entry.adapters)) == len(entry.adapters)


def test_lists_make_a_task_for_each_value(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text('[[tasks]]\nkind = "dense"\nrows = [5, 6]\nseed = [0, 1]\n')
    tasks = [entry.task for entry in read_config(path).entries]
    assert [(task.name, task.rows, task.seed) for task in tasks] == [
        ("dense-rows-5-seed-0", 5, 0),
        ("dense-rows-5-seed-1", 5, 1),
        ("dense-rows-6-seed-0", 6, 0),
        ("dense-rows-6-seed-1", 6, 1),
    ]


def test_help_names_the_commands():
    result = invoke("--help")
    assert result.exit_code == 0
    assert all(command in result.output for command in ("run", "report", "compare"))
    assert np.all([word in invoke("compare", "--help").output for word in ("--time", "--mae")])
