"""Warnings that a search of many fits gives once."""

from __future__ import annotations

import sys
import warnings
from types import FrameType
from weakref import WeakKeyDictionary

from joblib import Parallel

# What has been told of while a search, or another job of many fits, is under way.
_told_in: WeakKeyDictionary[Parallel, set[tuple[str, type[Warning]]]] = WeakKeyDictionary()


def warn_once_in_a_search(about: str, warning: Warning, stacklevel: int) -> None:
    """Warn, but of many fits in a search only of the first one that gives cause.

    Searches of scikit-learn renew the filters of warnings for every fit, which makes Python forget
    what it has told already: 7 alphas and 5 folds told the same 35 times. The search is known by
    its :class:`joblib.Parallel`; worker processes do not hold it, and warn at every fit.

    Parameters
    ----------
    about : str
        What the warning is about. Of one search and category every such word is told once.
    warning : Warning
        What to say.
    stacklevel : int
        As :func:`warnings.warn` has it, counted from the caller.
    """
    search = _search_under_way()
    if search is not None:
        told, category = _told_in.setdefault(search, set()), type(warning)
        if (about, category) in told:
            return
        told.add((about, category))
        text = f"{warning} Other fits of this search of which the same is true say nothing more."
        if category is not UserWarning:
            text += (
                f" `warnings.filterwarnings('ignore', category={category.__module__}."
                f"{category.__name__})` leaves out this one, too."
            )
        warning.args = (text,)
    warnings.warn(warning, stacklevel=stacklevel + 1)


def _search_under_way() -> Parallel | None:
    """Return the outermost job of joblib's that this call is a part of, if there is one."""
    found: Parallel | None = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        job = frame.f_locals.get("self") if frame.f_code.co_name == "__call__" else None
        found = job if isinstance(job, Parallel) else found
        frame = frame.f_back
    return found
