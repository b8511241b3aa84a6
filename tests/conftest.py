"""What holds for every run of the tests."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

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


# What a shell runs in the background ignores Ctrl-C, which tests press.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Numba does not notice when a kernel changes that another file's kernel calls. Machine code is
# kept by the content of all kernels, so that what is tested is what is written. Numba reads the
# place when it is imported, which no test does before this.
if "NUMBA_CACHE_DIR" not in os.environ:
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in kernel_sources())).hexdigest()
    os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"vilma-numba-{digest[:16]}")


@pytest.fixture(autouse=True, scope="module")
def worker_processes_of_one_file():
    """Let every file begin with worker processes of its own.

    Where psutil is installed joblib ends workers whose memory grows, as it does when a file is
    the first to need torch. Once in a run of all tests one of them was waited for without end.
    """
    yield
    module = sys.modules.get("joblib.externals.loky.reusable_executor")
    if module is not None and module._executor is not None:
        module.get_reusable_executor().shutdown(wait=True, kill_workers=True)
