"""Ctrl-C is a KeyboardInterrupt, whatever runs, and leaves an estimator as it was."""

from __future__ import annotations

import signal
import time

import numpy as np
import pytest

from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    PWVILMA,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    vilma_path,
)
from vilma._numba import interruptible

TIGHT = {"alpha": 1e-4, "tol": 1e-9}
ESTIMATORS = {
    "IISVOR_IMC, cutting planes": IISVOR_IMC(solver="cutting_plane", **TIGHT),
    "IISVOR_IMC, coordinate ascent": IISVOR_IMC(0.1, solver="coordinate_ascent"),
    "IISVOR_EXP": IISVOR_EXP(**TIGHT),
    "VILMA": VILMA(**TIGHT),
    "VILMA, squared loss": VILMA(loss="squared", **TIGHT),
    "VILMA, penalized": VILMA(penalize_biases=True, **TIGHT),
    "PWVILMA": PWVILMA(**TIGHT),
    "OrderedLogit": OrderedLogit(tol=1e-12),
    "VILMACV": VILMACV([0.1], cv=2),
    "CalibratedOrdinalClassifier": CalibratedOrdinalClassifier(cv=2),
    "ConformalOrdinalClassifier": ConformalOrdinalClassifier(),
}
N_INTERRUPTS = 100


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    score = X @ rng.normal(size=8) + 2.0 * rng.normal(size=400)
    return X, np.argsort(np.argsort(score)) * 5 // 400


def interrupt(function, after):
    """Call a function, interrupt it after some seconds, and return the name of what it raised."""

    def handler(*_):
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGALRM, handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, after)
        try:
            function()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
    except BaseException as error:
        return type(error).__name__
    finally:
        signal.signal(signal.SIGALRM, former)
    return "finished"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The projection is the same for all rows:UserWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_interrupts_of_fits(name):
    model = ESTIMATORS[name]
    X, y = data()
    model.fit(X[:100], y[:100] % 3)
    before = dict(vars(model))
    start = time.perf_counter()
    vilma_path(X, y, estimator=model) if name == "IISVOR_EXP" else type(model)(
        **model.get_params(deep=False)
    ).fit(X, y)
    seconds = time.perf_counter() - start
    rng = np.random.default_rng(0)
    interrupted = 0
    for _ in range(N_INTERRUPTS):
        outcome = interrupt(lambda: model.fit(X, y), rng.uniform(0.02, 0.6) * seconds)
        if outcome == "finished":
            model.fit(X[:100], y[:100] % 3)
            before = dict(vars(model))
            continue
        assert outcome == "KeyboardInterrupt"
        interrupted += 1
        assert list(vars(model)) == list(before)
        assert all(vars(model)[key] is before[key] for key in before)
    assert interrupted >= N_INTERRUPTS // 4


class Interrupted(VILMA):
    """A fit that Ctrl-C ends while a kernel returns."""

    def _solve(self, problem, path):
        self.half_done_ = True
        raise SystemError(
            "kernel returned a result with an exception set"
        ) from KeyboardInterrupt()


def test_an_interrupted_kernel_is_an_interrupt():
    X, y = data()
    model = VILMA().fit(X, y)
    model.__class__ = Interrupted
    before = dict(vars(model))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert vars(model) == before
    with pytest.raises(KeyboardInterrupt):
        vilma_path(X, y, estimator=Interrupted())
    with pytest.raises(SystemError, match="of another kind"), interruptible():
        raise SystemError("of another kind")
