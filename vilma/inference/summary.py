"""The table of a fit by maximum likelihood."""

from __future__ import annotations

import html
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from vilma._optional import require
from vilma.inference.comparison import wald_test
from vilma.inference.estimates import Estimates

if TYPE_CHECKING:
    import pandas

__all__ = ["Summary", "frame", "read_level", "wald"]

_LINK_NAMES = {"logit": "logit", "probit": "probit", "cloglog": "complementary log-log"}
_COVARIANCE_NAMES = {
    "observed": "observed information",
    "robust": "robust (sandwich)",
    "cluster": "robust, {n_clusters} clusters",
}


def read_level(level: float) -> float:
    """Check the coverage of confidence intervals."""
    if not isinstance(level, Real) or not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level!r}.")
    return float(level)


def frame(columns: dict, index) -> pandas.DataFrame:
    """Make a data frame, or say which extra brings pandas."""
    pandas = require("pandas", "test", "A data frame of estimates")
    return pandas.DataFrame(columns, index=index)


def wald(
    estimate: np.ndarray, error: np.ndarray, level: float, n_clusters: int | None
) -> dict[str, np.ndarray]:
    """Return z, p and the interval of estimates that are normal in large samples.

    With clusters, t of as many degrees of freedom less 1 takes the place of the normal
    distribution, as in Stata's svy. In 150 simulations of 20 rows per cluster, a true 0 for a
    column of the clusters, with effects of the clusters beside it, was rejected at 5 % in 19 % of
    the cases for 4 clusters (36 % with the normal distribution), 12 % for 10 (15 %), 12 % for 20
    (15 %), 6 % for 30 (8 %) and 6 % for 40 (7 %).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        z = estimate / error
    law = stats.norm if n_clusters is None else stats.t(n_clusters - 1)
    far = law.ppf(0.5 + level / 2.0) * error
    return {
        "z": z,
        "p": 2.0 * law.sf(np.abs(z)),
        "lower": estimate - far,
        "upper": estimate + far,
    }


@dataclass(frozen=True, repr=False)
class Summary:
    """Coefficients with standard errors, odds ratios and intervals, and how good the fit is.

    It prints as text and shows itself as a table in notebooks.

    Parameters
    ----------
    estimates : Estimates
        What was fitted.
    level : float
        Coverage of the intervals.

    Raises
    ------
    ValueError
        If `level` does not lie between 0 and 1.
    """

    estimates: Estimates
    level: float = 0.95

    def __post_init__(self) -> None:
        read_level(self.level)

    def to_frame(self) -> pandas.DataFrame:
        """Return a row per coefficient.

        Returns
        -------
        pandas.DataFrame
            Columns coef, std_err, z, p, lower, upper, and for the logit odds_ratio,
            odds_ratio_lower, odds_ratio_upper. With clusters z is Student's t, with one degree
            of freedom less than there are clusters. Coefficients that are not identified have NaN,
            and those that separation leaves infinite or untold, no standard error.
        """
        return frame(self._coefficients(), self.estimates.names)

    def thresholds_to_frame(self) -> pandas.DataFrame:
        """Return a row per distinct threshold that the annotations identify.

        Returns
        -------
        pandas.DataFrame
            Columns threshold, std_err, lower, upper. The name ``a|b`` is that of the threshold
            between a and all labels below it, and b and all labels above. Those that separation
            leaves infinite or untold have no standard error.
        """
        return frame(self._thresholds(), self.estimates.threshold_names)

    def fit_statistics(self) -> dict[str, float]:
        """Return the figures that stand above the table.

        Returns
        -------
        dict
            With the keys log_likelihood, null_log_likelihood, aic, bic, pseudo_r2 (McFadden),
            chi2 and p of the test that all coefficients are 0, df (coefficients),
            n_parameters, n_rows, n_exact, n_bracketed, n_open, n_silent, total_weight. The test
            is that of the likelihood ratio. With robust standard errors the likelihood is not
            trusted: the test is Wald's with the sandwich, for clusters by F, and aic and bic are
            NaN. It is NaN, too, where there are not more clusters than coefficients, or the labels
            are separated.
        """
        e = self.estimates
        identified = np.flatnonzero(e.identified)
        df, chi2, p = len(identified), np.nan, np.nan
        trusted = e.covariance_type == "observed"
        if df and trusted:
            chi2 = max(2.0 * (e.log_likelihood - e.null_log_likelihood), 0.0)
            p = float(stats.chi2.sf(chi2, df))
        elif df and not e.separated and (e.n_clusters is None or e.n_clusters > df):
            chi2, _, p, _ = wald_test(e, identified)
        return {
            "log_likelihood": e.log_likelihood,
            "null_log_likelihood": e.null_log_likelihood,
            "aic": e.aic if trusted else np.nan,
            "bic": e.bic if trusted else np.nan,
            "pseudo_r2": e.pseudo_r2,
            "chi2": chi2,
            "df": df,
            "p": p,
            "n_parameters": e.n_parameters,
            "n_rows": e.rows.total,
            "n_exact": e.rows.exact,
            "n_bracketed": e.rows.bracketed,
            "n_open": e.rows.open,
            "n_silent": e.rows.silent,
            "total_weight": e.total_weight,
        }

    def _coefficients(self) -> dict[str, np.ndarray]:
        e = self.estimates
        error = e.standard_errors[: len(e.coef)]
        error[list(e.separated)] = np.nan
        coef = np.where(e.identified, e.coef, np.nan)
        columns = {"coef": coef, "std_err": error, **wald(coef, error, self.level, e.n_clusters)}
        if e.link == "logit":
            with np.errstate(over="ignore"):
                columns["odds_ratio"] = np.exp(coef)
                columns["odds_ratio_lower"] = np.exp(columns["lower"])
                columns["odds_ratio_upper"] = np.exp(columns["upper"])
        return columns

    def _thresholds(self) -> dict[str, np.ndarray]:
        e = self.estimates
        error = e.standard_errors[len(e.coef) :]
        error[list(e.separated_thresholds)] = np.nan
        interval = wald(e.thresholds, error, self.level, e.n_clusters)
        return {
            "threshold": e.thresholds,
            "std_err": error,
            "lower": interval["lower"],
            "upper": interval["upper"],
        }

    def _facts(self) -> list[tuple[str, str]]:
        e, s = self.estimates, self.fit_statistics()
        kinds = [
            (e.rows.exact, "exact"),
            (e.rows.bracketed, "bracketed"),
            (e.rows.open, "open"),
            (e.rows.silent, "without information"),
        ]
        covariance = _COVARIANCE_NAMES[e.covariance_type].format(n_clusters=e.n_clusters)
        rows = f"{e.rows.total:,} ({', '.join(f'{n:,} {kind}' for n, kind in kinds if n)})"
        trusted = e.covariance_type == "observed"
        facts = [
            ("Rows", rows),
            (
                "Log-likelihood" if trusted else "Log pseudolikelihood",
                f"{e.log_likelihood:.4f} (thresholds alone {e.null_log_likelihood:.4f})",
            ),
            ("Pseudo R2 (McFadden)", f"{max(e.pseudo_r2, 0.0):.4f}"),
            ("Standard errors", covariance),
        ]
        if trusted:
            facts.insert(2, ("AIC, BIC", f"{e.aic:.2f}, {e.bic:.2f}"))
        if s["df"]:
            facts.insert(2, ("All coefficients 0", self._test_of_all(s)))
        if e.total_weight != e.rows.total:
            facts.insert(1, ("Sum of weights", f"{e.total_weight:,.6g}"))
        return facts

    def _test_of_all(self, s: dict[str, float]) -> str:
        n_clusters, df = self.estimates.n_clusters, s["df"]
        if np.isnan(s["chi2"]):
            if self.estimates.separated:
                return "no test: the labels are separated"
            return f"no test: {n_clusters} clusters for {df} coefficients"
        if n_clusters is not None:
            statistic = f"Wald F({df}, {n_clusters - 1}) = {s['chi2'] / df:.2f}"
        elif self.estimates.covariance_type == "robust":
            statistic = f"Wald chi2({df}) = {s['chi2']:.2f}"
        else:
            statistic = f"chi2({df}) = {s['chi2']:.2f}"
        return f"{statistic}, {_p_equation(s['p'])}"

    def _title(self) -> str:
        kind = "" if self.estimates.covariance_type == "observed" else "pseudo-"
        return f"Ordered {_LINK_NAMES[self.estimates.link]}, maximum {kind}likelihood"

    def _tables(self) -> list[tuple[list[str], list[list[str]]]]:
        """Return heads and rows of the two tables, as text."""
        e, columns = self.estimates, self._coefficients()
        low, high = f"[{0.5 - self.level / 2:.3g}", f"{0.5 + self.level / 2:.3g}]"
        head = ["", "coef", "std err", "z" if e.n_clusters is None else "t", "p", low, high]
        shown = ["coef", "std_err", "z", "p", "lower", "upper"]
        if e.link == "logit":
            head += ["odds ratio", low, high]
            shown += ["odds_ratio", "odds_ratio_lower", "odds_ratio_upper"]
        rows = [
            [name, *(_cell(key, columns[key][j]) for key in shown)]
            for j, name in enumerate(e.names)
        ]
        thresholds = self._thresholds()
        lines = [
            [
                name,
                _cell("coef", thresholds["threshold"][k]),
                _cell("std_err", thresholds["std_err"][k]),
                "",
                "",
                _cell("lower", thresholds["lower"][k]),
                _cell("upper", thresholds["upper"][k]),
            ]
            for k, name in enumerate(e.threshold_names)
        ]
        return [(head, rows), (["Thresholds", *[""] * 6], lines)]

    def __str__(self) -> str:
        tables = self._tables()
        everything = [line for head, rows in tables for line in [head, *rows]]
        widths = [
            max(len(line[k]) for line in everything if k < len(line))
            for k in range(len(tables[0][0]))
        ]

        def write(line: list[str]) -> str:
            cells = [line[0].ljust(widths[0])]
            cells += [cell.rjust(widths[k]) for k, cell in enumerate(line) if k]
            return "  ".join(cells).rstrip()

        facts = self._facts()
        left = max(len(name) for name, _ in facts) + 2
        lines = [self._title(), *(name.ljust(left) + value for name, value in facts), ""]
        for head, rows in tables:
            lines += [write(head), *map(write, rows)]
        for note in self.estimates.notes:
            lines += ["", note]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def row(cells: list[str], tag: str) -> str:
            first, *others = cells
            return (
                f'<tr><th style="text-align:left">{html.escape(first)}</th>'
                + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in others)
                + "</tr>"
            )

        facts = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(value)}</td></tr>'
            for name, value in self._facts()
        )
        body = "".join(
            row(head, "th") + "".join(row(line, "td") for line in rows)
            for head, rows in self._tables()
        )
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.estimates.notes)
        caption = html.escape(self._title())
        return f"<table><caption>{caption}</caption>{facts}</table><table>{body}</table>{notes}"


def _cell(kind: str, value: float) -> str:
    if np.isnan(value):
        return "-"
    if kind == "p":
        return _p_text(value)
    if kind == "z":
        return f"{value:.2f}"
    return f"{value:.4g}" if abs(value) >= 1000.0 or abs(value) < 1e-2 else f"{value:.4f}"


def _p_text(p: float) -> str:
    if np.isnan(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _p_equation(p: float) -> str:
    text = _p_text(p)
    return f"p {text[0]} {text[1:]}" if text.startswith("<") else f"p = {text}"
