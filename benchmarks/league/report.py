"""Ranks, wins and losses of the league."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from benchmarks.league.methods import RECOMMENDED

__all__ = ["mean_ranks", "write_report"]


def mean_ranks(errors: pd.DataFrame) -> pd.Series:
    """Return the mean rank of every column over the rows; equal errors share theirs.

    Parameters
    ----------
    errors : DataFrame of shape (n_tables, n_methods)
        Mean absolute errors; a missing one has the last rank.
    """
    return errors.fillna(np.inf).rank(axis=1).mean().sort_values()


def write_report(results: list[dict[str, Any]]) -> str:
    """Return a table of ranks for every design of the annotations.

    Methods are compared table by table, their errors averaged over the splits that all of them
    have; a method without a result on some table has the last rank there.
    """
    if not results:
        return "Nothing has been measured."
    frame = pd.DataFrame(results)
    parts = [_of_design(str(design), part) for design, part in frame.groupby("design", sort=False)]
    return "\n\n".join(parts)


def _of_design(design: str, frame: pd.DataFrame) -> str:
    errors, n_splits = _errors(frame)
    seconds = frame.groupby("method")["seconds"].mean()
    ranks = mean_ranks(errors)
    lines = [
        f"### {design}: {len(errors)} tables, {n_splits} splits, {len(ranks)} methods",
        "",
        "| method | mean rank | mean error | won : lost | p | s per table |",
        "|---|---|---|---|---|---|",
    ]
    for name, rank in ranks.items():
        won, test = _against(errors, str(name))
        lines.append(
            f"| {name} | {rank:.2f} | {errors[name].mean():.3f} | {won} | {test} | "
            f"{seconds.get(name, np.nan):.1f} |"
        )
    lines += [
        "",
        f"Won, lost and p (Wilcoxon's signed ranks over tables) are those of {RECOMMENDED} "
        f"against the method. With {max(len(ranks) - 1, 1)} comparisons one p below "
        f"{1 / max(len(ranks) - 1, 1):.3f} is to be expected by chance.",
        "",
        *_by_table(errors[list(ranks.index)]),
    ]
    return "\n".join(lines)


def _errors(frame: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Mean errors by table and method, over the splits that all methods of a table have.

    Also the number of these splits, "1 to 5" where it differs between tables.
    """
    by_split = frame.pivot_table(index=["table", "split"], columns="method", values="mae")
    parts, numbers = {}, set()
    for table, part in by_split.groupby(level="table"):
        known = part.dropna(axis=1, how="all").dropna()
        parts[table] = known.mean().reindex(by_split.columns)
        numbers.add(len(known))
    # The same errors added in another order are equal: means differ by more than 1e-10, or not.
    errors = pd.DataFrame.from_dict(parts, orient="index").round(10)
    least, most = min(numbers, default=0), max(numbers, default=0)
    return errors, f"{least}" if least == most else f"{least} to {most}"


def _by_table(errors: pd.DataFrame) -> list[str]:
    tables = list(errors.index)
    rows = [
        f"| {name} | " + " | ".join(f"{errors.loc[table, name]:.3f}" for table in tables) + " |"
        for name in errors
    ]
    return [f"| | {' | '.join(tables)} |", "|---" * (len(tables) + 1) + "|", *rows]


def _against(errors: pd.DataFrame, name: str) -> tuple[str, str]:
    if name == RECOMMENDED or RECOMMENDED not in errors:
        return "", ""
    both = errors[[RECOMMENDED, name]].dropna()
    difference = both[name] - both[RECOMMENDED]
    won = f"{int((difference > 0).sum())} : {int((difference < 0).sum())}"
    if len(both) < 5 or not difference.any():
        return won, ""
    return won, f"{wilcoxon(difference).pvalue:.3f}"
