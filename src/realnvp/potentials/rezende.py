"""The four energies of the plane of Rezende and Mohamed (2015), on the box [-4, 4]²."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.potentials.base import Planar

__all__ = ["U1", "U2", "U3", "U4"]


class _Boxed(Planar):
    """Three of the four are improper in ``x1`` outside a box."""

    def __post_init__(self) -> None:
        if not all(0 < width < math.inf for width in vars(self).values()):
            raise InputError(f"{self.name}: widths must be positive and finite, got {self}")

    @property
    def bounds(self) -> tuple[float, float]:
        """The box [-4, 4]²."""
        return -4.0, 4.0

    @property
    def region(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The same box."""
        return (-4.0, -4.0), (4.0, 4.0)


def _wave(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``x1`` and ``x2 - w1``, with ``w1 = sin(2 pi x1 / 4)``."""
    return x[..., 0], x[..., 1] - torch.sin(math.pi / 2 * x[..., 0])


def _either(a: Tensor, b: Tensor) -> Tensor:
    """``-ln(exp(-a^2 / 2) + exp(-b^2 / 2))``, which stays finite far from both."""
    return -torch.logaddexp(-0.5 * a**2, -0.5 * b**2)


@dataclass(frozen=True)
class U1(_Boxed):
    """A ring, heavy at its left and right.

    ``((|x| - 2) / 0.4)^2 / 2 - ln(exp(-((x1 - 2) / 0.6)^2 / 2) + exp(-((x1 + 2) / 0.6)^2 / 2))``

    References:
        Variational Inference with Normalizing Flows (Rezende, Mohamed, 2015), Table 1, https://arxiv.org/abs/1505.05770
    """

    name = "u1"

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        radius = (x.square().sum(-1) + torch.finfo(x.dtype).tiny).sqrt()  # a gradient at zero too
        return 0.5 * ((radius - 2) / 0.4) ** 2 + _either((x[..., 0] - 2) / 0.6, (x[..., 0] + 2) / 0.6)


@dataclass(frozen=True)
class U2(_Boxed):
    """One wave: ``((x2 - w1) / width)^2 / 2`` with ``w1 = sin(2 pi x1 / 4)``. Source: see ``U1``."""

    name = "u2"
    width: float = 0.4

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        return 0.5 * (_wave(x)[1] / self.width) ** 2


@dataclass(frozen=True)
class U3(_Boxed):
    """A wave that splits at ``x1 = 1``: ``-ln(exp(-(d / width)^2 / 2) + exp(-((d + w2) / split)^2 / 2))``.

    ``d = x2 - sin(2 pi x1 / 4)`` and ``w2 = 3 exp(-((x1 - 1) / 0.6)^2 / 2)``. Source: see ``U1``.
    """

    name = "u3"
    width: float = 0.35
    split: float = 0.35

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        x1, d = _wave(x)
        w2 = 3 * torch.exp(-0.5 * ((x1 - 1) / 0.6) ** 2)
        return _either(d / self.width, (d + w2) / self.split)


@dataclass(frozen=True)
class U4(_Boxed):
    """A wave that becomes two: ``-ln(exp(-(d / width)^2 / 2) + exp(-((d + w3) / split)^2 / 2))``.

    ``d = x2 - sin(2 pi x1 / 4)`` and ``w3 = 3 sigmoid((x1 - 1) / 0.3)``. The widths printed in the paper are 0.4 and
    0.35; the code in use has 0.35 for both. Source: see ``U1``.
    """

    name = "u4"
    width: float = 0.35
    split: float = 0.35

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        x1, d = _wave(x)
        w3 = 3 * torch.sigmoid((x1 - 1) / 0.3)
        return _either(d / self.width, (d + w3) / self.split)
