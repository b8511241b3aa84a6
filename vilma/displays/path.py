"""Scores and objectives along the regularisation path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import check_scoring
from sklearn.utils.validation import check_is_fitted

from vilma._arguments import require_choice
from vilma.displays._drawing import legend_above, open_axes, require_matplotlib, tidy
from vilma.displays._fitted import unwrap
from vilma.displays._path_panels import FloatArray, draw_objectives, draw_scores, name_alphas
from vilma.estimators.vilma import loss_key
from vilma.metrics import interval_scorer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

# Names of what cross-validated estimators score by themselves, and whether it is a negated loss.
_METRIC_NAMES = {
    "estimated_absolute_error": ("absolute error", True),
    "interval_insensitive_loss": ("interval-insensitive\n0/1 loss", True),
    "interval_log_loss": ("log loss", True),
}


class PathDisplay:
    """What alpha does: scores on held-out data, or the objective with its lower bound.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
        Weights of the squared norm, in any order.
    scores : ndarray of shape (n_alphas, n_folds), default=None
        Scores on held-out data, greater is better.
    score_name : str, default="score"
        What to write on the axis.
    times_held_out : float, default=1.0
        How often the folds hold out a row, in the mean. Folds that hold out the same rows again
        are no further sample, and do not make the standard error smaller.
    negate_score : bool, default=False
        Draw the negated scores: scikit-learn's scores are negated losses.
    objectives, lower_bounds : ndarray of shape (n_alphas,), default=None
        Objective of each fit and the lower bound on its optimum, both or neither.
    chosen : float, default=None
        The alpha to mark.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    vilma.vilma_path : Fits for several alphas.

    Examples
    --------
    >>> from vilma import IISVOR_IMCCV
    >>> from vilma.datasets import make_interval_problem
    >>> from vilma.displays import PathDisplay
    >>> problem = make_interval_problem(200, random_state=0)
    >>> search = IISVOR_IMCCV().fit(problem.data, problem.target)
    >>> display = PathDisplay.from_estimator(search)
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self,
        alphas: FloatArray,
        *,
        scores: FloatArray | None = None,
        score_name: str = "score",
        times_held_out: float = 1.0,
        negate_score: bool = False,
        objectives: FloatArray | None = None,
        lower_bounds: FloatArray | None = None,
        chosen: float | None = None,
    ) -> None:
        self.alphas = alphas
        self.scores = scores
        self.score_name = score_name
        self.times_held_out = times_held_out
        self.negate_score = negate_score
        self.objectives = objectives
        self.lower_bounds = lower_bounds
        self.chosen = chosen

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Axes | None = None) -> PathDisplay:
        """Draw the cross-validated scores of an estimator that has chosen alpha itself.

        Parameters
        ----------
        estimator : object
            A fitted VILMACV, IISVOR_IMCCV, IISVOR_EXPCV or PWVILMACV, or a pipeline that ends in
            one. Of several correlations and losses the chosen ones are drawn.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : PathDisplay
            What was drawn. Losses are drawn as losses if `scoring` is the default or the name
            of a score that begins with "neg_".

        Raises
        ------
        ImportError
            If matplotlib is missing.
        TypeError
            If the estimator does not choose alpha.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        caller = f"{cls.__name__}.from_estimator"
        require_matplotlib(caller)
        _, model = unwrap(estimator)
        if not hasattr(model, "alphas") or not hasattr(model, "project"):
            raise TypeError(
                f"{caller} needs an estimator that chooses alpha by cross-validation, such as "
                f"VILMACV, got {type(model).__name__}. For models of vilma_path use from_models."
            )
        check_is_fitted(model, "cv_scores_")
        if model.scoring is None:
            name, negate = _METRIC_NAMES[model._metric(None)[0]]
        else:
            name, negate = _score_label(model.scoring)
        scores = model.cv_scores_
        if hasattr(model, "correlations_"):
            place = model.correlations_.tolist().index(model.correlation_)
            losses = [loss_key(loss) for loss in model.losses_]  # which may be matrices
            scores = scores[:, place, losses.index(loss_key(model.loss_))]
        return cls(
            model.alphas_,
            scores=scores,
            score_name=f"cross-validated {name}",
            times_held_out=model.times_held_out_,
            negate_score=negate,
            chosen=model.alpha_,
        ).plot(ax)

    @classmethod
    def from_models(
        cls,
        models: Sequence[Any],
        X: Any = None,
        y: ArrayLike | None = None,
        *,
        scoring: str | Callable[..., float] | None = None,
        kind: Literal["score", "objective"] | None = None,
        ax: Axes | None = None,
    ) -> PathDisplay:
        """Draw models fitted for several alphas, as :func:`vilma.vilma_path` returns them.

        Parameters
        ----------
        models : sequence of estimators
            Fitted on the same data.
        X : array-like or sparse matrix of shape (n_samples, n_features), default=None
            Held-out data to score the models on. The alpha with the best score is marked, the
            largest where several share it. Without data, objectives are drawn.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Labels of the held-out data.
        scoring : str or callable, default=None
            How to score, greater is better. None means the negated interval-insensitive absolute
            error.
        kind : {"score", "objective"}, default=None
            What to draw, see :meth:`plot`.
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.

        Returns
        -------
        display : PathDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is missing.
        ValueError
            If there are no models, or `X` comes without `y` or `y` without `X`.
        sklearn.exceptions.NotFittedError
            If a model is not fitted.
        """
        require_matplotlib(f"{cls.__name__}.from_models")
        if not isinstance(models, Sequence) or isinstance(models, (str, bytes)):
            raise TypeError(
                f"models should be the list that vilma_path returns, got {models!r} of type "
                f"{type(models).__name__}."
            )
        if not len(models):
            raise ValueError("models is empty; pass the list that vilma_path returns.")
        if (X is None) != (y is None):
            given, missing = ("y", "X") if X is None else ("X", "y")
            raise ValueError(f"{given} is given without {missing}; pass both, or neither.")
        for model in models:
            check_is_fitted(model, "objective_")
        alphas = np.array([model.alpha for model in models])
        measured: dict[str, Any] = {}
        if X is not None:
            scorer: Any = scoring
            name, negate = _score_label(scoring)
            if scoring is None:
                scorer = interval_scorer("mae", classes=models[0].scale_)
                name, negate = "interval-insensitive\nabsolute error", True
            scorer = check_scoring(models[0], scorer)
            scores = np.array([scorer(model, X, y) for model in models])
            measured = {
                "scores": scores[:, None],
                "score_name": name,
                "negate_score": negate,
                "chosen": float(alphas[scores == scores.max()].max()),
            }
        return cls(
            alphas,
            objectives=np.array([model.objective_ for model in models]),
            lower_bounds=np.array([model.lower_bound_ for model in models]),
            **measured,
        ).plot(ax, kind=kind)

    def plot(
        self, ax: Axes | None = None, *, kind: Literal["score", "objective"] | None = None
    ) -> PathDisplay:
        """Draw what there is for each alpha.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None means a new figure.
        kind : {"score", "objective"}, default=None
            "score" draws the mean over the folds, with a band of one standard error of the mean,
            and the folds as thin lines; "objective" the objective of each fit down to its lower
            bound. None means scores if there are any.

        Returns
        -------
        display : PathDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `kind` is none of these, or there is nothing of the kind.
        """
        if kind is None:
            kind = "objective" if self.scores is None else "score"
        require_choice("kind", kind, ("score", "objective"))
        values = self._scores() if kind == "score" else self._objectives()
        ax = open_axes(f"{type(self).__name__}.plot", ax, (6.4, 4.2))
        order = np.argsort(self.alphas)
        alphas, values = self.alphas[order], values[order]
        if kind == "score":
            draw_scores(ax, alphas, values, self.times_held_out, self.chosen)
            ax.set_ylabel(self.score_name)
        else:
            draw_objectives(ax, alphas, *values.T)
            ax.set_ylabel("objective at the solution")
        name_alphas(ax, alphas)
        tidy(ax)
        legend_above(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _scores(self) -> FloatArray:
        if self.scores is None:
            raise ValueError("There are no scores; pass held-out data X and y to from_models.")
        return -self.scores if self.negate_score else self.scores

    def _objectives(self) -> FloatArray:
        """Return objectives and lower bounds in two columns."""
        if self.objectives is None or self.lower_bounds is None:
            raise ValueError(
                "Cross-validation keeps no objectives for each alpha; draw those of vilma_path by "
                "from_models."
            )
        return np.column_stack([self.objectives, self.lower_bounds])


def _score_label(scoring: Any) -> tuple[str, bool]:
    """Return the name of a score and whether it is a negated loss."""
    if not isinstance(scoring, str):
        return "score", False
    name = scoring.removeprefix("neg_")
    return name.replace("_", " "), name != scoring
