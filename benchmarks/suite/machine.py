"""What the figures depend on besides the code: processor, system, versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["different_facts", "machine_facts"]

_ALWAYS = ("vilma", "numpy", "scipy", "scikit-learn", "numba")


def machine_facts(packages: Iterable[str]) -> dict[str, str]:
    """Return facts by name; packages that are not installed are left out."""
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    for package in dict.fromkeys((*_ALWAYS, *packages)):
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return facts


def different_facts(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """Name the facts that both know and that differ."""
    return [
        f"{name} was {value}, is {new[name]}"
        for name, value in old.items()
        if new.get(name, value) != value
    ]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
