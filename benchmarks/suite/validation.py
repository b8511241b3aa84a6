"""The rule by which every method's options are chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["choose_candidate"]


def choose_candidate(losses: Sequence[Sequence[float] | None]) -> int | None:
    """Choose by the one-standard-error rule.

    Parameters
    ----------
    losses : sequence of sequences of float, or None
        Each candidate's losses on the same rows, None where it could not be fitted; the
        candidates go from the most to the least regularised.

    Returns
    -------
    int or None
        Place of the first candidate whose mean loss is within one standard error of the least;
        the error is that of the paired difference, which is much smaller than that of either
        mean. None if no candidate could be fitted.
    """
    fitted = {place: np.array(values) for place, values in enumerate(losses) if values is not None}
    if not fitted:
        return None
    best = min(fitted, key=lambda place: fitted[place].mean())
    for place, values in fitted.items():
        excess = values - fitted[best]
        if excess.mean() <= excess.std() / np.sqrt(len(excess)):
            return place
    return best
