"""Lattice field theory."""

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from realnvp.errors import InputError
from realnvp.potentials.base import Potential

__all__ = ["Phi4"]


@dataclass(frozen=True)
class Phi4(Potential):
    """The action of a scalar field on a periodic ``side x side`` lattice, ``x`` its ``side^2`` sites row by row.

    ``S = sum mass2 phi^2 + coupling phi^4 + sum_mu (2 phi^2 - phi(x) phi(x + mu) - phi(x) phi(x - mu))``

    References:
        Introduction to Normalizing Flows for Lattice Field Theory (Albergo et al., 2021),
        https://arxiv.org/abs/2101.08176
    """

    name = "phi4"
    side: int = 8
    mass2: float = -4.0
    coupling: float = 8.0

    def __post_init__(self) -> None:
        if self.side < 2 or not (math.isfinite(self.mass2) and 0 <= self.coupling < math.inf):
            raise InputError(f"{self.name}: side must be at least 2 and coupling not negative, got {self}")
        if self.coupling == 0 and self.mass2 <= 0:
            raise InputError(f"{self.name}: without coupling mass2 must be positive, got {self.mass2}")

    @property
    def features(self) -> int:
        """The number of sites."""
        return self.side**2

    @property
    def log_normalizer(self) -> float | None:
        """Closed for the free field (``coupling = 0``), else not known."""
        if self.coupling:
            return None
        wave = 2 * np.sin(np.pi * np.arange(self.side) / self.side)
        modes = self.mass2 + wave[:, None] ** 2 + wave**2
        return float(0.5 * (self.features * math.log(math.pi) - np.log(modes).sum()))

    def energy(self, x: Tensor) -> Tensor:
        """Action of each row."""
        phi = x.unflatten(-1, (self.side, self.side))
        square = phi * phi
        beside = phi * (phi.roll(1, -1) + phi.roll(1, -2))
        terms = square * (self.mass2 + 4 + self.coupling * square) - 2 * beside
        return terms.flatten(-2).sum(-1)
