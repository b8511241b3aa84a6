"""The commands on tables: a survey with words, missing cells, brackets and intervals."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from vilma import OrderedLogit, load_model
from vilma.cli import main
from vilma.cli._report import readable_errors
from vilma.cli._rows import read_labelled_table
from vilma.cli._table import Roles, TableScale, is_table, make_scale, read_annotations, read_table
from vilma.cli.predict import about_width
from vilma.exceptions import WeakSignalWarning

N = 160
INF = np.inf
FAST = ["--estimator", "ordered-logit", "--alpha", 0.1, "--folds", 2]


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def write(path, header, rows):
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


@pytest.fixture
def answers():
    """Level 0..4, told by a number, give or take, and by the sex."""
    rng = np.random.default_rng(0)
    level = np.arange(N) % 5
    score = level + rng.normal(0, 0.4, N)
    return level, score, np.where(level + rng.normal(0, 1, N) > 2, "male", "female")


@pytest.fixture
def survey(tmp_path, answers):
    level, score, sex = answers
    rows = [
        [f"p{k}", "" if k % 20 == 0 else f"{s:.3f}", x, y, y // 2 if k % 2 else "", "abc"[k % 3]]
        for k, (y, s, x) in enumerate(zip(level, score, sex, strict=True))
    ]
    return write(tmp_path / "survey.csv", ["name", "score", "sex", "level", "other", "town"], rows)


@pytest.fixture
def model(tmp_path):
    return tmp_path / "model.vilma"


def test_columns_without_values_are_named(survey, model, tmp_path):
    lines = survey.read_text().splitlines()
    lines = [lines[0] + ",note", *(line + "," for line in lines[1:])]
    extended = tmp_path / "extended.csv"
    extended.write_text("\n".join(lines))
    options = ["--label", "level", "--id", "name", "--drop", "other", "-o", model, *FAST]
    result = run("fit", extended, *options)
    assert result.exit_code == 0, result.output
    assert "no row has a value of note: left out" in result.stderr
    assert "160 row(s), 3 feature(s)" in result.stdout


def test_a_survey_from_start_to_end(survey, model, answers, tmp_path):
    options = ["--label", "level", "--id", "name", "--drop", "other", "--folds", 2]
    result = run("fit", survey, *options, "-o", model)
    assert result.exit_code == 0, result.output
    assert "160 row(s), 3 feature(s), 5 levels from 0 to 4" in result.stdout
    assert "all 160 row(s) held out once, in 2 parts; mean absolute error, with" in result.stdout
    assert "holding out every row once" in result.stderr
    assert "VILMACV, alpha" in result.stdout
    assert "loss " in result.stdout
    errors = [float(line.split()[-3]) for line in result.stdout.splitlines() if "±" in line]
    assert errors[0] < 0.6 * errors[2]  # the median guess

    result = run("predict", model, survey)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["row"] for row in rows] == [f"p{k}" for k in range(N)]
    assert np.mean([float(row["label"]) for row in rows] == answers[0]) > 0.5

    report = json.loads(run("evaluate", model, survey, "--json").stdout)
    assert report["n_rows"] == report["n_with_training_features"] == N
    assert report["mae"] == pytest.approx(
        np.abs([float(row["label"]) for row in rows] - answers[0]).mean()
    )

    # New respondents: columns in another order, one more of them, no labels.
    new = write(tmp_path / "new.csv", ["town", "x", "sex", "score"], [["z", 1, "male", 3.1]])
    result = run("predict", model, new)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("row,label,projection\n1,")
    result = run("evaluate", model, new)
    assert result.exit_code == 1
    assert "has no column 'level'" in result.stderr


def test_rows_with_equal_features_may_be_others(tmp_path, model):
    rows = [(f"p{k}", k / 7, k % 3) for k in range(60)]
    data = write(tmp_path / "t.csv", ["name", "x", "y"], rows)
    fit = ["fit", data, "--label", "y", "--id", "name", "-o", model, *FAST]
    assert run(*fit).exit_code == 0
    new = write(tmp_path / "n.csv", ["name", "x", "y"], [("q", 1.0, 2), ("r", 1.01, 0)])
    result = run("evaluate", model, new)
    said = "1 of these 2 row(s) have the features of rows that were trained on: if these are the"
    assert said in result.stderr
    assert (
        json.loads(run("evaluate", model, new, "--json").stdout)["n_with_training_features"] == 1
    )


def test_no_output_takes_the_place_of_what_is_read(survey, model, tmp_path):
    assert run("fit", survey, "--label", "level", "-o", model, *FAST).exit_code == 0
    link = tmp_path / "link.csv"
    link.symlink_to(survey)
    before = survey.read_bytes(), model.read_bytes()
    for arguments in (
        ("fit", survey, "--label", "level", *FAST, "-o", survey),
        ("fit", survey, "--label", "level", *FAST, "-o", link),
        ("predict", model, survey, "-o", survey),
        ("predict", model, survey, "-o", model),
        ("evaluate", model, survey, "--report", survey),
        ("evaluate", model, survey, "--report", model),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert "would replace a file that this command reads" in " ".join(result.stderr.split())
    assert (survey.read_bytes(), model.read_bytes()) == before


@pytest.mark.parametrize("name", ["m.csv", "m.npz", "m.parquet"])
def test_a_model_that_would_be_read_as_features_is_not_written(survey, tmp_path, name):
    result = run("fit", survey, "--label", "level", "-o", tmp_path / name, *FAST)
    assert result.exit_code == 2
    assert "name the model *.vilma" in " ".join(result.stderr.split())
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ends", [("", ""), ("-inf", "inf"), ("NA", "")])
def test_intervals_that_are_all_open(tmp_path, model, ends):
    rows = [[k, k % 3, *ends] for k in range(9)]
    table = write(tmp_path / "open.csv", ["x", "z", "from", "to"], rows)
    result = run("fit", table, "--lower", "from", "--upper", "to", "-o", model, *FAST)
    assert result.exit_code == 1
    assert f"no row of {table} has a label." in result.stderr


def test_rows_without_ends_are_left_out_as_those_without_a_label_are(tmp_path, model, answers):
    level, score, _ = answers
    with_gaps = ["" if k % 2 else y for k, y in enumerate(level)]
    rows = [[s, y, y, y] for s, y in zip(score, with_gaps, strict=True)]
    table = write(tmp_path / "gaps.csv", ["score", "level", "from", "to"], rows)
    said = []
    for label, other in ((["--label", "level"], ["from", "to"]), (["--lower", "from"], ["level"])):
        options = [*label, *(["--upper", "to"] if other == ["level"] else [])]
        options += [option for name in other for option in ("--drop", name)]
        fitted = run("fit", table, *options, "-o", model, *FAST)
        assert fitted.exit_code == 0, fitted.output
        assert f"left out {N // 2} row(s) of {table} without a label" in fitted.stderr
        measured = run("evaluate", model, table, "--json")
        assert f"left out {N // 2} row(s) of {table} without a label" in measured.stderr
        errors = [line for line in fitted.stdout.splitlines() if "±" in line]
        said.append((errors, json.loads(measured.stdout)))
    assert said[0] == said[1]
    assert said[0][1]["n_rows"] == N // 2


def test_a_bracket_without_ends_is_no_label(tmp_path):
    rows = [[1, "(-inf, inf)"], [2, "[1, 3]"]]
    table = read_table(write(tmp_path / "t.csv", ["x", "y"], rows))
    intervals, _ = read_annotations(table, Roles(label="y"))
    np.testing.assert_array_equal(intervals, [[np.nan, np.nan], [1, 3]])


def test_names_that_rows_share_are_told_unless_they_group_them(tmp_path, survey, model):
    text = survey.read_text().splitlines()
    lines = [line.split(",") for line in text]
    for k, line in enumerate(lines[1:]):
        line[0] = f"p{k // 4}"
    write(survey, lines[0], lines[1:])
    options = ["--label", "level", "--id", "name", "-o", model, *FAST]
    result = run("fit", survey, *options)
    assert "has 40 different names for 160 rows" in result.stderr
    assert "--group name keeps them in one fold" in result.stderr
    assert "different names" not in run("fit", survey, *options, "--group", "name").stderr


def test_more_folds_than_rows(survey, model):
    result = run("fit", survey, "--label", "level", "--folds", 1000, "-o", model)
    assert result.exit_code == 1
    assert "--folds 1000 needs as many rows, but 160 have a label" in result.stderr


def test_an_empty_column_is_told(survey, model, tmp_path):
    assert run("fit", survey, "--label", "level", "-o", model, *FAST).exit_code == 0
    lines = [line.split(",") for line in survey.read_text().splitlines()]
    rows = [[line[0], "", *line[2:]] for line in lines[1:]]
    new = write(tmp_path / "new.csv", lines[0], rows)
    result = run("predict", model, new)
    assert result.exit_code == 0
    assert "column 'score' is empty: its median in training" in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_behind_the_standard_output_is_told(survey, model):
    options = ["--label", "level", "--id", "name", "--drop", "other"]
    assert run("fit", survey, *options, "-o", model, *FAST).exit_code == 0
    for command in ("predict", "evaluate"):
        words = [sys.executable, "-m", "vilma", command, str(model), str(survey)]
        with Path("/dev/full").open("w") as full:
            result = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
        assert result.returncode == 1
        assert "Error: the standard output could not be written: [Errno 28]" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x,c\n70,red\n,\n20,blue\n", [("70", "red"), (None, None), ("20", "blue")]),
        ("x,c\n70,red\nNA,NA\n", [("70", "red"), (None, None)]),
        ("x,c\n\n70,red\n  \n20,blue\n\n\n", [("70", "red"), ("20", "blue")]),
        ("x\n70\n\n20\n\n\n", [("70",), (None,), ("20",)]),
        ('x\n70\n""\n20\n""\n\n', [("70",), (None,), ("20",), (None,)]),
    ],
)
def test_rows_of_empty_cells_are_rows_and_blank_lines_are_not(tmp_path, text, rows):
    path = tmp_path / "t.csv"
    path.write_text(text)
    assert list(zip(*read_table(path).columns.values(), strict=True)) == rows


def test_a_row_of_empty_cells_has_a_prediction(survey, model, tmp_path):
    options = ["--label", "level", "--id", "name", "--drop", "other"]
    assert run("fit", survey, *options, "-o", model, *FAST).exit_code == 0
    new = tmp_path / "new.csv"
    new.write_text("score,sex,town\n1.0,male,a\n,,\n3.0,female,b\n")
    lines = run("predict", model, new).stdout.splitlines()
    assert [line.split(",")[0] for line in lines] == ["row", "1", "2", "3"]


def test_none_is_an_answer_and_empty_cells_are_no_level(survey, model):
    lines = [line.split(",") for line in survey.read_text().splitlines()]
    words = ["none", "mild", "severe"]
    for line in lines[1:]:
        line[3] = words[int(line[3]) // 2]
    write(survey, lines[0], lines[1:])
    result = run(
        "fit", survey, "--label", "level", "--levels", ",".join(words), "-o", model, *FAST
    )
    assert "160 row(s), 5 feature(s), 3 levels from none to severe" in result.stdout
    assert "left out" not in result.stderr
    for word in ("NA", "None", ""):
        result = run("fit", survey, "--label", "level", "--levels", f"{word},x", "-o", model)
        assert result.exit_code == 2
        assert f"--levels has {word!r}, which is an empty cell" in " ".join(result.stderr.split())


def test_points_that_part_thousands_are_told_without_python(tmp_path, model):
    rows = [[k, "€1.000-€1.999" if k % 2 else "€2.000-€2.999"] for k in range(20)]
    table = write(tmp_path / "incomes.csv", ["x", "income"], rows)
    result = run("fit", table, "--label", "income", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "the point in '€2.000-€2.999' may part thousands or decimals" in result.stderr
    assert "--decimal point says that it parts decimals" in result.stderr
    assert "decimal=" not in result.stderr
    assert "UserWarning" not in result.stderr
    for decimal, expected in (("comma", [2000, 2999]), ("point", [2, 2.999])):
        intervals, _ = read_annotations(read_table(table), Roles("income", decimal=decimal))
        assert intervals[0].tolist() == expected
        command = ["fit", table, "--label", "income", "-o", model, *FAST, "--decimal", decimal]
        for result in (run(*command), run("evaluate", model, table)):  # the model knows
            assert result.exit_code == 0, result.output
            assert "may part thousands" not in result.stderr


def test_plain_numbers_with_three_decimals_are_no_thousands(tmp_path, model):
    rows = [[k % 4 + k / 1000, f"{(k % 4 + 1) * 1.125:.3f}"] for k in range(80)]
    table = write(tmp_path / "t.csv", ["x", "y"], rows)
    result = run("fit", table, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "thousands" not in result.stderr
    new = write(tmp_path / "n.csv", ["x", "y"], [[x, float(y)] for x, y in rows])
    errors = [json.loads(run("evaluate", model, path, "--json").stdout) for path in (table, new)]
    assert errors[0] == errors[1]
    intervals, _ = read_annotations(read_table(table), Roles(label="y"))
    assert intervals[:4, 0].tolist() == [1.125, 2.25, 3.375, 4.5]


def test_labels_with_an_exponent_are_numbers(tmp_path):
    table = small_table(tmp_path / "t.csv", ["1e3", "2.5E+3", "4000", "5000+"])
    intervals, _ = read_annotations(read_table(table), Roles(label="y"))
    assert intervals.tolist() == [[1000, 1000], [2500, 2500], [4000, 4000], [5000, INF]]


def test_labels_that_the_asked_mark_does_not_fit_are_told(tmp_path, model):
    table = small_table(tmp_path / "t.csv", ["0.5", "1.5"] * 20)
    result = run("fit", table, "--label", "y", "-o", model, *FAST, "--decimal", "comma")
    assert result.exit_code == 1
    said = "brackets (20-29, 50+, under 5) with a decimal comma: 0.5, 1.5. Where a point"
    assert f"{said} parts decimals, give --decimal point." in " ".join(result.stderr.split())


def test_decimals_of_training_are_those_of_an_evaluation(tmp_path, model):
    table = small_table(tmp_path / "t.csv", ["1,5", "2,5", "3e0"] * 10)
    assert run("fit", table, "--label", "y", "-o", model, *FAST).exit_code == 0
    new = small_table(tmp_path / "new.csv", ["1,500", "2,500"] * 10)
    result = run("evaluate", model, new)
    assert result.exit_code == 0, result.output
    assert "no brackets of the model's training" not in result.stderr
    result = run("evaluate", model, new, "--decimal", "point")
    assert "20 label(s) are no brackets of the model's training" in result.stderr
    result = run("evaluate", model, small_table(tmp_path / "p.csv", ["1.5", "2.5"] * 10))
    assert result.exit_code == 1
    said = "Where a point parts decimals, give --decimal point."
    assert said in " ".join(result.stderr.split())


def test_a_bracket_with_its_ends_swapped(model, tmp_path):
    rows = [["a", "20-29", 1.0], ["b", "", 2.0], ["c", "39-30", 3.0], ["d", "none", 4.0]]
    table = write(tmp_path / "ages.csv", ["name", "age", "x"], rows)
    result = run("fit", table, "--label", "age", "-o", model, *FAST)
    assert result.exit_code == 1
    assert (
        "column 'age', row 3 is '39-30', whose lower end 39 is above its upper end 30; swap them."
        in " ".join(result.stderr.split())
    )


def test_a_bracket_with_decimal_commas_and_its_ends_swapped(model, tmp_path):
    table = small_table(tmp_path / "t.csv", ["1,5-2,5", "", "3,5-3", "4,5-5,5"])
    result = run("fit", table, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 1
    assert (
        "column 'y', row 3 is '3,5-3', whose lower end 3.5 is above its upper end 3; swap them."
        in " ".join(result.stderr.split())
    )


def test_figures_of_two_kinds_in_one_label(model, tmp_path):
    table = small_table(tmp_path / "t.csv", ["1-2", "1.5-2,25", "3-4"])
    result = run("fit", table, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 1
    assert "1 of 3 labels in column 'y'" in result.stderr


def test_none_far_below_all_brackets_is_told(tmp_path, capsys):
    table = read_table(small_table(tmp_path / "t.csv", ["20-29", "30-39", "none", "nil"]))
    read_annotations(table, Roles(label="y"))
    error = capsys.readouterr().err
    assert "'none', 'nil' are read as 0, and all others begin at 20 or above." in error
    assert "leave their rows out: --no-answer none --no-answer nil\n" in error
    intervals, _ = read_annotations(table, Roles(label="y", no_answer=("none", "nil")))
    assert np.isnan(intervals[2:]).all()
    assert capsys.readouterr().err == ""


def test_none_among_words_is_a_word(model, tmp_path):
    data = tmp_path / "pain.csv"
    write(data, ["x", "pain"], [[row, ["none", "mild", "severe"][row % 3]] for row in range(30)])
    result = run("fit", data, "--label", "pain", "-o", model, *FAST)
    assert result.exit_code == 1
    assert "30 of 30 labels" in result.stderr
    assert "none, mild, severe. If they are words" in " ".join(result.stderr.split())


@pytest.mark.parametrize("columns", [["--label", "dose"], ["--lower", "low", "--upper", "high"]])
def test_brackets_with_decimals_stand_side_by_side(model, tmp_path, columns):
    ends = [("0", "1.5"), ("1.5", "2.5"), ("2.5", "4"), ("4", "6")]
    rows = [(k, *ends[k % 4], "-".join(ends[k % 4])) for k in range(40)]
    data = write(tmp_path / "dose.csv", ["x", "low", "high", "dose"], rows)
    others = [name for name in ("low", "high", "dose") if name not in columns]
    dropped = [part for name in others for part in ("--drop", name)]
    options = [*columns, *dropped, "-o", model, *FAST]
    result = run("fit", data, *options)
    assert result.exit_code == 0, result.output
    assert "overlap" not in result.stderr
    assert "4 levels from 0" in result.stdout
    result = run("fit", data, *options, "--closed", "left")
    assert result.exit_code == 1
    assert (
        "--closed left needs ends that are whole numbers. Leave it out: brackets with decimals "
        "that share a border stand side by side."
    ) in result.stderr


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (
            ["0.3", "0.7", "1", "under 0.5"],
            "column 'y', row 4 is 'under 0.5', which leaves its end out, and the column has "
            "decimals, as in '0.3': the next number is known of whole numbers only. Write the "
            'outermost number that the bracket holds: "up to 0.49" in place of "under 0.5"',
        ),
        (["1", "2", "under 0.5"], "row 3 is 'under 0.5', which leaves its end out: the next"),
        (["0.5", "1", "2", "over 4"], "row 4 is 'over 4', which leaves its end out, and the"),
        (["1,5", "2,5", "(3, 4)"], "row 3 is '(3, 4)', which leaves its end out, and the"),
        (
            ["5", "(5, 6)", "7"],
            "row 2 is '(5, 6)', which holds no whole number; widen it, or leave such rows out: "
            "--no-answer '(5, 6)'.",
        ),
    ],
)
def test_ends_that_decimals_do_not_let_leave_out(model, tmp_path, labels, said):
    table = small_table(tmp_path / "t.csv", labels * 10)
    result = run("fit", table, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 1
    assert said in " ".join(result.stderr.split())
    assert "classes" not in result.stderr


def test_words_in_their_order(survey, model, answers, tmp_path):
    text = survey.read_text().splitlines()
    words = ["never", "seldom", "at times", "often", "always"]
    lines = [line.split(",") for line in text]
    for line in lines[1:]:
        line[3] = words[int(line[3])]
    write(survey, lines[0], lines[1:])
    result = run("fit", survey, "--label", "level", "-o", model, *FAST)
    assert result.exit_code == 1
    assert "160 of 160 labels in column 'level'" in result.stderr
    assert "are neither numbers nor brackets" in result.stderr
    assert "give all of them, lowest first: --levels LOW,...,HIGH\n" in result.stderr
    options = ["--label", "level", "--levels", ", ".join(words)]
    result = run("fit", survey, *options, "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "5 levels from never to always" in result.stdout
    result = run("predict", model, survey, "--proba")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["label"] for row in rows} <= set(words)
    assert "P(at times)" in rows[0]
    assert json.loads(run("evaluate", model, survey, "--json").stdout)["n_rows"] == N
    options[-1] = "never,seldom,often,always"
    result = run("fit", survey, *options, "-o", model, *FAST)
    assert "row 3 is 'at times', which is not among --levels" in result.stderr


def test_levels_are_the_whole_scale_and_name_each_level_once(tmp_path, model):
    table = small_table(tmp_path / "t.csv", ["low", "high"] * 20)
    command = ["fit", table, "--label", "y", "-o", model, *FAST]
    for options, said in {
        ("--levels", "low,high, high"): "'low,high, high' has 'high' twice; name every level",
        ("--levels", "low,high", "--classes", 0, 20): "--classes is the scale of numbers, and --l",
    }.items():
        result = run(*command, *options)
        assert result.exit_code == 2
        assert said in " ".join(result.stderr.split())


def test_words_with_commas(tmp_path, model):
    words = ["No", "Yes, often", 'Yes, "always"']
    table = small_table(tmp_path / "t.csv", words * 20)
    command = ["fit", table, "--label", "y", "-o", model, *FAST]
    result = run(*command)
    assert result.exit_code == 1
    said = " ".join(result.stderr.split())
    assert 'brackets (20-29, 50+, under 5): No, "Yes, often", "Yes, ""always""".' in said
    assert "lowest first, and with the double quotes as here: --levels 'LOW,...,HIGH'" in said
    result = run(*command, "--levels", 'No,"Yes, often"')
    assert result.exit_code == 1
    said = 'which is not among --levels No,"Yes, often".'
    assert said in result.stderr
    result = run(*command, "--levels", 'No, "Yes, often" , "Yes, ""always"""')
    assert result.exit_code == 2  # more than a comma after a quote
    assert "Write words that contain a comma in double quotes" in " ".join(result.stderr.split())
    result = run(*command, "--levels", 'No, "Yes, often","Yes, ""always"""')
    assert result.exit_code == 0, result.output
    assert '3 levels from No to Yes, "always"' in result.stdout
    assert json.loads(run("evaluate", model, table, "--json").stdout)["n_rows"] == 60


def test_brackets_are_levels_if_their_numbers_are_many(survey, model):
    brackets = [
        "under $5,000",
        "$5,000 - $9,999",
        "$10,000 - $19,999",
        "$20,000 - $39,999",
        "$40,000+",
    ]
    with survey.open() as stream:
        header, *lines = csv.reader(stream)
    for line in lines:
        line[3] = brackets[int(line[3])]
    write(survey, header, lines)
    result = run("fit", survey, "--label", "level", "-o", model, *FAST, "--intervals")
    assert result.exit_code == 0, result.output
    assert "5 levels from under $5,000 to $40,000+" in result.stdout
    assert f"trained on three quarters of {N} row(s), calibrated on the rest" in result.stdout
    assert "are in levels" in run("evaluate", model, survey).stdout
    result = run("predict", model, survey, "--coverage", 0.8)
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["label"] for row in rows} <= set(brackets)
    assert {row["upper"] for row in rows} <= set(brackets)
    figures = json.loads(run("evaluate", model, survey, "--json").stdout)
    assert figures["n_exact"] == N


@pytest.mark.parametrize("estimator", ["iisvor-imc", "pwvilma"])
def test_tables_by_every_kind_of_calibrated_model(survey, model, estimator):
    options = ["--estimator", estimator, "--alpha", 0.1, "--folds", 0, "--intervals"]
    result = run("fit", survey, "--label", "level", "-o", model, *options)
    assert result.exit_code == 0, result.output
    result = run("predict", model, survey, "--coverage", 0.8)
    assert result.exit_code == 0, result.output
    assert len(list(csv.DictReader(io.StringIO(result.stdout)))) == N
    assert run("evaluate", model, survey).exit_code == 0


def test_what_was_chosen_is_said(survey, model):
    options = ["--estimator", "pwvilma", "--alpha", 0.1, "--loss", "mae", "--folds", 0]
    command = ["fit", survey, "--label", "level", "-o", model, *options]
    result = run(*command)
    assert "training the model, and choosing by cross-validation" in result.stderr
    fitted = load_model(model)[-1]
    n = len(fitted.coef_)
    directions = "one direction" if n == 1 else f"{n} directions"
    chosen = f"loss mae, correlation {fitted.correlation_:g}: {directions}, trained on all"
    assert f"PWVILMACV, alpha 0.1, {chosen}" in result.stdout
    for correlation, directions in ((1, "one direction"), (0.5, "2 directions")):
        result = run(*command, "--correlation", correlation, "--pieces", 2)
        assert "training the model\n" in result.stderr
        expected = (
            f"PWVILMA, alpha 0.1, loss mae, correlation {correlation}: {directions}, trained"
        )
        assert expected in result.stdout


def test_intervals_and_labels_in_one_table(tmp_path, answers):
    level, score, _ = answers
    rows = [
        [s, y, "", ""] if k % 2 else [s, "", max(y - 1, 0), "" if y == 4 else y + 1]
        for k, (y, s) in enumerate(zip(level, score, strict=True))
    ]
    rows.append([1.0, "", "", ""])
    path = write(tmp_path / "mixed.csv", ["score", "y", "lo", "hi"], rows)
    roles = Roles(label="y", lower="lo", upper="hi")
    intervals, _ = read_annotations(read_table(path), roles)
    assert intervals[:3].tolist() == [[0, 1], [1, 1], [1, 3]]
    assert intervals[4].tolist() == [3, INF]
    assert np.isnan(intervals[-1]).all()
    options = ["--label", "y", "--lower", "lo", "--upper", "hi"]
    result = run("fit", path, *options, "-o", tmp_path / "m", *FAST)
    assert result.exit_code == 0, result.output
    assert "left out 1 row(s)" in result.stderr
    assert "mean distance to the annotated interval" in result.stdout
    assert load_model(tmp_path / "m")[-1].scale_.tolist() == [0, 1, 2, 3, 4]


def scale(intervals, texts=None, **roles):
    intervals = np.array(intervals, dtype=float)
    texts = [None] * len(intervals) if texts is None else texts
    return make_scale(intervals, texts, Roles(**roles), None)


def test_scales():
    codes, found = scale([[20, 29], [30, 39], [25, 25]])
    assert found.names is None
    assert found.classes.tolist() == list(range(20, 40))
    assert codes.tolist() == [[20, 29], [30, 39], [25, 25]]

    codes, found = scale([[0, 999], [1000, 4999], [5000, INF], [0, 999]], ["a", None, "c", "a"])
    assert found.names == ["a", "1,000 to 4,999", "c"]
    assert codes.tolist() == [[0, 0], [1, 1], [2, 2], [0, 0]]

    # Overlapping: spans between the ends. Whole numbers that follow each other share an end.
    codes, found = scale([[0, 999], [1000, 4999], [0, 4999], [5000, INF], [1000, INF]])
    assert found.names == ["0 to 999", "1,000 to 4,999", "5,000 and more"]
    assert codes.tolist() == [[0, 0], [1, 1], [0, 1], [2, 2], [1, 2]]

    codes, found = scale([[0.5, 1.5], [1.5, 2.5], [0.5, 2.5]])
    assert found.names == ["0.5 to 1.5", "1.5 to 2.5"]
    assert codes.tolist() == [[0, 0], [1, 1], [0, 1]]


def test_exact_labels_with_decimals_are_levels_beside_brackets(capsys):
    exact = [[0.5, 0.5], [1, 1], [2, 2], [4, 4]]
    codes, found = scale([*exact, [4, INF]], ["0.5", "1", "2", "4", "4+"])
    assert found.names == ["0.5", "1", "2", "4"]
    assert codes.tolist() == [[0, 0], [1, 1], [2, 2], [3, 3], [3, 3]]
    said = "1 label(s) with an open end are taken as exact, because all finite ends lie from 0.5"
    assert said in capsys.readouterr().err

    codes, found = scale([[1.5, 1.5], [2, 2], [3, 3], [2, 3], [-INF, 2]])
    assert found.names == ["1.5", "2", "3"]
    assert codes[3:].tolist() == [[1, 2], [0, 1]]

    # A bracket that ends between two of them needs a level there, and so does one beyond them.
    codes, found = scale([*exact, [2, 3], [2.5, INF], [5, INF]])
    names = "0.5|1|2|2 to 2.5|2.5 to 3|3 to 4|4|4 to 5|5 and more"
    assert found.names == names.split("|")
    assert codes[4:].tolist() == [[2, 4], [4, 8], [8, 8]]
    assert capsys.readouterr().err == ""


def test_new_intervals_on_a_scale_of_brackets():
    bounds = np.array([[-INF, 9], [10, 19], [20, INF]])
    found = TableScale(np.arange(3), ["a", "b", "c"], bounds)
    new = np.array([[10, 19], [-INF, 19], [12, 13], [100, 120], [-INF, INF]])
    assert found.place(new).tolist() == [[1, 1], [0, 1], [1, 1], [2, 2], [0, 2]]


def test_parquet(survey, model, tmp_path):
    polars = pytest.importorskip("polars")
    path = tmp_path / "survey.parquet"
    polars.read_csv(survey).write_parquet(path)
    outputs = []
    for source in (survey, path):
        result = run("fit", source, "--label", "level", "--id", "name", "-o", model, *FAST)
        assert result.exit_code == 0, result.output
        outputs.append(result.stdout.split("objective")[1].split(",")[0])
    assert outputs[0] == outputs[1]
    path.write_bytes(b"PAR1 and nothing")
    result = run("fit", path, "--label", "level", "-o", model)
    assert "not a readable Parquet file" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name its column of labels by --label"),
        (["--lower", "level"], "--lower and --upper belong together"),
        (["--label", "nothing"], "has no column 'nothing'"),
        (["--label", "lvl"], "Did you mean 'level'?"),
        (["--label", "level", "--drop", "nothing"], "has no column 'nothing'"),
        (["--lower", "level", "--upper", "score"], "row 2 has the lower end"),
        (["--lower", "sex", "--upper", "level"], "row 1 is 'female'; expected a number"),
    ],
)
def test_wrong_options(survey, model, options, message):
    result = run("fit", survey, "-o", model, *options)
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--label", "level", "--id", "name", "--id", "town"],
            "'--id': it is given 2 times, 'name'",
        ),
        (["--label", "level", "--label", "other"], "'--label': it is given 2 times, 'level' and"),
        (
            ["--label", "level", "--drop", "level"],
            "--label and --drop both name the column 'level'",
        ),
        (["--label", "level", "--id", "level"], "--label and --id both name the column 'level'"),
        (["--label", "level", "--weight", "level"], "--label and --weight both name the column"),
        (["--lower", "level", "--upper", "level"], "--lower and --upper both name the column"),
        (
            ["--label", "level", "--lower", "level", "--upper", "other"],
            "--label and --lower both name the column 'level'; give every column one purpose.",
        ),
    ],
)
def test_contradictory_columns(survey, model, options, message):
    result = run("fit", survey, "-o", model, *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_rows_may_be_named_and_grouped_by_one_column(survey, model):
    options = ["--label", "level", "--id", "name", "--group", "name"]
    result = run("fit", survey, "-o", model, *FAST, *options)
    assert result.exit_code == 0, result.output


def test_a_text_of_no_answer_that_is_nowhere_is_told(tmp_path, model):
    data = small_table(tmp_path / "t.csv", ["Refused", *(np.arange(59) % 4)])
    options = ["--no-answer", "refused", "--no-answer", "zzz", "--no-answer=-99", "-o", model]
    result = run("fit", data, "--label", "y", *FAST, *options)
    assert result.exit_code == 0, result.output
    assert (
        f"--no-answer 'zzz', '-99' leaves no row out: no cell of {data}, column 'y' is written so"
    ) in result.stderr
    assert "leaves no row out" not in run("evaluate", model, data).stderr


def test_files_given_for_others(survey, model, tmp_path):
    result = run("fit", survey, survey, "-o", model)
    assert "is a table: its labels are columns" in result.stderr
    assert run("fit", survey, "--label", "level", "-o", model, *FAST).exit_code == 0
    result = run("predict", survey, model)
    assert result.exit_code == 1
    assert "not a readable model file, but one of features" in result.stderr
    result = run("evaluate", model, survey, survey)
    assert "holds its own labels" in result.stderr
    workbook = tmp_path / "book.csv"
    workbook.write_bytes(b"PK\x03\x04 sheets")
    result = run("fit", workbook, "--label", "level", "-o", model)
    assert "is an Excel or OpenDocument workbook, not a CSV file" in result.stderr
    assert is_table(survey)
    assert not is_table(Path("features.npz"))


def test_a_column_of_numbers_stays_one(survey, model, tmp_path):
    run("fit", survey, "--label", "level", "-o", model, *FAST)
    new = write(
        tmp_path / "new.csv",
        ["name", "score", "sex", "other", "town"],
        [["q", "high", "male", 1, "a"]],
    )
    result = run("predict", model, new)
    assert result.exit_code == 1
    assert (
        "column 'score', row 1 is 'high'; the column held numbers in training. Write missing"
        in result.stderr
    )


def test_decimal_commas_are_no_categories(tmp_path):
    rows = [[f"{value:.1f}".replace(".", ","), int(value > 2)] for value in np.arange(0, 4, 0.1)]
    path = write(tmp_path / "commas.csv", ["a", "label"], rows)
    result = run("fit", path, "--label", "label", "-o", tmp_path / "m.vilma", *FAST)
    assert result.exit_code == 1
    assert "column 'a' holds numbers with a comma, such as '0,0'" in result.stderr
    assert "expected digits, a point before decimals" in result.stderr


@pytest.mark.parametrize(
    "written",
    [
        "{}.5%",
        "{} %",
        "1 {:03}",
        "1'{:03}",
        "1\N{NO-BREAK SPACE}{:03},5",
        "1\N{NARROW NO-BREAK SPACE}{:03}",
        "1.{:03}.000",
        "€{}.53",
        "{},00 €",
    ],
)
@pytest.mark.parametrize("n_different", [6, 60])
def test_numbers_with_other_marks_are_no_categories(tmp_path, model, written, n_different):
    cells = [written.format(k % n_different) for k in range(80)]
    path = write(
        tmp_path / "t.csv", ["a", "b", "y"], [[c, 1, k // 20] for k, c in enumerate(cells)]
    )
    result = run("fit", path, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 1
    mark = "a comma" if "," in written else "other marks than a point"
    assert f"column 'a' holds numbers with {mark}, such as {cells[0]!r}" in result.stderr
    rows = [["?" if k % 9 == 0 else c, k // 20] for k, c in enumerate(cells)]
    path = write(tmp_path / "t.csv", ["a", "y"], rows)
    result = run("fit", path, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "column 'a' is taken for categories: 71 of 80 values are numbers, 9" in result.stderr


def test_a_table_without_features_is_told_why(tmp_path, model):
    rows = [[f"2020-{k % 12 + 1:02}-{k % 28 + 1:02}", "", k // 40] for k in range(80)]
    said = {
        (
            "date",
            "note",
        ): "date, whose texts (dates are texts) differ in most rows; and note",
        ("note",): "there are only note, without a value in any row. Expected columns of numbers",
    }
    for names, message in said.items():
        kept = [row[2 - len(names) :] for row in rows]
        path = write(tmp_path / "t.csv", [*names, "y"], kept)
        result = run("fit", path, "--label", "y", "-o", model, *FAST)
        assert result.exit_code == 1
        assert message in result.stderr
        assert "features.npz" not in result.stderr


def test_a_mark_among_numbers_is_told_by_the_name_of_the_column(tmp_path, model):
    rows = [["?" if k % 5 == 0 else k / 8, k // 20, f"d{k}"] for k in range(80)]
    path = write(tmp_path / "t.csv", ["a", "label", "date"], rows)
    result = run("fit", path, "--label", "label", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert (
        "column 'a' is taken for categories: 64 of 80 values are numbers, 16 are not ('?'). Write "
        "missing values as empty cells, or leave the column out by --drop a\n"
    ) in result.stderr
    assert result.stderr.count("'date'") == 1
    assert "x0" not in result.stderr
    assert "x1" not in result.stderr


@pytest.mark.parametrize(
    ("cell", "message"),
    [("inf", "contains infinity in row 3. Replace"), ("1e200", "contains 1e+200 in row 3, more")],
)
def test_numbers_that_cannot_be_used_are_named_by_the_header(tmp_path, model, cell, message):
    rows = [[cell if k in (2, 3) else k, k // 20] for k in range(60)]
    path = write(tmp_path / "t.csv", ["a", "label"], rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = run("fit", path, "--label", "label", "-o", model, *FAST)
    assert result.exit_code == 1
    assert f"t.csv, column 'a' {message}" in result.stderr


def test_numbers_that_trees_take_for_equal_are_told(tmp_path, model):
    rows = [[k * 1e-12, k // 20] for k in range(60)]
    path = write(tmp_path / "t.csv", ["a", "label"], rows)
    result = run("fit", path, "--label", "label", "-o", model, *FAST)
    assert "column 'a' has numbers that differ by 5.9e-11 at most" in result.stderr


@pytest.mark.parametrize("levels", [[], ["--levels", "low,high"]])
def test_no_label_at_all_is_told(tmp_path, model, levels):
    path = write(tmp_path / "t.csv", ["a", "y"], [[k, ""] for k in range(60)])
    result = run("fit", path, "--label", "y", "-o", model, *levels, *FAST)
    assert result.exit_code == 1
    assert f"no row of {path} has a label." in result.stderr


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        (["B"], ["--label", "y", "--levels", "F,D,C,B,A"], "say the same, B: a model needs"),
        (["3"], ["--label", "y"], "say the same, 3: a model needs"),
        (["3"], ["--label", "y", "--classes", 1, 5], "say the same, 3: a model needs"),
        (["20-29"], ["--label", "y"], "say the same, 20-29: a model"),
        (["20,000-29,999"], ["--label", "y"], "say the same, 20,000-29,999: a model"),
        (["3", ""], ["--lower", "y", "--upper", "z", "--classes", 1, 5], "say the same, 3: a"),
        (["3", "5"], ["--lower", "y", "--upper", "z"], "say the same, 3 to 5: a model"),
        (
            ["D", "B"],
            ["--lower", "y", "--upper", "z", "--levels", "F,D,C,B,A"],
            "say the same, D to B: a model",
        ),
    ],
)
@pytest.mark.parametrize("n_rows", [1, 30])
def test_labels_that_all_say_the_same_are_told(tmp_path, model, cells, options, said, n_rows):
    header = ["x", "y", "z"][: 1 + len(cells)]
    path = write(tmp_path / "t.csv", header, [[k, *cells] for k in range(n_rows)])
    result = run("fit", path, *options, "-o", model)
    assert result.exit_code == 1
    assert f"the labels of all {n_rows} row(s) of {path} that have one {said}" in result.stderr


def test_rows_that_differ_in_one_part_only_are_told(tmp_path, model):
    data = small_table(tmp_path / "t.csv", ["low"] * 29 + ["high"])
    command = ["fit", data, "--label", "y", "--levels", "low,high", "-o", model, *FAST]
    result = run(*command)
    assert result.exit_code == 1
    assert "leave the measurement out by --folds 0." in result.stderr
    assert run(*command, "--folds", 0).exit_code == 0


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ([], "--estimator vilma --alpha 1 --loss mae."),
        (["--alpha", 2], "--estimator vilma --loss mae."),
        (["--estimator", "ordered-logit"], "--estimator ordered-logit --alpha 1."),
        (
            ["--estimator", "pwvilma", "--loss", "mae"],
            "--estimator pwvilma --alpha 1 --correlation 0.9.",
        ),
    ],
)
def test_too_few_rows_to_choose_by_are_told_what_helps(tmp_path, model, options, advice):
    data = small_table(tmp_path / "t.csv", [0, 1, 1, 0])
    command = ["fit", data, "--label", "y", "-o", model, *options]
    result = run(*command)
    assert result.exit_code == 1
    assert "choosing by cross-validation takes 5 rows that train, and there are 4." in (
        result.stderr
    )
    assert advice in result.stderr
    result = run(*command, *advice.rstrip(".").split())
    assert result.exit_code == 0, result.output


def test_too_few_rows_beside_those_that_calibrate(tmp_path, model):
    data = small_table(tmp_path / "t.csv", [0, 1, 1, 0, 1, 0])
    command = ["fit", data, "--label", "y", "-o", model, "--estimator", "ordered-logit"]
    assert "and there are 4." in run(*command, "--intervals").stderr
    assert run(*command).exit_code == 0


def test_decimal_labels_beside_a_scale_of_whole_numbers(tmp_path, model):
    data = small_table(tmp_path / "t.csv", ["1-1.5", "1.6-2", "2.1+"] * 20)
    command = ["fit", data, "--label", "y", "-o", model, *FAST]
    result = run(*command, "--classes", 1, 5)
    assert result.exit_code == 1
    assert "the label 1.5 ('1-1.5' in the file) in row 1 is not on the scale 1, 2" in result.stderr
    assert "whole numbers only: round or multiply the labels; or, of a table, leave" in (
        result.stderr
    )
    assert "Widen" not in result.stderr
    assert run(*command).exit_code == 0


def test_measurements_as_labels_are_told(tmp_path, model):
    def said(labels):
        path = write(tmp_path / "t.csv", ["a", "y"], list(enumerate(labels)))
        result = run("fit", path, "--label", "y", "-o", model, *FAST, "--folds", 0)
        assert result.exit_code == 0, result.output
        return result.stderr

    assert (
        "warning: the labels have 60 different numbers in 60 rows, such as 0.5, and each is a "
        "level of its own. Round them, or write brackets (20-29), so that rows share levels\n"
    ) in said(0.5 + k / 7 for k in range(60))
    assert "each is a level of its own" in said(1000 * k for k in range(60))
    for labels in (
        [k // 6 / 2 for k in range(60)],  # halves, shared by many rows
        [f"{k / 4}-{k / 4 + 1}" for k in range(60)],
        [k / 4 for k in range(20)],
        list(range(60)),  # whole numbers are their own scale
    ):
        assert "each is a level of its own" not in said(labels)


def test_a_label_beyond_the_asked_scale_is_told_by_its_row(tmp_path, model):
    path = write(tmp_path / "t.csv", ["a", "y"], [[k, 1 + (k + 4) % 5] for k in range(60)])
    result = run("fit", path, "--label", "y", "--classes", 1, 3, "-o", model, *FAST)
    assert result.exit_code == 1
    assert "the label 5 in row 1 is not on the scale 1, 2, ..., 3 (24 such" in result.stderr


def test_names_among_the_features_are_warned_of(survey, model):
    result = run("fit", survey, "--label", "level", "-o", model, *FAST)
    assert "column 'name' has 160 different texts in 160 rows" in result.stderr
    assert "--drop name" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n", "has no rows"),
        (b"a,a\n1,2\n", "the column 'a' twice"),
        (b"a,\n1,2\n", "a column without a name"),
        (
            b"Survey,,\na,b,c\n1,2,3\n",
            "has 2 columns without a name. Its first line, 'Survey', does not look like a header: "
            "expected the names of the columns there. Remove the lines above these.",
        ),
        (b"# Survey\na,b,c\n1,2,3\n", "line 2 has 3 cells; the header has 1. Its first line, '#"),
        (b"# of 1996, too\na,b,c\n", "has 2. Its first line, '# of 1996', does not look like a"),
        (b"a,b\n1\n", "line 2 has 1 cells; the header has 2"),
        ("a,b\n1,2\n".encode("utf-16-le"), "is text in UTF-16, or no text: it has bytes that"),
        (b"sep=;\na;b\n1;2\n", "begins with a line for Excel, 'sep=;'; expected the names"),
        (b"\xef\xbb\xbfsep=;\na;b\n1;2\n", "begins with a line for Excel, 'sep=;'; expected"),
        ("a,größe\n1,2\n".encode("latin-1"), "the byte 0xf6, which files in Windows-1252"),
    ],
)
def test_tables_that_are_none(tmp_path, content, message):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    result = run("fit", path, "--label", "a", "-o", tmp_path / "m")
    assert result.exit_code == 1
    assert message in result.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t.csv.gz", "is a packed file; tables are read from CSV and Parquet files. Unpack it"),
        ("t.jsonl", "is a JSON file; tables are read from CSV and Parquet files. Save it as CSV"),
        ("t.dat", "is no table by its name: --label, --lower and --upper are columns of a file"),
        ("t.npz", "holds features of images: name their label file after it instead"),
    ],
)
def test_files_that_are_no_tables_by_their_names(tmp_path, model, name, message):
    path = tmp_path / name
    path.write_text("x,y\n1,2\n")
    result = run("fit", path, "--label", "y", "-o", model)
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.stderr.split())


@pytest.mark.parametrize("source", ["-", "/dev/stdin", "pipe"])
def test_the_standard_input_and_pipes_are_refused(survey, model, tmp_path, source):
    assert run("fit", survey, "--label", "level", "-o", model, *FAST).exit_code == 0
    if source == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("no pipes with names here")
        source = tmp_path / "pipe"
        os.mkfifo(source)
    for command in (["predict", model], ["evaluate", model], ["fit", "-o", model, "--label", "y"]):
        result = run(*command, source)
        assert result.exit_code == 2
        said = f"{source} is no file: the standard input and pipes are not read. Write to a file"
        assert said in " ".join(result.stderr.split())


def test_rows_without_a_label_need_no_weight(tmp_path, model):
    rows = [(k, k % 3, 1 + k % 2) for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", "y", "w"], [*rows, (1, "", "")])
    command = ["--label", "y", "--weight", "w", "-o", model, *FAST]
    result = run("fit", data, *command)
    assert result.exit_code == 0, result.output
    assert run("evaluate", model, data, "--weight", "w").exit_code == 0
    data = write(tmp_path / "t.csv", ["x", "y", "w"], [(1, "", 1), (1, 2, ""), *rows])
    result = run("fit", data, *command)
    assert result.exit_code == 1
    assert "column 'w', row 2 is empty; expected a weight" in result.stderr


def test_labels_without_features(tmp_path, model):
    rows = [[f"{k}.png", k % 5] for k in range(80)]
    path = write(tmp_path / "labels.csv", ["file", "age"], rows)
    result = run("fit", path, "--label", "age", "-o", model)
    assert result.exit_code == 1
    assert "there are only file, whose texts (dates are texts) differ in most" in result.stderr
    assert "vilma fit features.npz labels.csv" in result.stderr


def test_a_model_no_better_than_a_guess_is_said(tmp_path, model):
    rng = np.random.default_rng(0)
    rows = zip(rng.normal(size=100), rng.integers(0, 4, 100), strict=True)
    path = write(tmp_path / "noise.csv", ["x", "y"], rows)
    result = run("fit", path, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "no better than one guess for all rows" in result.stderr


def test_answers_that_share_a_label_are_said(tmp_path, model):
    rng = np.random.default_rng(0)
    rows = [(x, int(np.digitize(x, [-1, 0, 1])) + 1, 7) for x in rng.normal(size=100)]
    path = write(tmp_path / "one_end.csv", ["x", "low", "high"], rows)
    how = ("--estimator", "vilma", "--loss", "mae", "--alpha", "1", "--folds", "2")
    result = run("fit", path, "--lower", "low", "--upper", "high", "-o", model, *how)
    assert result.exit_code == 0, result.output
    assert "contains the labels 4 to 7: predicting one of them for all rows" in result.stderr
    assert "no better than one guess for all rows" in result.stderr


def bracket_rows():
    rng = np.random.default_rng(3)
    texts = ["under 1,000", "1,000 - 1,999", "2,000 or more"]
    level = rng.integers(0, 3, N)
    return level, [[k + 1, f"{y + rng.normal():.2f}", texts[y]] for k, y in enumerate(level)]


def test_what_is_said_of_labels_names_the_levels(tmp_path, model):
    ends = [("never", "seldom"), ("seldom", "often"), ("seldom", "often")]
    rows = [(k % 3, *ends[k % 3]) for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", "from", "to"], rows)
    command = ["fit", "--levels", "never,seldom,often,always", "-o", model, *FAST, "--folds", 0]
    mae = ["--estimator", "vilma", "--loss", "mae"]
    result = run(*command, data, "--lower", "from", "--upper", "to", *mae)
    assert result.exit_code == 0, result.output
    assert "contains the label 'seldom': predicting 'seldom' for all rows" in result.stderr

    rows = [(k % 5 // 4, "never" if k % 10 else "often") for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", "y"], rows)
    result = run(*command, data, "--label", "y")
    assert "OrderedLogit(alpha=0.1) predicts 'never' for every training row" in result.stderr


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1", "2", "2", "2.5", "2.5", "2.5", "4"], "predicts '2.5' for every training row"),
        (["0-999", "1000-1999", "1000-1999", "2000+"], "predicts '1000-1999' for every training"),
        (["1.5", "2", "2", "2.5", "3", "3-4", "2.5+"], "among the labels '3' to '4 and more':"),
    ],
)
def test_levels_with_decimals_and_brackets_are_named(tmp_path, model, texts, said):
    noise = np.random.default_rng(3).normal(size=70)
    data = write(
        tmp_path / "t.csv", ["x", "y"], [(x, texts[k % len(texts)]) for k, x in enumerate(noise)]
    )
    options = ["--estimator", "iisvor-imc", "--alpha", 10, "--folds", 0]
    result = run("fit", data, "--label", "y", "-o", model, *options)
    assert result.exit_code == 0, result.output
    assert said in result.stderr


def test_labels_that_say_nothing_are_named_and_left_out(tmp_path, model):
    _, rows = bracket_rows()
    rows[3][2], rows[7][2], rows[8][2] = "refused", "Refused", "under 2,000"
    survey = write(tmp_path / "survey.csv", ["id", "score", "income"], rows)
    result = run("fit", survey, "--label", "income", "-o", model, *FAST)
    assert result.exit_code == 1
    assert "2 of 160 labels in column 'income'" in result.stderr
    assert 'refused, Refused. Leave rows that say nothing out: --no-answer "refused"' in (
        result.stderr
    )
    options = ["--label", "income", "--no-answer", "refused", "-o", model]
    result = run("fit", survey, *options, *FAST)
    assert result.exit_code == 0, result.output
    assert "158 row(s), 2 feature(s), 3 levels from under 1,000 to 2,000 or more" in result.stdout
    assert "numbers:    id, score" in result.stdout
    assert "column 'id' counts the rows" in result.stderr
    result = run("fit", survey, *options, *FAST, "--id", "id")
    assert "column 'id'" not in result.stderr
    result = run("evaluate", model, survey)  # the model knows what says nothing
    assert result.exit_code == 0, result.output
    result = run("predict", model, survey)
    names = {row["label"] for row in csv.DictReader(io.StringIO(result.stdout))}
    assert names <= {"under 1,000", "1,000 - 1,999", "2,000 or more"}


def test_weights_of_a_design(tmp_path, model):
    _, rows = bracket_rows()
    weights = np.random.default_rng(4).integers(0, 4, N)
    header = ["id", "score", "income", "w"]
    weighted = write(
        tmp_path / "weighted.csv",
        header,
        [[*row, w] for row, w in zip(rows, weights, strict=True)],
    )
    options = ["--label", "income", "--id", "id", "--estimator", "ordered-logit"]
    options += ["--alpha", 0.1, "--folds", 0, "--tol", 1e-10]
    result = run("fit", weighted, *options, "--weight", "w", "-o", model)
    assert result.exit_code == 0, result.output
    assert "1 feature(s), 3 levels" in result.stdout
    assert "weighted by w" in result.stdout
    columns, logit = load_model(model)
    table = read_labelled_table(weighted, Roles("income", row_id="id", weight="w"), None)
    np.testing.assert_array_equal(table.weights, weights)
    again = OrderedLogit(alpha=0.1, classes=range(3), tol=1e-10)
    again.fit(columns.transform(table.X), table.intervals, sample_weight=weights)
    np.testing.assert_allclose(logit.coef_, again.coef_, atol=1e-6)
    unweighted = again.fit(columns.transform(table.X), table.intervals)
    assert np.abs(logit.coef_ - unweighted.coef_).max() > 0.01
    result = run("evaluate", model, weighted, "--weight", "w", "--json")
    found = json.loads(result.stdout)
    labels = [
        int(row["label"] == rows[int(row["row"]) - 1][2])
        for row in csv.DictReader(io.StringIO(run("predict", model, weighted).stdout))
    ]
    assert found["share_inside"] == pytest.approx(np.average(labels, weights=weights))
    result = run("evaluate", model, weighted)
    assert "every row counts the same here: --weight" in result.stderr


@pytest.mark.parametrize("cell", ["", "-1", "much", "inf"])
def test_weights_that_are_none(tmp_path, model, cell):
    _, rows = bracket_rows()
    lines = [[*row, 1] for row in rows]
    lines[4][3] = cell
    survey = write(tmp_path / "survey.csv", ["id", "score", "income", "w"], lines)
    result = run("fit", survey, "--label", "income", "--weight", "w", "-o", model, *FAST)
    assert result.exit_code == 1
    assert "column 'w', row 5 is" in result.stderr
    assert "expected a weight" in result.stderr


def test_held_out_errors_are_weighted(tmp_path, model):
    """Where only the rows of one level count, the guess is that level and never wrong."""
    level, rows = bracket_rows()
    lines = [[*row, 1 if y == 2 else 1e-9] for row, y in zip(rows, level, strict=True)]
    survey = write(tmp_path / "survey.csv", ["id", "score", "income", "w"], lines)
    options = ["--label", "income", "--weight", "w", "--id", "id"]
    result = run("fit", survey, *options, "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    guess = next(line for line in result.stdout.splitlines() if "median guess" in line)
    assert float(guess.split()[-3]) < 1e-6


def test_equal_rows_are_no_sign_of_training(tmp_path, model):
    """New rows of few categories often equal training rows, as these equal each other."""
    rng = np.random.default_rng(5)
    rows = [["abcd"[a], "abcd"[b], (a + b) // 2] for a, b in rng.integers(0, 4, (400, 2))]
    header = ["first", "second", "level"]
    old = write(tmp_path / "old.csv", header, rows[:200])
    new = write(tmp_path / "new.csv", header, rows[200:])
    assert run("fit", old, "--label", "level", "-o", model, *FAST).exit_code == 0
    assert "trained on" not in run("evaluate", model, new).stderr


def small_table(path, labels, **parameters):
    """A table of one feature and labels, as pandas writes it."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=len(labels)), "y": labels})
    table.to_csv(path, **{"index": False, **parameters})
    return path


def test_bars_part_cells(tmp_path):
    table = read_table(small_table(tmp_path / "t.csv", [1, 2, 3], sep="|"))
    assert table.columns["y"] == ["1", "2", "3"]


def test_an_index_is_named(tmp_path, model):
    data = small_table(tmp_path / "t.csv", [1, 2, 3], index=True)
    result = run("fit", data, "--label", "y", "-o", model)
    assert result.exit_code == 1
    assert "no name for the first column, as pandas writes an index" in result.stderr
    assert "to_csv(path, index=False)" in result.stderr


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "x,y\n1,2\n".encode("utf-16"), "is text in UTF-16, not a CSV file"),
        ("t.csv", b"PK\x03\x04....", "is an Excel or OpenDocument workbook, not a CSV file"),
        ("t.xlsx", b"PK\x03\x04....", r"is an Excel workbook.*read_excel\(path\)\.to_csv"),
        ("t.XLS", b"\xd0\xcf\x11\xe0", "is an Excel workbook; tables are read from CSV and"),
        ("t.sav", b"$FL2", "is an SPSS file"),
        ("t.dta", b"<stata", "is a Stata file"),
    ],
)
def test_other_formats_of_tables_are_named(tmp_path, model, survey, name, content, message):
    other = tmp_path / name
    other.write_bytes(content)
    assert run("fit", survey, "--label", "level", "-o", model, *FAST).exit_code == 0
    for arguments in (
        ["fit", other, "--label", "y", "-o", model],
        ["predict", model, other],
        ["evaluate", model, other],
    ):
        result = run(*arguments)
        assert result.exit_code == 1
        assert re.search(message, " ".join(result.stderr.split())), result.stderr


def test_a_border_that_brackets_share(tmp_path, model):
    starts = np.arange(60) % 4 * 10
    data = small_table(tmp_path / "t.csv", [f"{start}-{start + 10}" for start in starts])
    result = run("fit", data, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 0, result.output
    assert "the brackets '0-10' (of row 1) and '10-20' (of row 2) overlap" in result.stderr
    said = "to which: --closed left, or right; --closed both says that it belongs to both\n"
    assert said in result.stderr
    for closed, first in (("left", 0), ("right", 1)):
        result = run("fit", data, "--label", "y", "-o", model, *FAST, "--closed", closed)
        assert result.exit_code == 0, result.output
        assert "overlap" not in result.stderr
        assert f"40 levels from {first} to {first + 39}" in result.stdout
        result = run("evaluate", model, data)  # the model knows
        assert result.exit_code == 0, result.output
        assert "overlap" not in result.stderr
        result = run("evaluate", model, data, "--closed", "both")
        assert "overlap" not in result.stderr  # that was said
        said = "--closed both reads brackets otherwise than the model's training, which had "
        assert f"{said}--closed {closed}: one such as 20-30 has other labels" in result.stderr
        same = run("evaluate", model, data, "--closed", closed)
        assert "otherwise than" not in same.stderr


INCOMES = [(0, 1000), (1000, 2000), (2000, 3000), (3000, "")]


def incomes(path):
    rows = [(k, *INCOMES[k % 4]) for k in range(60)]
    return write(path, ["x", "low", "high"], rows)


def test_a_border_that_intervals_share(tmp_path, model):
    data = incomes(tmp_path / "t.csv")
    command = ["fit", data, "--lower", "low", "--upper", "high", "-o", model, *FAST]
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert (
        "the intervals '0 to 1,000' (of row 1) and '1,000 to 2,000' (of row 2) overlap: they "
        "share label 1000. If a border belongs to one of them only, say to which: --closed left, "
        "or right; --closed both says that it belongs to both\n"
    ) in result.stderr
    result = run(*command, "--closed", "both")
    assert "overlap" not in result.stderr
    assert "7 levels from 0 to 999 to 3,001 and more" in result.stdout
    for closed, ends in (("left", "0 to 999 to 3,000"), ("right", "1 to 1,000 to 3,001")):
        result = run(*command, "--closed", closed)
        assert result.exit_code == 0, result.output
        assert "overlap" not in result.stderr
        assert f"4 levels from {ends} and more" in result.stdout
        assert "overlap" not in run("evaluate", model, data).stderr  # the model knows


def test_a_border_is_found_beside_intervals_of_several(tmp_path, model):
    rows = [(k, *[(0, 1000), (0, 3000), (1000, 3000), (1000, 1000)][k % 4]) for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", "low", "high"], rows)
    result = run("fit", data, "--lower", "low", "--upper", "high", "-o", model, *FAST)
    said = "'0 to 1,000' (of row 1) and '1,000 to 3,000' (of row 3) overlap: they share label 1000"
    assert said in result.stderr


def test_overlaps_of_more_than_a_border_are_not_sent_to_closed(tmp_path, model):
    words = ["1-4", "3-6", "7-9"]
    data = small_table(tmp_path / "t.csv", [words[k % 3] for k in range(60)])
    result = run("fit", data, "--label", "y", "-o", model, *FAST)
    said = "share more than one label. Where labels are not meant to overlap, correct them."
    assert said in result.stderr
    assert "--closed" not in result.stderr


@pytest.mark.parametrize("code", [-99, 999])
def test_codes_of_missing_answers_are_told_once(tmp_path, model, code):
    data = small_table(tmp_path / "t.csv", [code, *(np.arange(59) % 4)])
    options = ["--estimator", "vilma", "--alpha", 0.1, "--folds", 0]
    result = run("fit", data, "--label", "y", "-o", model, *options)
    assert result.exit_code == 0, result.output
    assert result.stderr.count("apart from all") == 1
    assert f"leave their rows out: --no-answer={code}" in result.stderr
    result = run("fit", data, "--label", "y", "-o", model, *options, f"--no-answer={code}")
    assert "apart from all" not in result.stderr
    assert "59 row(s), 1 feature(s), 4 levels from 0 to 3" in result.stdout


def test_codes_of_missing_answers_among_brackets_are_told(tmp_path, model):
    brackets = ["under 1000", "1000-1999", "2000-4999", "5000+"]
    data = small_table(tmp_path / "t.csv", brackets * 15)
    command = ["fit", "--label", "y", "-o", model, *FAST, "--folds", 0]
    assert "apart from" not in run(*command, data).stderr
    new = small_table(tmp_path / "n.csv", [*brackets, "-9", "1000-9999"])
    for result in (run("evaluate", model, new), run(*command, new)):
        assert result.exit_code == 0, result.output
        assert "the labels have -9, apart from all others" in result.stderr
        assert "leave their rows out: --no-answer=-9. An" in result.stderr


@pytest.mark.parametrize(
    ("highest", "codes", "told"),
    [
        (20, ["99"], "99"),
        (93, ["99"], None),
        (93, ["998", "999"], "998, 999"),
        (5, ["9"], None),
        (50, ["-99.0"], "-99"),
        (40_000.5, ["99999"], "99999"),
        (60_000.5, ["99999"], None),
    ],
)
def test_codes_of_missing_answers_among_features_are_told(tmp_path, model, highest, codes, told):
    numbers = np.linspace(0, highest, 6)
    rows = [
        [codes[k % len(codes)] if k % 10 == k // 10 else numbers[k % 6], k % 3] for k in range(60)
    ]
    data = write(tmp_path / "t.csv", ["x", "y"], rows)
    command = ["fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0]
    result = run(*command)
    assert result.exit_code == 0, result.output
    said = (
        f"column 'x' has {told} in 6 rows, far from its other numbers, 0 to {highest:g}: surveys"
    )
    assert (said in result.stderr) == (told is not None)
    assert ("missing answers" in result.stderr) == (told is not None)
    rows = [row for row in rows if row[0] not in codes]
    write(data, ["x", "y"], [*rows, [codes[0], 0]])  # once is an outlier
    assert "missing answers" not in run(*command).stderr


@pytest.mark.parametrize("code", ["-99", "-99.0", "Refused"])
def test_ends_that_say_nothing_are_left_out(tmp_path, model, answers, code):
    level, score, _ = answers
    rows = [[s, y, y + 1] for s, y in zip(score, level, strict=True)]
    for k in range(0, N, 4):
        rows[k][1 + k % 8 // 4] = code
    table = write(tmp_path / "t.csv", ["score", "from", "to"], rows)
    command = ["fit", table, "--lower", "from", "--upper", "to", "-o", model, *FAST]
    if code == "Refused":
        result = run(*command)
        assert result.exit_code == 1
        assert "row 1 is 'Refused'; expected a number, or an empty cell" in result.stderr
        assert '--no-answer "Refused"' in result.stderr
    result = run(*command, "--no-answer=-99", "--no-answer", "refused")
    assert result.exit_code == 0, result.output
    assert f"left out {N // 4} row(s) of {table} without a label" in result.stderr
    assert "apart from all others" not in result.stderr
    assert f"{N - N // 4} row(s), 1 feature(s), 6 levels from 0 to 5" in result.stdout
    assert json.loads(run("evaluate", model, table, "--json").stdout)["n_rows"] == N - N // 4


def test_ends_in_words_that_say_nothing_are_left_out(tmp_path, model):
    words = ["low", "medium", "high"]
    rows = [[k % 3 + k / 100, words[k % 3], words[k % 3]] for k in range(60)]
    rows[7][2] = "don't know"
    table = write(tmp_path / "t.csv", ["x", "from", "to"], rows)
    ends = ["--lower", "from", "--upper", "to", "--levels", ",".join(words)]
    result = run("fit", table, *ends, "-o", model, *FAST)
    assert result.exit_code == 1
    assert "column 'to', row 8 is \"don't know\", which is not among --levels" in result.stderr
    assert '--no-answer "don\'t know"' in result.stderr
    result = run("fit", table, *ends, "-o", model, *FAST, "--no-answer", "don't know")
    assert result.exit_code == 0, result.output
    assert "59 row(s)" in result.stdout


def test_codes_that_pandas_writes_as_floats_say_nothing(tmp_path, model):
    data = small_table(tmp_path / "t.csv", [-99.0, None, *(np.arange(58) % 4)])
    result = run("fit", data, "--label", "y", "-o", model, *FAST, "--no-answer=-99")
    assert result.exit_code == 0, result.output
    assert "58 row(s), 1 feature(s), 4 levels from 0 to 3" in result.stdout


@pytest.mark.parametrize(
    ("name", "mean", "told"),
    [
        ("weight", 1.0, True),
        ("WT", 1.0, True),
        ("weight", 70.0, False),  # of a body
        ("fnlwgt", 5000.0, True),
        ("survey_weight", 300.0, True),
        ("height", 1.0, False),
    ],
)
def test_weights_among_the_features_are_told(tmp_path, model, name, mean, told):
    rng = np.random.default_rng(0)
    weights = mean * rng.uniform(0.5, 1.5, 60)
    rows = [(rng.normal() + k % 3, weights[k], k % 3) for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", name, "y"], rows)
    command = ["fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0]
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert (f"column {name!r} looks like weights of the rows" in result.stderr) is told
    if told:
        assert f"--weight {name}, or leave it out by --drop {name}" in result.stderr
        assert "looks like weights" not in run(*command, "--weight", name).stderr


def test_brackets_that_training_had_not_are_told(tmp_path, model):
    rng = np.random.default_rng(0)
    brackets = ["under $1,000", "$1,000 - $1,999", "$2,000 - $4,999", "$5,000 and over"]
    rows = [(rng.normal() + k % 3, brackets[k % 3]) for k in range(60)]
    data = write(tmp_path / "t.csv", ["x", "income"], rows)
    result = run("fit", data, "--label", "income", "-o", model, *FAST, "--folds", 0)
    assert result.exit_code == 0, result.output
    assert "no brackets of the model" not in run("evaluate", model, data).stderr
    new = write(tmp_path / "n.csv", ["x", "income"], [(0.0, brackets[k]) for k in (0, 3, 3)])
    result = run("evaluate", model, new)
    assert result.exit_code == 0, result.output
    assert "2 label(s) are no brackets of the model's training" in result.stderr
    assert "5,000 and more of row 2 is the first" in result.stderr
    numbers = write(tmp_path / "m.csv", ["x", "income"], [(0.0, 500), (0.0, 3000)])
    assert "no brackets of the model" not in run("evaluate", model, numbers).stderr


@pytest.mark.parametrize(
    ("bracket", "told"),
    [
        ("2,000-3,500", True),
        ("500-2,500", True),
        ("2,500+", True),
        ("under 500", True),
        ("500-1,500", True),
        ("1,000-2,999", False),
        ("1,000+", False),
        ("under 2,000", False),
        ("2,100-2,500", False),
        ("4,000+", False),
    ],
)
def test_brackets_that_hold_a_level_in_part_are_told(tmp_path, model, bracket, told):
    levels = ["0-999", "1,000-1,999", "2,000-2,999", "3,000+"]
    data = small_table(tmp_path / "t.csv", [levels[k % 4] for k in range(60)])
    result = run("fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0)
    assert result.exit_code == 0, result.output
    result = run("evaluate", model, small_table(tmp_path / "n.csv", [bracket, "0-999"]))
    assert result.exit_code == 0, result.output
    assert ("1 label(s) are no brackets of the model's training, nor" in result.stderr) is told


def test_evaluation_speaks_of_the_scale_of_the_model(tmp_path, model):
    levels = ["0-999", "1,000-1,999", "2,000-2,999", "3,000+"]
    data = small_table(tmp_path / "t.csv", [levels[k % 4] for k in range(60)])
    assert run("fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0).exit_code == 0
    few = small_table(tmp_path / "few.csv", [levels[1], levels[3], levels[3]])
    assert "leave a gap: the label 2000" in run("fit", few, "--label", "y", "-o", model).stderr
    result = run("evaluate", model, few)
    assert result.exit_code == 0, result.output
    assert "gap" not in result.stderr
    result = run("evaluate", model, small_table(tmp_path / "words.csv", ["low", "high"]))
    assert result.exit_code == 1
    assert "(20-29, 50+, under 5): low, high. The model was trained on numbers" in result.stderr
    assert "--levels" not in result.stderr

    words = small_table(tmp_path / "w.csv", ["low", "high"] * 30)
    fit = ["fit", words, "--label", "y", "-o", model, *FAST, "--folds", 0, "--levels", "low,high"]
    assert run(*fit).exit_code == 0
    result = run("evaluate", model, small_table(tmp_path / "words.csv", ["low", "middle"]))
    assert result.exit_code == 1
    assert "'middle', which is not among the levels of the model: low,high." in result.stderr


@pytest.mark.parametrize("unit", [1, 0.5])
def test_intervals_that_training_had_are_not_told(unit):
    ends = unit * np.array([[0, 999], [500, 1500], [1500, 4000], [2000, 2000], [3000, INF]])
    _, scale = make_scale(ends, [None] * 5, Roles(), None)
    assert scale.bounds is not None
    assert not len(scale.strange(ends))


def test_categories_that_training_had_not_are_told(tmp_path, model):
    towns = [f"rare{k}" if k < 35 else "South" for k in range(80)]
    rows = [(k % 3 + k / 100, "NS"[k % 2], towns[k], k % 3) for k in range(80)]
    header = ["x", "side", "town", "y"]
    data = write(tmp_path / "t.csv", header, rows)
    result = run("fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0)
    assert result.exit_code == 0, result.output
    assert "training had not" not in run("predict", model, data).stderr
    new = [(0, "W", "South", 0), (1, "", "Nowhere", 1), (2, "W", "rare3", 2), (1, "N", "South", 1)]
    new = write(tmp_path / "n.csv", header, new)
    for command in ("predict", "evaluate"):
        result = run(command, model, new)
        assert result.exit_code == 0, result.output
        assert (
            "column 'side' has categories that training had not, in 3 of 4 row(s): W, empty "
            "cells. They count as none of the known ones\n"
        ) in result.stderr
        assert (
            "column 'town' has categories that training had not, in 1 of 4 row(s): Nowhere. They "
            "count as those that were rare in training\n"
        ) in result.stderr

    options = ["--label", "y", "--drop", "town", *FAST, "--folds", 0, "--intervals"]
    assert run("fit", data, "-o", model, *options).exit_code == 0
    assert "training had not, in 3 of 4 row(s): W, empty" in run("predict", model, new).stderr


def test_a_label_beyond_the_scale_of_the_model(tmp_path, model):
    data = small_table(tmp_path / "t.csv", [f"{k % 5}-{k % 5 + 2}" for k in range(60)])
    result = run("fit", data, "--label", "y", "-o", model, *FAST, "--closed", "left")
    assert result.exit_code == 0, result.output
    new = small_table(tmp_path / "n.csv", ["1-3", "8+", "4-8"])
    result = run("evaluate", model, new)
    assert result.exit_code == 1
    assert (
        "the label 8 ('8+' in the file) in row 2 is not on the scale of the model 0, 1, ..., 5 (2 "
        "such label(s)). Leave such rows out, or train a model whose scale has them: `vilma fit "
        "--classes 0 8`."
    ) in result.stderr
    assert "Widen" not in result.stderr
    wide = [*FAST, "--closed", "left", "--classes", 0, 8]
    assert run("fit", data, "--label", "y", "-o", model, *wide).exit_code == 0
    assert run("evaluate", model, new).exit_code == 0


def test_wide_prediction_intervals_are_explained(tmp_path, model):
    rng = np.random.default_rng(0)
    rows = [(rng.normal(), k % 5) for k in range(200)]
    data = write(tmp_path / "t.csv", ["x", "y"], rows)
    options = ["--estimator", "ordered-logit", "--alpha", 0.1, "--folds", 0, "--intervals"]
    result = run("fit", data, "--label", "y", "-o", model, *options)
    assert result.exit_code == 0, result.output
    result = run("predict", model, data, "--coverage", 0.9, "-o", tmp_path / "p.csv")
    assert result.exit_code == 0, result.output
    assert "of 5 levels or more" in result.stderr
    assert "or --coverage below 0.9 make them narrower" in result.stderr


def test_a_coverage_beyond_the_calibration_rows(survey, model):
    options = ["--label", "level", "--id", "name", "--drop", "other", "--intervals"]
    result = run("fit", survey, *options, "-o", model, *FAST, "--folds", 0)
    assert result.exit_code == 0, result.output
    result = run("predict", model, survey, "--coverage", 0.99)
    assert result.exit_code == 1
    assert (
        "A coverage of 0.99 needs at least 99 calibration rows, but there are 40: they allow a "
        "coverage of 0.975 at most. Ask for less, or train with more rows: `vilma fit "
        "--intervals` calibrates on a quarter of them."
    ) in result.stderr


@pytest.mark.parametrize("end", [2**52, 2**60])
def test_ends_that_hide_their_neighbours_are_told(tmp_path, model, end):
    data = small_table(tmp_path / "t.csv", ["1-2", f"3-{end}", "20000-30000"] * 10)
    result = run("fit", data, "--label", "y", "-o", model, *FAST)
    assert result.exit_code == 1
    said = f"the labels have the end {end:g}; whole numbers are told from their neighbours up to"
    assert said in result.stderr
    assert "whole=" not in result.stderr


def test_narrow_prediction_intervals_need_no_word():
    ends = np.array([[0, 1], [1, 1], [2, 4], [0, 4]])
    assert about_width(ends, np.arange(6), 0.9) == []  # half of them two of six
    (told,) = about_width(ends, np.arange(5), 0.9)
    assert told.startswith("half of the intervals hold 2.5 of 5 levels or more, and 25% the whole")


def test_missing_answers_are_not_proposed_as_levels(tmp_path, model):
    words = ["don't know", "low", "medium", "high", "refused"]
    data = small_table(tmp_path / "t.csv", words * 6)
    result = run("fit", data, "--label", "y", "-o", model)
    assert "--levels LOW,...,HIGH. Leave rows" in result.stderr
    assert '--no-answer "don\'t know" --no-answer "refused"' in result.stderr


def test_truth_values_are_the_same_texts_in_csv_and_parquet(tmp_path, model, monkeypatch):
    pytest.importorskip("pyarrow")
    pytest.importorskip("polars")
    own = pd.array([None if k % 10 == 0 else k % 3 == 0 for k in range(60)], dtype="boolean")
    frame = pd.DataFrame({"x": np.arange(60) % 7, "own": own, "y": np.arange(60) % 3})
    data, same = tmp_path / "t.csv", tmp_path / "t.parquet"
    frame.to_csv(data, index=False)
    frame.to_parquet(same)
    assert run("fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0).exit_code == 0
    result = run("predict", model, same)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert result.stdout == run("predict", model, data).stdout

    columns = read_table(same).columns
    assert columns["own"] == read_table(data).columns["own"]
    monkeypatch.setitem(sys.modules, "polars", None)
    assert read_table(same).columns == columns


@pytest.mark.parametrize("words", [("True", "False"), ("TRUE", "FALSE"), ("true", "false")])
def test_truth_values_of_other_programs_are_the_same_categories(tmp_path, model, words):
    def table(name, yes, no):
        rows = [[yes if k % 3 else no, k / 7, k % 3] for k in range(60)]
        return write(tmp_path / name, ["own", "x", "y"], rows)

    data = table("t.csv", *words)
    assert run("fit", data, "--label", "y", "-o", model, *FAST, "--folds", 0).exit_code == 0
    expected = run("predict", model, data)
    for new in (table("r.csv", "TRUE", "FALSE"), table("p.csv", "True", "False")):
        result = run("predict", model, new)
        assert result.stderr == ""
        assert result.stdout == expected.stdout
    assert (
        "60 of these 60 row(s) have the features of rows that were trained on"
        in run("evaluate", model, new).stderr
    )


@pytest.mark.parametrize(
    ("categories", "said"),
    [
        (["never", "seldom", "often"], "The file has them in order: --levels never,seldom,often."),
        (["3", "2", "1"], "in another order than that of their numbers. Where it is meant, give"),
        (["20+", "0-9", "10-19"], "it: --levels 20+,0-9,10-19; if not, write the column without"),
        (["1", "2", "10"], None),
        (["under 5", "5-9", "10+"], None),
    ],
)
@pytest.mark.parametrize("reader", ["polars", "pandas"])
def test_ordered_categories_of_a_parquet_file(tmp_path, monkeypatch, categories, said, reader):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    answers = polars.Series([categories[k % 3] for k in range(60)], dtype=polars.Enum(categories))
    path = tmp_path / "t.parquet"
    polars.DataFrame({"x": np.arange(60) % 7, "y": answers}).write_parquet(path)
    if reader == "pandas":
        monkeypatch.setitem(sys.modules, "polars", None)
    table = read_table(path)
    assert table.orders == {"y": categories}
    if said is None:
        assert len(np.unique(read_annotations(table, Roles("y"))[0], axis=0)) == 3
    else:
        with pytest.raises(click.ClickException, match=re.escape(said)):
            read_annotations(table, Roles("y"))
    intervals, _ = read_annotations(table, Roles("y", levels=categories))
    assert intervals[:3, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("reader", ["polars", "pandas"])
def test_labels_of_single_precision_are_the_decimals_that_they_mean(tmp_path, monkeypatch, reader):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    labels = polars.Series([1.3, 2.7, None, 4.1], dtype=polars.Float32)
    polars.DataFrame({"x": [1, 2, 3, 4], "y": labels}).write_parquet(path)
    if reader == "pandas":
        monkeypatch.setitem(sys.modules, "polars", None)
    intervals, texts = read_annotations(read_table(path), Roles("y"))
    assert texts == ["1.3", "2.7", None, "4.1"]
    assert intervals[:2, 0].tolist() == [1.3, 2.7]


def test_codes_of_a_parquet_file(tmp_path, model):
    polars = pytest.importorskip("polars")
    rng = np.random.default_rng(7)
    levels = rng.integers(1, 6, N)
    levels[:4] = 99
    path = tmp_path / "survey.parquet"
    polars.DataFrame({"score": rng.normal(size=N), "answer": levels}).write_parquet(path)
    options = ["--label", "answer", "--no-answer", "99", "-o", model]
    assert "156 row(s)" in run("fit", path, *options, *FAST).stdout


@pytest.mark.parametrize(
    ("options", "others"),
    [
        (["ordered-logit"], "--estimator vilma --loss squared"),
        (["vilma", "--loss", "squared"], "--estimator ordered-logit"),
        (["vilma", "--loss", "mae"], "--estimator ordered-logit and of --estimator vilma --loss"),
    ],
)
def test_a_model_is_compared_with_others(tmp_path, options, others):
    rng = np.random.default_rng(0)
    rows = zip(rng.normal(size=120), rng.integers(0, 6, 120), strict=True)
    path = write(tmp_path / "noise.csv", ["x", "level"], rows)
    command = ["fit", path, "--label", "level", "--folds", 0, "-o", tmp_path / "m.vilma"]
    result = run(*command, "--alpha", 30, "--estimator", *options)
    assert result.exit_code == 0, result.output
    assert f"Compare the errors on held-out rows with those of {others}" in result.stderr


@pytest.mark.parametrize(
    ("name", "others"),
    [
        (
            "OrderedLogit(alpha=1), the choice of OrderedLogitCV,",
            "--estimator vilma --loss squared",
        ),
        ("VILMA(alpha=1, loss='squared'), the choice of VILMACV,", "--estimator ordered-logit"),
    ],
)
def test_a_chosen_model_is_compared_with_others(name, others, capsys):
    with readable_errors():
        warning = WeakSignalWarning()
        warning.finding = lambda show: f"{name} predicts {show(1)} for every training row"
        warnings.warn(warning, stacklevel=1)
    assert f"with those of {others}; with little signal" in capsys.readouterr().err


def test_options_of_images_are_refused(survey, model):
    fit = ["fit", survey, "--label", "level", "-o", model, *FAST]
    assert run(*fit).exit_code == 0
    for command, options in (
        (fit, ["--validation", 0.2]),
        (fit, ["--max-memory", 1]),
        (fit, ["--columns", "file,level"]),
        (["predict", model, survey], ["--max-memory", 1]),
        (["evaluate", model, survey], ["--max-memory", 1]),
        (["evaluate", model, survey], ["--columns", "file,level"]),
    ):
        result = run(*command, *options)
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert f"{options[0]} is for features of images, and {survey} is a table" in said


def test_a_decimal_mark_is_refused_for_ends_of_intervals(tmp_path, model):
    data = incomes(tmp_path / "t.csv")
    ends = ["--lower", "low", "--upper", "high"]
    assert run("fit", data, *ends, "-o", model, *FAST).exit_code == 0
    for command in (["fit", data, *ends, "-o", model, *FAST], ["evaluate", model, data]):
        result = run(*command, "--decimal", "comma")
        assert result.exit_code == 2
        said = " ".join(result.stderr.split())
        assert "--decimal is for the labels and brackets of a column --label" in said


@pytest.mark.parametrize("options", [["--closed", "left"], ["--decimal", "comma"]])
def test_options_of_brackets_are_refused_for_words(tmp_path, model, options):
    data = small_table(tmp_path / "t.csv", ["never", "often"] * 30)
    command = ["fit", data, "--label", "y", "--levels", "never,often", "-o", model, *FAST]
    result = run(*command, *options)
    assert result.exit_code == 2
    said = f"{options[0]} is for numbers and brackets, and the labels are words: leave it out."
    assert said in " ".join(result.stderr.split())
