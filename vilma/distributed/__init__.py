"""Rows on the workers of a cluster: the extra ``distributed`` installs what it needs.

``cells.py`` says how little of the rows the client needs, ``surrogate.py`` how it finds the
minimum over the thresholds with it, and ``engine.py`` what is asked of the engine.
"""

from vilma.distributed.engine import Engine, LocalEngine
from vilma.distributed.loaded import LoadedRows
from vilma.distributed.matrix import PartitionedMatrix
from vilma.distributed.part import Fold, Part
from vilma.distributed.partitions import Partitions

__all__ = [
    "Engine",
    "Fold",
    "LoadedRows",
    "LocalEngine",
    "Part",
    "PartitionedMatrix",
    "Partitions",
]
