"""RegCLIP: ordinal classification by comparing embeddings of images and texts."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions

from vilma._numbers import as_numbers
from vilma.deep._torch import torch
from vilma.deep.base import DeepOrdinalEstimator
from vilma.deep.coarse_labels import COARSE_LABELS, Bins, CoarseLabels, CoarseName, divide_scale
from vilma.deep.encoders import ImageAdapter, embedding_size
from vilma.deep.label_weights import LabelWeightsName
from vilma.deep.network import Network
from vilma.deep.objectives import Task
from vilma.deep.objectives.coarse_to_fine import CoarseToFineHead, TextWeights
from vilma.deep.optimization import OptimizerName, ScheduleName
from vilma.deep.parameters import TRAINING_CONSTRAINTS
from vilma.deep.plan import Phase
from vilma.deep.prompts import PromptLearner, load_text_model, text_side
from vilma.deep.rows import Rows
from vilma.deep.scale import Scale

__all__ = ["RegCLIPClassifier"]

# CLIP's own before its training. On 600 embeddings of faces without texts, 5.4 years; with the
# 0.01 that CLIP's training ends at, 5.8.
_TEMPERATURE = 0.07


class RegCLIPClassifier(DeepOrdinalEstimator):
    """Coarse classification by texts, refined to a position on the scale.

    Embeddings of images, as CLIP makes them, are adapted and compared with an embedding of text
    for each of some parts of the scale. The mean over the parts of a position inside of each is
    the prediction. A ranking loss of images and texts is added to the distance between the
    prediction and the interval. Nothing is downloaded, and no language model is asked: names of
    the parts come from a table or a function.

    Parameters
    ----------
    text_embeddings : array-like of shape (n_names, n_features) or None, default=None
        Embeddings of the texts to begin with, one for each coarse label, also for those of a
        table that no label of the scale belongs to. By default they are random.
    text_model : str, path, or pair (model, tokenizer), default=None
        A CLIP model of transformers, or a folder with one, that embeds the prompts of the
        coarse labels; words before each prompt, and the words of its coarse label, are
        learned while the model stays as it is. Instead of `text_embeddings`.
    n_context : int, default=4
        Learned words before each prompt, for `text_model`. They begin at random; without training
        there are none.
    coarse_labels : int, {"age", "decade", "aesthetics"}, CoarseLabels or callable, default=5
        Parts of the scale: a number of equal width, a table, or a function that takes the labels
        and returns a name for each, the same for neighbours that belong together.
    y_ratio : float, default=0.8
        Share of the adapted embedding beside the given one, below 1, as in the released program.
        Before training, the mixture has the direction of the given embedding.
    temperature : float or None, default=None
        Of the cosines. None is that of `text_model` (CLIP's ``exp(-logit_scale)``, near 0.01), and
        0.07 without one.
    variant : {"paper", "numclip"}, default="paper"
        Form of the ranking loss, that of the paper or that of the program released with NumCLIP,
        see :func:`vilma.deep.losses.fcrc_loss`.
    ranking_weight : float, default=1.0
        Weight of the ranking loss beside the distance, which is in label units.
    hidden_size : int, default=64
        Width of the network that refines the position inside of the parts.
    encoder : torch.nn.Module or None, default=None
        Turns rows into embeddings, such as the image side of CLIP; it is copied and trained,
        except for parameters with ``requires_grad=False``. By default the rows are embeddings.
    label_weights : str, callable or None, default=None
        Weights of the loss by the frequency of labels in training: "lds", smoothed over
        neighbouring labels ("lds_reflect" by the kernel of the released program), "inverse", or
        its square root, "sqrt_inverse". A function gets the counts of shape (n_classes,).
    augmentation : callable, default=None
        Turns a batch of rows, a tensor, into a changed one, in training.
    classes : array-like of shape (n_classes,), default=None
        The ordered scale; by default the labels in `y`. Labels that are numbers are as far
        apart as their values say, strings one step.
    max_epochs : int, default=100
        Passes through the data. With 0 nothing is trained: embeddings are compared with the texts
        as they are, each part of the scale stands for its middle, and `y` may be None if `classes`
        is given.
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
    weight_decay : float, default=0.0
        Of matrices. Without it AdamW is Adam, as in the paper.
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
        Threads on the CPU, -1 for all cores. None leaves it to torch with a given encoder, and
        is one thread without, because such small matrices are slower with more.
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
    bins_ : Bins
        The parts of the scale, with their names.
    network_ : torch.nn.Module
        The trained network, with parts `encoder` and `head`.
    history_ : ndarray of shape (n_iter_,)
        A record for each epoch, as for :class:`DeepOrdinalClassifier`.
    n_iter_ : int
        Epochs trained.
    n_features_in_ : int
        Columns of `X`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, if `X` had any.

    See Also
    --------
    DeepOrdinalClassifier : Any loss, regularizer and encoder.
    vilma.features.DeepFeatures : Embeddings of images.

    References
    ----------
    RegCLIP: A label-efficient coarse-to-fine learner for ordinal regression, published as Du et
    al.: Teach CLIP to develop a number sense for ordinal regression, ECCV, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.deep import RegCLIPClassifier
    >>> angle = np.linspace(0, 1.5, 80)
    >>> X = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> y = np.repeat([8, 16, 28, 40], 20)
    >>> texts = X[[10, 30, 50, 70, 79]]  # as a CLIP would embed "child", "teenager", ...
    >>> model = RegCLIPClassifier(texts, coarse_labels="age", random_state=0)
    >>> model.fit(X, y).bins_.names
    ('child', 'teenager', 'young adult', 'middle adult')
    >>> model.predict(X[[0, -1]])
    array([ 8, 40])
    """

    _parameter_constraints: ClassVar[dict] = {
        "text_embeddings": ["array-like", None],
        "text_model": "no_validation",
        "n_context": [Interval(Integral, 0, None, closed="left")],
        "coarse_labels": [
            Interval(Integral, 2, None, closed="left"),
            StrOptions(set(COARSE_LABELS)),
            CoarseLabels,
            callable,
        ],
        "y_ratio": [Interval(Real, 0, 1, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither"), None],
        "variant": [StrOptions({"paper", "numclip"})],
        "ranking_weight": [Interval(Real, 0, None, closed="left")],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "encoder": [torch.nn.Module, None],
        **TRAINING_CONSTRAINTS,
        "max_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        text_embeddings=None,
        *,
        text_model=None,
        n_context=4,
        coarse_labels: int | CoarseName | CoarseLabels | Callable[..., Any] = 5,
        y_ratio=0.8,
        temperature=None,
        variant: Literal["paper", "numclip"] = "paper",
        ranking_weight=1.0,
        hidden_size=64,
        encoder=None,
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
        weight_decay=0.0,
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
        self.text_embeddings = text_embeddings
        self.text_model = text_model
        self.n_context = n_context
        self.coarse_labels = coarse_labels
        self.y_ratio = y_ratio
        self.temperature = temperature
        self.variant = variant
        self.ranking_weight = ranking_weight
        self.hidden_size = hidden_size
        self.encoder = encoder
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

    def fit(self, X, y=None, sample_weight=None) -> Self:
        """Train a fresh network, or set one up that is not trained.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Embeddings of images, or images for the encoder.
        y : array-like of shape (n_samples,) or (n_samples, 2), default=None
            Exact labels, or intervals ``[lower, upper]`` with both ends included. None only
            with ``max_epochs=0`` and `classes`.
        sample_weight : array-like of shape (n_samples,), default=None
            Nonnegative weights of the loss; rows of weight 0 are left out.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If data, labels, weights or parameters are not as described, the loss stops being a
            number, or the checkpoint belongs to another training. The estimator is then left as
            it was.
        """
        if y is None and self.max_epochs == 0 and self.classes is not None:
            y = np.repeat(np.asarray(self.classes)[:1], len(X))  # nothing is learned of it
        return super().fit(X, y, sample_weight)

    def predict_coarse_proba(self, X) -> NDArray[np.float64]:
        """Predict probabilities of the parts of the scale, by their texts.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, ...)
            Data to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_bins)
            In the order of ``bins_.names``.
        """
        logs = self._infer(X, lambda network, Z: network.head(Z).log_softmax(dim=1))
        probabilities = np.exp(logs.astype(np.float64))
        return probabilities / probabilities.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # cosines do not see the length of rows
        return tags

    def _takes_images(self) -> bool:
        return self.encoder is not None

    def _gives_probabilities(self) -> bool:
        return False

    def _make_network(self, rows: Rows, task: Task) -> Network:
        self.bins_ = divide_scale(self.coarse_labels, task.scale.classes, task.scale.values)
        encoder = torch.nn.Identity() if self.encoder is None else deepcopy(self.encoder).cpu()
        n_outputs = embedding_size(encoder, rows.source.first())
        texts, temperature = self._make_texts(self.bins_, n_outputs)
        head = CoarseToFineHead(
            texts,
            task,
            self.bins_,
            temperature=temperature if self.temperature is None else self.temperature,
            variant=self.variant,
            ranking_weight=self.ranking_weight,
            hidden=self.hidden_size,
        )
        adapter = ImageAdapter(n_outputs, self.y_ratio)
        return Network(
            encoder,
            head,
            task.scale,
            embedding_size=n_outputs,
            projection=adapter,
            augmentation=self.augmentation,
            mixed_precision=self.mixed_precision,
        )

    def _phases(self, labels: NDArray, scale: Scale, seed: int) -> list[Phase]:
        return super()._phases(labels, scale, seed) if self.max_epochs else []

    def _make_texts(self, bins: Bins, n_features: int) -> tuple[torch.nn.Module, float]:
        """Return the texts of the parts, and the temperature that goes with them."""
        if self.text_model is not None:
            return self._make_prompts(bins, n_features)
        if self.text_embeddings is None:
            return TextWeights(torch.randn(len(bins), n_features)), _TEMPERATURE
        given = as_numbers(self.text_embeddings, "text_embeddings")
        found = check_array(given, dtype=np.float32, input_name="text_embeddings")
        expected = (bins.n_names, n_features)
        if found.shape != expected:
            raise ValueError(
                f"text_embeddings should have shape {expected}, a row for each of the "
                f"{bins.n_names} coarse labels and as many columns as the embeddings of X, got "
                f"{found.shape}."
            )
        return TextWeights(torch.from_numpy(found[bins.chosen])), _TEMPERATURE

    def _make_prompts(self, bins: Bins, n_features: int) -> tuple[torch.nn.Module, float]:
        if self.text_embeddings is not None:
            raise ValueError("Pass text_embeddings or text_model, not both.")
        if not isinstance(self.coarse_labels, str | CoarseLabels) and not callable(
            self.coarse_labels
        ):
            warnings.warn(
                f"coarse_labels={self.coarse_labels} makes prompts of numbers, such as "
                f"{bins.names[0]!r}, of which CLIP knows little. Pass names: a CoarseLabels "
                "table, or a function of the labels.",
                UserWarning,
                stacklevel=2,
            )
        model, tokenizer = load_text_model(self.text_model)
        n_context = self.n_context if self.max_epochs else 0
        prompts = PromptLearner(text_side(model), tokenizer, bins.names, bins.template, n_context)
        with torch.no_grad():
            found = prompts().shape[1]
        if found != n_features:
            raise ValueError(
                f"text_model embeds texts in {found} dimensions, but the embeddings of X have "
                f"{n_features}. Embed images and texts by the same CLIP."
            )
        logit_scale = getattr(model, "logit_scale", None)
        if logit_scale is None:  # a text side alone
            return prompts, _TEMPERATURE
        return prompts, math.exp(-logit_scale.item())
