"""The uniform base on a box."""

from collections.abc import Sequence

import torch
from torch import Tensor

from realnvp.bases.base import Base
from realnvp.errors import InputError

__all__ = ["Uniform"]


class Uniform(Base):
    """Uniform on the box ``[low, high]``: ``log p(z) = -sum log(high - low)`` inside, ``-inf`` outside."""

    low: Tensor
    high: Tensor

    def __init__(self, low: Sequence[float] | Tensor, high: Sequence[float] | Tensor) -> None:
        super().__init__()
        bottom, top = (torch.as_tensor(v, dtype=torch.get_default_dtype()) for v in (low, high))
        if bottom.shape != top.shape or bottom.dim() == 0 or not ((top > bottom) & torch.isfinite(top - bottom)).all():
            raise InputError("a uniform base needs one finite low < high for each feature")
        self.event_shape = tuple(bottom.shape)
        self.register_buffer("low", bottom)
        self.register_buffer("high", top)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density in nats."""
        inside = ((z >= self.low) & (z <= self.high)).flatten(-len(self.event_shape)).all(-1)
        return torch.where(inside, -(self.high - self.low).log().sum(), -torch.inf).to(z.dtype)

    def cdf(self, z: Tensor) -> Tensor:
        """Distribution function of each coordinate."""
        return ((z - self.low) / (self.high - self.low)).clamp(0, 1)

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points of the box."""
        u = torch.rand(n, *self.event_shape, generator=generator, dtype=self.low.dtype, device=self.low.device)
        return torch.lerp(self.low.expand_as(u), self.high.expand_as(u), u)
