"""The housing data of R's MASS, and what its manual prints for them.

Madsen (1976), 1,681 residents in 72 cells; ``example(polr)`` of Venables and Ripley's MASS fits
``polr(Sat ~ Infl + Type + Cont, weights = Freq, data = housing)``. Coefficients and deviance as
the fit prints them, standard errors as ``summary(house.plr)`` does with four digits.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

LEVELS = ["Low", "Medium", "High"]

# Freq by Cont (Low, High), Type (Tower, Apartment, Atrium, Terrace), Infl and Sat.
_FREQUENCIES = """
21 21 28 34 22 36 10 11 36 61 23 17 43 35 40 26 18 54 13 9 10 8 8 12 6 7 9 18 6 7 15 13 13 7 5 11
14 19 37 17 23 40 3 5 23 78 46 43 48 45 86 15 25 62 20 23 20 10 22 24 7 10 21 57 23 13 31 21 13 5
6 13
"""

COEF = {
    "InflMedium": 0.5663937,
    "InflHigh": 1.2888191,
    "TypeApartment": -0.5723501,
    "TypeAtrium": -0.3661866,
    "TypeTerrace": -1.0910149,
    "ContHigh": 0.3602841,
}
STANDARD_ERRORS = [0.1047, 0.1272, 0.1192, 0.1552, 0.1515, 0.0955]
THRESHOLDS = {"Low|Medium": -0.4961353, "Medium|High": 0.6907083}
THRESHOLD_ERRORS = [0.1248, 0.1255]
DEVIANCE, AIC = 3479.149, 3495.149


def load_housing() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return columns by R's treatment contrasts, satisfaction and frequencies of the cells."""
    types = ["Tower", "Apartment", "Atrium", "Terrace"]
    cells = list(itertools.product(["Low", "High"], types, LEVELS, LEVELS))
    cont, kind, influence, satisfaction = (np.array(column) for column in zip(*cells, strict=True))
    X = pd.DataFrame(
        {
            "InflMedium": influence == "Medium",
            "InflHigh": influence == "High",
            "TypeApartment": kind == "Apartment",
            "TypeAtrium": kind == "Atrium",
            "TypeTerrace": kind == "Terrace",
            "ContHigh": cont == "High",
        }
    )
    frequencies = np.array(_FREQUENCIES.split(), dtype=float)
    return X.astype(float), satisfaction, frequencies
