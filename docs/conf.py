"""Configuration of the documentation; ``make site`` builds it, without network."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / "_ext"))
matplotlib.use("Agg")

import vilma  # noqa: E402

project = "vilma"
author = "The vilma developers"
copyright = author
version = release = vilma.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "api_pages",
    "command_help",
    "docstrings",
    "markdown_pages",
    "mathml",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["vilma.css"]
default_role = "literal"
smartquotes = False  # labels such as "-5--1" must stay as they are

html_theme = "pydata_sphinx_theme"
html_title = "vilma"
html_show_sourcelink = False
html_math_renderer = "mathml"
html_sidebars = {
    name: []
    for name in ("start", "which_model", "command_line")  # they have no pages below
}
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "header_links_before_dropdown": 8,
}

autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"inherited-members": True}
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "reference_url": {"vilma": None},
    "doc_module": ("vilma",),
    "backreferences_dir": "api/examples",
    "inspect_global_variables": True,
    "write_computation_times": False,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
    "abort_on_example_error": True,
}


def skip_inherited(app, what, name, obj, skip, options):
    """Leave out what scikit-learn and the standard library brings along."""
    home = getattr(obj, "__module__", None) or getattr(
        getattr(obj, "__objclass__", None), "__module__", ""
    )
    return skip or name.endswith("_request") or not str(home).startswith("vilma")


def setup(app):
    """Connect the hooks of this file."""
    app.connect("autodoc-skip-member", skip_inherited)
