"""Ordinal classification with neural networks, from exact and interval labels.

The names are loaded on first use: ``import vilma.deep`` needs no torch, its estimators do.
Install it with ``pip install "vilma[deep]"``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
