"""Every public name answers wrong arguments by a clear error, not by a bare one or nonsense."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.core_calls import NAMES
from tests.wrong_calls import outcome


@pytest.mark.filterwarnings("ignore::UserWarning")  # X has nothing to do with y
@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.name)
def test_right_calls_are_right(name):
    """Wrong calls differ in one argument from one that works."""
    if name.works:
        name.call(**name.right)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.name)
def test_wrong_calls_have_clear_answers(name):
    answers = [
        (argument, value, outcome(name, argument, value)) for argument, value in name.wrong_calls()
    ]
    assert [answer for answer in answers if answer[2] != "clear"] == []


def test_there_are_thousands_of_wrong_calls():
    count = Counter(name.name for name in NAMES for _ in name.wrong_calls())
    assert sum(count.values()) >= 3000
