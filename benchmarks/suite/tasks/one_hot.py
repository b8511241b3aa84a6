"""Sparse binary data of the size and kind of the paper's multi-scale LBP features."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from benchmarks.suite.storage import append_codes, codes_to_csr, save_targets
from benchmarks.suite.tasks.base import Task

__all__ = ["OneHot"]

_N_PATTERNS = 256
_ROWS_AT_ONCE = 10_000
_MODEL, _TRAIN, _TEST, _ANNOTATION = range(4)  # independent streams of a seed


@dataclass(frozen=True, kw_only=True)
class OneHot(Task):
    """One pattern of 256 for each of many positions, as codes or CSR.

    Patterns are rare and common as those of photographs are, and their frequencies drift with
    the label. Rows are drawn in blocks from streams of their own: memory stays bounded, and a
    larger task begins with the rows of a smaller one.

    The drift is ``even``, the same from each label to the next, or ``early``: like the looks of
    faces with age, it slows down with the logarithm of the label.
    """

    kind: ClassVar[str] = "one-hot"

    rows: int = 33_000
    test_rows: int = 5_000
    blocks: int = 623
    n_classes: int = 55
    form: Literal["codes", "csr"] = "codes"
    drift: Literal["even", "early"] = "even"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("codes", "csr"):
            raise ValueError(f"form must be 'codes' or 'csr', got {self.form!r}.")
        if self.drift not in ("even", "early"):
            raise ValueError(f"drift must be 'even' or 'early', got {self.drift!r}.")

    @property
    def container(self) -> str:
        return self.form

    @property
    def size(self) -> tuple[int, int]:
        return self.rows, _N_PATTERNS * self.blocks

    def describe(self) -> str:
        return (
            f"{self.rows:,} rows with {self.blocks} ones among {self.size[1]:,} columns, one of "
            f"{_N_PATTERNS} patterns per position, as {self.form}; {self.n_classes} labels, "
            f"equally frequent; the patterns' frequencies drift with the label"
            f"{', early ones faster' if self.drift == 'early' else ''}; {self.annotate}; "
            f"tested on {self.test_rows:,} rows."
        )

    def make(self, folder: Path) -> None:
        cumulative = self._frequencies()
        labels = {}
        for part, stream, n_rows in (
            ("train", _TRAIN, self.rows),
            ("test", _TEST, self.test_rows),
        ):
            drawn = []
            with append_codes(folder / part, (n_rows, self.blocks), _N_PATTERNS) as file:
                for block_labels, codes in self._draw(stream, n_rows, cumulative):
                    drawn.append(block_labels)
                    codes.tofile(file)
            labels[part] = np.concatenate(drawn)
            if self.form == "csr":
                codes_to_csr(folder / part)
        intervals = self.annotate(labels["train"], self.n_classes, self._rng(_ANNOTATION))
        save_targets(folder, intervals, labels["test"], np.arange(self.n_classes))

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *stream])

    def _frequencies(self) -> np.ndarray:
        """Return the labels' cumulative frequencies, of shape (blocks, n_classes, patterns)."""
        rng = self._rng(_MODEL)
        commonness = rng.gamma(0.15, size=(self.blocks, 1, _N_PATTERNS))
        tilt = 0.15 * rng.normal(size=commonness.shape)
        progress = np.linspace(0.0, 1.0, self.n_classes)
        if self.drift == "early":
            progress = np.log1p(9.0 * progress) / np.log(10.0)
        frequency = commonness * np.exp((4.0 * progress - 2.0)[:, None] * tilt)
        cumulative = np.cumsum(frequency / frequency.sum(axis=2, keepdims=True), axis=2)
        cumulative[:, :, -1] = 1.0  # rounding must not leave draws beyond
        return cumulative

    def _draw(
        self, stream: int, n_rows: int, cumulative: np.ndarray
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield labels and codes of one block of rows after the other."""
        for number, start in enumerate(range(0, n_rows, _ROWS_AT_ONCE)):
            rng = self._rng(stream, number)
            # A whole block is drawn even if not all of it is needed: sizes share their rows.
            labels = rng.integers(0, self.n_classes, _ROWS_AT_ONCE)
            codes = np.empty((_ROWS_AT_ONCE, self.blocks), np.uint8)
            for block, tables in enumerate(cumulative):
                draws = rng.random(_ROWS_AT_ONCE)
                # All labels' tables in one, sorted: that of label y occupies [y, y + 1).
                table = (tables + np.arange(self.n_classes)[:, None]).ravel()
                found = np.searchsorted(table, labels + draws, side="right")
                codes[:, block] = found - labels * _N_PATTERNS
            kept = min(n_rows - start, _ROWS_AT_ONCE)
            yield labels[:kept], codes[:kept]
