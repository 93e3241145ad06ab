"""Laws on the line: a normal, a mixture of normals, an exponential."""

import math
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
)
from realnvp.errors import InputError

__all__ = ["Exponential", "Mixture", "Normal"]


@dataclass(frozen=True)
class Normal(Toy):
    """N(mean, std²) on the line; H = ½ log(2πe std²)."""

    name: ClassVar[str] = "normal"
    features: ClassVar[int] = 1
    _positive: ClassVar[tuple[str, ...]] = ("std",)
    mean: float = 1.0
    std: float = 0.5

    @property
    def extent(self) -> tuple[Array, Array]:
        """The mean and five standard deviations on each side."""
        return np.array([self.mean - 5 * self.std]), np.array([self.mean + 5 * self.std])

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        return rng.normal(self.mean, self.std, (len(labels), 1))

    def _log_prob(self, x: Array) -> Array:
        return log_normal(x[:, 0], self.mean, self.std)

    def _entropy(self) -> float:
        return math.log(2 * math.pi * math.e * self.std**2) / 2


@dataclass(frozen=True)
class Mixture(Toy):
    """Σ_k weights_k N(means_k, stds_k²) on the line, two components by default; the weights sum to one."""

    name: ClassVar[str] = "mixture"
    features: ClassVar[int] = 1
    _positive: ClassVar[tuple[str, ...]] = ("weights", "stds")
    weights: tuple[float, ...] = (0.4, 0.6)
    means: tuple[float, ...] = (-2.0, 1.5)
    stds: tuple[float, ...] = (0.5, 1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not len(self.weights) == len(self.means) == len(self.stds) or abs(sum(self.weights) - 1) > 1e-9:
            raise InputError(f"mixture: weights that sum to one, and as many means and stds, are needed: got {self}")

    @property
    def classes(self) -> int:
        """Number of components."""
        return len(self.weights)

    @property
    def extent(self) -> tuple[Array, Array]:
        """Five standard deviations on either side of every component."""
        return self._reach(5)

    def _reach(self, deviations: float) -> tuple[Array, Array]:
        means, spread = np.asarray(self.means), deviations * np.asarray(self.stds)
        return (means - spread).min(keepdims=True), (means + spread).max(keepdims=True)

    def _draw_labels(self, rng: np.random.Generator, n: int) -> Labels:
        return rng.choice(self.classes, size=n, p=self.weights)

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        return rng.normal(np.take(self.means, labels), np.take(self.stds, labels))[:, None]

    def _log_prob(self, x: Array) -> Array:
        return log_sum_exp(np.log(self.weights) + log_normal(x, np.asarray(self.means), np.asarray(self.stds)))

    def _entropy(self) -> float:
        (low,), (high,) = self._reach(10)
        x, dx = panels(low, high, min(self.stds))
        log_p = self._log_prob(x[:, None])
        return -float((np.exp(log_p) * log_p) @ dx)


@dataclass(frozen=True)
class Exponential(Toy):
    """rate·exp(−rate·x) for x ≥ 0, zero below; H = 1 − log rate."""

    name: ClassVar[str] = "exponential"
    features: ClassVar[int] = 1
    _positive: ClassVar[tuple[str, ...]] = ("rate",)
    rate: float = 1.0

    @property
    def extent(self) -> tuple[Array, Array]:
        """Ten mean lengths, and half a one below zero to show the edge."""
        return np.array([-0.5 / self.rate]), np.array([10 / self.rate])

    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        return rng.exponential(1 / self.rate, (len(labels), 1))

    def _log_prob(self, x: Array) -> Array:
        return np.where(x[:, 0] >= 0, math.log(self.rate) - self.rate * x[:, 0], -np.inf)

    def _entropy(self) -> float:
        return 1 - math.log(self.rate)
