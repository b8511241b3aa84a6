"""Texts for parts of a scale whose words are learned, embedded by a CLIP that stays as it is."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vilma._optional import require
from vilma.deep._torch import torch

__all__ = ["PromptLearner", "embed_texts", "load_text_model", "text_side"]


def embed_texts(source: Any, texts: Sequence[str]) -> NDArray[np.float32]:
    """Embed texts by a CLIP, as `text_embeddings` of a :class:`RegCLIPClassifier`.

    Parameters
    ----------
    source : str, path, or pair (model, tokenizer)
        A folder or name of transformers' whose files are on this machine, or the two objects.
    texts : sequence of str
        Such as ``COARSE_LABELS["age"].prompts``.

    Returns
    -------
    ndarray of shape (n_texts, n_dimensions)
        Embeddings, not normalised.

    Raises
    ------
    ValueError
        If the source is no CLIP, its files cannot be read, a text is longer than the model can
        take, or there is none.

    Examples
    --------
    >>> from vilma.deep import embed_texts
    >>> from vilma.deep.coarse_labels import COARSE_LABELS
    >>> embed_texts("models/clip", COARSE_LABELS["age"].prompts)  # doctest: +SKIP
    array([[...]], dtype=float32)
    """
    if (
        not isinstance(texts, Sequence)
        or isinstance(texts, (str, bytes))
        or not texts
        or not all(isinstance(text, str) for text in texts)
    ):
        raise ValueError(f"texts should be a sequence of one text or more, got {texts!r}.")
    model, tokenizer = load_text_model(source)
    learner = PromptLearner(text_side(model), tokenizer, texts, "{}", 0)
    with torch.no_grad():
        return learner().float().numpy()


def load_text_model(source: Any) -> tuple[torch.nn.Module, Any]:
    """Return a text model of CLIP and its tokenizer.

    Parameters
    ----------
    source : str, path, or pair (model, tokenizer)
        A folder or name of transformers' whose files are on this machine, or the two objects.

    Returns
    -------
    model : torch.nn.Module
        ``CLIPModel`` or ``CLIPTextModelWithProjection``.
    tokenizer : object
        Turns a text into `input_ids`.

    Raises
    ------
    ValueError
        If it is neither, or the files cannot be read.
    """
    if isinstance(source, (str, os.PathLike)):
        return _read(os.fspath(source))
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], torch.nn.Module):
        return source
    raise ValueError(
        "text_model should be a folder, a name, or a pair (model, tokenizer) of transformers', "
        f"got {type(source).__name__}."
    )


def _read(source: str) -> tuple[torch.nn.Module, Any]:
    """Read the text side of a CLIP and its tokenizer from files."""
    transformers = require("transformers", "deep", "A text model of CLIP")
    logger = logging.getLogger("transformers")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it reports that a side is left out
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    try:
        # The image side of a whole CLIP is dropped, but not its trained logit_scale.
        whole = transformers.AutoConfig.from_pretrained(source, local_files_only=True)
        kind = "CLIPModel" if whole.model_type == "clip" else "CLIPTextModelWithProjection"
        model, report = getattr(transformers, kind).from_pretrained(
            source, local_files_only=True, output_loading_info=True
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, local_files_only=True)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"text_model={source!r} cannot be loaded: {error} Download the model before, or pass "
            "a pair (model, tokenizer)."
        ) from error
    finally:
        logger.setLevel(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
    # transformers goes on with random weights, and with an empty vocabulary.
    vocabulary = getattr(model.config, "text_config", model.config).vocab_size
    if report["missing_keys"] or len(tokenizer) != vocabulary:
        raise ValueError(
            f"text_model={source!r} cannot be loaded: {len(report['missing_keys'])} weights are "
            f"missing, and the tokenizer has {len(tokenizer)} words where the model has "
            f"{vocabulary}."
        )
    return model, tokenizer


def text_side(model: torch.nn.Module) -> torch.nn.Module:
    """Return a copy of a CLIP on the host, without its image side."""
    images = (getattr(model, name, None) for name in ("vision_model", "visual_projection"))
    # What is in the memo counts as copied: as None.
    return deepcopy(model, {id(part): None for part in images if part is not None}).cpu()


class PromptLearner(torch.nn.Module):
    """Embeddings of texts, each made of learned words, a sentence and a learned name.

    Parameters
    ----------
    model : torch.nn.Module
        A CLIP with a text side; it is not trained.
    tokenizer : object
        Its tokenizer.
    names : sequence of str
        Names of the parts; their words are learned, from what they are in the model.
    template : str
        Sentence around a name, with one ``{}``.
    n_context : int
        Learned words in front, the same for all names.

    Raises
    ------
    ValueError
        If the texts are longer than the model can take.

    References
    ----------
    Zhou et al.: Learning to prompt for vision-language models, IJCV, 2022, for learned words.
    """

    attention: torch.Tensor
    ids: torch.Tensor
    name_places: torch.Tensor

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: Any,
        names: Sequence[str],
        template: str,
        n_context: int,
    ) -> None:
        super().__init__()
        self.model = model.requires_grad_(False).eval()
        self.n_context = n_context
        before, after = template.split("{}")
        before_ids, after_ids = _tokens(tokenizer, before), _tokens(tokenizer, after)
        name_ids = [_tokens(tokenizer, name) for name in names]
        # Whatever stands where learned words come is replaced.
        texts = [
            [tokenizer.bos_token_id] * (1 + n_context)
            + [*before_ids, *found, *after_ids, tokenizer.eos_token_id]
            for found in name_ids
        ]
        length = max(map(len, texts))
        longest = _position_embedding(model).num_embeddings
        if length > longest:
            raise ValueError(
                f"The longest text has {length} tokens with n_context={n_context}, but the model "
                f"takes {longest}. Shorten the coarse labels, or lower n_context."
            )
        # Attention looks back only: what comes after the end does not count.
        padding = tokenizer.eos_token_id
        self.register_buffer(
            "ids", torch.tensor([text + [padding] * (length - len(text)) for text in texts])
        )
        ends = torch.tensor([len(text) for text in texts])
        self.register_buffer("attention", (torch.arange(length) < ends[:, None]).long())
        start = 1 + n_context + len(before_ids)
        places = [(k, start + j) for k, found in enumerate(name_ids) for j in range(len(found))]
        self.register_buffer("name_places", torch.tensor(places).T.contiguous())
        words = _token_embedding(model)
        with torch.no_grad():
            known = words(torch.tensor([each for found in name_ids for each in found]))
        self.names = torch.nn.Parameter(known.detach().clone())
        self.context = torch.nn.Parameter(0.02 * torch.randn(n_context, words.embedding_dim))

    def train(self, mode: bool = True) -> PromptLearner:
        """Change the mode of nothing but the learned words: the model stays as it is."""
        super().train(mode)
        self.model.eval()
        return self

    def forward(self) -> torch.Tensor:
        """Return embeddings of shape (n_names, n_dimensions)."""
        handle = _token_embedding(self.model).register_forward_hook(
            lambda _module, _inputs, found: self._put_words(found)
        )
        try:
            inputs = {"input_ids": self.ids, "attention_mask": self.attention}
            embed = getattr(self.model, "get_text_features", None)
            if embed is None:  # a text side alone
                return self.model(**inputs).text_embeds
            found = embed(**inputs)
            return getattr(found, "pooler_output", found)  # transformers 4 returns the tensor
        finally:
            handle.remove()

    def _put_words(self, found: torch.Tensor) -> torch.Tensor:
        words = found.clone()
        words[:, 1 : 1 + self.n_context] = self.context
        words[self.name_places[0], self.name_places[1]] = self.names
        return words


def _tokens(tokenizer: Any, text: str) -> list[int]:
    """Return the tokens of a text, without those for its beginning and end."""
    if not text.strip():
        return []
    return list(tokenizer(text.strip(), add_special_tokens=False)["input_ids"])


def _token_embedding(model: torch.nn.Module) -> torch.nn.Embedding:
    return _find(model, "token_embedding")


def _position_embedding(model: torch.nn.Module) -> torch.nn.Embedding:
    # The image side has positions too.
    text = getattr(model, "text_model", model)
    return _find(text, "position_embedding")


def _find(model: torch.nn.Module, ending: str) -> torch.nn.Embedding:
    for name, module in model.named_modules():
        if name.endswith(ending) and isinstance(module, torch.nn.Embedding):
            return module
    raise ValueError(
        f"text_model has no {ending}; expected a CLIP of transformers, got {type(model).__name__}."
    )
