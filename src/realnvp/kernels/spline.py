"""The monotone rational-quadratic spline kernel."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from realnvp.errors import InputError

__all__ = ["Odd", "Spline"]


class _Bin(NamedTuple):
    """The bin a value falls in: corner, size and the slopes at its two ends, each of shape ``(*)``."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    left: Tensor
    right: Tensor

    def bend(self) -> tuple[Tensor, Tensor]:
        """Return the mean slope ``s`` and ``d_k + d_k+1 - 2 s``."""
        mean = self.height / self.width
        return mean, self.left + self.right - 2 * mean


@dataclass(frozen=True)
class Spline:
    """Monotone rational-quadratic spline of ``bins`` pieces on ``[-bound, bound]``, the identity outside.

    In a bin with corner ``(x_k, y_k)``, mean slope ``s = height / width``, end slopes ``d_k, d_k+1`` and
    ``u = (x - x_k) / width``::

        y     = y_k + height * (s u^2 + d_k u (1 - u)) / (s + (d_k + d_k+1 - 2 s) u (1 - u))
        dy/dx = s^2 (d_k+1 u^2 + 2 s u (1 - u) + d_k (1 - u)^2) / (s + (d_k + d_k+1 - 2 s) u (1 - u))^2

    ``x`` has shape ``(*)``, ``theta = (widths, heights, inner slopes)`` has shape ``(*, 3 * bins - 1)``; both results
    have shape ``(*)``. No bin is narrower than ``floor`` of the even share and every inner slope lies in
    ``[exp(-slope), exp(slope)]``, both bounded smoothly.

    References:
        Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032
    """

    bins: int = 8
    bound: float = 5.0
    floor: float = 0.05
    slope: float = 3.0

    def __post_init__(self) -> None:
        if self.bins < 2 or not (0 < self.bound < math.inf and 0 < self.floor < 1 and 0 < self.slope < math.inf):
            raise InputError(f"a spline needs bins >= 2, finite bound > 0 and slope > 0, 0 < floor < 1, got {self}")

    @property
    def low(self) -> float:
        """Where the first bin begins."""
        return -self.bound

    @property
    def size(self) -> int:
        """Parameters per element."""
        return 3 * self.bins - 1

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spline at ``x`` and the log of its slope there."""
        inside = x.abs() < self.bound
        at = torch.where(inside, x, 0.0)
        b = self._locate(at, theta, axis=0)
        rise, log_slope = _climb(b, ((at - b.x) / b.width).clamp(0, 1))
        return torch.where(inside, b.y + b.height * rise, x), torch.where(inside, log_slope, 0.0)

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the point whose spline value is ``y`` and minus the log of the slope there."""
        inside = y.abs() < self.bound
        at = torch.where(inside, y, 0.0)
        b = self._locate(at, theta, axis=1)
        u = _solve(b, ((at - b.y) / b.height).clamp(0, 1))
        _, log_slope = _climb(b, u)
        return torch.where(inside, b.x + b.width * u, y), torch.where(inside, -log_slope, 0.0)

    def _locate(self, at: Tensor, theta: Tensor, *, axis: int) -> _Bin:
        """Find the bin of ``at`` along the axis 0 (widths) or 1 (heights)."""
        theta = theta.movedim(-1, 0).contiguous()  # the bins in front: the work goes along the elements, side by side
        sizes, slopes = theta.split((2 * self.bins, theta.shape[0] - 2 * self.bins))
        whole = self.bound - self.low
        sizes = whole * (self.floor / self.bins + (1 - self.floor) * sizes.unflatten(0, (2, self.bins)).softmax(1))
        with torch.no_grad():  # which bin it is has no gradient; where it lies is a sum that has a short way back
            k = (at - self.low >= sizes[axis, :-1].cumsum(0)).sum(0, keepdim=True)
            before = (torch.arange(self.bins, device=k.device).view(-1, *(1,) * at.dim()) < k).to(at.dtype)
        x, y = (sizes * before).sum(1) + self.low
        width, height = sizes.gather(1, k.expand(2, *k.shape)).squeeze(1)
        end = torch.zeros_like(at)[None]
        slopes = torch.cat((slopes, end) if self.low == 0 else (end, slopes, end))
        left, right = torch.exp(self.slope * torch.tanh(slopes.gather(0, torch.cat((k, k + 1))) / self.slope))
        return _Bin(x, y, width, height, left, right)


@dataclass(frozen=True)
class Odd(Spline):
    """A spline with ``k(-x) = -k(x)``: ``bins`` pieces on ``[0, bound]``, and their mirror image.

    ``k(x) = sign(x) s(|x|)`` with ``s(0) = 0``. ``theta = (widths, heights, slopes)`` has shape ``(*, 3 * bins)``, the
    first of the slopes that at zero.
    """

    bins: int = 4

    @property
    def low(self) -> float:
        """Where the first bin begins."""
        return 0.0

    @property
    def size(self) -> int:
        """Parameters per element."""
        return 3 * self.bins

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spline at ``x`` and the log of its slope there."""
        sign = _sign(x)
        y, log_slope = super().forward(x * sign, theta)
        return y * sign, log_slope

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the point whose spline value is ``y`` and minus the log of the slope there."""
        sign = _sign(y)
        x, log_slope = super().inverse(y * sign, theta)
        return x * sign, log_slope


def _sign(x: Tensor) -> Tensor:
    """Return 1 or -1, never 0: at zero the spline has a slope."""
    return torch.where(x < 0, -1.0, 1.0).to(x.dtype)


def _climb(b: _Bin, u: Tensor) -> tuple[Tensor, Tensor]:
    """Share of the bin's height reached at the share ``u`` of its width, and the log of the slope there."""
    mean, bend = b.bend()
    rest = 1 - u
    both = u * rest
    below = mean + bend * both
    slope = b.right * u * u + 2 * mean * both + b.left * rest * rest
    return (mean * u * u + b.left * both) / below, 2 * (mean / below).log() + slope.log()


def _solve(b: _Bin, up: Tensor) -> Tensor:
    """Root in [0, 1] of the bin's quadratic at the share ``up`` of its height, in the form that does not cancel."""
    mean, bend = b.bend()
    linear = b.left - up * bend
    a, c = mean - linear, mean * up
    root = (linear * linear + 4 * a * c).clamp_min(0).sqrt()
    falls = linear < 0
    above = torch.where(falls, root - linear, 2 * c)
    below = torch.where(falls, 2 * a, linear + root)
    return (above / below).clamp(0, 1)
