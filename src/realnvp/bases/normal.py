"""The normal base."""

from collections.abc import Sequence

import torch
from torch import Tensor

from realnvp.bases.base import LOG_2PI, LocScale

__all__ = ["Normal"]


class Normal(LocScale):
    """Independent normals: ``log p(e) = -e^2 / 2 - log(2 pi) / 2``. Standard, or of trainable location and scale."""

    def standard_log_prob(self, e: Tensor) -> Tensor:
        """Log density of the standard normal, elementwise."""
        return -0.5 * (e * e + LOG_2PI)

    def standard_cdf(self, e: Tensor) -> Tensor:
        """Distribution function of the standard normal, elementwise."""
        return torch.special.ndtr(e)

    def standard_from_normal(self, z: Tensor) -> Tensor:
        """Return ``z``."""
        return z

    def standard_sample(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """Draw standard normals."""
        return torch.randn(*shape, generator=generator, dtype=self.loc.dtype, device=self.loc.device)
