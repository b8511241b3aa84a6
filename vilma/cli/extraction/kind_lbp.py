"""Multi-scale LBP, as a kind of features."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma.cli._features import LBP
from vilma.cli.extraction.readers import Reader
from vilma.cli.extraction.rows import CodeRows
from vilma.features import MultiScaleLBP
from vilma.features.multiscale_lbp import N_PATTERNS


@dataclass(frozen=True)
class LBPKind:
    """One-hot codes of local binary patterns.

    Attributes
    ----------
    extractor : MultiScaleLBP
        With one thread: it takes a hundredth of the time of reading.
    reader : Reader
        Makes grey crops of its size.
    """

    extractor: MultiScaleLBP
    reader: Reader
    clock = staticmethod(time.thread_time)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "features": LBP,
            "drop_full_resolution": self.extractor.drop_full_resolution,
            **self.reader.settings,
        }

    @property
    def inputs(self) -> dict[str, str]:
        return self.reader.inputs

    def prepare(self) -> CodeRows:
        rows = CodeRows(np.full(len(self.extractor.positions_), N_PATTERNS))
        self.compute([np.zeros(self.extractor.size, np.uint8)])  # loads the kernels
        return rows

    def compute(self, items: Sequence[NDArray]) -> NDArray[np.uint8]:
        return self.extractor.compute_codes(np.stack(items))
