"""Random views of samples: each is seen twice by contrastive losses."""

from __future__ import annotations

from collections.abc import Callable

from vilma._numbers import require_integer, require_number
from vilma.deep._torch import torch

__all__ = ["ImageViews", "two_views"]


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
        :class:`ImageViews`.
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
    >>> from vilma.deep.views import ImageViews, two_views
    >>> views, samples = two_views(torch.rand(3, 1, 8, 8), ImageViews())
    >>> views.shape, samples
    (torch.Size([6, 1, 8, 8]), tensor([0, 1, 2, 0, 1, 2]))
    """
    if not isinstance(X, torch.Tensor) or not X.ndim:
        raise TypeError(f"X should be a tensor with a row for each sample, got {X!r}.")
    if not callable(augment):
        raise TypeError(f"augment should be a function of X and a generator, got {augment!r}.")
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator should be a torch.Generator or None, got {generator!r}.")
    views = [augment(X, generator) for _ in range(2)]
    for view in views:
        if len(view) != len(X):
            raise ValueError(
                f"augment should return a view of each of the {len(X)} samples, got {len(view)}."
            )
    return torch.cat(views), torch.arange(len(X), device=X.device).repeat(2)


class ImageViews:
    """Views of images: cut out, mirrored, shifted, brighter or darker, with more or less contrast.

    Parameters
    ----------
    flip : bool, default=True
        Whether every second image is mirrored, left and right.
    shift : int, default=4
        Pixels that an image is moved at most, up or down and to either side, not negative. What
        comes in repeats the edge.
    zoom : float, default=0.0
        A part of the image is cut out at random, its sides at least 1 - zoom of the image's, and
        brought to the size of the image; below 1.
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
        zoom: float = 0.0,
        brightness: float = 0.2,
        contrast: float = 0.2,
    ) -> None:
        if not isinstance(flip, bool):
            raise TypeError(f"flip should be True or False, got {flip!r}.")
        require_integer("shift", shift, 0)
        require_number("zoom", zoom)
        for name, value in (("brightness", brightness), ("contrast", contrast)):
            require_number(name, value)
            if not value >= 0:
                raise ValueError(f"{name} should not be negative, got {value!r}.")
        if not 0 <= zoom < 1:
            raise ValueError(f"zoom should be at least 0 and under 1, got {zoom!r}.")
        self.zoom = zoom
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
        view = _zoom(X, self.zoom, generator) if self.zoom else X
        view = _shift(view, self.shift, generator)
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


def _zoom(X: torch.Tensor, most: float, generator: torch.Generator | None) -> torch.Tensor:
    """Cut a part of its own out of every image, and bring it to the image's size."""
    n = len(X)
    side = 1.0 - most * _uniform(X, (n,), generator)
    away = (2.0 * _uniform(X, (n, 2), generator) - 1.0) * (1.0 - side[:, None])
    frames = X.new_zeros(n, 2, 3)
    frames[:, 0, 0], frames[:, 1, 1], frames[:, :, 2] = side, side, away
    grid = torch.nn.functional.affine_grid(frames, list(X.shape), align_corners=False)
    return torch.nn.functional.grid_sample(X, grid, padding_mode="border", align_corners=False)


def _uniform(
    X: torch.Tensor, shape: tuple[int, ...], generator: torch.Generator | None
) -> torch.Tensor:
    return torch.rand(shape, generator=generator, dtype=X.dtype, device=X.device)
