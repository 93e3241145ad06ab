"""What the laws share: one interface, and the sums and quadratures behind exact densities and entropies."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realnvp.errors import InputError

__all__ = [
    "Array",
    "Complex",
    "Labels",
    "Seed",
    "Toy",
    "grid_entropy",
    "log_normal",
    "log_sum_exp",
    "panels",
    "polar",
    "square",
]

Array: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Labels: TypeAlias = NDArray[np.int64]
Seed: TypeAlias = int | np.random.Generator | None

_LOG_2PI = math.log(2 * math.pi)
_CHUNK = 128  # points per block: a block of (points, nodes) float64 takes 2 MB for the longest curve
_FAR = 1e100  # coordinates are clipped here, where their squares are still finite


@dataclass(frozen=True)
class Toy(ABC):
    """A law on ℝᴰ whose samples, log density and entropy are all known; its fields are its parameters."""

    name: ClassVar[str]
    features: ClassVar[int] = 2
    _positive: ClassVar[tuple[str, ...]] = ()  # the fields that must be > 0

    def __post_init__(self) -> None:
        for key in self._positive:
            if not np.all(np.isfinite(getattr(self, key)) & (np.asarray(getattr(self, key)) > 0)):
                raise InputError(f"{self.name}: {key} must be positive and finite, got {getattr(self, key)}")

    @property
    def classes(self) -> int:
        """Number of labelled components, 1 if the law has none."""
        return 1

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw n independent points, (n, D)."""
        return self.sample_with_labels(n, seed)[0]

    def sample_with_labels(self, n: int, seed: Seed = None) -> tuple[Array, Labels]:
        """Draw n independent points (n, D) and the component 0 .. classes−1 that each came from, (n,)."""
        rng = np.random.default_rng(seed)
        labels = self._draw_labels(rng, n)
        return self._draw(rng, labels), labels

    def log_prob(self, x: ArrayLike) -> Array:
        """The log density in nats, (*, D) → (*); −inf exactly where p is zero."""
        points = np.asarray(x, dtype=np.float64)
        if points.ndim == 0 or points.shape[-1] != self.features:
            raise InputError(f"{self.name}: points must have shape (*, {self.features}), got {points.shape}")
        flat = np.clip(points, -_FAR, _FAR).reshape(-1, self.features)
        out = np.empty(len(flat))
        for i in range(0, len(flat), _CHUNK):
            out[i : i + _CHUNK] = self._log_prob(flat[i : i + _CHUNK])
        return out.reshape(points.shape[:-1])

    @cached_property
    def entropy(self) -> float:
        """Differential entropy −E log p(x) in nats."""
        return self._entropy()

    @property
    @abstractmethod
    def extent(self) -> tuple[Array, Array]:
        """Corners (low, high), each (D,), of a box that holds all but a negligible part of the mass."""

    def _draw_labels(self, rng: np.random.Generator, n: int) -> Labels:
        return rng.integers(self.classes, size=n, dtype=np.int64)

    @abstractmethod
    def _draw(self, rng: np.random.Generator, labels: Labels) -> Array:
        """One point from each labelled component, (n,) → (n, D)."""

    @abstractmethod
    def _log_prob(self, x: Array) -> Array:
        """The log density of one block of points, (n, D) → (n,)."""

    @abstractmethod
    def _entropy(self) -> float:
        """Entropy in nats; called once."""


def polar(radius: Array, angle: Array) -> Array:
    """The points r (cos θ, sin θ), (n,) and (n,) → (n, 2)."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def square(half: float) -> tuple[Array, Array]:
    """Corners of the square [−half, half]²."""
    return np.full(2, -half), np.full(2, half)


def panels(low: float, high: float, width: float) -> tuple[Array, Array]:
    """Nodes and weights, (m,) each, of the 16-point Gauss–Legendre rule on panels no wider than `width`."""
    edges = np.linspace(low, high, math.ceil((high - low) / width) + 1)
    node, weight = np.polynomial.legendre.leggauss(16)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + node)).ravel(), (half * weight).ravel()


def grid_entropy(log_prob: Callable[[Array], Array], low: Array, high: Array, step: float) -> float:
    """−∫ p log p over a box of the plane by the trapezoid rule.

    With p vanishing at the box's edge the rule converges exponentially: half the blur's deviation as step leaves 1e-6.
    """
    xs, ys = (np.arange(a, b, step) for a, b in zip(low, high, strict=True))
    logs = log_prob(np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2))
    return -float((np.exp(logs) * logs).sum()) * step**2


def log_normal(x: Array, mean: Array | float, std: Array | float) -> Array:
    """The log density of N(mean, std²) at x, elementwise."""
    return -(((x - mean) / std) ** 2) / 2 - np.log(std) - _LOG_2PI / 2


def log_sum_exp(a: Array) -> Array:
    """The sum log Σ_j exp(a_ij) of each row, (n, m) → (n,)."""
    top = a.max(axis=1, keepdims=True)
    rest = a - top
    return top[:, 0] + np.log(np.exp(rest, out=rest).sum(axis=1))
