"""Smooth bijections to the line: from a half-line, from an interval, of heavy tails."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from realnvp.data.columns.base import FAR

__all__ = ["WARPS", "Asinh", "Log", "Log1p", "Probit", "Softplus"]

_NORMAL = 0.5 * math.log(2 * math.pi)


def _beyond(x: np.ndarray, edge: float, side: float, least: float) -> np.ndarray:
    """Distance from an edge; a row on the edge itself counts as ``least`` away, so that its density is finite."""
    distance = side * (x - edge)
    return np.where(distance <= 0, least, distance)


@dataclass(frozen=True)
class Log:
    """``y = side * log(side * (x - edge))``: a half-line whose numbers span decades; ``side`` is 1 above it, else -1.

    ``log dy/dx = -log |x - edge|``.
    """

    edge: float
    side: float = 1.0
    least: float = 1e-300

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        log_distance = np.log(_beyond(x, self.edge, self.side, self.least))
        return self.side * log_distance, -log_distance

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x``, on the right side of the edge or on it."""
        with np.errstate(over="ignore"):
            return np.clip(self.edge + self.side * np.exp(self.side * y), -FAR, FAR)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return where ``x`` is on the right side of the edge."""
        return self.side * (x - self.edge) >= 0


@dataclass(frozen=True)
class Softplus:
    """``y = side * s * log(exp(t) - 1)``, ``t = side * (x - edge) / s``: a log near the edge, the identity far from it.

    ``log dy/dx = -log(1 - exp(-t))``.
    """

    edge: float
    scale: float
    side: float = 1.0
    least: float = 1e-300

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        t = _beyond(x, self.edge, self.side, self.least) / self.scale
        log_share = np.log(-np.expm1(-t))
        return self.side * self.scale * (t + log_share), -log_share

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x``, on the right side of the edge or on it."""
        with np.errstate(over="ignore"):
            distance = self.scale * np.logaddexp(0, self.side * y / self.scale)
        return np.clip(self.edge + self.side * distance, -FAR, FAR)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return where ``x`` is on the right side of the edge."""
        return self.side * (x - self.edge) >= 0


@dataclass(frozen=True)
class Probit:
    """``y = Phi^-1((x - low) / (high - low))``: an interval; what is uniform on it becomes a standard normal.

    ``log dy/dx = -log phi(y) - log(high - low)``.
    """

    low: float
    high: float
    least: float = 1e-300

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        width = self.high - self.low
        below, above = _beyond(x, self.low, 1.0, self.least), _beyond(x, self.high, -1.0, self.least)
        y = np.where(below <= above, ndtri(below / width), -ndtri(above / width))
        return y, 0.5 * y**2 + _NORMAL - math.log(width)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x`` in ``[low, high]``."""
        width = self.high - self.low
        x = np.where(y < 0, self.low + width * ndtr(y), self.high - width * ndtr(-y))
        return np.clip(x, self.low, self.high)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return where ``x`` is in the interval."""
        return (x >= self.low) & (x <= self.high)


@dataclass(frozen=True)
class Asinh:
    """``y = asinh(t)``, ``t = (x - loc) / scale``: the line in the middle, a log of both tails.

    ``log dy/dx = -log scale - log(1 + t^2) / 2``.
    """

    loc: float
    scale: float

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        t = (x - self.loc) / self.scale
        return np.arcsinh(t), -np.log(np.hypot(1, t)) - math.log(self.scale)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x``, finite."""
        with np.errstate(over="ignore"):
            return np.clip(self.loc + self.scale * np.sinh(y), -FAR, FAR)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return true everywhere."""
        return np.ones(len(x), bool)


@dataclass(frozen=True)
class Log1p:
    """``y = log(1 + (x - edge) / scale)``: a half-line to a half-line, the decades beyond ``scale`` drawn together.

    ``log dy/dx = -log(scale + x - edge)``.
    """

    edge: float
    scale: float

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        distance = np.maximum(x - self.edge, 0)
        return np.log1p(distance / self.scale), -np.log(self.scale + distance)

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x``, at the edge or above it."""
        with np.errstate(over="ignore"):
            return np.clip(self.edge + self.scale * np.expm1(np.maximum(y, 0)), -FAR, FAR)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return where ``x`` is at or above the edge."""
        return x >= self.edge


WARPS = {warp.__name__: warp for warp in (Asinh, Log, Log1p, Probit, Softplus)}
