"""An ordinal classifier with any loss, regularizer and encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from vilma.deep._torch import torch
from vilma.deep.base import DeepOrdinalEstimator
from vilma.deep.encoders import dense_encoder, embedding_size
from vilma.deep.label_weights import LabelWeightsName
from vilma.deep.network import Network, Penalty, Projection
from vilma.deep.objectives import (
    LOSSES,
    REGULARIZERS,
    Loss,
    LossName,
    Regularizer,
    RegularizerName,
    SurrogateLoss,
    Task,
    find_loss,
    find_regularizer,
)
from vilma.deep.objectives.surrogates import ProjectionHead
from vilma.deep.optimization import OptimizerName, ScheduleName
from vilma.deep.parameters import TRAINING_CONSTRAINTS
from vilma.deep.plan import Phase, plan_phases
from vilma.deep.rows import Rows
from vilma.deep.scale import Scale

__all__ = ["DeepOrdinalClassifier"]


class DeepOrdinalClassifier(DeepOrdinalEstimator):
    """A network for exact and interval labels on an ordered scale.

    Rows go through an encoder, and through a linear head that the loss brings along. A
    regularizer, if there is one, orders the embeddings in between by their labels.

    Parameters
    ----------
    loss : str or Loss, default="l1"
        What is predicted and how: "l1" and "l2" (distance to the interval, and its square),
        "focal_r", "ce" (cross entropy), "gaussian", "symmetric", "asymmetric" (soft labels),
        "group" (classified groups with a regressor each), "pml" (progressive margins), "coral",
        "corn", "clm" (cumulative probabilities), "iisvor_imc", "iisvor_exp", "vilma" (what the
        linear estimators minimise), or an object of :mod:`vilma.deep.objectives`, whose
        parameters can be set.
    regularizer : str, Regularizer, list of such or None, default=None
        "accon", "supcon", "rank_contrast", "conr", or an object of the same module; a list adds
        several up. The first two compare projections of the embedding to vectors of length 1.
        Losses of a number, "l1", "l2", "focal_r" and "group", then see these vectors too, as in
        the papers, and so do all regularizers of a list. The other losses see the embedding
        itself, because softmax has little to tell vectors of one length apart by; each of these
        regularizers then has a projection of its own beside the head.
    regularizer_weight : float, list of float or None, default=None
        Weight of the regularizer beside the loss; of several, one for all or one each. None is
        1 for ACCon and ranked contrast, 0.1 for SupCon and 0.01 for ConR; beside "iisvor_exp" 0.1
        for ACCon and 0.01 for SupCon. ``benchmarks/DEEP.md`` has what they take off each loss.
    encoder : torch.nn.Module or None, default=None
        Maps rows, as float32, to a matrix. It is copied; parameters with
        ``requires_grad=False`` stay as they are. By default, columns are standardised and go
        through dense layers.
    hidden_layer_sizes : tuple of int, default=(128,)
        Widths of the dense layers; an empty tuple gives a linear model. Not for a given encoder.
    dropout : float, default=0.0
        Share of the outputs of dense layers that is dropped in training. Likewise.
    embedding_dim : int, default=64
        Width of the projection of regularizers that have one.
    pretraining_epochs : int, default=0
        Epochs in which the encoder learns from the regularizer alone. If there are any, it
        stays as it is afterwards, and the head alone learns from the loss.
    refit_head : bool, default=False
        After training, replace projection and thresholds by the certified optimum on the learned
        embedding of the training rows. Only for "iisvor_imc", "iisvor_exp" and "vilma".
    label_weights : str, callable or None, default=None
        Weights of the loss by the frequency of labels in training: "lds", smoothed over
        neighbouring labels ("lds_reflect" by the kernel of the released program), "inverse", or
        its square root, "sqrt_inverse". A function gets the counts of shape (n_classes,).
    augmentation : callable, default=None
        Turns a batch of rows, a tensor, into a changed one, in training. A regularizer sees two
        such views of each row.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; by default the labels in `y`. Labels that are numbers are as far
        apart as their values say, strings one step.
    max_epochs : int, default=100
        Passes through the data in which the loss counts.
    batch_size : int, default=128
        Most rows in a batch, in training and in prediction.
    accumulate : int, default=1
        Batches whose gradients are averaged into one step.
    optimizer : {"adamw", "adam", "sgd"} or callable, default="adamw"
        A name ("sgd" has a momentum of 0.9), or a function of groups of parameters that returns
        an optimizer of torch, such as ``partial(torch.optim.SGD, momentum=0.5)``. Groups have
        their learning rate and weight decay.
    learning_rate : float or dict, default=1e-3
        One for all, or one each for the parts: ``{"encoder": 1e-5, "head": 1e-3}``.
    schedule : {"cosine", "linear", "constant"} or callable, default="cosine"
        How learning rates fall, to zero by the names but the last; or a function of the optimizer
        that returns a schedule of torch, stepped after every epoch. Each curriculum has its own.
    warmup_epochs : int, default=0
        Epochs in which learning rates grow from zero, step by step.
    max_grad_norm : float or None, default=None
        Norm to which the gradient of all parameters is clipped.
    weight_decay : float, default=1e-4
        Of matrices; biases, norms and the like have none, nor have heads with a penalty.
    early_stopping : bool, default=False
        Hold rows back, keep the epoch with the smallest mean distance to their intervals, and
        stop when there was none for a while. Rows count by their weights.
    validation_fraction : float, default=0.1
        Share of the rows held back.
    n_iter_no_change : int, default=10
        Epochs without improvement to wait for.
    mixed_precision : bool, default=False
        Compute the encoder in bfloat16 in training.
    device : str or torch.device, default="auto"
        "auto" is CUDA where available, otherwise the CPU.
    n_jobs : int or None, default=None
        Threads on the CPU, -1 for all cores. None leaves it to torch with a given encoder; the
        dense layers then take one thread, because such small matrices are slower with more.
    preprocessing : callable or None, default=None
        For lists of image files: turns a picture, a PIL image in RGB, into a tensor. By default
        pictures are bytes of shape (3, height, width), of one size.
    callbacks : list of Callback or None, default=None
        Told of the start, of each epoch, and of the end, see :mod:`vilma.deep.callbacks`.
    checkpoint : str or path, default=None
        A file that `fit` writes after every epoch. If it exists, `fit` goes on from it; the
        result is that of an undisturbed training. It needs an integer as `random_state`. With
        more `max_epochs` than before, a training is extended.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, order of rows, dropout and augmentation. With an integer, fits on
        the CPU with the same number of threads are equal bit by bit.
    verbose : int, default=0
        Show a progress bar if positive.

    Attributes
    ----------
    scale_ : ndarray of shape (n_classes,)
        The labels in the order of the scale.
    classes_ : ndarray of shape (n_classes,)
        The same labels sorted, as scikit-learn expects them; of numbers, the same array.
    network_ : torch.nn.Module
        The trained network, with parts `encoder`, `projection` and `head`.
    history_ : ndarray of shape (n_iter_,)
        A record for each epoch: `stage` of the curricula, `loss`, `validation_error` in units of
        the scale's length, `seconds`.
    n_iter_ : int
        Epochs trained.
    linear_model_ : estimator
        With ``refit_head=True``, the linear estimator fitted to the embedding, with the
        certificate `objective_`, `lower_bound_` and `gap_`.
    n_features_in_ : int
        Columns of `X`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `X` had any.

    See Also
    --------
    RegCLIPClassifier : Compares embeddings of images and texts.
    vilma.VILMA : A linear model, which can take what `transform` returns.

    References
    ----------
    See the classes in :mod:`vilma.deep.objectives`.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.deep import DeepOrdinalClassifier
    >>> X = np.linspace(-1, 1, 90)[:, None]
    >>> y = np.repeat([20, 30, 40], 30)
    >>> intervals = np.stack([y, np.minimum(y + 10, 40)], axis=1)
    >>> intervals[::3, 1] = y[::3]
    >>> model = DeepOrdinalClassifier(random_state=0).fit(X, intervals)
    >>> model.predict([[-0.9], [0.0], [0.9]])
    array([20, 30, 40])
    """

    linear_model_: Any
    _parameter_constraints: ClassVar[dict] = {
        "loss": [StrOptions(set(LOSSES)), Loss],
        "regularizer": [StrOptions(set(REGULARIZERS)), Regularizer, list, tuple, None],
        "regularizer_weight": [Interval(Real, 0, None, closed="left"), list, tuple, None],
        "encoder": [torch.nn.Module, None],
        "hidden_layer_sizes": ["array-like"],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "pretraining_epochs": [Interval(Integral, 0, None, closed="left")],
        "refit_head": ["boolean"],
        **TRAINING_CONSTRAINTS,
    }

    def __init__(
        self,
        loss: LossName | Loss = "l1",
        *,
        regularizer: RegularizerName
        | Regularizer
        | Sequence[RegularizerName | Regularizer]
        | None = None,
        regularizer_weight=None,
        encoder=None,
        hidden_layer_sizes=(128,),
        dropout=0.0,
        embedding_dim=64,
        pretraining_epochs=0,
        refit_head=False,
        label_weights: LabelWeightsName | Callable[[Any], Any] | None = None,
        augmentation=None,
        classes=None,
        max_epochs=100,
        batch_size=128,
        accumulate=1,
        optimizer: OptimizerName | Callable[..., Any] = "adamw",
        learning_rate=1e-3,
        schedule: ScheduleName | Callable[..., Any] = "cosine",
        warmup_epochs=0,
        max_grad_norm=None,
        weight_decay=1e-4,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        mixed_precision=False,
        device="auto",
        n_jobs=None,
        preprocessing=None,
        callbacks=None,
        checkpoint=None,
        random_state=None,
        verbose=0,
    ) -> None:
        self.loss = loss
        self.regularizer = regularizer
        self.regularizer_weight = regularizer_weight
        self.encoder = encoder
        self.hidden_layer_sizes = hidden_layer_sizes
        self.dropout = dropout
        self.embedding_dim = embedding_dim
        self.pretraining_epochs = pretraining_epochs
        self.refit_head = refit_head
        self.label_weights = label_weights
        self.augmentation = augmentation
        self.classes = classes
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.warmup_epochs = warmup_epochs
        self.max_grad_norm = max_grad_norm
        self.weight_decay = weight_decay
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.mixed_precision = mixed_precision
        self.device = device
        self.n_jobs = n_jobs
        self.preprocessing = preprocessing
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _takes_images(self) -> bool:
        return self.encoder is not None

    def _gives_probabilities(self) -> bool:
        loss = LOSSES[self.loss]() if isinstance(self.loss, str) else self.loss
        return loss.gives_probabilities

    def _make_network(self, rows: Rows, task: Task) -> Network:
        loss = find_loss(self.loss)
        regularizers = self._find_regularizers(loss.regularizer_share)
        encoder = self._make_encoder(rows)
        n_outputs = embedding_size(encoder, rows.source.first())
        if self.refit_head and not isinstance(loss, SurrogateLoss):
            raise ValueError(
                f"refit_head=True needs a loss with a certified optimum: 'iisvor_imc', "
                f"'iisvor_exp' or 'vilma', got loss={self.loss!r}."
            )
        projection, own = None, [False] * len(regularizers)
        if loss.on_unit_vectors and any(each.projects for each, _ in regularizers):
            projection = Projection(n_outputs, self.embedding_dim)
            n_outputs = self.embedding_dim
        else:
            own = [each.projects for each, _ in regularizers]
        head = loss.make_head(n_outputs, task, bias=projection is None)
        with torch.random.fork_rng(devices=[]):  # the training draws what it would without them
            penalties = [
                Penalty(*each, Projection(n_outputs, self.embedding_dim) if projects else None)
                for each, projects in zip(regularizers, own, strict=True)
            ]
        return Network(
            encoder,
            head,
            task.scale,
            embedding_size=n_outputs,
            projection=projection,
            penalties=penalties,
            augmentation=self.augmentation,
            mixed_precision=self.mixed_precision,
        )

    def _find_regularizers(self, share: float = 1.0) -> list[tuple[Regularizer, float]]:
        """Return the regularizers with their weights, by default the usual ones.

        Of those that project, only a share of the usual weight is taken.
        """

        def usual(regularizer: Regularizer) -> float:
            return regularizer.usual_weight * (share if regularizer.projects else 1.0)

        given: Any = self.regularizer
        weight = self.regularizer_weight
        several = isinstance(given, (list, tuple))
        if not several and not isinstance(weight, (list, tuple)):
            regularizer = find_regularizer(given)
            if regularizer is None:
                return []
            return [(regularizer, usual(regularizer) if weight is None else weight)]
        names = list(given) if several else []
        for name in names:
            if not isinstance(name, Regularizer) and name not in REGULARIZERS:
                raise ValueError(
                    f"A regularizer should be one of {sorted(REGULARIZERS)} or an object of "
                    f"vilma.deep.objectives.Regularizer, got {name!r}."
                )
        found = [each for each in map(find_regularizer, names) if each is not None]
        if weight is None:
            weights = [usual(each) for each in found]
        else:
            weights = list(weight) if isinstance(weight, (list, tuple)) else [weight] * len(names)
        good = all(isinstance(each, Real) and each >= 0 for each in weights)
        if not names or len(weights) != len(names) or not good:
            raise ValueError(
                "Several regularizers need a list of one or more, and one nonnegative weight for "
                f"all or for each, got regularizer={self.regularizer!r} and "
                f"regularizer_weight={weight!r}."
            )
        return list(zip(found, weights, strict=True))

    def _make_encoder(self, rows: Rows) -> torch.nn.Module:
        if self.encoder is not None:
            return deepcopy(self.encoder).cpu()
        sizes = np.asarray(self.hidden_layer_sizes)
        if sizes.ndim != 1 or (len(sizes) and (sizes.dtype.kind not in "iu" or sizes.min() < 1)):
            raise ValueError(
                "hidden_layer_sizes should be a tuple of positive whole numbers, got "
                f"{self.hidden_layer_sizes!r}."
            )
        return dense_encoder(rows, sizes.tolist(), self.dropout)

    def _finish(self, rows: Rows) -> None:
        if hasattr(self, "linear_model_"):
            del self.linear_model_
        if not self.refit_head:
            return
        network = self.network_
        loss = find_loss(self.loss)
        assert isinstance(loss, SurrogateLoss)
        assert isinstance(network.head, ProjectionHead)
        labels = self.scale_[np.stack([rows.lower, rows.upper], axis=1)]
        self.linear_model_ = loss.linear_estimator(classes=self.scale_)
        embedding = self._infer_rows(rows.source, rows.numbers, lambda _network, Z: Z)
        self.linear_model_.fit(embedding, labels, rows.weight)
        network.head.take_over(self.linear_model_)

    def _phases(self, labels: NDArray, scale: Scale, seed: int) -> list[Phase]:
        if self.pretraining_epochs:
            self._refuse_pretraining_in_vain()
        curricula = find_loss(self.loss).curricula(labels, scale, seed)
        return plan_phases(self.max_epochs, self.pretraining_epochs, curricula)

    def _refuse_pretraining_in_vain(self) -> None:
        regularizers = self._find_regularizers()
        if not any(weight for _, weight in regularizers):
            raise ValueError(
                f"pretraining_epochs={self.pretraining_epochs} needs a regularizer, from which "
                f"the encoder learns; got regularizer={self.regularizer!r} and "
                f"regularizer_weight={self.regularizer_weight!r}."
            )
        if any(each.needs_predictions for each, _ in regularizers):
            raise ValueError(
                f"The regularizer {self.regularizer!r} compares predictions, which an encoder "
                "alone does not make. Set pretraining_epochs=0, or choose another regularizer."
            )
