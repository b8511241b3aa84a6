"""Tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

__all__ = ["markdown", "spread"]


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column is text and whose others are numbers."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, rule, *rows))


def spread(values: Sequence[float] | np.ndarray) -> str:
    """Return mean and standard deviation over splits, as the paper prints them."""
    values = np.asarray(values)
    deviation = values.std(ddof=1) if len(values) > 1 else 0.0
    return f"{values.mean():.2f} ± {deviation:.2f}"
