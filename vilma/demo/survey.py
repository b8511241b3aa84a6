"""A task from the survey that comes with the package: one yes/no question for every respondent."""

from __future__ import annotations

import numpy as np

from vilma.datasets import load_anes96
from vilma.demo.task import TEST, TRAIN, Task, Vagueness

TEST_SHARE = 0.25

# `python -m benchmarks.experiments questions`: the difference is 0.005 with a standard error of
# 0.010 over 20 splits, and each is the better one in about half of them.
_RIVAL = (
    "\nNot in the table: interval regression (lifelines, Stata's intreg), which takes the levels "
    "for numbers with normal noise, is level with vilma here: 0.932 and 0.937 over 20 splits."
)


def survey_task(vagueness: Vagueness, *, seed: int = 0) -> Task:
    """Return the party identification of 944 respondents, made vague.

    Parameters
    ----------
    vagueness : Vagueness
        What respondents say of their level.
    seed : int, default=0
        Seed of the division and of the answers.

    Returns
    -------
    Task
        A quarter of the respondents tests.
    """
    data = load_anes96()
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
        level_name="party identification",
        description=(
            "American National Election Study of 1996: party identification, from 0 (strong "
            f"Democrat) to {data.classes[-1]} (strong Republican), of {n} respondents by "
            f"{data.data.shape[1]} other answers.\nTraining: {np.sum(part == TRAIN)} respondents, "
            f"known by {vagueness}. Test: the true levels of the other {np.sum(part == TEST)}."
            + (_RIVAL if vagueness == Vagueness() else "")
        ),
    )
