"""PyTorch, or an error that says how to get it.

Modules of this package that compute with torch begin with this import, so that whoever comes in
by another way than the estimators meets the same sentence.
"""

from __future__ import annotations

from vilma._optional import require

require("torch", "deep", "vilma.deep")

import torch  # noqa: E402

__all__ = ["torch"]
