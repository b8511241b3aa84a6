"""Embeddings of a pretrained network as a scikit-learn transformer."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from tqdm import tqdm

from vilma.features.deep.cache import EmbeddingCache
from vilma.features.deep.choose import choose_embedder
from vilma.features.deep.embedder import Embedder
from vilma.features.deep.gathering import gather, gather_with_cache
from vilma.features.deep.identity import digest
from vilma.features.deep.parameters import check_parameters
from vilma.features.deep.pictures import as_arrays
from vilma.features.deep.streaming import embed_sources
from vilma.features.inputs import Source, check_sources


class DeepFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Embeddings of images by a pretrained network.

    Each image becomes a dense row of float32: the output of a network that was trained for
    something else, in inference mode. Nothing is learned, so :meth:`fit` may be left out.

    Parameters
    ----------
    model : str, path-like, torch.nn.Module or callable
        The network:

        - the directory of a model of images as saved by Hugging Face transformers (CLIP, ResNet,
          ViT, DINOv2, SigLIP, and whatever AutoModel and AutoImageProcessor load), or its name on
          the hub such as ``"openai/clip-vit-base-patch16"`` or ``"facebook/dinov2-base"``: the
          projected image embedding of CLIP, the pooled output of others, and the first token of
          models saved without a pooling layer. The preprocessing is the one saved beside the
          weights. Needs the extra ``vilma[deep]``;
        - ``"dlib"``, the face embedder of dlib: 128 columns. Needs ``vilma[faces]``, which
          brings the weights;
        - a ``torch.nn.Module`` or a method of one, with `preprocessing`. Models of timm and
          open_clip come in this way;
        - any other function from a list of RGB images, or from what `preprocessing` makes of
          it, to an array of shape (n_images, n_columns).

    preprocessing : callable, str or None, default=None
        With a module or a function: what turns images into a batch. It is given a list of RGB
        images (uint8, of shape (height, width, 3)), and returns an array or tensor with one
        entry per image; image processors of transformers fit. It is called for one image at a
        time, in several threads if `n_jobs` says so.

        With ``"dlib"``: where the face is. ``"detect"``, also None, takes the largest face that
        dlib's detector finds, and an image without one is an error; ``"whole"`` takes the whole
        image as the detector's rectangle, right for aligned crops; ``"detect_or_whole"`` does
        so where no face is found.

        With a directory or a name it must be None.

    device : str or torch.device, default="auto"
        Where the network runs: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; ``"auto"`` is CUDA if
        it is there, else the CPU.

    dtype : {"float32", "float16", "bfloat16"}, default="float32"
        Precision of the network. The output is float32 in any case.

    batch_size : int, default=64
        Images that are in memory at once (twice as many with several threads), and on a GPU in
        the network.

    normalize : bool, default=False
        Whether to divide each row by its Euclidean norm.

    cache_dir : str, path-like or None, default=None
        Folder that keeps the rows, one file each, for the next time. It may be shared by
        processes, models and settings.

    local_files_only : bool, default=True
        Whether a name must be in the local cache of Hugging Face. False downloads what is
        missing.

    identity : str or None, default=None
        With a module or a function: your name for it and its preprocessing, to be changed when
        they change. Needed with `cache_dir`, as the code of a function cannot be compared.

    n_jobs : int or None, default=None
        Threads that read and prepare images while the network computes. None means 1 unless in
        a :obj:`joblib.parallel_backend` context; -1 means all processors.

    verbose : int, default=0
        Above 0, show a progress bar.

    Attributes
    ----------
    model_id_ : str
        Identifies the network and its preprocessing by their content: files that were moved or
        renamed have the same. It is there before :meth:`fit`.

    n_features_out_ : int
        Number of columns. For modules and functions it is known after :meth:`fit`.

    See Also
    --------
    vilma.features.MultiScaleLBP : Features that need no network.
    vilma.features.FaceAligner : Crops in which faces have one place and size.

    Notes
    -----
    An image is not a row of columns, so there is no ``n_features_in_``.

    *Same bits.* On the CPU the images go through a network of torch one by one, so that a row
    depends on its image alone: order, `batch_size` and `n_jobs` do not change a bit. On a GPU
    rows of different batches agree to about 1e-6 in float32, and to 1e-3 with the CPU.

    *Cache.* A row is found by the SHA-256 of the image file (or of the pixels, for arrays), the
    content of the model's files, `dtype`, and the versions of the packages that compute it; not
    by names, `batch_size`, `device` or `normalize`. A damaged entry is computed again.

    *Pickling.* Weights are loaded when the first image comes, and never pickled, unless `model`
    is a module itself. Two networks at most stay in memory.

    References
    ----------
    .. [1] Radford et al.: Learning transferable visual models from natural language
       supervision, ICML 2021.
    .. [2] He et al.: Deep residual learning for image recognition, CVPR 2016.
    .. [3] King: Dlib-ml: a machine learning toolkit, JMLR 10, 2009.

    Examples
    --------
    >>> import numpy as np
    >>> from vilma.features import DeepFeatures
    >>> def mean_colour(images):
    ...     return np.array([image.mean(axis=(0, 1)) for image in images])
    >>> images = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    >>> images[1, :, :, 0] = 200
    >>> DeepFeatures(mean_colour).fit_transform(images)
    array([[  0.,   0.,   0.],
           [200.,   0.,   0.]], dtype=float32)

    A network and the model on top of it::

        make_pipeline(DeepFeatures("dlib"), StandardScaler(), VILMA()).fit(paths, intervals)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Callable[[Any], Any],
        *,
        preprocessing: Callable[[list[NDArray[np.uint8]]], Any] | str | None = None,
        device: str = "auto",
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
        batch_size: int = 64,
        normalize: bool = False,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = True,
        identity: str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        self.model = model
        self.preprocessing = preprocessing
        self.device = device
        self.dtype = dtype
        self.batch_size = batch_size
        self.normalize = normalize
        self.cache_dir = cache_dir
        self.local_files_only = local_files_only
        self.identity = identity
        self.n_jobs = n_jobs
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> DeepFeatures:
        """Check the parameters and the form of X; nothing is learned.

        Parameters
        ----------
        X : sequence of path-like, ndarray or list of ndarray
            Images, as in :meth:`transform`.
        y : Ignored
            Not used, present for API consistency by convention.

        Returns
        -------
        DeepFeatures
            The transformer itself.

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not as described.
        FileNotFoundError
            If there is no such model, or a file of it is missing.
        ImportError
            If a package that the model needs is not installed.
        """
        embedder = self._choose_embedder()
        sources = check_sources(as_arrays(X))
        if embedder.width is None:
            width = self._embed(embedder, sources[:1]).shape[1]
            self._measured = (self.model, self.preprocessing, width)
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Embed images.

        Parameters
        ----------
        X : sequence of path-like, ndarray or list of ndarray
            Paths of image files in a list, an array or a column of a table; an array of shape
            (n_images, height, width) or (n_images, height, width, 3); or a list of arrays of
            shape (height, width) or (height, width, 3). Arrays are uint8, and colours RGB. Files
            are read by :func:`vilma.features.read_rgb`. PIL images, and torch tensors of shape
            (3, height, width), alone or stacked, are taken as well; tensors are uint8, or floating
            from 0 to 1.

        Returns
        -------
        ndarray of float32 of shape (n_images, n_features_out_)
            One row per image.

        Raises
        ------
        TypeError, ValueError
            If a parameter or X is not as described, a file is no image, the model cannot take
            what its preprocessing makes, or, with ``"dlib"``, there is no face.
        FileNotFoundError
            If there is no such model, or a file of it is missing.
        OSError
            If an image cannot be opened, or nothing can be written to `cache_dir`.
        RuntimeError, MemoryError
            If the device fails, or its memory does not suffice.
        ImportError
            If a package that the model needs is not installed.
        """
        rows = self._embed(self._choose_embedder(), check_sources(as_arrays(X)))
        if self.normalize:
            norms = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
            rows = (rows / np.where(norms > 0, norms, 1)).astype(np.float32)
        return rows

    @property
    def model_id_(self) -> str:
        """Identity of the network and its preprocessing."""
        return self._choose_embedder().identity

    @property
    def n_features_out_(self) -> int:
        """Number of columns of the output."""
        width = self._choose_embedder().width
        if width is not None:
            return width
        model, preprocessing, width = getattr(self, "_measured", (None, None, None))
        # Parameters may have been set since fit.
        if width is None or model is not self.model or preprocessing is not self.preprocessing:
            raise NotFittedError(
                "How many columns this model gives is known once it has seen an image: call fit."
            )
        return width

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        tags.requires_fit = False
        return tags

    def _choose_embedder(self) -> Embedder:
        check_parameters(self)
        return choose_embedder(
            self.model,
            self.preprocessing,
            identity=self.identity,
            device=str(self.device),
            dtype=self.dtype,
            local_files_only=self.local_files_only,
        )

    def _embed(self, embedder: Embedder, sources: Sequence[Source]) -> NDArray[np.float32]:
        n_threads = effective_n_jobs(self.n_jobs)
        compute = partial(
            embed_sources, embedder, sources, batch_size=self.batch_size, n_threads=n_threads
        )
        with tqdm(total=len(sources), unit="image", disable=self.verbose <= 0) as bar:
            if self.cache_dir is None:
                return gather(compute, len(sources), bar.update)
            cache = EmbeddingCache(self.cache_dir, self._cache_key(embedder))
            return gather_with_cache(compute, sources, cache, n_threads, bar.update)

    def _cache_key(self, embedder: Embedder) -> str:
        if not embedder.identity_is_safe:
            raise ValueError(
                "cache_dir needs identity= for a module or a function: a name of yours for it and "
                "its preprocessing, such as 'vit_small, 224 pixels'. Change it when they change: "
                "the code of a function cannot be compared."
            )
        # The number is that of the format of the entries.
        return digest([1, embedder.identity, embedder.versions(), self.dtype])
