"""Gaussians on a circle, the pinwheel they twist into, and the checkerboard."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from realnvp.data.laws.base import (
    Array,
    Complex,
    Labels,
    Toy,
    grid_entropy,
    log_normal,
    log_sum_exp,
    polar,
    square,
)

__all__ = ["Checkerboard", "EightGaussians", "Pinwheel"]


_PLANE = np.array([1, 1j])  # x @ _PLANE is the complex number x₀ + i x₁


@dataclass(frozen=True)
class EightGaussians(Toy):
    """Eight Gaussians N(R(kπ/4)(radius, 0), std² I) of equal weight; both defaults are FFJORD's, over √2 in all."""

    name: ClassVar[str] = "eight_gaussians"
    _positive: ClassVar[tuple[str, ...]] = ("radius", "std")
    radius: float = 4 / math.sqrt(2)
    std: float = 0.5 / math.sqrt(2)

    @property
    def classes(self) -> int:
        """Eight."""
        return 8

    @property
    def extent(self) -> tuple[Array, Array]:
        """A square, five standard deviations beyond the centres."""
        return square(self.radius + 5 * self.std)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        centres = polar(np.full(len(labels), self.radius), labels * math.pi / 4)
        return centres + self.std * rng.standard_normal(centres.shape)

    def _log_prob(self, x: Array) -> Array:
        return _log_arms(x @ _PLANE, 8, self.radius, self.std, self.std)

    def _entropy(self) -> float:
        return grid_entropy(self.log_prob, *square(self.radius + 9 * self.std), self.std / 2)


@dataclass(frozen=True)
class Pinwheel(Toy):
    """x = 2 R(2πk/arms + rate·exp|f|) f with f ~ N((1, 0), diag(radial², tangential²)) and k uniform.

    The twist depends on |f| only, so it preserves area: p(x) = p_arms(f)/4, where f is x/2 turned back and p_arms the
    mixture of the K turned Gaussians. The pinwheel of Johnson et al. (2016) twists by the first coordinate of f, which
    looks alike but does not preserve area. |f| stops counting at 30, where the angle has no digits left.
    """

    name: ClassVar[str] = "pinwheel"
    _positive: ClassVar[tuple[str, ...]] = ("arms", "radial", "tangential")
    arms: int = 5
    radial: float = 0.3
    tangential: float = 0.1
    rate: float = 0.25

    @property
    def classes(self) -> int:
        """Number of arms."""
        return self.arms

    @property
    def extent(self) -> tuple[Array, Array]:
        """A square, five standard deviations beyond the arms' centres."""
        return square(2 * (1 + 5 * max(self.radial, self.tangential)))

    def _twist(self, f: Complex) -> Complex:
        return np.exp(1j * self.rate * np.exp(np.minimum(np.abs(f), 30)))

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        f = rng.normal((1, 0), (self.radial, self.tangential), (len(labels), 2)) @ _PLANE
        x = 2 * f * self._twist(f) * np.exp(2j * math.pi * labels / self.arms)
        return np.stack([x.real, x.imag], axis=-1)

    def _log_prob(self, x: Array) -> Array:
        f = x @ _PLANE / 2
        return self._log_untwisted(f / self._twist(f)) - math.log(4)

    def _log_untwisted(self, f: Complex) -> Array:
        return _log_arms(f, self.arms, 1.0, self.radial, self.tangential)

    def _entropy(self) -> float:
        """The entropy before the twist, where a plain grid does, plus log 4."""
        box = square(1 + 9 * max(self.radial, self.tangential))
        step = min(self.radial, self.tangential) / 2
        return math.log(4) + grid_entropy(lambda f: self._log_untwisted(f @ _PLANE), *box, step)


def _log_arms(z: Complex, arms: int, radius: float, radial: float, tangential: float) -> Array:
    """The log of (1/K) Σ_k N(R(−2πk/K) z; (radius, 0), diag(radial², tangential²)) for K arms, complex (n,) → (n,)."""
    turned = z[:, None] * np.exp(-2j * math.pi * np.arange(arms) / arms)
    parts = log_normal(turned.real, radius, radial) + log_normal(turned.imag, 0, tangential)
    return log_sum_exp(parts) - math.log(arms)


@dataclass(frozen=True)
class Checkerboard(Toy):
    """Uniform on the eight cells (i + j even) of a 4 × 4 board centred at the origin; H = log(8 side²)."""

    name: ClassVar[str] = "checkerboard"
    _positive: ClassVar[tuple[str, ...]] = ("side",)
    side: float = 2.0

    @property
    def classes(self) -> int:
        """Number of cells with mass."""
        return 8

    @property
    def extent(self) -> tuple[Array, Array]:
        """The board."""
        return square(2 * self.side)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        column = labels // 2
        cell = np.stack([column, 2 * (labels % 2) + column % 2], axis=-1)
        return self.side * (cell - 2 + rng.random(cell.shape))

    def _log_prob(self, x: Array) -> Array:
        cell = np.floor(x / self.side) + 2
        inside = ((cell >= 0) & (cell < 4)).all(axis=1) & (cell.sum(axis=1) % 2 == 0)
        return np.where(inside, -self.entropy, -np.inf)

    def _entropy(self) -> float:
        return math.log(8 * self.side**2)
