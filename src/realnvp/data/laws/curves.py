"""Curves blurred by Gaussian noise: moons, two spirals, the Swiss roll."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from realnvp.data.laws.base import (
    Array,
    Labels,
    Toy,
    grid_entropy,
    log_sum_exp,
)

__all__ = ["BlurredCurves", "Moons", "SwissRoll", "TwoSpirals", "graded"]


@dataclass(frozen=True)
class BlurredCurves(Toy):
    """x = c_k(t) + noise·ε with ε ~ N(0, I), k uniform and t on [a, b] with density w(t) ∝ t^power.

    p(x) = (1/K) Σ_k ∫ w(t) N(x; c_k(t), noise² I) dt, summed over quadrature nodes at most noise/3 apart along
    the curve: within 1e-5 nats of the integral up to ten units away, and within 1e-4 of its size at any distance.
    """

    _positive: ClassVar[tuple[str, ...]] = ("noise",)
    _span: ClassVar[tuple[float, float]]  # [a, b]
    _power: ClassVar[int] = 0
    _speed: ClassVar[float]  # max |c'(t)|
    noise: float = 0.05

    @abstractmethod
    def _curves(self, t: Array) -> Array:
        """Every curve at t, (m,) → (K, m, 2)."""

    @property
    def classes(self) -> int:
        """Number of curves K."""
        return len(self._curves(np.zeros(1)))

    @property
    def extent(self) -> tuple[Array, Array]:
        """Bounding box of the curves, five noises wider on each side."""
        return self._box(5)

    def _box(self, noises: float) -> tuple[Array, Array]:
        nodes = self._nodes[0]
        return nodes.min(0) - noises * self.noise, nodes.max(0) + noises * self.noise

    @property
    def _powered_span(self) -> tuple[float, float]:
        a, b = self._span
        return a ** (self._power + 1), b ** (self._power + 1)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        a, b = self._powered_span  # t^(power + 1) is uniform between these
        t = (a + (b - a) * rng.random(len(labels))) ** (1 / (self._power + 1))
        on_curve = self._curves(t)[labels, np.arange(len(labels))]
        return on_curve + self.noise * rng.standard_normal(on_curve.shape)

    @cached_property
    def _nodes(self) -> tuple[Array, Array]:
        """Points c_k(t_j), (M, 2), and their log weights log(w(t_j) dt_j / K), (M,)."""
        t, dt = graded(*self._span, self.noise / (3 * self._speed))
        a, b = self._powered_span
        curves = self._curves(t)
        weight = (self._power + 1) * t**self._power / (b - a) * dt / len(curves)
        return curves.reshape(-1, 2), np.tile(np.log(weight), len(curves))

    def _log_prob(self, x: Array) -> Array:
        # −|x − c|²/2s² = (x·c − |c|²/2 − |x|²/2)/s²: the part that depends on the node is one matrix product
        nodes, log_weight = self._nodes
        variance = self.noise**2
        exponent = x @ (nodes.T / variance) + (log_weight - (nodes**2).sum(1) / (2 * variance))
        return log_sum_exp(exponent) - (x**2).sum(1) / (2 * variance) - math.log(2 * math.pi * variance)

    def _entropy(self) -> float:
        """The plane's own integral; its cost grows as noise⁻³."""
        return grid_entropy(self.log_prob, *self._box(8), self.noise / 2)


def graded(low: float, high: float, step: float) -> tuple[Array, Array]:
    """Nodes and weights of ∫ over [low, high], `step` apart inside and closing in on both ends geometrically.

    The trapezoid rule in u for t = low + ℓ (softplus(u/ℓ) − softplus((u − high + low)/ℓ)). Seen from a point far
    beyond an end, the blur falls along the curve as a steep exponential, which equal steps would miss.
    """
    scale = step / 0.6  # 0.6 apart in u/ℓ: the rule's error on exp(−a·t), for every a, is about exp(−π²/0.6)
    length = (high - low) / scale
    u = np.arange(-20.0, length + 20.0, 0.6)  # leaves out ℓ·exp(−20) at each end
    t = low + scale * (np.logaddexp(0, u) - np.logaddexp(0, u - length))
    return t, step * (np.tanh(u / 2) - np.tanh((u - length) / 2)) / 2


@dataclass(frozen=True)
class Moons(BlurredCurves):
    """Half circles (cos t, sin t) and (1 − cos t, ½ − sin t), t ~ U(0, π), plus noise: scikit-learn's make_moons."""

    name: ClassVar[str] = "moons"
    _span: ClassVar[tuple[float, float]] = (0.0, math.pi)
    _speed: ClassVar[float] = 1.0

    def _curves(self, t: Array) -> Array:
        outer = np.stack([np.cos(t), np.sin(t)], axis=-1)
        return np.stack([outer, (1.0, 0.5) - outer])


@dataclass(frozen=True)
class TwoSpirals(BlurredCurves):
    """±t (−cos t, sin t)/3 with t = 3π√u, u ~ U(0, 1), plus noise: two arms that meet at the origin."""

    name: ClassVar[str] = "two_spirals"
    _span: ClassVar[tuple[float, float]] = (0.0, 3 * math.pi)
    _power: ClassVar[int] = 1  # t = 3π√u has density ∝ t
    _speed: ClassVar[float] = math.hypot(1, 3 * math.pi) / 3
    noise: float = 0.1

    def _curves(self, t: Array) -> Array:
        arm = np.stack([-t * np.cos(t), t * np.sin(t)], axis=-1) / 3
        return np.stack([arm, -arm])


@dataclass(frozen=True)
class SwissRoll(BlurredCurves):
    """t (cos t, sin t)/5, t ~ U(3π/2, 9π/2), plus noise: columns 0 and 2 of scikit-learn's make_swiss_roll over 5."""

    name: ClassVar[str] = "swiss_roll"
    _span: ClassVar[tuple[float, float]] = (1.5 * math.pi, 4.5 * math.pi)
    _speed: ClassVar[float] = math.hypot(1, 4.5 * math.pi) / 5
    noise: float = 0.1

    def _curves(self, t: Array) -> Array:
        return np.stack([t * np.cos(t), t * np.sin(t)], axis=-1)[None] / 5
