"""Standard errors, tables, tests and marginal effects of OrderedLogit."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.pipeline import make_pipeline

from tests.reference import polr, stata
from vilma import VILMA, OrderedLogit
from vilma.datasets import load_anes96
from vilma.inference import Formula, read_formula
from vilma.inference.proportional_odds import well_supported, widen
from vilma.likelihood import LINKS
from vilma.surrogates import LabeledWeights


def data(m=500, seed=0, n_classes=4):
    """A data frame with a column of zeros and ones, and intervals of labels from 0."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(50, 10, m),
            "male": rng.integers(0, 2, m) * 1.0,
            "size": rng.normal(size=m),
        }
    )
    latent = 0.05 * X["age"] + 0.8 * X["male"] + rng.logistic(size=m)
    y = np.digitize(latent, np.quantile(latent, np.linspace(0, 1, n_classes + 1)[1:-1]))
    wide = rng.random(m) < 0.4
    lower = np.where(wide, np.maximum(y - 1, 0), y)
    return X, np.stack([lower, y], axis=1), y


# Numbers from elsewhere -----------------------------------------------------------------------


@pytest.mark.parametrize("repeated", [False, True])
def test_housing_data_of_polr(repeated):
    X, y, frequency = polr.load_housing()
    if repeated:
        X, y, frequency = (
            X.loc[X.index.repeat(frequency)],
            np.repeat(y, frequency.astype(int)),
            None,
        )
    model = OrderedLogit(classes=polr.LEVELS).fit(X, y, sample_weight=frequency)
    summary = model.summary()
    table, thresholds = summary.to_frame(), summary.thresholds_to_frame()
    assert table["coef"].to_dict() == pytest.approx(polr.COEF, abs=1e-6)
    np.testing.assert_allclose(table["std_err"], polr.STANDARD_ERRORS, atol=1e-4)
    assert thresholds["threshold"].to_dict() == pytest.approx(polr.THRESHOLDS, abs=1e-6)
    np.testing.assert_allclose(thresholds["std_err"], polr.THRESHOLD_ERRORS, atol=1e-4)
    assert -2.0 * model.log_likelihood_ == pytest.approx(polr.DEVIANCE, abs=5e-4)
    assert summary.fit_statistics()["aic"] == pytest.approx(polr.AIC, abs=5e-4)


def printed(value, digits):
    """Round to significant digits, as Stata prints seven."""
    return float(f"{value:.{digits}g}")


def test_cars_of_stata():
    X, y = stata.load_cars()
    model = OrderedLogit(classes=stata.RECORDS).fit(X[["foreign"]], y)
    table, cuts = model.summary().to_frame(), model.summary().thresholds_to_frame()
    assert printed(table.loc["foreign", "coef"], 7) == stata.FOREIGN_COEF
    assert printed(table.loc["foreign", "std_err"], 7) == stata.FOREIGN_ERROR
    assert [printed(cut, 7) for cut in cuts["threshold"]] == stata.FOREIGN_CUTS
    assert [printed(error, 7) for error in cuts["std_err"]] == stata.FOREIGN_CUT_ERRORS
    assert round(model.log_likelihood_, 6) == stata.FOREIGN_LOG_LIKELIHOOD
    model = OrderedLogit(classes=stata.RECORDS).fit(X, y)
    table, cuts = model.summary().to_frame(), model.summary().thresholds_to_frame()
    assert printed(model.coef_[0], 7) == stata.ALL_FOREIGN_LOGIT
    for frame, expected in ((table, stata.INTERVALS), (cuts, stata.CUT_INTERVALS)):
        np.testing.assert_array_equal(frame[["lower", "upper"]].round(4), expected)
    probit = OrderedLogit(link="probit", classes=stata.RECORDS).fit(X, y)
    assert printed(probit.coef_[0], 7) == stata.ALL_FOREIGN_PROBIT


def test_applications_of_stata_and_polr():
    """UCLA's example, with Stata's output and, of statsmodels' tests, polr's for three links."""
    results = pytest.importorskip("statsmodels.miscmodels.tests.results.results_ordinal_model")
    data = results.data_store.df
    X, y = data[["pared", "public", "gpa"]], data["apply"]
    model = OrderedLogit().fit(X, y)
    summary = model.summary()
    table, cuts = summary.to_frame(), summary.thresholds_to_frame()
    for name, (ratio, error, z, p, lower, upper) in stata.APPLY.items():
        row = table.loc[name]
        assert printed(row["odds_ratio"], 7) == ratio
        assert printed(row["odds_ratio"] * row["std_err"], 7) == error
        assert (round(row["z"], 2), round(row["p"], 3)) == (z, p)
        assert printed(row["odds_ratio_lower"], 7) == lower
        assert printed(row["odds_ratio_upper"], 7) == upper
    for row, expected in zip(cuts.to_numpy(), stata.APPLY_CUTS, strict=True):
        assert tuple(printed(value, 7) for value in row) == expected
    statistics = summary.fit_statistics()
    assert round(statistics["log_likelihood"], 5) == stata.APPLY_LOG_LIKELIHOOD
    assert round(statistics["chi2"], 2) == stata.APPLY_CHI2
    assert round(statistics["pseudo_r2"], 4) == stata.APPLY_PSEUDO_R2
    for link, theirs in (
        ("logit", results.res_ord_logit),
        ("probit", results.res_ord_probit),
        ("cloglog", results.res_ord_cloglog),
    ):
        model = OrderedLogit(link=link).fit(X, y)
        np.testing.assert_allclose(model.coef_, theirs.coefficients_val, atol=2e-3)
        errors = model.summary().to_frame()["std_err"]
        np.testing.assert_allclose(errors, theirs.coefficients_stdE, atol=2e-4)
        proba = model.predict_proba(X[:7])[:, np.searchsorted(model.classes_, model.scale_)]
        np.testing.assert_allclose(proba, theirs.prob_pred, atol=2e-3)


@pytest.mark.parametrize("kind", ["robust", "cluster"])
def test_sandwiches_equal_statsmodels(kind):
    ordinal_model = pytest.importorskip("statsmodels.miscmodels.ordinal_model")
    X, y = load_anes96(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    m, n = X.shape
    groups = np.random.default_rng(0).integers(0, 60, size=m)
    groups[:60] = np.arange(60)
    arguments = {"robust": ("HC0", None), "cluster": ("cluster", {"groups": groups})}
    cov_type, cov_kwds = arguments[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ordinal_model.OrderedModel(y, X, distr="logit").fit(
            method="bfgs",
            maxiter=2000,
            gtol=1e-8,
            disp=False,
            cov_type=cov_type,
            cov_kwds=cov_kwds,
        )
    errors = np.asarray(theirs.bse)[:n]
    if kind == "robust":
        errors = errors * np.sqrt(m / (m - 1))  # Stata's factor
        ours = OrderedLogit(covariance="robust").fit(X, y)
    else:
        errors = errors * np.sqrt((m - len(theirs.params)) / (m - 1))  # theirs has one more
        ours = OrderedLogit().fit(X, y, groups=groups)
        assert "60 clusters" in str(ours.summary())
    np.testing.assert_allclose(ours.summary().to_frame()["std_err"], errors, rtol=1e-4)


def test_survey_weights_do_not_count_as_rows():
    X, ends, _ = data()
    weight = np.random.default_rng(1).uniform(0.5, 2.0, size=len(X))
    a = OrderedLogit(covariance="robust").fit(X, ends, sample_weight=weight)
    b = OrderedLogit(covariance="robust").fit(X, ends, sample_weight=1000.0 * weight)
    np.testing.assert_allclose(a.covariance_, b.covariance_, rtol=1e-6)
    each = OrderedLogit().fit(X, ends, sample_weight=weight, groups=np.arange(len(X)))
    np.testing.assert_allclose(each.covariance_, a.covariance_, rtol=1e-8)


@pytest.mark.parametrize("kind", ["robust", "cluster"])
def test_rows_without_information_change_nothing(kind):
    X, ends, _ = data()
    groups = np.arange(500) % 50
    more = pd.concat([X, X[:100]])
    answers = np.vstack([ends.astype(float), np.tile([-np.inf, np.inf], (100, 1))])
    more_groups = np.concatenate([groups, 1000 + np.arange(100)])
    if kind == "robust":
        a = OrderedLogit(covariance="robust").fit(X, ends)
        b = OrderedLogit(covariance="robust").fit(more, answers)
    else:
        a = OrderedLogit().fit(X, ends, groups=groups)
        b = OrderedLogit().fit(more, answers, groups=more_groups)
        assert "robust, 50 clusters" in str(b.summary())
    np.testing.assert_allclose(a.covariance_, b.covariance_, rtol=1e-6)
    c, d = OrderedLogit().fit(X, ends), OrderedLogit().fit(more, answers)
    statistics = [model.summary().fit_statistics() for model in (c, d)]
    assert statistics[0]["bic"] == pytest.approx(statistics[1]["bic"])
    with pytest.raises(ValueError, match="all rows that exclude a label are in one"):
        OrderedLogit().fit(more, answers, groups=np.repeat([0, 1], [500, 100]))


def test_wald_tests_by_hand():
    X, ends, _ = data()
    robust = OrderedLogit(covariance="robust").fit(X, ends)
    test = robust.wald_test(["male", "size"])
    coef, variance = robust.coef_[1:], robust.covariance_[1:3, 1:3]
    assert test.statistic == pytest.approx(coef @ np.linalg.solve(variance, coef))
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, 2))
    assert test == robust.wald_test([1, 2])
    assert str(test).startswith("chi2(2) = ")
    clustered = OrderedLogit().fit(X, ends, groups=np.arange(500) % 40)
    test = clustered.wald_test()
    assert (test.df, test.df_denominator) == (3, 39)
    assert test.p == pytest.approx(stats.f.sf(test.statistic / 3, 3, 39))
    assert str(test).startswith("F(3, 39) = ")
    for columns, message in (
        (["nobody"], "'nobody' is none of the columns: age, male"),
        (["age", "age"], "named twice"),
        ([], "no coefficients to be tested"),
    ):
        with pytest.raises(ValueError, match=message):
            robust.wald_test(columns)
    with pytest.warns(UserWarning, match="Not identified"):
        aliased = OrderedLogit().fit(X.assign(twice=2.0 * X["age"]), ends)
    with pytest.raises(ValueError, match="Not identified, so that nothing can be tested: twice"):
        aliased.wald_test(["twice"])
    assert aliased.wald_test().df == 3


def test_the_summary_of_a_pseudo_likelihood():
    X, ends, _ = data()
    robust = OrderedLogit(covariance="robust").fit(X, ends)
    text, statistics = str(robust.summary()), robust.summary().fit_statistics()
    assert "maximum pseudo-likelihood" in text
    assert "Log pseudolikelihood" in text
    assert "AIC" not in text
    assert np.isnan([statistics["aic"], statistics["bic"]]).all()
    assert f"Wald chi2(3) = {robust.wald_test().statistic:.2f}" in text
    assert statistics["p"] == robust.wald_test().p
    groups = np.arange(500) % 40
    clustered = OrderedLogit().fit(X, ends, groups=groups)
    text, table = str(clustered.summary()), clustered.summary().to_frame()
    test = clustered.wald_test()
    assert f"Wald F(3, 39) = {test.statistic / 3:.2f}" in text
    far = stats.t(39).ppf(0.975) * table["std_err"]
    np.testing.assert_allclose(table["upper"], table["coef"] + far)
    np.testing.assert_allclose(table["p"], 2.0 * stats.t(39).sf(table["z"].abs()))
    effects = clustered.average_marginal_effects(X).to_frame()
    np.testing.assert_allclose(effects["p"], 2.0 * stats.t(39).sf(effects["z"].abs()))
    with pytest.warns(UserWarning, match="Standard errors by 10 clusters are too small"):
        few = OrderedLogit().fit(X, ends, groups=groups % 10)
    assert "Standard errors by 10 clusters" in str(few.summary())
    with pytest.warns(UserWarning, match="3 clusters tell 2 directions at most"):
        few = OrderedLogit().fit(X, ends, groups=groups % 3)
    assert "no test: 3 clusters for 3 coefficients" in str(few.summary())
    with pytest.raises(ValueError, match="has no inverse"):
        few.wald_test()


def test_weights_that_count_no_rows_are_noted():
    X, ends, _ = data()
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 500)
    note = "take a row of weight w for w rows"
    assert note in str(OrderedLogit().fit(X, ends, sample_weight=weight).summary())
    for model, weights in (
        (OrderedLogit(covariance="robust"), weight),
        (OrderedLogit(), np.ceil(weight)),
    ):
        assert note not in str(model.fit(X, ends, sample_weight=weights).summary())


def test_covariance_of_intervals_is_the_inverse_of_the_numeric_hessian():
    X, ends, _ = data(m=120)
    values = X.to_numpy()
    for link in LINKS:
        model = OrderedLogit(link=link).fit(X, ends)
        point = np.concatenate([model.coef_, model.thresholds_])

        def loss(point, link=link):
            borders = np.concatenate([[-np.inf], point[3:], [np.inf]])
            s = values @ point[:3]
            return LINKS[link].loss(borders[ends[:, 0]] - s, borders[ends[:, 1] + 1] - s).sum()

        steps = np.sqrt(np.diag(model.covariance_)) * 1e-2
        size = len(point)
        hessian = np.empty((size, size))
        for i in range(size):
            for j in range(size):
                e, f = np.eye(size)[i] * steps[i], np.eye(size)[j] * steps[j]
                four = (
                    loss(point + e + f)
                    - loss(point + e - f)
                    - loss(point - e + f)
                    + loss(point - e - f)
                )
                hessian[i, j] = four / (4.0 * steps[i] * steps[j])
        expected = np.sqrt(np.diag(np.linalg.inv(hessian)))
        np.testing.assert_allclose(np.sqrt(np.diag(model.covariance_)), expected, rtol=2e-3)


# Tables ---------------------------------------------------------------------------------------


def test_the_table_by_hand():
    X, ends, _ = data()
    model = OrderedLogit().fit(X, ends)
    table = model.summary(level=0.9).to_frame()
    assert table.index.tolist() == ["age", "male", "size"]
    coef, error = model.coef_, np.sqrt(np.diag(model.covariance_))[:3]
    np.testing.assert_allclose(table["z"], coef / error)
    np.testing.assert_allclose(table["p"], 2 * stats.norm.sf(np.abs(coef / error)))
    np.testing.assert_allclose(table["lower"], coef - 1.6448536 * error)
    np.testing.assert_allclose(table["odds_ratio_upper"], np.exp(coef + 1.6448536 * error))
    statistics = model.summary().fit_statistics()
    assert statistics["n_rows"] == 500
    counts = [statistics[f"n_{kind}"] for kind in ("exact", "bracketed", "open", "silent")]
    exact = int((ends[:, 0] == ends[:, 1]).sum())
    opened = int(
        ((ends[:, 0] == 0) & (ends[:, 1] > 0) | (ends[:, 1] == 3) & (ends[:, 0] < 3)).sum()
    )
    assert counts == [exact, 500 - exact - opened, opened, 0]
    assert statistics["n_parameters"] == 6
    assert statistics["aic"] == pytest.approx(12.0 - 2.0 * model.log_likelihood_)
    assert statistics["chi2"] == pytest.approx(
        2.0 * (model.log_likelihood_ - model.null_log_likelihood_)
    )


def test_the_table_prints_and_shows_itself():
    X, ends, _ = data()
    summary = OrderedLogit().fit(X, ends).summary()
    text = str(summary)
    assert text.startswith("Ordered logit, maximum likelihood\nRows")
    assert "odds ratio" in text
    assert max(map(len, text.splitlines())) <= 100
    assert [line.split()[0] for line in text.splitlines()[-3:]] == ["0|1", "1|2", "2|3"]
    html = summary._repr_html_()
    assert html.count("<table>") == 2
    assert '<th style="text-align:left">male</th>' in html
    probit = str(OrderedLogit(link="probit").fit(X, ends).summary())
    assert "odds ratio" not in probit
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        OrderedLogit().fit(X, ends).summary(level=95)
    with pytest.raises(ValueError, match=r"such as 0\.95; got '95'"):
        OrderedLogit().fit(X, ends).summary(level="95")


def test_a_penalised_fit_has_no_inference():
    X, ends, _ = data()
    model = OrderedLogit(alpha=0.1).fit(X, ends)
    for call in (
        model.summary,
        lambda: model.average_marginal_effects(X),
        lambda: model.proportional_odds_test(X, ends),
        lambda: model.likelihood_ratio_test(model),
    ):
        with pytest.raises(ValueError, match=r"Inference needs a fit with alpha=0.*alpha=0\.1"):
            call()


def test_null_model_of_intervals():
    X, ends, _ = data()
    model = OrderedLogit().fit(X, ends)
    constant = np.random.default_rng(0).normal(size=(500, 1)) * 1e-300
    with pytest.warns(UserWarning, match="Not identified"):
        null = OrderedLogit().fit(constant * 0.0, ends)
    assert model.null_log_likelihood_ == pytest.approx(null.log_likelihood_, abs=1e-6)


# Tests ----------------------------------------------------------------------------------------


def test_likelihood_ratio():
    X, ends, _ = data()
    full, nested = OrderedLogit().fit(X, ends), OrderedLogit().fit(X[["age"]], ends)
    test = full.likelihood_ratio_test(nested)
    assert test.df == 2
    assert test.statistic == pytest.approx(2 * (full.log_likelihood_ - nested.log_likelihood_))
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, 2))
    assert str(test).startswith("chi2(2) = ")
    with pytest.raises(ValueError, match=r"column male is no sum of multiples .*columns \(age\)"):
        nested.likelihood_ratio_test(full)
    with pytest.raises(ValueError, match="as many coefficients as this one"):
        full.likelihood_ratio_test(full)
    robust = OrderedLogit(covariance="robust").fit(X[["age"]], ends)
    with pytest.raises(ValueError, match="not chi-squared then"):
        full.likelihood_ratio_test(robust)
    with pytest.raises(TypeError, match="nested should be an OrderedLogit"):
        full.likelihood_ratio_test(X)


def test_likelihood_ratios_need_the_same_data():
    X, ends, _ = data()
    full = OrderedLogit().fit(X, ends)
    weight = np.ones(500)
    weight[0] = 1.0 + 1e-9
    others = [
        OrderedLogit().fit(X[["age"]][:400], ends[:400]),
        OrderedLogit().fit(X[["age"]][::-1], ends[::-1]),
        OrderedLogit().fit(X[["age"]], ends, sample_weight=weight),
        OrderedLogit().fit(X[["age"]], np.minimum(ends, 2)),
        OrderedLogit(link="probit").fit(X[["age"]], ends),
    ]
    for other in others:
        with pytest.raises(ValueError, match="Fit both to the same rows, in the same order"):
            full.likelihood_ratio_test(other)


@pytest.mark.parametrize("m", [300, 3000])  # fewer and more rows than their sums
def test_nested_models_are_told_by_their_columns(m):
    X, ends, _ = data(m=m)
    X["rare"] = 1.0 * (np.arange(m) % 149 == 0)
    full = OrderedLogit().fit(X, ends)
    # Other units, a sum, another coding of the same groups.
    for columns in (
        {"age": (X["age"] - 50) * 1e6},
        {"sum": X["age"] + 3 * X["male"] - X["rare"]},
        {"female": 1.0 - X["male"], "size": X["size"]},
    ):
        nested = OrderedLogit().fit(pd.DataFrame(columns), ends)
        assert full.likelihood_ratio_test(nested).df == 4 - len(columns)
    for columns in (
        {"age": X["age"] ** 2},
        {"age": X["age"], "size": X["size"] + 1e-5 * np.random.default_rng(1).normal(size=m)},
        {"rare": X["rare"] * (np.arange(m) > 0)},
    ):
        nested = OrderedLogit().fit(pd.DataFrame(columns), ends)
        with pytest.raises(ValueError, match="is no sum of multiples of this model's columns"):
            full.likelihood_ratio_test(nested)


def test_thresholds_alone_are_a_model():
    X, ends, y = data()
    null = OrderedLogit().fit(X[[]], y)
    shares = np.bincount(y) / len(y)
    np.testing.assert_allclose(null.predict_proba(X[[]]), np.tile(shares, (500, 1)), atol=1e-9)
    assert null.log_likelihood_ == pytest.approx(null.null_log_likelihood_)
    full = OrderedLogit().fit(X, y)
    test = full.likelihood_ratio_test(null)
    assert test.df == 3
    assert test.statistic == pytest.approx(full.likelihood_ratio_test().statistic)
    assert test.statistic == pytest.approx(full.summary().fit_statistics()["chi2"])
    text = str(null.summary())
    assert "All coefficients" not in text
    assert "Pseudo R2 (McFadden)  0.0000" in text
    assert null.summary().to_frame().empty
    assert null.average_marginal_effects(X[[]]).to_frame().empty
    with pytest.raises(ValueError, match="no coefficients to be tested"):
        null.likelihood_ratio_test()
    with pytest.raises(ValueError, match="no coefficients that could differ"):
        null.proportional_odds_test(X[[]], y)
    brackets = OrderedLogit(alpha=0.1).fit(X[[]], ends)
    assert brackets.predict_proba(X[[]]).shape == (500, 4)
    for model in (OrderedLogit(), VILMA()):
        with pytest.raises(ValueError, match=r"0 feature\(s\)"):
            model.fit(np.empty((500, 0)), y)
    with pytest.raises(ValueError, match=r"0 feature\(s\)"):
        VILMA().fit(X[[]], y)


def test_marginal_effects_are_derivatives_and_changes_of_probabilities():
    X, ends, _ = data()
    weight = np.random.default_rng(0).uniform(size=500)
    for link in LINKS:
        model = OrderedLogit(link=link).fit(X, ends)
        effects = model.average_marginal_effects(X, sample_weight=weight)
        assert effects.changes == ["derivative", "0 to 1", "derivative"]

        def averages(frame, model=model):
            return np.average(model.predict_proba(frame), axis=0, weights=weight)

        older, younger = X.assign(age=X["age"] + 1e-4), X.assign(age=X["age"] - 1e-4)
        slope = (averages(older) - averages(younger)) / 2e-4
        np.testing.assert_allclose(effects.equal[0], slope, atol=1e-7)
        change = averages(X.assign(male=1.0)) - averages(X.assign(male=0.0))
        np.testing.assert_allclose(effects.equal[1], change, atol=1e-10)
        above = np.cumsum(change[::-1])[::-1][1:]
        np.testing.assert_allclose(effects.at_least[1], above, atol=1e-10)
        assert effects.to_frame().loc[("male", "y >= 2"), "effect"] == pytest.approx(above[1])


def test_errors_of_marginal_effects_by_numeric_gradients():
    X, ends, _ = data()
    for link in LINKS:
        model = OrderedLogit(link=link).fit(X, ends)
        effects = model.average_marginal_effects(X)
        estimates = model._estimates()
        point = np.concatenate([model.coef_, model.thresholds_])

        def moved(point, model=model):
            other = OrderedLogit(link=model.link).fit(X, ends)
            other.coef_, other.thresholds_ = point[:3], point[3:]
            return other

        def effect(point, column):
            other = moved(point)
            if column == "male":
                high, low, size = X.assign(male=1.0), X.assign(male=0.0), 1.0
            else:
                size = 2e-3
                high, low = X.assign(age=X["age"] + 1e-3), X.assign(age=X["age"] - 1e-3)
            return (other.predict_proba(high) - other.predict_proba(low)).mean(axis=0) / size

        for j, column in ((0, "age"), (1, "male")):
            gradient = np.empty((4, 6))
            for k in range(6):
                step = np.eye(6)[k] * 1e-4 * np.sqrt(estimates.covariance[k, k])
                gradient[:, k] = (effect(point + step, column) - effect(point - step, column)) / (
                    2.0 * step[k]
                )
            errors = np.sqrt(np.diag(gradient @ estimates.covariance @ gradient.T))
            np.testing.assert_allclose(effects.equal_errors[j], errors, rtol=1e-3)


def numeric_errors(model, high, low, size):
    """Standard errors of mean differences by numeric gradients, of P(y = k)."""
    covariance = model.covariance_
    point = np.concatenate([model.coef_, model.likelihood_thresholds_])
    n = len(model.coef_)

    def effect(point):
        borders = np.concatenate([[-np.inf], point[n:], [np.inf]])
        cdf = LINKS[model.link].cdf
        means = [cdf(borders - (X @ point[:n])[:, None]).mean(axis=0) for X in (high, low)]
        return np.diff(means[0] - means[1]) / size

    gradient = np.empty((len(effect(point)), len(point)))
    for j, size_j in enumerate(1e-3 * np.sqrt(np.diag(covariance))):
        step = np.eye(len(point))[j] * size_j
        gradient[:, j] = (effect(point + step) - effect(point - step)) / (2.0 * size_j)
    return np.sqrt(np.diag(gradient @ covariance @ gradient.T))


def respondents(m=400):
    """A table with numbers, ones and zeros, categories and exact labels from 0 to 3."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame(
        {
            "age": rng.uniform(20, 80, m).round(),
            "region": rng.choice(["east", "north", "south"], m),
            "male": rng.integers(0, 2, m),
            "town": rng.random(m) < 0.3,
            "grade": rng.integers(1, 4, m),
        }
    )
    latent = 0.05 * table["age"] + (table["region"] == "north") * (1.0 - 2.0 * table["male"])
    table["y"] = np.digitize(latent + rng.logistic(size=m), [1.0, 2.5, 4.0])
    return table


@pytest.mark.parametrize(
    "right",
    [
        "age + I(age**2) + C(region)*male + town + C(grade)",
        "bs(age, df=5) + region:male + town",
        "poly(age, 3)*region + male:town",
    ],
)
def test_effects_of_variables_move_all_their_columns(right):
    pytest.importorskip("formulaic")
    table = respondents()
    X, y = read_formula("y ~ " + right, table)
    formula = X.attrs["formula"]
    model = OrderedLogit().fit(X, y)
    effects = model.average_marginal_effects(table, formula=formula)

    def columns(**values):
        return formula.transform(table.assign(**values))

    age = table["age"].clip(21, 79)  # splines end with the data
    inside = model.average_marginal_effects(table.assign(age=age), formula=formula)
    changes = [
        ("age", inside, {"age": age + 0.01}, {"age": age - 0.01}, 0.02),
        ("region: north", effects, {"region": "north"}, {"region": "east"}, 1.0),
        ("male", effects, {"male": 1}, {"male": 0}, 1.0),
        ("town: True", effects, {"town": True}, {"town": False}, 1.0),
    ]
    if "grade" in right:
        changes.append(("grade: 3", effects, {"grade": 3}, {"grade": 1}, 1.0))
    for name, found, high, low, size in changes:
        place = found.names.index(name)
        high, low = columns(**high), columns(**low)
        expected = (model.predict_proba(high) - model.predict_proba(low)).mean(axis=0) / size
        np.testing.assert_allclose(found.equal[place], expected, atol=1e-6)
        errors = numeric_errors(model, high.to_numpy(float), low.to_numpy(float), size)
        np.testing.assert_allclose(found.equal_errors[place], errors, rtol=2e-3)
    assert "region: north (east to north)" in str(effects)


def test_effects_that_would_be_wrong_are_refused():
    pytest.importorskip("formulaic")
    table = respondents()
    for right, column in (("C(age > 50)", r"C\(age > 50\)"), ("np.floor(age / 10)", "np.floor")):
        X, y = read_formula("y ~ " + right, table)
        with pytest.raises(ValueError, match=f"The column {column}.* jumps as age changes"):
            OrderedLogit().fit(X, y).average_marginal_effects(table, formula=X.attrs["formula"])
    X, y = read_formula("y ~ age + region", table)
    model = OrderedLogit().fit(X, y)
    with pytest.raises(ValueError, match=r"Give the table and the formula"):
        model.average_marginal_effects(X)
    alone = model.average_marginal_effects(X, factors={})
    assert alone.names == ["age", "region[T.north]", "region[T.south]"]
    weighted = OrderedLogit().fit(X, y, sample_weight=np.linspace(1, 2, 400))
    for data, arguments in ((table, {"formula": X.attrs["formula"]}), (X, {"factors": {}})):
        with pytest.raises(ValueError, match=r"The fit had sample_weight.*numpy\.ones"):
            weighted.average_marginal_effects(data, **arguments)
    with pytest.raises(TypeError, match="formula should be a vilma"):
        model.average_marginal_effects(table, formula="y ~ age")
    with pytest.raises(ValueError, match="formula or factors, not both"):
        model.average_marginal_effects(table, formula=X.attrs["formula"], factors={})


def test_levels_of_a_factor_take_the_place_of_one_another():
    table = respondents()
    X = pd.DataFrame({"age": table["age"]})
    for level in ("north", "south"):
        X[level] = (table["region"] == level) * 1.0
    model = OrderedLogit().fit(X, table["y"])
    effects = model.average_marginal_effects(X, factors={"region": ["north", "south"]})
    east = X.assign(north=0.0, south=0.0)
    for level in ("north", "south"):
        place, high = effects.names.index(level), east.assign(**{level: 1.0})
        change = (model.predict_proba(high) - model.predict_proba(east)).mean(axis=0)
        np.testing.assert_allclose(effects.equal[place], change, atol=1e-12)
        errors = numeric_errors(model, high.to_numpy(), east.to_numpy(), 1.0)
        np.testing.assert_allclose(effects.equal_errors[place], errors, rtol=1e-4)
    for factors, message in (
        ({"region": ["north", "west"]}, "names 'west', which is not one of the columns"),
        ({"region": ["north"], "other": ["north"]}, "'north' is named by factors more than once"),
        ({"region": ["age"]}, "should be zeros and ones, at most one"),
    ):
        with pytest.raises(ValueError, match=message):
            model.average_marginal_effects(X, factors=factors)


def wide_rows(point, values, labels, link):
    """Losses of the rows by the model with coefficients for every threshold, by hand."""
    n, n_thresholds = values.shape[1], labels.n_classes - 1
    coef = point[: n * n_thresholds].reshape(n_thresholds, n)
    ends = point[n * n_thresholds :] - values @ coef.T
    rows = np.arange(len(values))
    low = np.where(labels.lower > 0, ends[rows, np.maximum(labels.lower - 1, 0)], -np.inf)
    last = n_thresholds - 1
    high = np.where(labels.upper <= last, ends[rows, np.minimum(labels.upper, last)], np.inf)
    return LINKS[link].loss(low, high)


def wide_loss(point, values, labels, link):
    """Their sum."""
    return wide_rows(point, values, labels, link).sum()


def test_proportional_odds_statistic_by_numeric_derivatives():
    X, ends, _ = data(m=400)
    X = (X - X.mean()) / X.std()
    labels = LabeledWeights(ends[:, 0], ends[:, 1], np.ones(400), 4)
    model = OrderedLogit().fit(X, ends)
    test = model.proportional_odds_test(X, ends)
    point = np.concatenate([np.tile(model.coef_, 3), model.thresholds_])
    size, step = len(point), 1e-4
    gradient, hessian = np.empty(size), np.empty((size, size))

    def loss(change):
        return wide_loss(point + change, X.to_numpy(), labels, "logit")

    unit = np.eye(size) * step
    for i in range(size):
        gradient[i] = (loss(unit[i]) - loss(-unit[i])) / (2 * step)
        for j in range(size):
            four = (
                loss(unit[i] + unit[j])
                - loss(unit[i] - unit[j])
                - loss(unit[j] - unit[i])
                + loss(-unit[i] - unit[j])
            )
            hessian[i, j] = four / (4 * step**2)
    move = -np.linalg.solve(hessian, gradient)
    assert test.df == 6
    assert test.statistic == pytest.approx(-gradient @ move, rel=1e-3)
    one_step = np.tile(model.coef_, 3) + move[:9]
    np.testing.assert_allclose(test.coef, one_step.reshape(3, 3).T, atol=1e-3)
    assert list(test.to_frame().columns) == ["chi2", "df", "p", "0|1", "1|2", "2|3"]
    # The sandwich, with the gradient of every row, or of the groups' sums.
    rows = np.stack(
        [
            wide_rows(point + each, X.to_numpy(), labels, "logit")
            - wide_rows(point - each, X.to_numpy(), labels, "logit")
            for each in unit
        ],
        axis=1,
    ) / (2 * step)
    contrast = np.zeros((6, size))
    contrast[np.arange(6), np.arange(6)], contrast[np.arange(6), np.arange(6) + 3] = -1.0, 1.0
    for groups in (None, np.arange(400) % 80):
        kind = "robust" if groups is None else "observed"
        model = OrderedLogit(covariance=kind).fit(X, ends, groups=groups)
        test = model.proportional_odds_test(X, ends, groups=groups)
        sums = (
            rows if groups is None else np.add.reduceat(rows[np.argsort(groups)], range(0, 400, 5))
        )
        inverse, count = np.linalg.inv(hessian), len(sums)
        variance = inverse @ (sums.T @ sums) @ inverse * count / (count - 1)
        change = contrast @ move
        expected = change @ np.linalg.solve(contrast @ variance @ contrast.T, change)
        assert test.statistic == pytest.approx(expected, rel=1e-3)
        assert str(test).startswith("Robust score test")
        part = [0, 3]  # the first column
        expected = change[part] @ np.linalg.solve(
            (contrast @ variance @ contrast.T)[np.ix_(part, part)], change[part]
        )
        assert test.column_statistics[0] == pytest.approx(expected, rel=1e-3)
    with pytest.raises(ValueError, match="The fit had groups, so the test needs them"):
        model.proportional_odds_test(X, ends)
    few = OrderedLogit().fit(X, ends, groups=np.arange(400) % 31)
    with pytest.raises(ValueError, match="The fit had no groups"):
        OrderedLogit().fit(X, ends).proportional_odds_test(X, ends, groups=groups)
    assert few.proportional_odds_test(X, ends, groups=np.arange(400) % 31).df == 6


def test_thresholds_of_few_annotations_are_not_tested():
    """Some exact ages among brackets: the test is that of the brackets alone."""
    rng = np.random.default_rng(0)
    X = np.stack([rng.normal(size=500), rng.random(500) < 0.3], axis=1)
    latent = 0.8 * X[:, 0] + 0.5 * X[:, 1] + rng.logistic(size=500)
    age = np.digitize(latent, np.linspace(-3, 3, 59)) + 10
    bracket = np.digitize(age, [20, 30, 40, 50])
    brackets = np.array([[-np.inf, 19], [20, 29], [30, 39], [40, 49], [50, np.inf]])[bracket]
    some = np.where((rng.random(500) < 0.1)[:, None], age[:, None], brackets)
    mixed = OrderedLogit().fit(X, some).proportional_odds_test(X, some)
    plain = OrderedLogit().fit(X, brackets).proportional_odds_test(X, brackets)
    assert mixed.statistic == pytest.approx(plain.statistic, rel=1e-6)
    np.testing.assert_allclose(mixed.coef, plain.coef, atol=1e-6)
    assert (mixed.df, plain.n_left_out) == (6, 0)
    assert f"Tested at 4 of {4 + mixed.n_left_out} thresholds" in str(mixed)
    assert mixed.n_left_out > 20
    few = [
        OrderedLogit(covariance="robust").fit(X, y).proportional_odds_test(X, y).statistic
        for y in (some, brackets)
    ]
    assert few[0] == pytest.approx(few[1], rel=1e-6)
    with pytest.raises(ValueError, match="10 annotations for each of 3 parameters on either"):
        OrderedLogit().fit(X[:60], brackets[:60]).proportional_odds_test(X[:60], brackets[:60])


def test_proportional_odds_do_not_depend_on_the_unit_of_weights():
    X, ends, _ = data()
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 500)
    statistics = []
    for unit in (1.0, 1000.0):
        model = OrderedLogit(covariance="robust").fit(X, ends, sample_weight=unit * weight)
        test = model.proportional_odds_test(X, ends, sample_weight=unit * weight)
        statistics.append(test.statistic)
    assert statistics[0] == pytest.approx(statistics[1], rel=1e-6)
    model = OrderedLogit().fit(X, ends, sample_weight=weight)
    with pytest.raises(ValueError, match="the statistic grows with their unit"):
        model.proportional_odds_test(X, ends, sample_weight=weight)
    twice = OrderedLogit().fit(X, ends, sample_weight=np.full(500, 2.0))
    repeated = OrderedLogit().fit(pd.concat([X, X]), np.vstack([ends, ends]))
    a = twice.proportional_odds_test(X, ends, sample_weight=np.full(500, 2.0))
    b = repeated.proportional_odds_test(pd.concat([X, X]), np.vstack([ends, ends]))
    assert a.statistic == pytest.approx(b.statistic, rel=1e-6)


def parted(covariance):
    """Labels of which a column decides some, and the fit to the rows that it does not."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=400), "b": rng.normal(size=400)})
    y = np.digitize(X["a"] + rng.logistic(size=400), [-1, 0, 1])
    X["top"] = 1.0 * (y == 3) * (rng.random(400) < 0.5)
    X["in top"] = X["top"] * rng.normal(size=400)
    left = X["top"] == 0.0
    whole = OrderedLogit(covariance=covariance).fit(X, y)
    rest = OrderedLogit(covariance=covariance).fit(X.loc[left, ["a", "b"]], y[left])
    return X, y, left, whole, rest


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance", ["observed", "robust"])
def test_what_separation_decides_has_no_part_in_inference(covariance):
    X, y, left, whole, rest = parted(covariance)
    test = whole.proportional_odds_test(X, y)
    expected = rest.proportional_odds_test(X.loc[left, ["a", "b"]], y[left])
    assert (test.df, test.n_certain, test.n_left_out) == (4, (~left).sum(), 0)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-4)
    np.testing.assert_allclose(test.column_statistics[:2], expected.column_statistics, rtol=1e-4)
    assert test.to_frame()["df"].tolist() == [2, 2, 0, 0]
    assert test.to_frame().loc[["top", "in top"]].drop(columns="df").isna().all(axis=None)
    assert f"{(~left).sum()} rows are certain, and were left out" in str(test)
    # Of "in top" only rows that are certain tell anything.
    table, effects = whole.summary().to_frame(), whole.average_marginal_effects(X)
    assert table.loc[["top", "in top"], "std_err"].isna().all()
    assert np.isnan(effects.equal_errors[2:]).all()
    assert (effects.equal_errors[:2] > 0.0).all()
    with pytest.raises(ValueError, match="no standard error, for in top"):
        whole.wald_test(["in top"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("covariance", ["observed", "robust"])
def test_thresholds_at_infinity_are_not_tested(covariance):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.digitize(X[:, 0] + rng.logistic(size=300), [-1, 0, 1])
    whole = np.column_stack([X, y == 3])
    model = OrderedLogit(covariance=covariance).fit(whole, y)
    test, left = model.proportional_odds_test(whole, y), y < 3
    rest = OrderedLogit(covariance=covariance).fit(X[left], y[left])
    expected = rest.proportional_odds_test(X[left], y[left])
    assert (test.df, test.threshold_names, test.n_left_out) == (2, ["0|1", "1|2"], 1)
    assert test.statistic == pytest.approx(expected.statistic, rel=1e-4)
    assert "too few annotations or are infinite" in str(test)
    thresholds = model.summary().thresholds_to_frame()["std_err"]
    assert thresholds.isna().tolist() == [False, False, True]
    expected = rest.summary().thresholds_to_frame()["std_err"]
    np.testing.assert_allclose(thresholds[:2], expected, rtol=1e-2)


def test_a_coefficient_is_compared_where_it_is_told():
    """A level that never has the two lowest labels says nothing at the first threshold."""
    levels = {"observed": [], "robust": []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, rare = rng.normal(size=400), 1.0 * (rng.random(400) < 0.2)
        y = np.digitize(x + rng.logistic(size=400), [-1, 0, 1])
        y = np.where(rare == 1.0, np.maximum(y, 2), y)
        X = np.column_stack([x, rare])
        for kind, p in levels.items():
            test = OrderedLogit(covariance=kind).fit(X, y).proportional_odds_test(X, y)
            assert test.column_df.tolist() == [2, 1]
            assert test.df == 3
            assert np.isnan(test.coef[1]).tolist() == [True, False, False]
            p.append(test.column_p[0])
    for p in levels.values():
        assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_column_is_tested_alone_where_others_differ():
    """The coefficient of the second column is the same everywhere, that of the first is not."""
    rejected = {"observed": 0, "robust": 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        first, other = rng.normal(size=(2, 600))
        X = np.column_stack([first, 0.7 * first + 0.7 * other])
        scores = np.outer(first, [0.3, 0.6, 1.0]) + 0.5 * X[:, [1]] - [-1.0, 0.0, 1.0]
        y = (rng.random((600, 1)) < 1.0 / (1.0 + np.exp(-scores))).sum(axis=1)
        for kind in rejected:
            p = OrderedLogit(covariance=kind).fit(X, y).proportional_odds_test(X, y).column_p
            rejected[kind] += p[1] < 0.05
    assert max(rejected.values()) <= 9  # 3 are expected


def test_the_weakest_threshold_is_left_out_first():
    lower = np.repeat([0, 1, 2, 3], [50, 3, 40, 60])
    labels = LabeledWeights(lower, lower, np.ones(153), 4)
    kept = well_supported(labels, 1)
    assert kept.tolist() == [1, 2]  # the three join those below
    wide = widen(labels, kept)
    assert wide.lower.tolist() == np.repeat([0, 0, 1, 2], [50, 3, 40, 60]).tolist()
    assert wide.n_classes == 3
    assert well_supported(labels, 10).tolist() == []


def test_proportional_odds_holds_or_not():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    above = 1.0 / (1.0 + np.exp(-(np.array([[0.2, 1.2]]) * x[:, None] - [-0.8, 0.8])))
    y = (rng.random(4000)[:, None] < above).sum(axis=1)
    other = rng.normal(size=4000)
    X = np.stack([x, other], axis=1)
    test = OrderedLogit().fit(X, y).proportional_odds_test(X, y)
    assert test.column_p[0] < 1e-6 < test.column_p[1]
    assert test.coef[0, 1] - test.coef[0, 0] > 0.5
    levels = []
    for seed in range(40):  # where it holds, p is spread over (0, 1)
        X, ends, _ = data(m=300, seed=seed)
        levels.append(OrderedLogit().fit(X, ends).proportional_odds_test(X, ends).p)
    assert stats.kstest(levels, "uniform").pvalue > 0.01
    model, columns = OrderedLogit().fit(x[:, None], y), x[:, None]
    for others in ((columns[:2000], y[:2000]), (columns, y[::-1])):
        with pytest.raises(ValueError, match=r"not at its maximum .*X, y and sample_weight as in"):
            model.proportional_odds_test(*others)
    two = (y > 0).astype(int)
    with pytest.raises(ValueError, match="the annotations identify 1"):
        OrderedLogit().fit(x[:, None], two).proportional_odds_test(x[:, None], two)


# Formulas -------------------------------------------------------------------------------------


def test_formulas():
    pytest.importorskip("formulaic")
    X, ends, _ = data()
    table = X.assign(low=ends[:, 0], high=ends[:, 1].astype(float))
    table["region"] = np.array(["n", "s", "w"])[np.arange(500) % 3]
    table.loc[table["high"] == 3, "high"] = np.nan  # open ends are no missing values
    columns, y = read_formula("low + high ~ age + C(region)", table)
    assert columns.columns.tolist() == ["age", "C(region)[T.s]", "C(region)[T.w]"]
    model = OrderedLogit(classes=range(4)).fit(columns, y)
    plain = np.stack([X["age"], table["region"] == "s", table["region"] == "w"], axis=1)
    expected = OrderedLogit(classes=range(4)).fit(plain.astype(float), ends)
    np.testing.assert_allclose(model.coef_, expected.coef_, atol=1e-8)
    assert "C(region)[T.w]" in str(model.summary())


@pytest.mark.parametrize("formula", ["low", "nothing ~ age", "low + high + age ~ size"])
def test_formulas_that_are_none(formula):
    pytest.importorskip("formulaic")
    X, ends, _ = data(m=20)
    table = X.assign(low=ends[:, 0], high=ends[:, 1])
    with pytest.raises(ValueError, match="A formula has the form"):
        read_formula(formula, table)


def test_the_formula_of_a_constant_is_that_of_thresholds_alone():
    pytest.importorskip("formulaic")
    X, _, y = data(m=100)
    columns, labels = read_formula("y ~ 1", X.assign(y=y))
    assert columns.shape == (100, 0)
    assert OrderedLogit().fit(columns, labels).n_features_in_ == 0


@pytest.mark.parametrize("right", ["scale(age)", "bs(age, df=4)", "poly(age, 2) + region"])
def test_other_rows_get_the_columns_of_the_fit(right):
    pytest.importorskip("formulaic")
    table = respondents()
    X, y = read_formula("y ~ " + right, table)
    model = OrderedLogit().fit(X, y)
    new = table.sample(30, random_state=0)
    columns, labels = read_formula(X.attrs["formula"], new)
    pd.testing.assert_frame_equal(columns, X.loc[new.index])
    pd.testing.assert_series_equal(labels, y.loc[new.index])
    anew, _ = read_formula("y ~ " + right, table[:60])
    for estimator in (model, VILMA(max_iter=5).fit(X, y)):
        with pytest.raises(ValueError, match="read anew, with other means or knots"):
            estimator.predict(anew)
    model.fit(anew, y[:60])
    assert len(model.predict(anew)) == 60
    pipeline = make_pipeline(Formula(right), OrderedLogit()).fit(table, y)
    proba = OrderedLogit().fit(X, y).predict_proba(X.loc[new.index])
    np.testing.assert_allclose(pipeline.predict_proba(new), proba, atol=1e-9)


def test_formulas_that_would_go_wrong_are_refused():
    pytest.importorskip("formulaic")
    table = respondents(60)
    table["my column"], table["Intercept"] = 2.0 * table["age"], 1.0
    for formula, message in (
        ("y ~ .", "The dot in 'y ~ .' stands for all columns, labels"),
        ("y ~ age + log(1 + y)", "The labels y stand on the right side"),
        ("y ~ Intercept + age", "'Intercept' has the name that formulas have for the constant"),
        ("y ~ age | region", "several parts"),
        ("log(y) ~ age", "The left side takes columns as they are"),
        ("y ~ my column", "in backticks, such as `my column`"),
        ("y ~ age + nobody", "cannot be computed: .*nobody"),
        ("y ~ variables", "cannot be computed: .*variables"),  # a name of our own code
        ("y ~ np.log(age - 100)", "contains null values after evaluation"),
        ("age", "A formula has the form"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of the logarithm
            with pytest.raises(ValueError, match=message):
                read_formula(formula, table)
    assert read_formula("y ~ `my column`", table)[0].columns.tolist() == ["my column"]
    with pytest.raises(ValueError, match="several columns of the name age"):
        read_formula("y ~ age", pd.concat([table, table[["age"]]], axis=1))
    with pytest.raises(TypeError, match=r"got a builtins\.dict\. Pass pandas\.DataFrame\(data\)"):
        read_formula("y ~ age", table.to_dict("list"))
    X, _ = read_formula("y ~ C(region)", table)
    with pytest.raises(ValueError, match=r"categories that the formula has not seen.*'west'"):
        X.attrs["formula"].transform(table.assign(region="west"))
    with pytest.raises(ValueError, match="The table has no region"):
        X.attrs["formula"].transform(table[["age"]])


def test_missing_values_of_a_formula():
    pytest.importorskip("formulaic")
    table = respondents(60)
    table.loc[3:6, "age"] = np.nan
    table.loc[5:9, "region"] = None
    formula = "y ~ bs(age, df=3) + C(region)"
    with pytest.raises(
        ValueError,
        match=r"in 7 of 60 rows together: age \(in 4 rows\), region \(in 5 rows\)\..*'drop'",
    ):
        read_formula(formula, table)
    X, y = read_formula(formula, table, na_action="drop")
    left = table.dropna(subset=["age", "region"])
    pd.testing.assert_frame_equal(X, read_formula(formula, left)[0])
    assert X.index.tolist() == y.index.tolist() == left.index.tolist()
    with pytest.raises(ValueError, match="na_action should be"):
        read_formula(formula, table, na_action="ignore")
    with pytest.raises(ValueError, match="none is left"):
        read_formula("y ~ age", table.assign(age=np.nan), na_action="drop")
