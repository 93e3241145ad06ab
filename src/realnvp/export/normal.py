"""The normal distribution function and its inverse, written out: runtimes know neither in double precision.

Constants are tensors: as plain numbers a converter would round them to float32.
"""

import math

import torch
from torch import Tensor

__all__ = ["distribution", "quantile"]


def distribution(z: Tensor) -> Tensor:
    """Return ``2 Phi(z) - 1``, to 1e-15: a series of positive terms about zero, a continued fraction far out."""
    size = z.abs()
    near, far = size.clamp(max=_TURN), size.clamp(min=_TURN)
    series, square = torch.ones_like(z), near * near
    for n in range(_TERMS, 0, -1):
        series = 1 + square / _number(2 * n + 1, z) * series
    fraction = far
    for n in range(_TERMS, 0, -1):
        fraction = far + _number(n, z) / fraction
    root = _number(math.sqrt(2 / math.pi), z)
    middle = root * torch.exp(_number(-0.5, z) * square) * near * series
    tail = root * torch.exp(_number(-0.5, z) * far * far) / fraction
    return z.sign() * torch.where(size < _TURN, middle, 1 - tail)


def quantile(p: Tensor) -> Tensor:
    """Return ``Phi^-1(p)`` for ``0 < p <= 1/2``, to 1e-15.

    References:
        Algorithm AS 241: The Percentage Points of the Normal Distribution (Wichura, 1988)
    """
    q = p - 0.5
    middle = q * _ratio(_number(0.180625, p) - q * q, _MIDDLE)
    r = (-p.log()).sqrt()
    tail = torch.where(r <= 5, _ratio(r.clamp(max=5) - _number(1.6, p), _NEAR), _ratio(r.clamp(min=5) - 5, _FAR))
    return torch.where(q >= -0.425, middle, -tail)


def _number(value: float, like: Tensor) -> Tensor:
    return torch.tensor(value, dtype=like.dtype)


def _ratio(r: Tensor, parts: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    above, below = (torch.zeros_like(r) for _ in parts)
    for a, b in zip(*parts, strict=True):
        above, below = above * r + _number(a, r), below * r + _number(b, r)
    return above / below


_TURN, _TERMS = 3.0, 45
_MIDDLE = (
    (
        2.5090809287301226727e3,
        3.3430575583588128105e4,
        6.7265770927008700853e4,
        4.5921953931549871457e4,
        1.3731693765509461125e4,
        1.9715909503065514427e3,
        1.3314166789178437745e2,
        3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3,
        2.8729085735721942674e4,
        3.9307895800092710610e4,
        2.1213794301586595867e4,
        5.3941960214247511077e3,
        6.8718700749205790830e2,
        4.2313330701600911252e1,
        1.0,
    ),
)
_NEAR = (
    (
        7.7454501427834140764e-4,
        2.27238449892691845833e-2,
        2.41780725177450611770e-1,
        1.27045825245236838258e0,
        3.64784832476320460504e0,
        5.76949722146069140550e0,
        4.63033784615654529590e0,
        1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9,
        5.475938084995344946e-4,
        1.51986665636164571966e-2,
        1.48103976427480074590e-1,
        6.89767334985100004550e-1,
        1.67638483018380384940e0,
        2.05319162663775882187e0,
        1.0,
    ),
)
_FAR = (
    (
        2.01033439929228813265e-7,
        2.71155556874348757815e-5,
        1.24266094738807843860e-3,
        2.65321895265761230930e-2,
        2.96560571828504891230e-1,
        1.78482653991729133580e0,
        5.46378491116411436990e0,
        6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15,
        1.42151175831644588870e-7,
        1.84631831751005468180e-5,
        7.86869131145613259100e-4,
        1.48753612908506148525e-2,
        1.36929880922735805310e-1,
        5.99832206555887937690e-1,
        1.0,
    ),
)
