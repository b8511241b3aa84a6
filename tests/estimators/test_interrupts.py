"""Ctrl-C is a KeyboardInterrupt, whatever runs, and leaves an estimator as it was."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from scipy import sparse

from vilma import (
    IISVOR_EXP,
    IISVOR_EXPCV,
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    OrderedLogitCV,
    deep,
    vilma_path,
)
from vilma._numba import interruptible

TIGHT = {"alpha": 1e-4, "tol": 1e-9}
ESTIMATORS = {
    "IISVOR_IMC, cutting planes": IISVOR_IMC(solver="cutting_plane", **TIGHT),
    "IISVOR_IMC, coordinate ascent": IISVOR_IMC(0.1, solver="coordinate_ascent"),
    "IISVOR_IMC, conic": IISVOR_IMC(0.1, solver="conic"),
    "IISVOR_EXP": IISVOR_EXP(**TIGHT),
    "VILMA": VILMA(**TIGHT),
    "VILMA, squared loss": VILMA(loss="squared", **TIGHT),
    "VILMA, penalized": VILMA(penalize_biases=True, **TIGHT),
    "PWVILMA": PWVILMA(**TIGHT),
    "OrderedLogit": OrderedLogit(tol=1e-12),
    "VILMA, warm start": VILMA(warm_start=True, **TIGHT),
    "VILMACV": VILMACV([0.1], cv=2),
    "IISVOR_EXPCV": IISVOR_EXPCV([0.1, 0.01], cv=2),
    "IISVOR_IMCCV": IISVOR_IMCCV([0.1, 0.01], cv=2),
    "PWVILMACV": PWVILMACV([0.1], cv=2),
    "OrderedLogitCV": OrderedLogitCV([0.1, 0.01], cv=2),
    "CalibratedOrdinalClassifier": CalibratedOrdinalClassifier(cv=2),
    "ConformalOrdinalClassifier": ConformalOrdinalClassifier(),
}
# The suite interrupts every case a few times; VILMA_INTERRUPTS=100 looks closer.
N_INTERRUPTS = int(os.environ.get("VILMA_INTERRUPTS", "8"))


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    score = X @ rng.normal(size=8) + 2.0 * rng.normal(size=400)
    return X, np.argsort(np.argsort(score)) * 5 // 400


def interrupt(function, after):
    """Call a function, interrupt it after some seconds, and return the name of what it raised."""

    def handler(*_):
        signal.raise_signal(signal.SIGINT)

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


def time_of(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _same(one, other):
    """Tell whether attributes are the same objects; a network's are its own to compare."""
    return list(one) == list(other) and all(one[name] is other[name] for name in one)


def _predict(model):
    """Predict, or return nothing for an estimator that was only used by a path."""
    return model.predict(data()[0]) if hasattr(model, "classes_") else np.zeros(1)


def interrupt_often(model, fit, refit):
    """Interrupt a fit at random times, and check what it raises and leaves."""
    refit()
    seconds = min(time_of(fit) for _ in range(2))
    whole, predicted = list(vars(model)), _predict(model)
    refit()
    before = dict(vars(model))
    rng = np.random.default_rng(0)
    interrupted = 0
    for _ in range(10 * N_INTERRUPTS):
        outcome = interrupt(fit, rng.uniform(0.02, 0.8) * seconds)
        if outcome == "finished":  # the machine had less to do than before
            seconds *= 0.8
            refit()
            before = dict(vars(model))
            continue
        assert outcome == "KeyboardInterrupt"
        if not _same(vars(model), before):  # it came when the fit had just ended
            assert list(vars(model)) == whole
            assert np.mean(_predict(model) == predicted) > 0.95  # warm starts end elsewhere
            refit()
            before = dict(vars(model))
            continue
        interrupted += 1
        if interrupted == N_INTERRUPTS:
            return
    pytest.fail(f"only {interrupted} of {N_INTERRUPTS} fits were long enough to be interrupted")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:The projection is the same for all rows:UserWarning")
# Raised while an object is destroyed it is only printed, and raised anew where the fit ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_interrupts_of_fits(name):
    model = ESTIMATORS[name]
    X, y = data()
    interrupt_often(model, lambda: model.fit(X, y), lambda: model.fit(X[:100], y[:100] % 3))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_interrupts_of_a_path():
    X, y = data()
    alone = VILMA(**TIGHT)
    interrupt_often(alone, lambda: vilma_path(X, y, [0.1, 1e-3], estimator=alone), lambda: None)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
@pytest.mark.parametrize("name", ["DeepOrdinalClassifier", "RegCLIPClassifier"])
def test_interrupts_of_networks(name):
    """A network keeps the epochs that have ended and says so; before the first it is as it was."""
    pytest.importorskip("torch")
    model = getattr(deep, name)(max_epochs=3, batch_size=32, random_state=0)
    X, y = data()
    model.fit(X[:100], y[:100])
    seconds = min(time_of(lambda: model.fit(X, y)) for _ in range(2))
    before = dict(vars(model))
    rng = np.random.default_rng(0)
    outcomes = []
    for _ in range(N_INTERRUPTS):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            outcome = interrupt(lambda: model.fit(X, y), rng.uniform(0.02, 0.9) * seconds)
        outcomes.append(outcome)
        if outcome == "KeyboardInterrupt":
            assert _same(vars(model), before)
            continue
        assert outcome == "finished"
        if model.n_iter_ < 3:
            assert f"interrupted after {model.n_iter_} of 3 epochs" in str(caught[0].message)
        assert len(model.history_) == model.n_iter_
        assert model.predict(X).shape == (400,)
        before = dict(vars(model))
    assert set(outcomes) <= {"KeyboardInterrupt", "finished"}


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


class Shy:
    """An object whose length NumPy asks for: Ctrl-C comes just then."""

    def __len__(self):
        signal.raise_signal(signal.SIGINT)
        raise TypeError("no length")

    def __getitem__(self, place):
        raise IndexError


class Destroyed:
    """An object during whose destruction Ctrl-C comes."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


def ask_for_the_length():
    np.array([Shy()], dtype=object)


LOSSES = {
    "asked for a length": ask_for_the_length,
    "destroyed": Destroyed,
}


class LosesInterrupt(VILMA):
    """A fit during which Ctrl-C gets lost."""

    def _solve(self, problem, path):
        LOSSES[self.way]()
        return super()._solve(problem, path)


@pytest.mark.parametrize("way", LOSSES)
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_gets_lost_is_raised_at_the_end(way, nested):
    X, y = data()
    LOSSES[way]()  # lost indeed
    model = LosesInterrupt(0.1)
    model.way = way
    handler = signal.getsignal(signal.SIGINT)
    around = interruptible() if nested else nullcontext()
    with pytest.raises(KeyboardInterrupt), around:
        model.fit(X, y)
    assert "coef_" not in vars(model)
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_that_numpy_drops_in_the_conic_solver(monkeypatch):
    """As in `scipy.sparse.vstack`, which CVXPY calls: NumPy asks sparse arrays for a length."""
    X, y = data()
    pressed = []

    def no_length(self):
        if not pressed:
            pressed.append(True)
            signal.raise_signal(signal.SIGINT)
        raise TypeError("sparse array length is ambiguous")

    monkeypatch.setattr(sparse.csc_array, "__len__", no_length)
    monkeypatch.setattr(sparse.csr_array, "__len__", no_length)
    model = IISVOR_IMC(0.1, solver="conic")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:50], y[:50])
    assert pressed
    assert not hasattr(model, "coef_")


def test_a_handler_that_does_not_raise_is_the_users_affair():
    seen = []
    former = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, former)
    assert seen == [True]


def test_a_handler_that_is_set_meanwhile_stays():
    former, mine = signal.getsignal(signal.SIGINT), lambda *_: None
    try:
        with interruptible():
            signal.signal(signal.SIGINT, mine)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, former)


@pytest.mark.parametrize("ignored", [signal.SIG_IGN, signal.SIG_DFL])
def test_handlers_of_the_system_stay(ignored):
    former = signal.signal(signal.SIGINT, ignored)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGINT) is ignored
    finally:
        signal.signal(signal.SIGINT, former)


def test_other_threads_leave_the_handler_alone():
    handler, seen = signal.getsignal(signal.SIGINT), []

    def look():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handler]
