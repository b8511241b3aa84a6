"""Pages of the API reference, written from the packages' ``__all__`` before each build.

Every public object is on one page, in a table of classes or of functions, and gets a page of its
own by autosummary.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Page(NamedTuple):
    """A page of the reference: the public objects of a package, or some of them."""

    name: str
    title: str
    intro: str
    package: str
    homes: tuple[str, ...] = ()  # modules that define the objects; none means any
    names: tuple[str, ...] = ()  # which objects; none means all


PAGES = (
    Page(
        "estimators",
        "Estimators",
        "Linear ordinal classification from exact or interval labels.",
        "vilma",
        ("vilma.estimators",),
    ),
    Page(
        "probability",
        "Probabilities and prediction intervals",
        "Both wrap an estimator.",
        "vilma",
        ("vilma.probability",),
    ),
    Page("inference", "Inference", "", "vilma.inference"),
    Page("inspection", "Inspection", "", "vilma.inspection"),
    Page(
        "matrices",
        "Matrices",
        "What the estimators take as X besides arrays and sparse matrices of SciPy.",
        "vilma",
        ("vilma.one_hot", "vilma.mapped", "vilma.mixed"),
    ),
    Page(
        "distributed",
        "Rows on a cluster",
        "Partitions as X, and what an adapter to another engine is made of.",
        "vilma.distributed",
    ),
    Page(
        "files",
        "Models in files",
        "Arrays and settings, and nothing that runs.",
        "vilma",
        ("vilma.persistence",),
    ),
    Page("intervals", "Interval labels", "", "vilma.intervals"),
    Page("metrics", "Metrics", "", "vilma.metrics"),
    Page("model_selection", "Model selection", "", "vilma.model_selection"),
    Page("displays", "Displays", "", "vilma.displays"),
    Page("features", "Image features", "", "vilma.features"),
    Page("datasets", "Data", "", "vilma.datasets"),
    Page("deep", "Networks", "Estimators that train a network.", "vilma.deep"),
    Page("objectives", "Networks: losses and regularizers", "", "vilma.deep.objectives"),
    Page("deep_losses", "Networks: loss functions", "", "vilma.deep.losses"),
    Page("protocols", "Networks: choices of rows", "", "vilma.deep.protocols"),
    Page("views", "Networks: augmentation", "", "vilma.deep.views"),
    Page("callbacks", "Networks: callbacks", "", "vilma.deep.callbacks"),
    Page("coarse_labels", "Networks: names for parts of a scale", "", "vilma.deep.coarse_labels"),
    Page(
        "labels",
        "Forms of labels",
        "How estimators and metrics read labels.",
        "vilma.labels",
        names=("read_labels", "IntervalLabels"),
    ),
    Page("losses", "Losses", "V-shaped losses as matrices of costs.", "vilma.losses"),
    Page("exceptions", "Warnings", "", "vilma.exceptions"),
)


def public_objects(page: Page) -> Iterator[tuple[str, Any]]:
    """Yield name and object of everything on a page, in the order of ``__all__``."""
    package = importlib.import_module(page.package)
    for name in package.__all__:
        member = getattr(package, name)
        here = not page.homes or getattr(member, "__module__", "").startswith(page.homes)
        if callable(member) and here and (not page.names or name in page.names):
            yield f"{page.package}.{name}", member


def introduction(page: Page) -> str:
    """Return what a page begins with."""
    return page.intro or inspect.getdoc(importlib.import_module(page.package)) or ""


def summary(page: Page) -> str:
    """Return the first paragraph of what a page begins with, in one line."""
    return " ".join(introduction(page).partition("\n\n")[0].split())


def render(page: Page) -> str:
    """Write a page as reStructuredText."""
    lines = [page.title, "=" * len(page.title), "", introduction(page), ""]
    objects = list(public_objects(page))
    for title, wanted in (("Classes", True), ("Functions", False)):
        names = [name for name, member in objects if inspect.isclass(member) == wanted]
        if names:
            lines += ["", f".. rubric:: {title}", "", ".. autosummary::", "   :toctree: generated"]
            lines += ["", *(f"   ~{name}" for name in names)]
    return "\n".join([*lines, ""])


def render_index() -> str:
    """Write the page that lists the others, with what is on each."""
    lines = ["API reference", "=============", ""]
    for page in PAGES:
        names = [f":obj:`~{name}`" for name, _ in public_objects(page)]
        lines += [f":doc:`{page.name}`", f"   {summary(page)}", "", f"   {', '.join(names)}"]
    pages = [f"   {page.name}" for page in PAGES]
    return "\n".join([*lines, "", ".. toctree::", "   :hidden:", "", *pages])


def write_pages(app: Any, config: Any) -> None:
    """Write all pages, leaving those that have not changed."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    texts = {page.name: render(page) for page in PAGES} | {"index": render_index() + "\n"}
    for name, text in texts.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before the documents are counted, so that autosummary finds them."""
    app.connect("config-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
