"""Docstrings, made ready for reStructuredText."""

from __future__ import annotations

import re
from typing import Any

# scikit-learn's mark of what `fit` sets is reStructuredText's of a link.
_FITTED_NAME = re.compile(r"(?<![\w`.*\\])([A-Za-z]\w*)_(?=[\"',)\s]|$)")


def join_continued(app: Any, what: str, name: str, obj: Any, options: Any, lines: list) -> None:
    """Join lines that end in a backslash: a raw docstring keeps it."""
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    lines[:] = text.split("\n")


def escape_fitted_names(app: Any, what: str, name: str, obj: Any, options: Any, lines: list):
    """Escape the underscore at the end of names in prose, not in examples."""
    in_example = False
    for place, line in enumerate(lines):
        in_example = line.strip().startswith(">>>") or (in_example and bool(line.strip()))
        if not in_example and "``" not in line:
            lines[place] = _FITTED_NAME.sub(r"\1\\_", line)


def setup(app: Any) -> dict[str, bool]:
    """Connect before and after numpydoc."""
    app.connect("autodoc-process-docstring", join_continued, priority=100)
    app.connect("autodoc-process-docstring", escape_fitted_names, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
