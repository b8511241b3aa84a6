"""Examples of Stata's ologit, and what Stata prints for them.

Repair records: ``webuse fullauto`` of the manual [R] ologit, 66 cars of 1977 whose record is
known. The first example is ``ologit rep77 foreign``; the second, with the columns length and
mpg, too, is given here by the intervals that M. Calderon (Econometrics.jl, Proceedings of JuliaCon
2020) reprints in the table "Proportional Odds Logistic Regression".

Applications: UCLA's Stata data analysis example, ``ologit apply pared public gpa, or``. Its 400
simulated rows come with the tests of statsmodels.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

RECORDS = ["Poor", "Fair", "Average", "Good", "Excellent"]

# Record (1 to 5), length in inches and miles per gallon of domestic and of foreign cars.
_DOMESTIC = """
2 186 22  1 173 17  3 196 20  4 222 15  4 218 18  3 200 20  4 207 16  3 200 19  3 221 14  2 204 14
3 204 21  3 163 29  4 212 16  3 193 22  3 200 22  2 179 24  3 197 19  4 163 30  2 206 18  2 206 16
2 220 17  3 179 21  4 233 12  4 230 12  3 201 14  3 169 22  3 221 14  4 217 14  2 212 15  3 195 20
3 198 19  4 198 19  4 218 18  3 200 19  1 180 24  3 206 16  4 220 21  3 170 38  4 157 34  2 201 18
4 214 18  2 198 18  3 201 19  3 199 19  2 179 24
"""
_FOREIGN = """
3 174 23  2 189 17  4 177 25  3 170 23  5 165 35  4 170 24  4 184 21  1 161 21  5 172 25  4 149 28
4 154 30  3 142 26  4 164 35  5 174 18  5 165 31  5 175 18  3 155 25  4 155 41  3 156 25  3 172 23
3 193 17
"""

# ologit rep77 foreign
FOREIGN_COEF, FOREIGN_ERROR = 1.455878, 0.5308951
FOREIGN_CUTS = [-2.765562, -0.9963603, 0.9426153, 3.123351]
FOREIGN_CUT_ERRORS = [0.5988208, 0.3217706, 0.3136398, 0.5423257]
FOREIGN_LOG_LIKELIHOOD = -85.908161

# ologit rep77 foreign length mpg, and oprobit with the same columns: the coefficient of foreign
ALL_FOREIGN_LOGIT, ALL_FOREIGN_PROBIT = 2.896807, 1.704861
# ologit rep77 foreign length mpg: 95 % intervals of the coefficients, then of the cuts
INTERVALS = [(1.3472, 4.4464), (0.0383, 0.1274), (0.0927, 0.3689)]
CUT_INTERVALS = [(7.0473, 28.8076), (8.8962, 30.8340), (10.9140, 33.2926), (13.1465, 36.2378)]

# ologit apply pared public gpa, or: odds ratio, its error, z, p, and its interval
APPLY = {
    "pared": (2.850982, 0.7577601, 3.94, 0.000, 1.69338, 4.799927),
    "public": (0.9430059, 0.2808826, -0.20, 0.844, 0.5259888, 1.690645),
    "gpa": (1.851037, 0.4824377, 2.36, 0.018, 1.11062, 3.085067),
}
# cut, its error and its interval
APPLY_CUTS = [
    (2.203323, 0.7795353, 0.6754621, 3.731184),
    (4.298767, 0.8043147, 2.72234, 5.875195),
]
APPLY_LOG_LIKELIHOOD, APPLY_CHI2, APPLY_PSEUDO_R2 = -358.51244, 24.18, 0.0326


def load_cars() -> tuple[pd.DataFrame, np.ndarray]:
    """Return the columns foreign, length and mpg, and the records of 66 cars."""
    kinds = [np.array(text.split(), dtype=float).reshape(-1, 3) for text in (_DOMESTIC, _FOREIGN)]
    foreign = np.repeat([0.0, 1.0], [len(kind) for kind in kinds])
    record, length, mpg = np.vstack(kinds).T
    X = pd.DataFrame({"foreign": foreign, "length": length, "mpg": mpg})
    return X, np.array(RECORDS)[record.astype(int) - 1]
