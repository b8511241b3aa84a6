"""Tables of weak signals for the league: ``python -m benchmarks.league.weak_tables DIR``."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmarks.experiments.real_data import anes_levels, read_kakadu
from vilma.datasets import load_anes96, load_wine_quality

_FEW = {
    "party": ["popul", "age", "educ", "income"],
    "income": ["popul", "TVnews", "age"],
    "kakadu": ["sex", "age", "schooling", "income"],
}


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--kakadu", type=click.Path(exists=True, path_type=Path), help="kakadu_wtp.csv")
def main(output: Path, kakadu: Path | None) -> None:
    """Write tables whose labels hardly depend on their columns, some with few of these only.

    Party identification and household income of the American National Election Study of 1996,
    the quality of wines, and, where its file is given, what visitors would pay for Kakadu.
    """
    output.mkdir(parents=True, exist_ok=True)
    for name, frame in _tables(kakadu).items():
        frame.to_csv(output / f"{name}.csv", index=False)
        if name in _FEW:
            ends = [each for each in ("label", "lower", "upper") if each in frame]
            frame[_FEW[name] + ends].to_csv(output / f"{name}-few.csv", index=False)


def _tables(kakadu: Path | None) -> dict[str, pd.DataFrame]:
    party = load_anes96(as_frame=True)
    income = load_anes96(target="income", as_frame=True).data
    wine, quality = load_wine_quality(return_X_y=True, as_frame=True)
    tables = {
        "party": party.data.assign(label=np.asarray(party.target)),
        "income": income.assign(label=anes_levels().intervals[:, 0]),
        "wine": wine.assign(label=np.asarray(quality)),
    }
    if kakadu is not None:
        features = pd.read_csv(kakadu).drop(columns=["lower", "upper", "answer"])
        lower, upper = read_kakadu(kakadu).intervals.T
        tables["kakadu"] = features.assign(lower=lower, upper=upper)
    return tables


if __name__ == "__main__":
    main()
