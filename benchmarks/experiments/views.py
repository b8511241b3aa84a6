"""X in the forms that methods take, for one split into training and test rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import StandardScaler

from vilma import OneHotCodes

__all__ = ["N_COMPONENTS", "Views"]

N_COMPONENTS = 100


class Views:
    """Training and test rows of one matrix.

    "own" is the matrix as vilma takes it: dense columns in standard units, or codes. "plain" is
    the same as dense or CSR matrix. "reduced" replaces codes by their `N_COMPONENTS` principal
    directions (TruncatedSVD, not centred), for methods that need few dense columns. Whatever is
    estimated for a form is estimated on the training rows.

    Parameters
    ----------
    X : ndarray or OneHotCodes of shape (n_samples, n_features)
        All rows.
    train, test : ndarray of int
        Which rows are which.
    """

    def __init__(self, X: np.ndarray | OneHotCodes, train: np.ndarray, test: np.ndarray) -> None:
        self._parts: dict[str, tuple[Any, Any]] = {}
        if isinstance(X, OneHotCodes):
            self._parts["own"] = X[train], X[test]
        else:
            scaler = StandardScaler().fit(X[train])
            dense = scaler.transform(X[train]), scaler.transform(X[test])
            self._parts = dict.fromkeys(("own", "plain", "reduced"), dense)

    def get(self, view: str) -> tuple[Any, Any]:
        """Return training and test rows in one form; it is made once."""
        if view not in self._parts:
            self._parts[view] = self._plain() if view == "plain" else self._reduced()
        return self._parts[view]

    def _plain(self) -> tuple[Any, Any]:
        train, test = self._parts["own"]
        return train.tocsr(), test.tocsr()

    def _reduced(self) -> tuple[Any, Any]:
        train, test = self.get("plain")
        svd = TruncatedSVD(N_COMPONENTS, n_iter=2, random_state=0)
        scaler = StandardScaler()
        return scaler.fit_transform(svd.fit_transform(train)), scaler.transform(
            svd.transform(test)
        )
