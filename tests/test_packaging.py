"""The package as others install it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import vilma

ROOT = Path(__file__).resolve().parents[1]


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "vilma.__version__"}


def test_what_dir_shows():
    assert "__version__" in dir(vilma)
    assert {"VILMA", "save_model", "features"} <= set(dir(vilma))


def test_the_package_is_a_command():
    result = subprocess.run(
        [sys.executable, "-m", "vilma", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("vilma, version ")


def test_setup_lists_every_package():
    text = (ROOT / "setup.py").read_text()
    for folder, package in (("vilma", "vilma"), ("features", "vilma.features")):
        for path in (ROOT / folder).rglob("__init__.py"):
            parts = path.parent.relative_to(ROOT / folder).parts
            assert f'"{".".join([package, *parts])}"' in text


def test_quick_chooses_tests_of_what_changed():
    if not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    result = subprocess.run(
        [sys.executable, "tests/quick.py"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    chosen = result.stdout.split()
    assert 1 <= len(chosen) <= 8
    assert all((ROOT / path).is_file() for path in chosen)
