"""What cross-validated estimators choose besides alpha, and how far they look."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline

import vilma
from vilma import (
    IISVOR_IMC,
    IISVOR_IMCCV,
    PWVILMA,
    PWVILMACV,
    VILMA,
    VILMACV,
    ConformalOrdinalClassifier,
    OneHotCodes,
    OrderedLogit,
    OrderedLogitCV,
    load_model,
    save_model,
    vilma_path,
)
from vilma.datasets import make_interval_problem
from vilma.estimators.cross_validated import _next_alpha
from vilma.features import TableFeatures
from vilma.metrics import (
    estimated_absolute_error,
    interval_insensitive_loss,
    threshold_shares,
)

FOLDS = list(KFold(3, shuffle=True, random_state=1).split(np.zeros(240)))


def signal_in_codes(n_samples=240, seed=0):
    """Labels that follow the codes of the second block; the first and third are noise."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 6, (n_samples, 2))
    labels = np.array([0, 3, 1, 4, 2, 0])[codes[:, 0]]
    blocks = [
        rng.normal(size=(n_samples, 2)),
        OneHotCodes(codes, 6),
        rng.normal(size=(n_samples, 9)),
    ]
    return vilma.hstack(blocks, names=["noise", "codes", "more"]), labels


def weak_signal(n_samples=400, n_labels=20, seed=0):
    """Many labels, of which a column tells little."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n_samples)
    latent = 0.35 * x + rng.normal(size=n_samples)
    labels = np.digitize(latent, np.quantile(latent, np.linspace(0, 1, n_labels + 1)[1:-1]))
    return x.reshape(-1, 1), labels


def mean_error(model, X, y):
    return -np.abs(model.predict(X) - y).mean()


def mean_distance(model, X, y):
    return -interval_insensitive_loss(y, model.predict(X), classes=model.scale_)


@pytest.mark.parametrize("search", [IISVOR_IMCCV, VILMACV])
def test_blocks_are_chosen_as_by_a_loop(search):
    X, y = signal_in_codes()
    sets = [["noise"], ["noise", "codes"], ["noise", "more"], ["noise", "codes", "more"]]
    alphas = [0.1, 0.01]
    options = {"losses": ["mae"]} if search is VILMACV else {}
    model = search(alphas, blocks="choose", cv=FOLDS, **options).fit(X, y)
    means = {}
    for blocks in sets:
        part = X.select(blocks)
        scores = [
            [
                mean_error(each, part[test], y[test])
                for each in vilma_path(part[train], y[train], alphas, estimator=IISVOR_IMC())
            ]
            for train, test in FOLDS
        ]
        for alpha, mean in zip(alphas, np.mean(scores, axis=0), strict=True):
            means[tuple(blocks), alpha] = mean
    best = max(means, key=means.get)
    assert best[0] == ("noise", "codes")
    assert (model.blocks_, model.alpha_) == best
    assert model.cv_scores_.mean(axis=1).max() == pytest.approx(means[best])
    assert model.n_tried_ == 8
    # The fit on all data, with zeros for what was left out.
    expected = IISVOR_IMC(model.alpha_).fit(X.select(best[0]), y)
    np.testing.assert_array_equal(model.coef_, np.append(expected.coef_, np.zeros(9)))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X.select(best[0])))
    assert model.n_features_in_ == 23


def test_sets_of_blocks_may_be_given():
    X, y = signal_in_codes()
    model = IISVOR_IMCCV([0.1, 0.01], blocks=[["more"], ["codes"]], cv=FOLDS).fit(X, y)
    assert model.blocks_ == ("codes",)
    assert np.flatnonzero(model.coef_).min() >= 2
    assert np.flatnonzero(model.coef_).max() < 14
    whole = IISVOR_IMCCV([0.1, 0.01], cv=FOLDS).fit(X, y)
    assert whole.blocks_ is None
    assert whole.n_tried_ == 2
    with pytest.raises(ValueError, match="no block 'other'"):
        IISVOR_IMCCV(blocks=[["other"]]).fit(X, y)
    with pytest.raises(ValueError, match="blocks of columns, which X does not have"):
        IISVOR_IMCCV(blocks=[["codes"]]).fit(X.toarray(), y)
    with pytest.raises(ValueError, match="at least one set of blocks"):
        IISVOR_IMCCV(blocks=[]).fit(X, y)
    with pytest.raises(ValueError, match=r"hold sets of blocks.*blocks=\[\['noise', 'codes'\]\]"):
        IISVOR_IMCCV(blocks=["noise", "codes"]).fit(X, y)


def test_blocks_without_names_are_all_taken():
    X, y = signal_in_codes()
    plain = vilma.hstack(X.blocks)
    assert IISVOR_IMCCV([0.1], blocks="choose", cv=FOLDS).fit(plain, y).blocks_ is None


def test_the_loss_is_chosen():
    X, y = weak_signal()
    folds = list(KFold(4, shuffle=True, random_state=0).split(y))
    model = VILMACV([0.1, 0.01], cv=folds).fit(X, y)
    assert model.loss_ == "squared"
    single = VILMA(model.alpha_, loss="squared").fit(X, y)
    np.testing.assert_array_equal(model.coef_, single.coef_)
    median = np.median(y)
    assert np.abs(model.predict(X) - y).mean() < 0.99 * np.abs(median - y).mean()
    with pytest.warns(vilma.exceptions.WeakSignalWarning):
        absolute = VILMACV([0.1, 0.01], losses=["mae"], cv=folds).fit(X, y)
    assert absolute.loss_ == "mae"
    assert model.cv_scores_.mean(axis=1).max() > absolute.cv_scores_.mean(axis=1).max()
    with pytest.raises(ValueError, match="at least one loss"):
        VILMACV(losses=[]).fit(X, y)


def test_losses_may_be_functions_and_matrices():
    X, y = signal_in_codes()
    costs = np.abs(np.subtract.outer(range(5), range(5)))
    model = VILMACV([0.1], losses=[lambda distance: min(distance, 2), costs], cv=FOLDS).fit(X, y)
    assert model.loss_ is costs or callable(model.loss_)


def test_the_default_grid_goes_on_below():
    # Columns of a small scale want a small alpha; larger ones learn nothing and are all alike.
    X, y = signal_in_codes()
    small = vilma.hstack(X.blocks, scales=[0.01, 0.02, 0.01]).select([1])
    with pytest.warns(UserWarning, match=r"IISVOR_IMCCV chose alpha=1e-05, the smallest that was"):
        model = IISVOR_IMCCV(cv=FOLDS).fit(small, y)
    np.testing.assert_allclose(model.alphas_, [1, 0.1, 0.01, 0.001, 1e-4, 1e-5])
    assert model.cv_scores_.shape == (6, 3)
    assert model.cv_scores_[3].max() < model.cv_scores_[5].min()
    given = IISVOR_IMCCV(model.alphas_[4:], cv=FOLDS).fit(small, y)
    np.testing.assert_allclose(model.cv_scores_[4:], given.cv_scores_, atol=0.02)


@pytest.mark.parametrize(
    ("alphas", "means", "expected"),
    [
        ([1.0, 0.1, 0.01], [-3, -2, -1], 0.001),
        ([1.0, 0.1, 0.01], [-3, -1, -2], None),
        ([1.0, 0.1, 0.01], [-1, -2, -3], 10.0),
        ([100.0, 10.0, 1.0], [-1, -2, -3], None),  # as far as it goes
        ([1e-3, 1e-4, 1e-5], [-3, -2, -1], None),
        ([1.0, 0.1, 0.01], [-1, -1, -2], None),  # the larger one of two that are level
        ([1.0, 0.1, 0.01], [-2, -1, -1], None),
        ([1.0, 0.1, 0.01], [-2, -2, -2], 0.001),  # nothing has been learned so far
    ],
)
def test_where_the_default_grid_goes_on(alphas, means, expected):
    scores = np.column_stack([means, means]) + np.array([0.5, -0.5])
    worse = scores - 5.0  # another set of blocks
    assert _next_alpha(np.array(alphas), np.stack([worse, scores])) == expected


def test_an_alpha_at_the_end_of_a_given_grid_is_told():
    X, y = signal_in_codes()
    codes = X.select([1])
    with pytest.warns(
        UserWarning, match=r"chose alpha=0.1, the smallest that was tried: a smaller"
    ):
        IISVOR_IMCCV([1.0, 0.3, 0.1], cv=FOLDS).fit(codes, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        IISVOR_IMCCV([1.0, 0.1, 0.01, 0.001], cv=FOLDS).fit(codes, y)  # the end is no better


def test_alphas_keep_the_order_given():
    X, y = signal_in_codes()
    rising = IISVOR_IMCCV([0.001, 0.01, 0.1], cv=FOLDS).fit(X, y)
    falling = IISVOR_IMCCV([0.1, 0.01, 0.001], cv=FOLDS).fit(X, y)
    np.testing.assert_array_equal(rising.alphas_, [0.001, 0.01, 0.1])
    np.testing.assert_array_equal(rising.cv_scores_, falling.cv_scores_[::-1])
    assert rising.alpha_ == falling.alpha_


def test_rule_of_one_standard_error_takes_what_is_simpler():
    X, y = weak_signal()
    rng = np.random.default_rng(0)
    X = vilma.hstack([X, rng.normal(size=(400, 3))], names=["signal", "noise"])
    search = VILMACV([0.1, 0.01, 0.001, 0.0001], blocks="choose", losses=["squared"])
    best = clone(search).fit(X, y)
    model = search.set_params(rule="one_standard_error").fit(X, y)
    assert model.blocks_ == ("signal",)
    assert model.alpha_ >= best.alpha_
    scores = best.cv_scores_[list(best.alphas_).index(best.alpha_)]
    error = scores.std(ddof=1) / np.sqrt(5)
    chosen = model.cv_scores_[list(model.alphas_).index(model.alpha_)].mean()
    assert chosen >= scores.mean() - error


def test_a_table_in_one_pipeline():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(300, 2))
    y = np.digitize((X**2).sum(axis=1), [0.3, 0.6, 0.9])  # rings
    features = TableFeatures(n_trees=30, n_components=50)
    model = make_pipeline(features, IISVOR_IMCCV(cv=3)).fit(X[:200], y[:200])
    assert model[-1].blocks_ is None
    assert model.score(X[200:], y[200:]) > 0.8


def test_scores_of_several_losses_are_those_of_each_alone():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = np.clip(np.round(1.5 * X[:, 0] + rng.normal(size=120) + 3), 0, 6).astype(int)
    codes = np.arange(7)
    matrix = np.abs(codes[:, None] - codes) ** 1.5
    other = matrix.copy()
    other[6, 0] += 50.0  # which an abbreviation of the matrix would not show
    for losses in (("mae", "squared"), (matrix, other), (lambda d: d, lambda d: d**3)):
        alone = [VILMACV(alphas=(0.1,), losses=(loss,)).fit(X, y) for loss in losses]
        model = VILMACV(alphas=(0.1,), losses=losses).fit(X, y)
        means = [each.cv_scores_.mean() for each in alone]
        assert model.cv_scores_.mean() == pytest.approx(max(means))
        assert model.loss_ is losses[int(np.argmax(means))]


@pytest.mark.parametrize(
    ("design", "seed", "kept"),
    [("brackets", 0, True), ("brackets", 4, False), ("brackets", 5, False), ("exact", 0, False)],
)
def test_brackets_keep_the_first_loss_unless_another_is_better_by_a_standard_error(
    design, seed, kept
):
    X, labels = weak_signal(n_samples=150, n_labels=9, seed=seed)
    cells = 3 * (labels // 3)
    y = np.stack([cells, cells + 2], axis=1) if design == "brackets" else labels
    losses, alphas = ("mae", "squared"), [1.0, 0.1, 0.01]
    folds = [KFold(5, shuffle=True, random_state=deal) for deal in range(2)]
    splits = [split for deal in folds for split in deal.split(X)]
    options = {"cv": splits, "classes": range(9), "refit": False}
    alone = [VILMACV(alphas, losses=[loss], **options).fit(X, y) for loss in losses]
    means = [each.cv_scores_.mean(axis=1).max() for each in alone]
    expected = int(np.argmax(means))
    if design == "brackets":
        first, other = (each.cv_scores_[alphas.index(each.alpha_)] for each in alone)
        error = np.std(other - first, ddof=1) / np.sqrt(5)  # two deals of the same rows
        expected = int(means[1] - means[0] > error)
    model = VILMACV(alphas, losses=losses, **options).fit(X, y)
    assert (model.loss_, model.alpha_) == (losses[expected], alone[expected].alpha_)
    asked = VILMACV(alphas, losses=losses, scoring=mean_distance, **options).fit(X, y)
    assert asked.loss_ == losses[int(np.argmax(means))]  # who brings a score has it as it is
    assert (asked.loss_ != model.loss_) == kept


def test_few_rows_are_dealt_several_times():
    rng = np.random.default_rng(0)
    for n_rows, times in ((60, 4), (650, 4), (900, 3), (2100, 1)):
        X = rng.normal(size=(n_rows, 1))
        y = np.digitize(X[:, 0] + rng.normal(size=n_rows), [-0.5, 0.5])
        model = IISVOR_IMCCV([0.1], refit=False).fit(X, y)
        assert model.cv_scores_.shape == (1, 5 * times)
        deals = [
            IISVOR_IMCCV([0.1], cv=KFold(5, shuffle=True, random_state=seed), refit=False)
            for seed in range(times)
        ]
        expected = np.hstack([deal.fit(X, y).cv_scores_ for deal in deals])
        np.testing.assert_array_equal(model.cv_scores_, expected)
        once = IISVOR_IMCCV([0.1], cv=5, refit=False).fit(X, y)
        np.testing.assert_array_equal(once.cv_scores_, expected[:, :5])


def test_one_standard_error_counts_folds_of_one_deal():
    X, y = signal_in_codes(seed=3)
    folds = KFold(4, shuffle=True, random_state=0)
    one = list(folds.split(y))
    best = IISVOR_IMCCV([1.0, 0.3, 0.1, 0.03, 0.01], cv=one, rule="one_standard_error").fit(X, y)
    twice = IISVOR_IMCCV(best.alphas_, cv=one + one, rule="one_standard_error").fit(X, y)
    means, scores = (
        best.cv_scores_.mean(axis=1),
        best.cv_scores_[best.cv_scores_.mean(axis=1).argmax()],
    )
    for model, copies in ((best, 1), (twice, 2)):
        error = np.tile(scores, copies).std(ddof=1) / np.sqrt(4)
        assert model.alpha_ == best.alphas_[np.flatnonzero(means >= means.max() - error)[0]]


def test_one_question_is_scored_by_the_estimated_error():
    X, y = weak_signal(n_labels=6)
    rng = np.random.default_rng(0)
    asked = rng.integers(1, 6, len(y))
    yes = y >= asked
    answers = np.stack([np.where(yes, asked, 0), np.where(yes, 5, asked - 1)], axis=1)
    folds = list(KFold(3, shuffle=True, random_state=0).split(y))
    model = VILMACV([0.1], losses=["squared"], cv=folds).fit(X, answers)
    shares = threshold_shares(answers, classes=range(6))
    for score, (train, test) in zip(model.cv_scores_[0], folds, strict=True):
        single = VILMA(0.1, loss="squared", classes=range(6)).fit(X[train], answers[train])
        predicted = single.predict(X[test])
        error = estimated_absolute_error(answers[test], predicted, shares=shares, classes=range(6))
        assert score == -error
        assert error > 1.5 * interval_insensitive_loss(answers[test], predicted)


def test_a_score_of_exact_labels_says_what_to_do_with_intervals():
    problem = make_interval_problem(40, random_state=0)
    with pytest.raises(ValueError, match=r"cannot score intervals.*Leave scoring=None"):
        IISVOR_IMCCV(alphas=[1.0], scoring="accuracy").fit(problem.data, problem.target)


def test_folds_that_are_done_are_told(capfd):
    X, y = signal_in_codes()
    IISVOR_IMCCV([1.0, 0.1], cv=FOLDS, verbose=10**6).fit(X, y)
    assert "3 out of   3" in "".join(capfd.readouterr())


def test_folds_without_rows_are_named():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), np.arange(30) % 3
    weight = np.repeat([1.0, 0.0], [10, 20])
    with pytest.raises(ValueError, match=r"split 0 of cv has no row of positive weight to train"):
        VILMACV(cv=KFold(3)).fit(X, y, sample_weight=weight)
    with pytest.raises(ValueError, match=r"split 2 of cv has no row of positive weight to test"):
        VILMACV(cv=KFold(3)).fit(X, y, sample_weight=1.0 - weight[::-1])
    with pytest.raises(ValueError, match=r"20 folds need a row each, but there are 10, without"):
        VILMACV(cv=20).fit(X, y, sample_weight=weight)


def test_a_word_among_the_weights_is_shown_alone():
    X, y = np.arange(90.0)[:, None], np.arange(90) % 3
    model = ConformalOrdinalClassifier(VILMA())
    with pytest.raises(TypeError, match=r"sample_weight should hold real numbers, got 'a' among"):
        model.fit(X, y, sample_weight=["a"] * 90)


@pytest.mark.parametrize(
    ("choose", "single"),
    [(VILMACV, VILMA), (PWVILMACV, PWVILMA), (OrderedLogitCV, OrderedLogit)],
)
def test_what_was_chosen_is_a_public_estimator_that_can_be_saved(tmp_path, choose, single):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 2))
    y = np.digitize(X[:, 0] + 0.3 * rng.normal(size=90), [-0.5, 0.5])
    model = choose([0.1], cv=3).fit(X, y)
    chosen = model.chosen_estimator()
    assert type(chosen) is single
    np.testing.assert_array_equal(chosen.fit(X, y).coef_, model.coef_)
    save_model(chosen, tmp_path / "m.vilma")
    np.testing.assert_array_equal(load_model(tmp_path / "m.vilma").coef_, model.coef_)
