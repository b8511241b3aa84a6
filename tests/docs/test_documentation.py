"""The documentation says what is so."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpydoc.validate import validate

import vilma
from vilma.cli import main
from vilma.datasets import load_anes96

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [
    "vilma",
    "vilma.datasets",
    "vilma.deep",
    "vilma.deep.callbacks",
    "vilma.deep.coarse_labels",
    "vilma.deep.losses",
    "vilma.deep.objectives",
    "vilma.deep.protocols",
    "vilma.deep.views",
    "vilma.displays",
    "vilma.distributed",
    "vilma.features",
    "vilma.inference",
    "vilma.inspection",
    "vilma.intervals",
    "vilma.metrics",
    "vilma.probability",
]
PUBLIC = [
    "vilma.labels.read_labels",
    "vilma.losses.cost_matrix",
    *(
        f"{package}.{name}"
        for package in PACKAGES
        for name in importlib.import_module(package).__all__
        if callable(getattr(importlib.import_module(package), name))
    ),
]
METHODS = [
    f"{name}.{method}"
    for name in PUBLIC
    if inspect.isclass(
        getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
    )
    for method in (
        "align",
        "find_landmarks",
        "fit",
        "partial_fit",
        "predict",
        "project",
        "decision_function",
        "score",
        "split",
        "open",
        "read",
        "from_npy",
        "from_codes",
        "from_estimator",
        "from_predictions",
        "from_models",
        "from_labels",
        "from_coef",
        "plot",
        "predict_interval",
        "predict_proba",
        "predict_log_proba",
        "summary",
        "likelihood_ratio_test",
        "average_marginal_effects",
        "proportional_odds_test",
        "to_frame",
        "thresholds_to_frame",
        "fit_statistics",
        "transform",
        "from_csr",
        "tocsr",
        "toarray",
    )
    if hasattr(
        getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2]), method
    )
]
# Extended summaries, see-also and example sections are welcome, not required of every function.
OPTIONAL = {"ES01", "SA01", "EX01", "RT02", "GL08"}


@pytest.mark.parametrize("name", PUBLIC + METHODS)
def test_docstrings_follow_numpydoc(name):
    errors = [error for error in validate(name)["errors"] if error[0] not in OPTIONAL]
    assert not errors


@pytest.mark.skipif(not (ROOT / ".ci").exists(), reason="a source distribution has no .ci")
def test_readme_commands_are_those_that_ci_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"^python3 -m venv .*$", readme, flags=re.MULTILINE)
    assert len(commands) == 2
    assert "vilma demo" in commands[0]
    assert f"\n\t{commands[1]}\n" in makefile
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_command_line_page_shows_what_vilma_fit_prints(tmp_path, monkeypatch):
    page = (ROOT / "docs" / "command_line.rst").read_text(encoding="utf-8")
    shown = re.search(r"``vilma (fit income.csv .*?)`` then.*?text\n\n(.*?)\n\n(?=\S)", page, re.S)
    command, expected = shown.groups()
    X, income = load_anes96(target="income", return_X_y=True, as_frame=True)
    monkeypatch.chdir(tmp_path)
    X.join(income).to_csv("income.csv", index=False)
    printed = CliRunner().invoke(main, command.split()).stdout.replace(f"{tmp_path}/", "")
    # Of the certificate, objective and bound are those of other machines up to the tolerance.
    expected, printed = (re.sub(r", gap .*", "", text) for text in (expected, printed))
    number = r"\d+\.\d+"
    assert re.sub(number, "#", printed).split() == re.sub(number, "#", expected).split()
    figures = [[float(each) for each in re.findall(number, text)] for text in (printed, expected)]
    np.testing.assert_allclose(*figures, rtol=2e-3)


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {vilma.__version__}\n" in citation


def test_public_names_exist():
    for name in vilma.__all__:
        assert getattr(vilma, name) is not None
    assert set(vilma.__all__) <= set(dir(vilma))
    with pytest.raises(AttributeError, match="attribute nothing"):
        vilma.nothing  # noqa: B018


def test_setup_lists_every_package():
    setup = (ROOT / "setup.py").read_text(encoding="utf-8")
    listed = re.search(r"PACKAGES = \[(.*?)\]", setup, flags=re.DOTALL)
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for file in (ROOT / "vilma").rglob("__init__.py")
    } | {
        ".".join(("vilma", *file.parent.relative_to(ROOT).parts))
        for file in (ROOT / "features").rglob("__init__.py")
    }
    assert set(re.findall(r'"([\w.]+)"', listed[1])) == found
