"""The logistic base of NICE."""

from collections.abc import Sequence

import torch
from torch import Tensor

from realnvp.bases.base import LocScale

__all__ = ["Logistic"]


class Logistic(LocScale):
    """Independent logistics: ``log p(e) = -|e| - 2 log(1 + exp(-|e|))``.

    References:
        NICE (Dinh et al., 2014), section 3.4, https://arxiv.org/abs/1410.8516
    """

    def standard_log_prob(self, e: Tensor) -> Tensor:
        """Log density of the standard logistic, elementwise; linear tails, so nothing overflows."""
        size = e.abs()
        return -size - 2 * torch.log1p(torch.exp(-size))

    def standard_cdf(self, e: Tensor) -> Tensor:
        """Distribution function of the standard logistic, elementwise."""
        return torch.sigmoid(e)

    def standard_from_normal(self, z: Tensor) -> Tensor:
        """Return ``logit(Phi(z))``."""
        return torch.special.log_ndtr(z) - torch.special.log_ndtr(-z)

    def standard_sample(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """Draw standard logistics from uniforms."""
        u = torch.rand(*shape, generator=generator, dtype=self.loc.dtype, device=self.loc.device)
        u = u.clamp_min(torch.finfo(u.dtype).eps / 4)  # a uniform may be 0, its logit may not
        return u.log() - torch.log1p(-u)
