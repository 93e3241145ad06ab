"""A smooth map of each feature by itself, set from data, that makes its law nearly normal."""

import math
from typing import cast

import torch
from torch import Tensor

from realnvp.shapes import sum_event
from realnvp.transforms.base import Transform

__all__ = ["SinhArcsinh"]

_FAR, _HIGH = 80.0, 12.0
"""From ``sinh`` of these on the curves go on as straight lines: nothing overflows, however far out."""
_LARGE = 1e8
"""From here on ``asinh(u)`` is ``log 2u`` in double precision."""
_ROWS, _STEPS = 4096, 50
"""What ``calibrate`` spends: rows looked at, and steps."""


class SinhArcsinh(Transform):
    """``z = (sinh(exp(d) asinh((x - m) / exp(s)) - e) - o) / exp(r)`` for each feature, the identity at first.

    ``d`` makes tails lighter (``d < 0``) or heavier, ``e`` takes away skewness. ``calibrate`` sets all five by maximum
    likelihood under a standard normal law of ``z``, for each feature by itself; nothing is trained afterwards. A
    feature that gains nothing keeps the identity.

    References:
        Sinh-arcsinh distributions (Jones and Pewsey, 2009), https://doi.org/10.1093/biomet/asp053
    """

    set_from_data = True
    shape: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("shape", torch.zeros(6, features))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        z, ladj = _curve(x, self.shape)
        return z, sum_event(ladj, 1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        m, s, d, e, o, r = self.shape
        v = _asinh(z * r.exp() + o, _HIGH)
        u = (v + e) * torch.exp(-d)
        ladj = s + r - d + _log_cosh(u, _FAR) - _log_cosh(v, _HIGH)
        return m + s.exp() * _sinh(u, _FAR), sum_event(ladj, 1)

    @torch.no_grad()
    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Take the curves from ``x`` (n, D): the same rows, the same curves."""
        self.shape.zero_()
        if len(x) > 1:
            some = x[:: math.ceil(len(x) / _ROWS)].to(self.shape.dtype)
            shape = _normalised(x.to(self.shape.dtype), _likeliest(some))
            gain = _gain(some, shape) - _gain(some, self.shape)
            self.shape.copy_(torch.where((gain > 0) & shape.isfinite().all(0), shape, 0.0))
        return cast(Tensor, self(x)[0])


def _curve(x: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
    m, s, d, e, o, r = shape
    u = _asinh((x - m) * torch.exp(-s), _FAR)
    v = d.exp() * u - e
    return (_sinh(v, _HIGH) - o) * torch.exp(-r), d - s - r + _log_cosh(v, _HIGH) - _log_cosh(u, _FAR)


def _likeliest(x: Tensor) -> Tensor:
    """The curves of the highest likelihood, up to the last shift and scale: by BFGS, for each feature by itself.

    A step is at most 1 long; one that gains too little is tried again at three tenths.
    """
    free = torch.zeros(4, x.shape[1], dtype=x.dtype, device=x.device)
    loss, slope = _loss(x, free)
    eye = torch.eye(4, dtype=x.dtype, device=x.device).expand(x.shape[1], 4, 4)
    inverse, length, fresh = eye, torch.ones_like(loss), torch.ones_like(loss, dtype=torch.bool)
    for _ in range(_STEPS):
        step = -(inverse @ slope.T[:, :, None])[:, :, 0].T
        step = step / step.norm(dim=0).clamp(min=1.0) * length
        there = free + step
        new, turned = _loss(x, there)
        good = (new <= loss + 1e-4 * (step * slope).sum(0)) & turned.isfinite().all(0)
        inverse, fresh = _curved(inverse, eye, step, turned - slope, good, fresh)
        length = torch.where(good, (2 * length).clamp(max=1.0), 0.3 * length)
        free, slope, loss = (torch.where(good, a, b) for a, b in ((there, free), (turned, slope), (new, loss)))
    return _bounded(free)


def _loss(x: Tensor, free: Tensor) -> tuple[Tensor, Tensor]:
    """Negative log likelihood of each feature, with the best shift and scale and up to a constant, and its gradient."""
    free = free.detach().requires_grad_()
    with torch.enable_grad():
        z, ladj = _curve(x, _bounded(free))
        loss = z.std(0).log() - ladj.mean(0)
        (slope,) = torch.autograd.grad(loss.sum(), free)
    return loss.detach(), slope


def _curved(
    inverse: Tensor, eye: Tensor, step: Tensor, change: Tensor, good: Tensor, fresh: Tensor
) -> tuple[Tensor, Tensor]:
    """Update the inverse Hessians (D, 4, 4) by a step and the change of slope (4, D); which are still the first."""
    along = (step * change).sum(0)
    use = good & (along > 1e-10)
    rho = (1 / torch.where(use, along, 1.0))[:, None, None]
    size = torch.where(fresh & use, along / (change * change).sum(0).clamp(min=1e-30), 1.0)[:, None, None]
    s, y = step.T[:, :, None], change.T[:, :, None]
    left = eye - rho * (s @ y.mT)
    return torch.where(use[:, None, None], left @ (size * inverse) @ left.mT + rho * (s @ s.mT), inverse), fresh & ~use


def _bounded(free: Tensor) -> Tensor:
    """Four free numbers as the six of a curve: within the spread of the data, tails neither flat nor like cliffs."""
    m, s, d, e = free
    zero = torch.zeros_like(m)
    return torch.stack(
        (3 * torch.tanh(m / 3), 4 * torch.tanh(s / 4), 2 * torch.tanh(d / 2), 3 * torch.tanh(e / 3), zero, zero)
    )


def _normalised(x: Tensor, shape: Tensor) -> Tensor:
    """The same curves followed by the shift and scale that give ``z`` the mean 0 and the variance 1."""
    z, _ = _curve(x, shape)
    return torch.cat((shape[:4], z.mean(0)[None], z.std(0).log()[None]))


def _gain(x: Tensor, shape: Tensor) -> Tensor:
    """Mean log likelihood of each feature under the standard normal, up to a constant."""
    z, ladj = _curve(x, shape)
    return (ladj - 0.5 * z * z).mean(0)


def _sinh(v: Tensor, most: float) -> Tensor:
    """``sinh``, straight beyond ``most``; out of operations that every runtime knows, as ``_asinh``."""
    near = v.clamp(-most, most)
    line = v.sign() * math.sinh(most) + (v - v.sign() * most) * math.cosh(most)
    return torch.where(v.abs() < most, 0.5 * (torch.expm1(near) - torch.expm1(-near)), line)


def _asinh(u: Tensor, most: float) -> Tensor:
    size, edge = u.abs(), math.sinh(most)
    low, high = size.clamp(max=min(_LARGE, edge)), size.clamp(min=1.0, max=edge)
    curve = torch.log1p(low + low * low / (1 + torch.sqrt(1 + low * low)))  # whose square does not overflow
    line = most + (size - edge) / math.cosh(most)
    return u.sign() * torch.where(size < edge, torch.where(size < _LARGE, curve, torch.log(2 * high)), line)


def _log_cosh(v: Tensor, most: float) -> Tensor:
    """``log cosh`` of what lies within ``most``: the slope of ``_sinh``, without an overflow."""
    size = v.abs().clamp(max=most)
    return size + torch.log1p(torch.exp(-2 * size)) - math.log(2)
