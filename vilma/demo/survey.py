"""A task from the survey that comes with the package: one yes/no question for every respondent."""

from __future__ import annotations

from typing import Literal

import numpy as np

from vilma.datasets import load_anes96
from vilma.demo.task import TEST, TRAIN, Task, Vagueness

TEST_SHARE = 0.25

_QUESTIONS = {
    "selfLR": (
        "place from liberal to conservative",
        "own place from 1 (extremely liberal) to 7 (extremely conservative)",
    ),
    "PID": (
        "party identification",
        "party identification from 0 (strong Democrat) to 6 (strong Republican)",
    ),
}


def survey_task(
    vagueness: Vagueness, *, target: Literal["selfLR", "PID"] = "selfLR", seed: int = 0
) -> Task:
    """Return a question that 944 respondents answered, made vague.

    Parameters
    ----------
    vagueness : Vagueness
        What respondents say of their level.
    target : {"selfLR", "PID"}, default="selfLR"
        Their own place from liberal to conservative, or their party.
    seed : int, default=0
        Seed of the division and of the answers.

    Returns
    -------
    Task
        A quarter of the respondents tests.
    """
    data = load_anes96(target=target)
    level_name, question = _QUESTIONS[target]
    rng = np.random.default_rng(seed)
    n = len(data.target)
    part = np.repeat(TRAIN, n)
    part[rng.permutation(n)[: round(TEST_SHARE * n)]] = TEST
    drawn = vagueness.draw(data.target, data.classes, int(rng.integers(2**31)))
    return Task(
        items=data.data,
        intervals=drawn.intervals.astype(np.float64),
        truth=np.column_stack([data.target, data.target]).astype(np.float64),
        classes=data.classes,
        part=part,
        item_name="respondents",
        level_name=level_name,
        description=(
            f"American National Election Study of 1996: {question}, of {n} respondents by "
            f"{data.data.shape[1]} other answers.\nTraining: {np.sum(part == TRAIN)} respondents, "
            f"known by {vagueness}. Test: the true levels of the other {np.sum(part == TEST)}."
        ),
    )
