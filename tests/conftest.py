"""What holds for every run of the tests."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def kernel_sources() -> list[Path]:
    """Return the files with kernels, and those with what is compiled into them."""
    marks = ("@njit", "extend_before_compiling(", "numba.extending")
    return [
        path
        for folder in ("vilma", "features")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if any(mark in path.read_text(encoding="utf-8") for mark in marks)
    ]


# Numba does not notice when a kernel changes that another file's kernel calls. Machine code is
# kept by the content of all kernels, so that what is tested is what is written. Numba reads the
# place when it is imported, which no test does before this.
if "NUMBA_CACHE_DIR" not in os.environ:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in kernel_sources())).hexdigest()
    os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"vilma-numba-{digest[:16]}")
