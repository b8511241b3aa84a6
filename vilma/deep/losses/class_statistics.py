"""Running centres and variances of classes in the embedding space, for the margins of PML."""

from __future__ import annotations

from vilma._numbers import require_integer
from vilma.deep._torch import torch
from vilma.deep.losses._checks import check_matrix, product
from vilma.deep.losses._similarity import unit_rows

__all__ = ["ClassStatistics"]


class ClassStatistics(torch.nn.Module):
    r"""Running centres, intra-class variances and inter-class distances of K classes.

    Parameters
    ----------
    n_classes : int
        Number of classes K.
    n_features : int
        Size D of the embeddings.
    dtype : torch.dtype, default=None
        Type of the statistics; by default torch's.

    Attributes
    ----------
    counts : Tensor of shape (K,)
        Samples N of each class so far; intervals count in parts.
    centres : Tensor of shape (K, D)
        Means c of the embeddings of each class.
    scatter : Tensor of shape (K,)
        Sums phi of squared distances; ``scatter / counts`` is the intra-class variance.

    Notes
    -----
    The statistics are buffers: they are part of ``state_dict()``, and have no gradient. With the
    distance :math:`d(a, b) = 1 - \cos(a, b)`, 1 for a zero vector, a sample x of class j changes

    .. math::

        N_j \leftarrow N_j + w, \quad c_j \leftarrow c_j + w (x - c_j) / N_j, \quad
        \phi_j \leftarrow \phi_j + w\, d(x, c_j^{old})\, d(x, c_j^{new}) ,

    with w = 1 for a precise label. Of an interval each class has the part w that the posterior
    gives it.

    References
    ----------
    Deng et al.: PML: Progressive margin loss for long-tailed age classification, CVPR, 2021,
    equations 5 to 8.

    Examples
    --------
    >>> import torch
    >>> from vilma.deep.losses import ClassStatistics
    >>> statistics = ClassStatistics(n_classes=2, n_features=2)
    >>> statistics.update(torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.tensor([[1.0, 0.0]] * 2))
    >>> statistics.centres
    tensor([[1., 1.],
            [0., 0.]])
    """

    counts: torch.Tensor
    centres: torch.Tensor
    scatter: torch.Tensor

    def __init__(
        self, n_classes: int, n_features: int, *, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        require_integer("n_classes", n_classes, 1)
        require_integer("n_features", n_features, 1)
        self.register_buffer("counts", torch.zeros(n_classes, dtype=dtype))
        self.register_buffer("centres", torch.zeros(n_classes, n_features, dtype=dtype))
        self.register_buffer("scatter", torch.zeros(n_classes, dtype=dtype))

    @torch.no_grad()
    def update(self, embeddings: torch.Tensor, posterior: torch.Tensor) -> None:
        """Take a batch into the statistics, one row after the other.

        Parameters
        ----------
        embeddings : Tensor of shape (B, D)
            Embeddings x of the samples.
        posterior : Tensor of shape (B, K)
            Parts w of the classes: :func:`interval_posterior`, a unit vector for precise labels.

        Raises
        ------
        ValueError
            If a shape does not fit.
        """
        n_classes, n_features = self.centres.shape
        x = check_matrix("embeddings", embeddings, n_columns=n_features).to(self.centres)
        w = check_matrix("posterior", posterior, n_rows=len(x), n_columns=n_classes)
        w = w.to(self.centres)
        self.scatter += _scatter(x, w, self.counts[:, None] * self.centres)
        counts = self.counts + w.sum(dim=0)
        step = (product(w.T, x) - w.sum(dim=0)[:, None] * self.centres) / counts[:, None]
        self.centres += torch.where(counts[:, None] > 0, step, 0.0)
        self.counts.copy_(counts)

    @torch.no_grad()
    def table(self) -> torch.Tensor:
        r"""Return what the networks of the margins see.

        Returns
        -------
        table : Tensor of shape (K, D + 1 + K)
            :math:`V = [c, \phi / N, \psi]`, :math:`\psi` the distances of the centres.
        """
        units = unit_rows(self.centres)
        variances = self.scatter / torch.where(self.counts > 0, self.counts, 1.0)
        return torch.cat([self.centres, variances[:, None], 1 - product(units, units.T)], dim=1)


def _scatter(x: torch.Tensor, w: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
    """Return ``sum_t w_tj d(x_t, S_j before row t) d(x_t, S_j with row t)`` for every class j.

    S_j is the running sum ``start_j + sum_{s <= t} w_sj x_s``, which has the direction of the
    centre. Its products with the rows and its norm follow from the inner products of the rows,
    without a tensor of shape (B, K, D).
    """
    inner = product(x, x.T)
    own = inner.diagonal()[:, None]
    along_before = product(x, start.T) + product(inner.tril(-1), w)
    along_after = along_before + w * own
    growth = (2 * w * along_before + w.square() * own).cumsum(dim=0)
    square_after = start.square().sum(dim=1) + growth
    square_before = torch.cat([start.square().sum(dim=1)[None, :], square_after[:-1]])
    before = _distance(along_before, own, square_before)
    after = _distance(along_after, own, square_after)
    return (w * before * after).sum(dim=0)


def _distance(inner: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return 1 - cosine from an inner product and two squared norms; 1 for a zero vector."""
    norms = left.sqrt() * right.clamp(min=0).sqrt()  # rounding can make a running square negative
    return 1 - (inner / torch.where(norms > 0, norms, torch.inf)).clamp(-1, 1)
