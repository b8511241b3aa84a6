"""The decorator of all kernels."""

import numba
import numpy as np
import pytest

from vilma._numba import njit

compiled = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 leaves functions as they are"
)


@njit
def scaled_sum(values, scale):
    total = 0.0
    for value in values:
        total += value / scale
    return total


def test_kernel_computes():
    assert scaled_sum(np.array([2.0, 4.0]), 2.0) == 3.0


@compiled
def test_kernel_keeps_its_machine_code_divides_like_numpy_and_releases_the_gil():
    assert scaled_sum(np.ones(1), 0.0) == np.inf
    assert scaled_sum.targetoptions["nogil"]
    assert not scaled_sum.targetoptions.get("fastmath", False)
    assert sum(scaled_sum.stats.cache_hits.values()) + sum(scaled_sum.stats.cache_misses.values())


@compiled
def test_kernel_without_a_place_for_its_machine_code_is_compiled_all_the_same():
    names: dict = {}
    # Numba finds no folder for code that comes from no file, just as for a read-only one.
    exec(compile("def double(x):\n    return 2 * x\n", "<nowhere>", "exec"), names)
    with pytest.raises(RuntimeError, match="cannot cache function"):
        numba.njit(cache=True)(names["double"])
    double = njit(names["double"])
    assert double(21) == 42
    assert double.targetoptions["nogil"]


@compiled
def test_other_errors_of_numba_are_not_hidden(monkeypatch):
    def fail(**options):
        raise RuntimeError("out of machine code")

    monkeypatch.setattr(numba, "njit", fail)
    with pytest.raises(RuntimeError, match="out of machine code"):
        njit(lambda x: x)(1)
