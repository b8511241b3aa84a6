"""The documentation's scripts run, its examples are right, and its reference is complete."""

from __future__ import annotations

import doctest
import importlib.util
import inspect
import runpy
from collections import Counter
from pathlib import Path

import matplotlib
import pytest

import vilma

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCRIPTS = sorted((DOCS / "examples").glob("*.py"))
PAGES = sorted(
    page for folder in (DOCS, DOCS / "guide", DOCS / "howto") for page in folder.glob("*.rst")
)


def api_pages():
    spec = importlib.util.spec_from_file_location("api_pages", DOCS / "_ext" / "api_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pyplot(monkeypatch):
    """Pyplot that shows nothing, with no figures left over."""
    import matplotlib.pyplot as plt

    before = matplotlib.get_backend()
    plt.switch_backend("Agg")
    monkeypatch.setattr(plt, "show", lambda: None)
    yield plt
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_gallery_scripts_run_and_draw(script, pyplot):
    runpy.run_path(str(script))
    assert pyplot.get_fignums()
    for number in pyplot.get_fignums():
        pyplot.figure(number).canvas.draw()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_examples_of_pages(page):
    failed, _ = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert not failed


def test_pictures_of_pages_are_drawn_by_scripts():
    stems = {script.stem for script in SCRIPTS}
    for page in PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            if ".. figure:: " in line:
                name = line.rpartition("sphx_glr_")[2]
                assert name.rpartition("_")[0] in stems, f"{page.name}: {line}"


def test_reference_has_every_public_object_once():
    pages = api_pages()
    listed = [member for page in pages.PAGES for _, member in pages.public_objects(page)]
    names = [name for page in pages.PAGES for name, _ in pages.public_objects(page)]
    assert Counter(map(id, listed)).most_common(1)[0][1] == 1
    members = [getattr(vilma, name) for name in vilma.__all__]
    packages = [vilma, *(member for member in members if inspect.ismodule(member))]
    for package in packages:
        for name in package.__all__:
            member = getattr(package, name)
            if callable(member):
                assert any(member is each for each in listed), f"{package.__name__}.{name}"
    assert len(names) == len(set(names))


def test_reference_pages_list_classes_and_functions_apart():
    pages = api_pages()
    for page in pages.PAGES:
        text = pages.render(page)
        for name, member in pages.public_objects(page):
            before = text[: text.index(f"~{name}\n")]
            heading = "Classes" if inspect.isclass(member) else "Functions"
            assert before.rpartition(".. rubric:: ")[2].startswith(heading)
