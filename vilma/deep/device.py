"""Where to compute, and with which random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vilma.deep._torch import torch

__all__ = ["find_device", "seeded", "threads"]


def find_device(name: str | torch.device) -> torch.device:
    """Return a device by name.

    Parameters
    ----------
    name : str or torch.device
        "auto" for a CUDA device where there is one, or a name of torch's, such as "cpu", or a
        device.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f"device={str(name)!r} cannot be used here: {error} Expected 'auto', 'cpu', or a "
            "device that torch finds."
        ) from error


@contextmanager
def seeded(seed: int | torch.Tensor, device: torch.device) -> Iterator[None]:
    """Use torch's random numbers from a seed on, and give them back as they were.

    Parameters
    ----------
    seed : int or Tensor
        A number to begin with, or a state of the host's generator to go on with.
    device : torch.device
        Where random numbers are drawn besides the host.
    """
    index = device.index if device.index is not None else 0
    with torch.random.fork_rng(devices=[index] if device.type == "cuda" else []):
        if isinstance(seed, torch.Tensor):
            torch.set_rng_state(seed)
        else:
            torch.manual_seed(seed)
        yield


@contextmanager
def threads(n_threads: int | None) -> Iterator[None]:
    """Let torch use some number of threads of the host, and then as many as before.

    Parameters
    ----------
    n_threads : int or None
        How many; None leaves the number alone.
    """
    if n_threads is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
