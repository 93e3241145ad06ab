"""Laws written in polar coordinates: circles, rings, the spiral galaxy."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from realnvp.data.laws.base import (
    Array,
    Labels,
    Toy,
    log_normal,
    log_sum_exp,
    panels,
    polar,
    square,
)

__all__ = ["BlurredRings", "Circles", "Rings", "Spirals"]


@dataclass(frozen=True)
class BlurredRings(Toy):
    """Centred circles of radii R_k and equal weight, plus noise·ε with ε ~ N(0, I).

    p(x) = (1/K) Σ_k exp(−(r² + R_k²)/2s²) I₀(r R_k/s²)/(2πs²), r = |x|, s = noise: Rice's law of r, over 2πr.
    """

    _positive: ClassVar[tuple[str, ...]] = ("radii", "noise")
    noise: float = 0.05

    @property
    @abstractmethod
    def radii(self) -> tuple[float, ...]:
        """Radius of each circle."""

    @property
    def classes(self) -> int:
        """Number of circles K."""
        return len(self.radii)

    @property
    def extent(self) -> tuple[Array, Array]:
        """A square, five noises beyond the largest circle."""
        return square(max(self.radii) + 5 * self.noise)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        on_circle = polar(np.asarray(self.radii)[labels], rng.uniform(0, 2 * np.pi, len(labels)))
        return on_circle + self.noise * rng.standard_normal(on_circle.shape)

    def _log_prob(self, x: Array) -> Array:
        return self._log_radial(np.hypot(x[:, 0], x[:, 1]))

    def _log_radial(self, r: Array) -> Array:
        """The log density at distance r from the centre, (n,) → (n,), by log I₀(z) = log i0e(z) + z."""
        from scipy.special import i0e  # here, because this import is slower than all the others together

        radii = np.asarray(self.radii)
        log_bessel = np.log(i0e(np.outer(r, radii / self.noise**2)))
        distance = (r[:, None] - radii) / self.noise
        return log_sum_exp(log_bessel - distance**2 / 2) - math.log(2 * math.pi * len(radii) * self.noise**2)

    def _entropy(self) -> float:
        r, dr = panels(0, max(self.radii) + 10 * self.noise, self.noise)
        log_p = self._log_radial(r)
        return -float((2 * np.pi * r * np.exp(log_p) * log_p) @ dr)


@dataclass(frozen=True)
class Circles(BlurredRings):
    """Circles of radius 1 (label 0) and `factor` (label 1) plus noise: scikit-learn's make_circles."""

    name: ClassVar[str] = "circles"
    _positive: ClassVar[tuple[str, ...]] = ("noise", "factor")
    factor: float = 0.5

    @property
    def radii(self) -> tuple[float, ...]:
        """(1, factor)."""
        return 1.0, self.factor


@dataclass(frozen=True)
class Rings(BlurredRings):
    """Four rings of radii 3·(¼, ½, ¾, 1), the noise added last: `rings` of FFJORD (Grathwohl et al., 2019)."""

    name: ClassVar[str] = "rings"
    noise: float = 0.08
    radii: tuple[float, ...] = (0.75, 1.5, 2.25, 3.0)


@dataclass(frozen=True)
class Spirals(Toy):
    """A galaxy: r ~ U(0.1, 1.1), arm k uniform, θ = 2πk/arms + (π/2)(r − 0.1) + (noise/r)·ε with ε ~ N(0, 1).

    p(x) = Σ_m N(δ + 2πm/arms; 0, (noise/r)²)/(arms·r), δ the angle from the nearest arm: the sum over all integers m
    is the sum over the arms and over the turns of each. Zero outside the annulus. The noise is a length along the arc.
    """

    name: ClassVar[str] = "spirals"
    _positive: ClassVar[tuple[str, ...]] = ("noise", "arms")
    inner: ClassVar[float] = 0.1
    outer: ClassVar[float] = 1.1
    noise: float = 0.05
    arms: int = 5

    @property
    def classes(self) -> int:
        """Number of arms."""
        return self.arms

    @property
    def extent(self) -> tuple[Array, Array]:
        """The square around the annulus."""
        return square(self.outer)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        r = rng.uniform(self.inner, self.outer, len(labels))
        return polar(r, self._arm(r) + labels * self._period + self.noise / r * rng.standard_normal(len(labels)))

    @property
    def _period(self) -> float:
        return 2 * math.pi / self.arms

    def _arm(self, r: Array) -> Array:
        """Angle of arm 0 at radius r."""
        return math.pi / 2 * (r - self.inner)

    def _log_prob(self, x: Array) -> Array:
        r = np.hypot(x[:, 0], x[:, 1])
        inside = (r >= self.inner) & (r <= self.outer)
        r = np.where(inside, r, self.outer)  # any radius will do where the density is zero
        delta = np.arctan2(x[:, 1], x[:, 0]) - self._arm(r)
        log_p = self._log_angular(delta, r) - np.log(r * (self.outer - self.inner))
        return np.where(inside, log_p, -np.inf)

    def _log_angular(self, delta: Array, r: Array) -> Array:
        """The log density of θ given r at θ = arm 0 + delta, (n,) and (n,) → (n,)."""
        reach = math.ceil(8 * self.noise / self.inner / self._period) + 1  # whole periods within eight deviations
        turns = self._period * np.arange(-reach, reach + 1)
        delta = delta - self._period * np.round(delta / self._period)
        return log_sum_exp(log_normal(delta[:, None] + turns, 0, (self.noise / r)[:, None])) - math.log(self.arms)

    def _entropy(self) -> float:
        """E log r + H(r) + H(θ | r), the last by the trapezoid rule over one period of θ at each radius."""
        r, dr = panels(self.inner, self.outer, 0.25)
        delta = np.linspace(0, self._period, math.ceil(2.5 * self._period * self.outer / self.noise), endpoint=False)
        log_p = self._log_angular(np.tile(delta, len(r)), np.repeat(r, len(delta))).reshape(len(r), -1)
        angular = -2 * math.pi * (np.exp(log_p) * log_p).mean(axis=1)
        width = self.outer - self.inner
        return float((np.log(r) + angular) @ dr) / width + math.log(width)
