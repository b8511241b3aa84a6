"""Linear ordinal classification from interval labels, with a certified optimum.

The public names are loaded on first use, so that ``import vilma`` stays cheap.
"""

from __future__ import annotations

import importlib
from pathlib import Path

__version__ = "0.1.0"

_WHERE = {
    "VILMA": "vilma.estimators",
    "IISVOR_EXP": "vilma.estimators",
    "IISVOR_IMC": "vilma.estimators",
    "IISVOR_EXPCV": "vilma.estimators",
    "IISVOR_IMCCV": "vilma.estimators",
    "VILMACV": "vilma.estimators",
    "vilma_path": "vilma.estimators",
    "CalibratedOrdinalClassifier": "vilma.probability",
    "ConformalOrdinalClassifier": "vilma.probability",
    "OneHotCodes": "vilma.one_hot",
    "MappedMatrix": "vilma.mapped",
    "save_mapped": "vilma.mapped",
}
_SUBMODULES = ("datasets", "displays", "features", "intervals", "metrics", "probability")

__all__ = ["__version__", *_WHERE, *_SUBMODULES]

# In a checkout that is not installed, vilma/features does not exist: the folder stands beside
# vilma/. Let `vilma.features` be found there, and nowhere else.
_HERE = Path(__file__).resolve().parent
_CHECKOUT = _HERE.parent
if (
    not (_HERE / "features").is_dir()
    and (_CHECKOUT / "features" / "__init__.py").is_file()
    and (_CHECKOUT / "setup.py").is_file()
):
    __path__.append(str(_CHECKOUT))


def __getattr__(name: str):
    if name in _WHERE:
        value = getattr(importlib.import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    if name in _SUBMODULES:
        return importlib.import_module(f"vilma.{name}")
    raise AttributeError(f"module 'vilma' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
