"""Potentials with known answers: wells, rings, a funnel, mixtures."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.potentials.base import Array, Line, Planar, Potential, Seed, bounded_exp

__all__ = ["DoubleWell", "Funnel", "ManyWell", "Mixture40", "MuellerBrown", "Rings"]


@dataclass(frozen=True)
class ManyWell(Potential):
    """``pairs`` independent double wells: ``sum x1^4 - 6 x1^2 - x1 / 2 + x2^2 / 2`` over pairs ``(x1, x2)``.

    Each has a well near ``x1 = -1.70`` and a deeper one near 1.77, so there are ``2^pairs`` modes; D = 2 pairs.

    References:
        Flow Annealed Importance Sampling Bootstrap (Midgley et al., 2023), https://arxiv.org/abs/2208.01893
    """

    name = "many_well"
    pairs: int = 16

    def __post_init__(self) -> None:
        if self.pairs < 1:
            raise InputError(f"{self.name}: pairs must be at least 1, got {self.pairs}")

    @property
    def features(self) -> int:
        """Two for each pair."""
        return 2 * self.pairs

    @property
    def log_normalizer(self) -> float:
        """Sum over the pairs of a one-dimensional quadrature and of ``log sqrt(2 pi)``."""
        return self.pairs * (self._well.log_normalizer + 0.5 * math.log(2 * math.pi))

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        return (_well(x[..., ::2]) + 0.5 * x[..., 1::2] ** 2).sum(-1)

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` points."""
        rng = np.random.default_rng(seed)
        pairs = self._well.sample((n, self.pairs), rng), rng.standard_normal((n, self.pairs))
        return np.stack(pairs, -1).reshape(n, self.features)

    @cached_property
    def _well(self) -> Line:
        return Line(_well, -5.0, 5.0)


def _well(x: Tensor) -> Tensor:
    square = x * x
    return square * (square - 6) - 0.5 * x


@dataclass(frozen=True)
class DoubleWell(ManyWell):
    """One double well, ``x1^4 - 6 x1^2 - x1 / 2 + x2^2 / 2``: two modes of unlike mass, a barrier of 8 kT."""

    name = "double_well"
    pairs: int = 1


@dataclass(frozen=True)
class MuellerBrown(Planar):
    """Three wells joined by a bent path: ``sum A exp(a (x - x0)^2 + b (x - x0)(y - y0) + c (y - y0)^2) / kT``.

    ``temperature`` is kT in the units of the surface, whose wells lie at -146.7, -108.2 and -80.8.

    References:
        Müller, Brown (1979), Location of saddle points and minimum energy paths, Theor. Chim. Acta 53, 75
    """

    name = "mueller_brown"
    temperature: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise InputError(f"{self.name}: temperature must be positive and finite, got {self.temperature}")

    @property
    def region(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What lies outside weighs less than 1e-6 up to a temperature of 40."""
        return (-3.0, -2.0), (2.5, 3.5)

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        table = x.new_tensor(_MUELLER_BROWN)
        dx, dy = x[..., :1] - table[4], x[..., 1:] - table[5]
        power = table[1] * dx * dx + table[2] * dx * dy + table[3] * dy * dy
        return (table[0] * bounded_exp(power)).sum(-1) / self.temperature


_MUELLER_BROWN = (
    (-200.0, -100.0, -170.0, 15.0),  # A
    (-1.0, -1.0, -6.5, 0.7),  # a
    (0.0, 0.0, 11.0, 0.6),  # b
    (-10.0, -10.0, -6.5, 0.7),  # c
    (1.0, 0.0, -0.5, -1.0),  # x0
    (0.0, 0.5, 1.5, 1.0),  # y0
)


@dataclass(frozen=True)
class Rings(Potential):
    """Concentric rings: ``-log sum exp(-((|x| - r) / width)^2 / 2)`` over the ``radii``."""

    name = "rings"
    radii: tuple[float, ...] = (1.0, 2.0, 3.0)
    width: float = 0.15

    def __post_init__(self) -> None:
        if not (self.radii and all(0 <= r < math.inf for r in self.radii) and 0 < self.width < math.inf):
            raise InputError(f"{self.name}: radii must be finite and not negative, width positive, got {self}")

    @property
    def features(self) -> int:
        """Two."""
        return 2

    @property
    def log_normalizer(self) -> float:
        """By quadrature over the radius."""
        return self._radius.log_normalizer + math.log(2 * math.pi)

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        return self._energy((x.square().sum(-1) + torch.finfo(x.dtype).tiny).sqrt())

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` points: a radius, and any angle."""
        rng = np.random.default_rng(seed)
        radius, angle = self._radius.sample(n, rng), rng.uniform(0, 2 * np.pi, n)
        return np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1)

    def _energy(self, radius: Tensor) -> Tensor:
        away = (radius[..., None] - radius.new_tensor(self.radii)) / self.width
        return -(-0.5 * away**2).logsumexp(-1)

    @cached_property
    def _radius(self) -> Line:
        return Line(lambda r: self._energy(r) - r.log(), 0.0, max(self.radii) + 12 * self.width)


@dataclass(frozen=True)
class Funnel(Potential):
    """Neal's funnel: ``x0 ~ N(0, scale^2)`` and all others ``N(0, exp(x0))``; normalised, log Z = 0.

    References:
        Neal (2003), Slice sampling, section 8, Annals of Statistics 31, 705
    """

    name = "funnel"
    size: int = 10
    scale: float = 3.0

    def __post_init__(self) -> None:
        if self.size < 2 or not 0 < self.scale < math.inf:
            raise InputError(f"{self.name}: size must be at least 2 and scale positive, got {self}")

    @property
    def features(self) -> int:
        """The ``size``."""
        return self.size

    @property
    def log_normalizer(self) -> float:
        """Zero: the density is normalised."""
        return 0.0

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        neck, rest = x[..., 0], x[..., 1:]
        constant = 0.5 * self.size * math.log(2 * math.pi) + math.log(self.scale)
        across = 0.5 * rest.square().sum(-1) * bounded_exp(-neck) + 0.5 * (self.size - 1) * neck
        return 0.5 * (neck / self.scale) ** 2 + across + constant

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` points."""
        rng = np.random.default_rng(seed)
        neck = self.scale * rng.standard_normal((n, 1))
        return np.hstack((neck, np.exp(neck / 2) * rng.standard_normal((n, self.size - 1))))


@dataclass(frozen=True)
class Mixture40(Potential):
    """Forty normals of the plane of equal weight, their means drawn from the square [-40, 40]² by ``draw``.

    Each has the standard deviation ``log(1 + e) = 1.313``. Normalised, log Z = 0.

    References:
        Flow Annealed Importance Sampling Bootstrap (Midgley et al., 2023), https://arxiv.org/abs/2208.01893
    """

    name = "mixture40"
    draw: int = 0
    components: int = 40
    reach: float = 40.0
    spread: float = math.log1p(math.e)

    def __post_init__(self) -> None:
        if self.draw < 0 or self.components < 1 or not (0 <= self.reach < math.inf and 0 < self.spread < math.inf):
            raise InputError(
                f"{self.name}: draw must be at least 0, components at least 1, reach not negative and spread positive, "
                f"got {self}"
            )

    @property
    def features(self) -> int:
        """Two."""
        return 2

    @property
    def log_normalizer(self) -> float:
        """Zero: the density is normalised."""
        return 0.0

    @cached_property
    def means(self) -> Array:
        """The means, ``(components, 2)``."""
        return np.random.default_rng(self.draw).uniform(-self.reach, self.reach, (self.components, 2))

    def energy(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        means = torch.as_tensor(self.means, dtype=x.dtype, device=x.device)
        square = ((x[..., None, :] - means) / self.spread).square().sum(-1)
        constant = math.log(2 * math.pi * self.spread**2 * self.components)
        return constant - (-0.5 * square).logsumexp(-1)

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` points."""
        rng = np.random.default_rng(seed)
        chosen = self.means[rng.integers(self.components, size=n)]
        drawn: Array = chosen + self.spread * rng.standard_normal((n, 2))
        return drawn
