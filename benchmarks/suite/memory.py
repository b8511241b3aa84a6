"""Resident memory of this process, in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["current_memory", "peak_memory"]

_STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """Return the largest resident memory so far."""
    # Linux hands ru_maxrss on from the process that started this one; VmHWM starts afresh.
    return _read_status("VmHWM") or _peak_by_rusage()


def current_memory() -> int:
    """Return the resident memory, or the largest so far where the system does not tell."""
    return _read_status("VmRSS") or _peak_by_rusage()


def _read_status(field: str) -> int | None:
    if not _STATUS.exists():
        return None
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return None


def _peak_by_rusage() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
