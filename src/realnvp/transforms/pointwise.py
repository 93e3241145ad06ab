"""Fixed elementwise maps between the line and an interval."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from realnvp.errors import InputError
from realnvp.nets import KeepsDouble
from realnvp.shapes import sum_event
from realnvp.transforms.base import Transform

__all__ = ["Box", "Logit", "Probit"]


def _supported(x: Tensor, ladj: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Give points outside ``[low, high]`` density zero."""
    return torch.where((x >= low) & (x <= high), ladj, -torch.inf)


class Logit(Transform):
    """``z = logit(u)`` with ``u = alpha + (1 - 2 alpha) x``, for ``x`` in [0, 1].

    ``ladj = sum log(1 - 2 alpha) - log u - log(1 - u)``. Where ``u`` leaves [0, 1], ``ladj`` is ``-inf``: the density
    is zero. So with ``alpha > 0`` the density has a rim just outside [0, 1], and samples may fall there.

    References:
        Real NVP (Dinh et al., 2016), section 4.1, https://arxiv.org/abs/1605.08803
    """

    def __init__(self, alpha: float = 0.0, *, event_dim: int = 1) -> None:
        super().__init__()
        if not 0 <= alpha < 0.5:
            raise InputError(f"Logit's alpha must lie in [0, 0.5), got {alpha}")
        self.alpha, self.event_dim = alpha, event_dim
        self.span = 1 - 2 * alpha

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        u, info = self.alpha + self.span * x, torch.finfo(x.dtype)
        inner = u.clamp(info.tiny, 1 - info.eps / 2)  # the edges get a finite image, the points between stay
        up, down = inner.log(), torch.log1p(-inner)
        ladj = _supported(u, -up - down, 0.0, 1.0) + torch.log(x.new_tensor(self.span))
        return up - down, sum_event(ladj, self.event_dim)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        ladj = F.logsigmoid(z) + F.logsigmoid(-z) - torch.log(z.new_tensor(self.span))
        return (z.sigmoid() - self.alpha) / self.span, sum_event(ladj, self.event_dim)


class Box(KeepsDouble, Transform):
    """``z = atanh((x - middle) / half)`` for ``x`` in the box; ``inverse`` fills the box and never leaves it.

    Inverse   ``x = middle + half * tanh(z)``, ``ladj = sum log half + 2 (log 2 - |z| - log(1 + exp(-2|z|)))``, which
    stays exact where ``1 - tanh(z)^2`` rounds to zero. Outside the box the forward ``ladj`` is ``-inf``.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: float | Sequence[float], high: float | Sequence[float], *, event_dim: int = 1) -> None:
        super().__init__()
        bottom, top = torch.as_tensor(low, dtype=torch.float64), torch.as_tensor(high, dtype=torch.float64)
        if not (torch.isfinite(top - bottom).all() and (top > bottom).all()):
            raise InputError(f"a box needs finite low < high in every feature, got {low} and {high}")
        self.event_dim = event_dim
        bottom, top = (v.clone() for v in torch.broadcast_tensors(bottom, top))
        if bottom.dim() == 1:  # one bound for each feature, the same for all its pixels
            bottom, top = (v.reshape(-1, *(1,) * (event_dim - 1)) for v in (bottom, top))
        self.register_buffer("low", bottom)  # float64, so that a double-precision flow has the box as it was given
        self.register_buffer("high", top)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        low, high, middle, half = self._read(x)
        edge = 1 - torch.finfo(x.dtype).eps / 2  # the edges get a finite image, the points between stay
        u = ((x - middle) / half).clamp(-edge, edge)
        up, down = torch.log1p(u), torch.log1p(-u)
        ladj = _supported(x, -up - down - half.log(), low, high)
        return 0.5 * (up - down), sum_event(ladj, self.event_dim)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        low, high, middle, half = self._read(z)
        size = z.abs()
        ladj = half.log() + 2 * (torch.log(z.new_tensor(2.0)) - size - torch.log1p(torch.exp(-2 * size)))
        x = torch.minimum(torch.maximum(middle + half * z.tanh(), low), high)
        return x, sum_event(ladj.expand_as(z), self.event_dim)

    def _read(self, like: Tensor) -> list[Tensor]:
        """Return low, high, middle and half the width, of the dtype of ``like``."""
        low, high = self.low, self.high
        return [v.to(like.dtype) for v in (low, high, (high + low) / 2, (high - low) / 2)]


class Probit(Box):
    """``z = Phi^-1((x - low) / (high - low))``: the uniform law on the box becomes the standard normal.

    Inverse   ``x = low + (high - low) Phi(z)``, ``ladj = sum log(high - low) - z^2 / 2 - log(2 pi) / 2``, with ``Phi``
    the normal distribution function. Outside the box the forward ``ladj`` is ``-inf``.
    """

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        low, high, middle, half = self._read(x)
        edge = 1 - torch.finfo(x.dtype).eps / 2  # the edges get a finite image, the points between stay
        u = ((x - middle) / half).clamp(-edge, edge)
        z = torch.special.ndtri(0.5 * (1 - u.abs()))  # the lower half keeps its digits
        z = torch.where(u < 0, z, -z)
        ladj = _supported(x, 0.5 * z * z + self._volume(half), low, high)
        return z, sum_event(ladj, self.event_dim)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        low, high, middle, half = self._read(z)
        x = torch.minimum(torch.maximum(middle + half * torch.erf(z / math.sqrt(2)), low), high)
        ladj = -0.5 * z * z - self._volume(half)
        return x, sum_event(ladj.expand_as(z), self.event_dim)

    @staticmethod
    def _volume(half: Tensor) -> Tensor:
        """``log sqrt(2 pi) - log(high - low)``."""
        return 0.5 * math.log(2 * math.pi) - math.log(2) - half.log()
