"""A row per task and adapter: medians over the repeats, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.suite.results import Results

__all__ = ["Row", "summarize"]


@dataclass(frozen=True)
class Row:
    """What was found out about an adapter on a task; figures are None where unknown.

    Attributes
    ----------
    status : str
        "ok", "timed out", "failed" or "skipped".
    seconds, fastest, slowest : float or None
        Of the fit: median and range.
    peak_bytes : float or None
        Largest resident memory of the process.
    above_bytes : float or None
        What of it exceeds the level before the fit, the data being loaded.
    pairs : float or None
        Time in units of one product X w and one X^T c.
    """

    task: str
    adapter: str
    status: str
    reason: str
    options: dict[str, Any]
    n_fits: int = 0
    converged: bool = True
    seconds: float | None = None
    fastest: float | None = None
    slowest: float | None = None
    peak_bytes: float | None = None
    above_bytes: float | None = None
    gap: float | None = None
    n_iter: float | None = None
    pairs: float | None = None
    mae: float | None = None
    macro_mae: float | None = None

    @property
    def seconds_per_iteration(self) -> float | None:
        """Median time over the number of iterations, where there are any."""
        return self.seconds / self.n_iter if self.seconds and self.n_iter else None


def summarize(results: Results) -> list[Row]:
    """Return the rows in the order of the settings."""
    skipped = {(record["task"], record["adapter"]): record["reason"] for record in results.skipped}
    rows = []
    for task in results.settings["tasks"]:
        for adapter in task["adapters"]:
            reason = skipped.get((task["name"], adapter))
            if reason is not None:
                rows.append(Row(task["name"], adapter, "skipped", reason, {}))
                continue
            records = [
                record
                for record in results.fits
                if (record["task"], record["adapter"]) == (task["name"], adapter)
            ]
            if records:
                rows.append(_summarize_fits(records))
    return rows


def _summarize_fits(records: list[dict[str, Any]]) -> Row:
    final = [record for record in records if not record["validation"]]
    last = (final or records)[-1]
    place = last["task"], last["adapter"]
    if last["status"] != "ok":
        return Row(*place, last["status"], last["reason"], last["options"])
    if not final:
        return Row(*place, "unfinished", "the run ended during validation", last["options"])
    seconds = [record["seconds"] for record in final]
    pair_seconds = _median(final, "pair_seconds")
    return Row(
        *place,
        "ok",
        "",
        last["options"],
        n_fits=len(final),
        converged=all(record["converged"] for record in final),
        seconds=median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        pairs=None if pair_seconds is None else median(seconds) / pair_seconds,
        peak_bytes=_median(final, "peak_bytes"),
        above_bytes=_median(final, "above_bytes"),
        gap=_median(final, "gap"),
        n_iter=_median(final, "n_iter"),
        mae=_median(final, "mae"),
        macro_mae=_median(final, "macro_mae"),
    )


def _median(records: list[dict[str, Any]], name: str) -> float | None:
    values = [record[name] for record in records if record.get(name) is not None]
    return median(values) if values else None
