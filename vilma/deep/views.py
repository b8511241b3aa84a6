"""Random views of samples: each is seen twice by contrastive losses."""

from __future__ import annotations

from collections.abc import Callable

from vilma.deep._torch import torch

__all__ = ["EmbeddingViews", "ImageViews", "two_views"]


def two_views(
    X: torch.Tensor,
    augment: Callable[[torch.Tensor, torch.Generator | None], torch.Tensor],
    generator: torch.Generator | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw two views of every sample.

    Parameters
    ----------
    X : Tensor of shape (B, ...)
        Samples.
    augment : callable
        Called with X and the generator; returns a view of every sample, such as
        :class:`EmbeddingViews` or :class:`ImageViews`.
    generator : torch.Generator, default=None
        Source of the randomness, on the device of X; by default torch's own.

    Returns
    -------
    views : Tensor of shape (2 B, ...)
        First views, then second ones. Labels are repeated likewise: ``lower.repeat(2)``.
    samples : Tensor of shape (2 B,), dtype=int64
        Numbers of the samples, for the losses.

    Raises
    ------
    ValueError
        If `augment` does not return as many samples as it was given.

    References
    ----------
    Khosla et al.: Supervised contrastive learning, NeurIPS, 2020.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.views import EmbeddingViews, two_views
    >>> views, samples = two_views(torch.randn(3, 8), EmbeddingViews())
    >>> views.shape, samples
    (torch.Size([6, 8]), tensor([0, 1, 2, 0, 1, 2]))
    """
    views = [augment(X, generator) for _ in range(2)]
    for view in views:
        if len(view) != len(X):
            raise ValueError(
                f"augment should return a view of each of the {len(X)} samples, got {len(view)}."
            )
    return torch.cat(views), torch.arange(len(X), device=X.device).repeat(2)


class EmbeddingViews:
    """Views of embeddings or tables: noise, and features left out.

    Parameters
    ----------
    noise : float, default=0.1
        Standard deviation of the noise, relative to that of the whole batch, not negative.
    drop : float, default=0.1
        Probability with which a feature of a sample is set to 0, in [0, 1); the others are
        enlarged so that the mean stays.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.views import EmbeddingViews
    >>> EmbeddingViews(noise=0.0, drop=0.0)(torch.ones(1, 3))
    tensor([[1., 1., 1.]])
    """

    def __init__(self, *, noise: float = 0.1, drop: float = 0.1) -> None:
        if not noise >= 0:
            raise ValueError(f"noise should not be negative, got {noise!r}.")
        if not 0 <= drop < 1:
            raise ValueError(f"drop should be at least 0 and under 1, got {drop!r}.")
        self.noise = noise
        self.drop = drop

    def __call__(self, X: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return a view of every sample.

        Parameters
        ----------
        X : Tensor of shape (B, ...)
            Samples.
        generator : torch.Generator, default=None
            Source of the randomness.

        Returns
        -------
        view : Tensor of shape (B, ...)
            The views; `X` is not changed.
        """
        deviation = X.std(correction=0)
        view = X + self.noise * deviation * _normal(X, generator)
        kept = _uniform(X, X.shape, generator) >= self.drop
        return view * kept / (1 - self.drop)


class ImageViews:
    """Views of images: mirrored, shifted, brighter or darker, with more or less contrast.

    Parameters
    ----------
    flip : bool, default=True
        Whether every second image is mirrored, left and right.
    shift : int, default=4
        Pixels that an image is moved at most, up or down and to either side, not negative. What
        comes in repeats the edge.
    brightness : float, default=0.2
        Largest change of the brightness, as a factor 1 +- brightness, not negative.
    contrast : float, default=0.2
        Largest change of the contrast, as a factor 1 +- contrast, not negative.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.views import ImageViews
    >>> ImageViews()(torch.rand(5, 3, 32, 32)).shape
    torch.Size([5, 3, 32, 32])
    """

    def __init__(
        self,
        *,
        flip: bool = True,
        shift: int = 4,
        brightness: float = 0.2,
        contrast: float = 0.2,
    ) -> None:
        for name, value in (("shift", shift), ("brightness", brightness), ("contrast", contrast)):
            if not value >= 0:
                raise ValueError(f"{name} should not be negative, got {value!r}.")
        self.flip = flip
        self.shift = shift
        self.brightness = brightness
        self.contrast = contrast

    def __call__(self, X: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Return a view of every image.

        Parameters
        ----------
        X : Tensor of shape (B, C, H, W)
            Images, as floating-point numbers.
        generator : torch.Generator, default=None
            Source of the randomness.

        Returns
        -------
        view : Tensor of shape (B, C, H, W)
            The views; `X` is not changed.

        Raises
        ------
        ValueError
            If X is of another shape.
        """
        if X.ndim != 4:
            raise ValueError(
                f"X should be images of shape (B, C, H, W), got the shape {tuple(X.shape)}."
            )
        view = _shift(X, self.shift, generator)
        if self.flip:
            mirrored = _uniform(X, (len(X), 1, 1, 1), generator) < 0.5
            view = torch.where(mirrored, view.flip(3), view)
        return self._recolour(view, generator)

    def _recolour(self, view: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        each = (len(view), 1, 1, 1)
        brighter = 1 + self.brightness * (2 * _uniform(view, each, generator) - 1)
        harder = 1 + self.contrast * (2 * _uniform(view, each, generator) - 1)
        grey = view.mean(dim=(1, 2, 3), keepdim=True)
        return brighter * (grey + harder * (view - grey))


def _shift(X: torch.Tensor, most: int, generator: torch.Generator | None) -> torch.Tensor:
    """Move every image by whole pixels of its own."""
    n, _, height, width = X.shape
    steps = torch.randint(-most, most + 1, (2, n, 1), generator=generator, device=X.device)
    rows = (torch.arange(height, device=X.device) + steps[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=X.device) + steps[1]).clamp(0, width - 1)
    image = torch.arange(n, device=X.device)[:, None, None]
    # Indexed dimensions come first where a slice stands between them.
    return X[image, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _uniform(
    X: torch.Tensor, shape: tuple[int, ...], generator: torch.Generator | None
) -> torch.Tensor:
    return torch.rand(shape, generator=generator, dtype=X.dtype, device=X.device)


def _normal(X: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
    return torch.randn(X.shape, generator=generator, dtype=X.dtype, device=X.device)
