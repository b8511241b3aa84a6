"""One digest for whatever decides a result."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from vilma import VILMA, MappedMatrix, OneHotCodes
from vilma._fingerprint import fingerprint


def different_things():
    a = np.arange(6.0).reshape(2, 3)
    return [
        None, True, 1, 1.0, "1", b"1", (1,), [1], {1}, {1: 1}, {"1": 1}, [[1], 2], [1, [2]],
        a, a.astype(np.float32), a.ravel(), a[:1], a + 1, np.float64(1.0),
        np.array(["a", None], dtype=object), np.array([None, "a"], dtype=object),
        sparse.csr_array(a), sparse.csc_array(a), OneHotCodes([[0, 1]], 2),
        OneHotCodes([[0, 1]], 3),
        VILMA(), VILMA(0.5), VILMA, len, np.sum, Path("a"), Path("b"), range(3), range(4),
    ]  # fmt: skip


def test_what_differs_has_another_digest():
    digests = [fingerprint(each) for each in different_things()]
    assert len(set(digests)) == len(digests)
    assert fingerprint("a", "b") != fingerprint("ab") != fingerprint(["a", "b"])


def test_what_is_equal_has_the_same_digest():
    assert [fingerprint(each) for each in different_things()] == [
        fingerprint(each) for each in different_things()
    ]
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    a = np.arange(12.0).reshape(3, 4)
    assert fingerprint(a[:, ::2]) == fingerprint(a[:, ::2].copy())
    assert fingerprint(np.zeros((0, 3))) != fingerprint(np.zeros((3, 0)))


def test_the_digest_is_the_same_in_every_process():
    code = (
        "import numpy as np; from vilma import VILMA; from vilma._fingerprint import fingerprint;"
        "print(fingerprint({'x', 'y', 'z'}, VILMA(), {'a': np.arange(3)}, 'ü'))"
    )
    run = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout.strip()
        for seed in ("1", "2")
    ]  # fmt: skip
    assert run[0] == run[1] == fingerprint({"x", "y", "z"}, VILMA(), {"a": np.arange(3)}, "ü")


def test_something_that_contains_itself():
    a, b = [1], [1]
    a.append(a)
    b.append(b)
    assert fingerprint(a) == fingerprint(b) != fingerprint([1, [1]])


def test_a_changed_file_has_another_digest(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.zeros((3, 2)))
    before = fingerprint(MappedMatrix.from_npy(path))
    np.save(path, np.zeros((3, 2)) + 1)
    assert fingerprint(MappedMatrix.from_npy(path)) != before


def test_networks_count_by_structure_and_weights():
    torch = pytest.importorskip("torch")
    a, b = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    digest = fingerprint(a)
    assert digest == fingerprint(a) != fingerprint(b)
    b.load_state_dict(a.state_dict())
    assert fingerprint(b) == digest
    assert fingerprint(torch.nn.Sequential(a)) != digest
    assert fingerprint(torch.ones(2, dtype=torch.bfloat16)) != fingerprint(torch.ones(2))
