"""The Gaussian mixture base."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from realnvp.bases.base import LOG_2PI, Base, Slices

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

__all__ = ["Mixture"]


class Mixture(Base):
    """A trainable mixture of ``components`` normals with full covariance.

    ``p(z) = sum_k w_k N(z; loc_k, L_k L_k^T)`` with ``w = softmax(logits)`` and ``L_k`` lower triangular of positive
    diagonal (kept as its logarithm). Starts from unit normals around centres drawn from ``seed``, or from a fitted
    scikit-learn ``GaussianMixture`` by ``Mixture.from_sklearn``.
    """

    def __init__(self, features: int, components: int = 8, *, seed: int = 0) -> None:
        super().__init__()
        self.event_shape = (features,)
        self.slices = Slices()
        generator = torch.Generator().manual_seed(seed)
        self.logits = nn.Parameter(torch.zeros(components))
        self.loc = nn.Parameter(torch.randn(components, features, generator=generator))
        self.log_diagonal = nn.Parameter(torch.zeros(components, features))
        self.lower = nn.Parameter(torch.zeros(components, features, features))

    @classmethod
    def from_sklearn(cls, mixture: "GaussianMixture") -> "Mixture":
        """Start from a fitted ``GaussianMixture`` of any covariance type."""
        return cls.of(mixture.weights_, mixture.means_, _full_covariances(mixture))

    @classmethod
    def of(cls, weights: ArrayLike, means: ArrayLike, covariances: ArrayLike | Tensor) -> "Mixture":
        """Start from weights (K,), means (K, D) and covariances (K, D, D)."""
        loc = torch.as_tensor(np.asarray(means))
        base = cls(loc.shape[1], loc.shape[0])
        root = torch.linalg.cholesky(torch.as_tensor(covariances))
        with torch.no_grad():
            base.logits.copy_(torch.as_tensor(np.asarray(weights)).log())
            base.loc.copy_(loc)
            base.log_diagonal.copy_(root.diagonal(dim1=-2, dim2=-1).log())
            base.lower.copy_(root.tril(-1))
        return base

    @property
    def root(self) -> Tensor:
        """``L``, shape ``(components, features, features)``."""
        return self.lower.tril(-1) + torch.diag_embed(self.log_diagonal.exp())

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density in nats."""
        e = self._noise(z)
        each = -0.5 * (e.square().sum(1) + LOG_2PI * self.event_shape[0]) - self.log_diagonal.sum(-1, keepdim=True)
        return torch.logsumexp(self.logits.log_softmax(0)[:, None] + each, 0).reshape(z.shape[:-1])

    def cdf(self, z: Tensor) -> Tensor:
        """Distribution function of each coordinate given those before it: ``u_i = sum_k w_k(z_<i) Phi(e_ki)``.

        ``e_k = L_k^-1 (z - loc_k)``, and ``w_k(z_<i)`` is the share of component k at the coordinates before.
        """
        e = self._noise(z)
        each = -0.5 * e.square() - self.log_diagonal[..., None]
        before = self.logits[:, None, None] + each.cumsum(1) - each  # (components, features, n)
        return (before.softmax(0) * torch.special.ndtr(e)).sum(0).mT.reshape(z.shape)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points; gradients reach locations and scales, not the weights."""
        dtype, device = self.loc.dtype, self.loc.device
        noise = torch.randn(n, *self.event_shape, generator=generator, dtype=dtype, device=device)
        u = torch.rand(n, generator=generator, dtype=dtype, device=device)
        weights = self.logits.detach().softmax(0)
        which = torch.searchsorted(weights.cumsum(0), u).clamp_max(len(weights) - 1)[:, None]
        z = torch.zeros_like(noise)
        for k, (loc, root) in enumerate(zip(self.loc, self.root, strict=True)):  # memory of n rows, not of n matrices
            z = torch.where(which == k, loc + noise @ root.T, z)
        return z

    def from_normal(self, z: Tensor) -> Tensor:
        """Return draws of the components: the first coordinate of the noise says of which."""
        e, within = self.slices(z[..., 0], self.logits.softmax(0))
        x = torch.zeros_like(z)
        for k, (loc, root) in enumerate(zip(self.loc, self.root, strict=True)):
            noise = torch.cat((e[k][..., None], z[..., 1:]), -1)
            x = torch.where(within[k][..., None], loc + noise @ root.T, x)
        return x

    def _noise(self, z: Tensor) -> Tensor:
        """``L_k^-1 (z - loc_k)`` of each component, shape ``(components, features, n)``."""
        away = (z.reshape(-1, *self.event_shape) - self.loc[:, None]).mT
        return torch.linalg.solve_triangular(self.root, away, upper=False)


def _full_covariances(mixture: "GaussianMixture") -> Tensor:
    """Covariances of each component as full matrices, whatever scikit-learn's type."""
    found = torch.as_tensor(mixture.covariances_)
    components, features = mixture.means_.shape
    if mixture.covariance_type == "full":
        return found
    if mixture.covariance_type == "tied":
        return found.expand(components, -1, -1)
    return torch.diag_embed(found.reshape(components, -1).expand(-1, features))
