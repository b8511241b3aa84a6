"""What compiling the kernels costs and says, in a process of its own with an empty cache."""

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from scipy import sparse
from sklearn.pipeline import make_pipeline

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    PWVILMA,
    VILMA,
    CalibratedOrdinalClassifier,
    OneHotCodes,
    OrderedLogit,
    hstack,
    save_model,
)
from vilma.cli import main
from vilma.features import TableFeatures

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


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_an_interrupt_while_numba_is_imported_breaks_nothing():
    # Ctrl-C during the first fit of a process: Numba is imported whole all the same.
    script = """
import signal, sys
import numpy as np
from vilma import IISVOR_IMC

def interrupt(*args):
    raise KeyboardInterrupt

X = np.arange(12.0).reshape(-1, 2)
y = [1, 1, 2, 2, 3, 3]
model = IISVOR_IMC()
signal.signal(signal.SIGALRM, interrupt)
before = "numba" in sys.modules
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    model.fit(X, y)
except KeyboardInterrupt:
    print("interrupted", end=" ")
signal.setitimer(signal.ITIMER_REAL, 0)
print(before, model.fit(X, y).predict(X).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().removeprefix("interrupted ") == "False [1, 1, 2, 2, 3, 3]"


def fitted_models(table, y):
    X = table.to_numpy()
    yield "dense", VILMA(loss="mae").fit(X, y), X
    yield "csr", IISVOR_EXP().fit(sparse.csr_array(X), y), sparse.csr_array(X)
    codes = OneHotCodes((X > 0).astype(int), 2)
    yield "codes", IISVOR_IMC().fit(codes, y), codes
    mixed = hstack([X, codes])
    yield "mixed", IISVOR_IMC().fit(mixed, y), mixed
    yield "pieces", PWVILMA().fit(X, y), X
    yield "likelihood", OrderedLogit(alpha=0.01).fit(X, y), X
    yield "probabilities", CalibratedOrdinalClassifier(IISVOR_IMC(), cv=2).fit(X, y), X
    yield "table", make_pipeline(TableFeatures(), IISVOR_IMC()).fit(table, y), table


def test_predicting_imports_no_numba(tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(80, 3)), columns=list("abc"))
    y = np.clip(np.round(2 + table.sum(axis=1)), 0, 4).to_numpy()
    expected = []
    for name, model, X in fitted_models(table, y):
        save_model(model, tmp_path / f"{name}.vilma")
        (tmp_path / f"{name}.X").write_bytes(pickle.dumps(X))
        expected.append([name, model.predict(X).tolist()])
    script = """
import json, pickle, sys
from pathlib import Path
from vilma import load_model

for name in sys.argv[2:]:
    X = pickle.loads((Path(sys.argv[1]) / f"{name}.X").read_bytes())
    print(json.dumps([name, load_model(Path(sys.argv[1]) / f"{name}.vilma").predict(X).tolist()]))
    assert "numba" not in sys.modules, name
"""
    names = [name for name, _ in expected]
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == expected


def test_the_command_predicts_without_numba(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    table["y"] = np.clip(np.round(2 + 2 * table["a"]), 0, 4).astype(int)
    table.to_csv(tmp_path / "table.csv", index=False)
    data, model = str(tmp_path / "table.csv"), str(tmp_path / "model.vilma")
    fitted = CliRunner().invoke(main, ["fit", data, "--label", "y", "-o", model])
    assert fitted.exit_code == 0, fitted.output
    script = """
import sys
from vilma.cli import main

try:
    main(sys.argv[1:])
finally:
    assert "numba" not in sys.modules
"""
    command = [sys.executable, "-c", script, "predict", model, data]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 61
