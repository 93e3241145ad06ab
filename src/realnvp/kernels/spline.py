"""The monotone rational-quadratic spline kernel."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from realnvp.errors import InputError

__all__ = ["Spline"]


class _Bin(NamedTuple):
    """The bin a value falls in: corner, size and the slopes at its two ends, each of shape ``(*)``."""

    x: Tensor
    y: Tensor
    width: Tensor
    height: Tensor
    left: Tensor
    right: Tensor


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
        if self.bins < 2 or not self.bound > 0 or not 0 < self.floor < 1 or not self.slope > 0:
            raise InputError(f"a spline needs bins >= 2, bound > 0, 0 < floor < 1 and slope > 0, got {self}")

    @property
    def size(self) -> int:
        """Parameters per element."""
        return 3 * self.bins - 1

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the spline at ``x`` and the log of its slope there."""
        inside = x.abs() < self.bound
        at = torch.where(inside, x, 0.0)
        b = self._locate(at, theta, by_height=False)
        u = (at - b.x) / b.width
        y = b.y + b.height * _rise(b, u)
        return torch.where(inside, y, x), torch.where(inside, _log_slope(b, u), 0.0)

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return the point whose spline value is ``y`` and minus the log of the slope there."""
        inside = y.abs() < self.bound
        at = torch.where(inside, y, 0.0)
        b = self._locate(at, theta, by_height=True)
        u = _solve(b, at)
        x = b.x + b.width * u
        return torch.where(inside, x, y), torch.where(inside, -_log_slope(b, u), 0.0)

    def _locate(self, at: Tensor, theta: Tensor, *, by_height: bool) -> _Bin:
        widths, heights, slopes = theta.split((self.bins, self.bins, self.bins - 1), -1)
        widths, heights = self._sizes(widths), self._sizes(heights)
        xs, ys = self._knots(widths), self._knots(heights)
        slopes = F.pad(torch.exp(self.slope * torch.tanh(slopes / self.slope)), (1, 1), value=1.0)
        inner = (ys if by_height else xs)[..., 1:]
        k = (at[..., None] >= inner).sum(-1, keepdim=True)

        def pick(values: Tensor, index: Tensor = k) -> Tensor:
            return values.gather(-1, index).squeeze(-1)

        return _Bin(pick(xs), pick(ys), pick(widths), pick(heights), pick(slopes), pick(slopes, k + 1))

    def _sizes(self, raw: Tensor) -> Tensor:
        share = self.floor / self.bins
        return 2 * self.bound * (share + (1 - self.floor) * raw.softmax(-1))

    def _knots(self, sizes: Tensor) -> Tensor:
        """Left corners of the bins, shape ``(*, bins)``."""
        return F.pad(sizes[..., :-1].cumsum(-1), (1, 0)) - self.bound


def _bend(b: _Bin) -> tuple[Tensor, Tensor]:
    """Mean slope ``s`` and ``d_k + d_k+1 - 2 s``."""
    mean = b.height / b.width
    return mean, b.left + b.right - 2 * mean


def _rise(b: _Bin, u: Tensor) -> Tensor:
    """Fraction of the bin's height reached at the fraction ``u`` of its width."""
    mean, bend = _bend(b)
    both = u * (1 - u)
    return (mean * u * u + b.left * both) / (mean + bend * both)


def _log_slope(b: _Bin, u: Tensor) -> Tensor:
    mean, bend = _bend(b)
    both, rest = u * (1 - u), 1 - u
    numerator = b.right * u * u + 2 * mean * both + b.left * rest * rest
    return 2 * (mean.log() - (mean + bend * both).log()) + numerator.log()


def _solve(b: _Bin, y: Tensor) -> Tensor:
    """Root in [0, 1] of the bin's quadratic, in that one of its two forms which does not cancel."""
    mean, bend = _bend(b)
    up = (y - b.y) / b.height
    c = mean * up
    linear = b.left - up * bend
    a = mean - linear
    root = (linear * linear + 4 * a * c).clamp_min(0).sqrt()
    falls = linear < 0
    above = torch.where(falls, root - linear, 2 * c)
    below = torch.where(falls, 2 * a, linear + root)
    return (above / below).clamp(0, 1)
