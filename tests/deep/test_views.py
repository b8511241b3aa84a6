"""Random views of samples."""

from __future__ import annotations

import importlib

import pytest

torch = pytest.importorskip("torch")
views = importlib.import_module("vilma.deep.views")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_two_views_are_numbered_and_differ():
    X = torch.rand(4, 1, 6, 6)
    both, samples = views.two_views(X, views.ImageViews(), seeded())
    assert both.shape == (8, 1, 6, 6)
    assert samples.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert not torch.equal(both[:4], both[4:])
    again, _ = views.two_views(X, views.ImageViews(), seeded())
    assert torch.equal(both, again)


def test_any_callable_can_augment_but_not_lose_samples():
    both, _ = views.two_views(torch.ones(2, 3), lambda X, generator: X * 2)
    assert both.tolist() == [[2.0] * 3] * 4
    with pytest.raises(ValueError, match="each of the 2 samples, got 1"):
        views.two_views(torch.ones(2, 3), lambda X, generator: X[:1])


def ramps(n, height=9, width=11):
    """Images whose pixels say where they come from: 100 row + column, in two channels."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (100.0 * rows + columns).expand(n, 2, height, width).clone()


def test_shifts_move_whole_images_and_repeat_edges():
    X = ramps(200)
    before = X.clone()
    view = views.ImageViews(flip=False, shift=2, brightness=0, contrast=0)(X, seeded())
    assert torch.equal(X, before)
    centre = view[:, 0, 4, 5].to(torch.int64)
    down, right = centre // 100 - 4, centre % 100 - 5
    assert set(down.tolist()) == set(right.tolist()) == {-2, -1, 0, 1, 2}
    for image, d, r in zip(view, down.tolist(), right.tolist(), strict=True):
        for row in range(9):
            for column in range(11):
                wanted = 100 * min(max(row + d, 0), 8) + min(max(column + r, 0), 10)
                assert image[0, row, column] == wanted
        assert torch.equal(image[0], image[1])


def test_flips_mirror_about_half_of_the_images():
    X = ramps(200)
    view = views.ImageViews(shift=0, brightness=0, contrast=0)(X, seeded())
    mirrored = (view == X.flip(3)).flatten(1).all(dim=1)
    unchanged = (view == X).flatten(1).all(dim=1)
    assert torch.equal(mirrored, ~unchanged)
    assert 70 < mirrored.sum() < 130


def test_brightness_and_contrast_are_factors_of_each_image():
    X = torch.rand(300, 3, 4, 4)
    brighter = views.ImageViews(flip=False, shift=0, brightness=0.3, contrast=0)(X, seeded()) / X
    factors = brighter.flatten(1)
    torch.testing.assert_close(factors, factors[:, :1].expand(-1, 48))
    assert 0.7 <= factors.min() < 0.75
    assert 1.25 < factors.max() <= 1.3 + 1e-5
    harder = views.ImageViews(flip=False, shift=0, brightness=0, contrast=0.3)(X, seeded())
    means = (1, 2, 3)
    torch.testing.assert_close(harder.mean(dim=means), X.mean(dim=means))
    ratio = harder.std(dim=means) / X.std(dim=means)
    assert 0.7 <= ratio.min() < 0.75
    assert 1.25 < ratio.max() <= 1.3 + 1e-5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: views.ImageViews(zoom=1.0),
            r"zoom should be at least 0 and under 1, got 1\.0",
        ),
        (lambda: views.ImageViews(shift=-1), "shift should be an integer of at least 0, got -1"),
        (lambda: views.ImageViews(contrast=-0.1), "contrast should not be negative"),
        (
            lambda: views.ImageViews()(torch.ones(3, 4)),
            r"images of shape .* got the shape \(3, 4\)",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_part_is_cut_out_and_brought_to_size():
    X = ramps(200)
    plain = {"flip": False, "shift": 0, "brightness": 0.0, "contrast": 0.0}
    view = views.ImageViews(zoom=0.5, **plain)(X, seeded())
    assert view.shape == X.shape
    # A pixel to the right, or below, is nearer than in the whole image by the side that was cut.
    across = (view[:, 0, 4, 7] - view[:, 0, 4, 3]) / 4.0
    down = (view[:, 0, 6, 5] - view[:, 0, 2, 5]) / 400.0
    assert torch.allclose(across, down, atol=1e-3)
    assert 0.5 <= across.min() < 0.55
    assert 0.95 < across.max() <= 1.0 + 1e-4
    assert view.min() >= X.min() - 1e-3
    assert view.max() <= X.max() + 1e-3
    assert torch.equal(views.ImageViews(zoom=0.0, **plain)(X, seeded()), X)
