"""What compiling the kernels costs and says, in a process of its own with an empty cache."""

import os
import subprocess
import sys

SCRIPT = """
import logging, sys
import numpy as np
from numba.core import event
from vilma import IISVOR_EXP, VILMA

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="log: %(message)s")
compiled = []

class Listener(event.Listener):
    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if function.__module__.startswith("vilma"):
            compiled.append(function.__qualname__)

    def on_end(self, event):
        pass

event.register("numba:compile", Listener())
X = np.random.default_rng(0).normal(size=(40, 3))
y = np.clip(np.round(2 + X.sum(axis=1)), 0, 4)
for model in (IISVOR_EXP(verbose=1000), VILMA(loss="squared", verbose=1000)):
    model.fit(X, y)
    twice = {name for name in compiled if compiled.count(name) > 1}
    before = len(compiled)
    model.predict(X)
    model.fit(X, y)
    print("twice:", sorted(twice), "later:", len(compiled) - before, "some:", before > 0)
"""


def test_every_kernel_is_compiled_once_and_announced(tmp_path):
    # A kernel that hands a literal to another one would compile the other a second time.
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    lines = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    line = "ompiling kernels, once for this installation: a few seconds"
    assert lines == [
        f"log: C{line}.",  # once in a process
        f"c{line}",  # once in every fit that compiles
        "twice: [] later: 0 some: True",
        f"c{line}",
        "twice: [] later: 0 some: True",
    ]
