"""Particles that attract and repel one another."""

from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.potentials.base import Potential

__all__ = ["DW4", "LJ13"]


def _distances(x: Tensor) -> Tensor:
    """Distances of the pairs of particles, ``(*, n, d) -> (*, pairs)``; never quite zero."""
    i, j = torch.triu_indices(x.shape[-2], x.shape[-2], 1, device=x.device)
    apart = x[..., i, :] - x[..., j, :]
    return (apart.square().sum(-1) + torch.finfo(x.dtype).tiny).sqrt()


def _centre(x: Tensor) -> Tensor:
    """``n |c|^2 / 2`` of the mean position ``c``: it makes the law of all coordinates proper, and changes no shape."""
    return 0.5 * x.shape[-2] * x.mean(-2).square().sum(-1)


@dataclass(frozen=True)
class DW4(Potential):
    """Four particles of the plane with a double well in every distance.

    ``sum over pairs -4 (r - 4)^2 + 0.9 (r - 4)^4``, plus ``n |c|^2 / 2`` for the centre ``c``, on which nothing else
    depends; D = 8.

    References:
        Equivariant Flows (Köhler, Klein, Noé, 2020), https://arxiv.org/abs/2006.02425
    """

    name = "dw4"

    @property
    def features(self) -> int:
        """Four particles of two coordinates."""
        return 8

    @property
    def bodies(self) -> tuple[int, int]:
        """Four, in the plane."""
        return 4, 2

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        x = x.unflatten(-1, (4, 2))
        away = (_distances(x) - 4).square()
        return (away * (0.9 * away - 4)).sum(-1) + _centre(x)


@dataclass(frozen=True)
class LJ13(Potential):
    """Thirteen Lennard-Jones particles of space in a harmonic trap about their centre.

    ``2 sum over pairs (r^-12 - 2 r^-6) + sum |x_i - c|^2 / 2``, plus ``n |c|^2 / 2`` for the centre ``c``; D = 39.
    Below a distance of ``core`` the pair energy goes on along its tangent, so that it stays finite; no sample comes
    there.

    References:
        Equivariant Flows (Köhler, Klein, Noé, 2020), https://arxiv.org/abs/2006.02425
    """

    name = "lj13"
    core: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.core < 1:
            raise InputError(f"{self.name}: core must lie between 0 and 1, got {self.core}")

    @property
    def features(self) -> int:
        """Thirteen particles of three coordinates."""
        return 39

    @property
    def bodies(self) -> tuple[int, int]:
        """Thirteen, in space."""
        return 13, 3

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        x = x.unflatten(-1, (13, 3))
        return 2 * self._pair(_distances(x)).sum(-1) + 0.5 * x.square().sum((-2, -1))

    def _pair(self, r: Tensor) -> Tensor:
        outer = r.clamp(min=self.core)
        sixth = outer**-6
        slope = -12 * self.core**-13 + 12 * self.core**-7
        return sixth * (sixth - 2) + slope * (r - outer)
