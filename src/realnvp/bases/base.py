"""The contract of a base distribution."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from realnvp.shapes import sum_event

__all__ = ["LOG_2PI", "Base", "LocScale", "Slices"]


class Base(nn.Module):
    """A distribution with exact ``log_prob(z) -> (*batch)`` and ``sample(n) -> (n, *event_shape)``.

    Everything it needs is a parameter or a buffer, so that ``.to(device)`` moves all of it. Samples carry gradients to
    the parameters where the distribution allows it.
    """

    event_shape: tuple[int, ...]

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density in nats."""
        raise TypeError(f"{type(self).__name__} has no log_prob")

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points."""
        raise TypeError(f"{type(self).__name__} has no sample")

    def cdf(self, z: Tensor) -> Tensor:
        """Return ``u_i = P(Z_i <= z_i | z_1, ..., z_{i-1})``, of the shape of ``z``.

        Of draws of the base they are independent and uniform on [0, 1].

        References:
            Remarks on a Multivariate Transformation (Rosenblatt, 1952), https://doi.org/10.1214/aoms/1177729394
        """
        raise TypeError(f"{type(self).__name__} has no cdf")

    def from_normal(self, z: Tensor) -> Tensor:
        """Return the draw that standard normal noise ``z`` of the same shape stands for."""
        raise TypeError(f"{type(self).__name__} is not made from normal noise")

    def extra_repr(self) -> str:
        """Show the event's shape."""
        return ", ".join(map(str, self.event_shape))


class LocScale(Base):
    """Independent ``z = loc + exp(log_scale) * e`` with standard noise ``e``; fixed or trainable."""

    loc: Tensor
    log_scale: Tensor

    def __init__(self, shape: int | Sequence[int], *, trainable: bool = False) -> None:
        super().__init__()
        self.event_shape = (shape,) if isinstance(shape, int) else tuple(shape)
        loc, log_scale = torch.zeros(self.event_shape), torch.zeros(self.event_shape)
        if trainable:
            self.loc, self.log_scale = nn.Parameter(loc), nn.Parameter(log_scale)
        else:
            self.register_buffer("loc", loc)
            self.register_buffer("log_scale", log_scale)

    def log_prob(self, z: Tensor) -> Tensor:
        """Log density in nats, summed over the event."""
        e = (z - self.loc) * torch.exp(-self.log_scale)
        return sum_event(self.standard_log_prob(e) - self.log_scale, len(self.event_shape))

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points, with gradients to location and scale."""
        return self.loc + self.log_scale.exp() * self.standard_sample((n, *self.event_shape), generator)

    def from_normal(self, z: Tensor) -> Tensor:
        """Return location and scale of the noise whose distribution function is that of ``z``."""
        return self.loc + self.log_scale.exp() * self.standard_from_normal(z)

    def cdf(self, z: Tensor) -> Tensor:
        """Distribution function of each coordinate."""
        return self.standard_cdf((z - self.loc) * torch.exp(-self.log_scale))

    def standard_log_prob(self, e: Tensor) -> Tensor:
        """Log density of the standard noise, elementwise."""
        raise TypeError(f"{type(self).__name__} does not say its noise")

    def standard_cdf(self, e: Tensor) -> Tensor:
        """Distribution function of the standard noise, elementwise."""
        raise TypeError(f"{type(self).__name__} does not say its noise")

    def standard_from_normal(self, z: Tensor) -> Tensor:
        """Return the standard noise at the distribution function of normal noise, elementwise."""
        raise TypeError(f"{type(self).__name__} does not say its noise")

    def standard_sample(self, shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """Draw standard noise."""
        raise TypeError(f"{type(self).__name__} does not say its noise")


class Slices(nn.Module):
    """Cut the line into parts by weight, so that standard normal noise says which part and is noise again within it.

    ``e_k = Phi^-1((Phi(z) - c_k) / w_k)`` where ``c_k <= Phi(z) < c_k + w_k``, ``c_k`` the sum of the weights before.
    """

    def forward(self, z: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noise ``e`` within each part, ``(parts, *)`` of ``z`` (*), and whether it is in it."""
        ends = weights.cumsum(0).reshape(-1, *(1,) * z.dim())
        u, part = self.cdf(z), weights.reshape(ends.shape)
        which = (u >= ends[:-1]).sum(0)
        info = torch.finfo(z.dtype)
        within = ((u - (ends - part)) / part).clamp(info.tiny, 1 - info.eps / 2)
        return self.quantile(within), which == torch.arange(len(ends), device=z.device).reshape(ends.shape)

    def cdf(self, z: Tensor) -> Tensor:
        """The normal distribution function."""
        return torch.special.ndtr(z)

    def quantile(self, u: Tensor) -> Tensor:
        """Its inverse."""
        return torch.special.ndtri(u)


LOG_2PI = math.log(2 * math.pi)
