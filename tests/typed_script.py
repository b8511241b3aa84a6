"""What users write, for the type checker: ``mypy --strict`` has nothing to complain about it."""

import numpy as np
from numpy.typing import NDArray

from vilma import (
    IISVOR_IMC,
    PWVILMA,
    VILMA,
    VILMACV,
    CalibratedOrdinalClassifier,
    ConformalOrdinalClassifier,
    OrderedLogit,
    vilma_path,
)
from vilma.deep import DeepOrdinalClassifier
from vilma.features import FaceAligner, LeafCodes, MultiScaleLBP
from vilma.intervals import IntervalStratifiedKFold, combine_annotators, parse_brackets
from vilma.metrics import interval_insensitive_loss, interval_scorer, ranked_probability_score
from vilma.model_selection import cross_val_predict


def main(X: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Fit, predict and score."""
    model: VILMA = VILMA(alpha=0.1, loss="squared", solver="cutting_plane").fit(X, y)
    print(model.predict(X), model.decision_function(X), model.project(X), model.score(X, y))
    print([each.coef_ for each in vilma_path(X, y, [1.0, 0.1], estimator=IISVOR_IMC())])
    search: VILMACV = VILMACV(cv=IntervalStratifiedKFold(by="cell"), scoring=interval_scorer())
    search = search.fit(X, y, sample_weight=np.ones(len(X)), groups=None)
    calibrated = CalibratedOrdinalClassifier(IISVOR_IMC(), link="probit").fit(X, y)
    score = ranked_probability_score(y, calibrated.predict_proba(X), classes=calibrated.scale_)
    spans: NDArray[np.int64] = ConformalOrdinalClassifier().fit(X, y).predict_interval(X, 0.9)
    logit = OrderedLogit(prediction="mode", covariance="robust").fit(X, y)
    held_out = cross_val_predict(logit, X, y, method="predict_proba")
    parts = combine_annotators([y, y], how="quantiles").intervals
    brackets = parse_brackets(["20-29", "30+"], irregular="ignore", closed="both")
    print(parts, brackets, interval_insensitive_loss(y, y, loss=np.abs(y[:, None] - y)))
    lbp = MultiScaleLBP(output="codes"), LeafCodes(output="csr"), FaceAligner(several="largest")
    print(lbp, PWVILMA(loss=lambda distance: distance**0.5))
    network = DeepOrdinalClassifier("ce", optimizer="sgd", schedule="linear", random_state=0).fit(
        X, y
    )
    return score + search.alpha_ + float(spans.sum() + held_out.sum() + network.predict(X).sum())
