"""Values on a grid: whole numbers, or numbers rounded to so many decimals."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Grid"]


@dataclass(frozen=True)
class Grid:
    """``z = x + (u - 1/2) * step``: uniform noise as wide as the grid is apart.

    ``counts`` says what is reported: with 1 the mass of the value, ``log step + log mean_u q(z)``; with 0, for numbers
    that were rounded, the density at its place, ``log mean_u q(z)``, which is that mass over ``step``. Where ``step``
    is fine (below a tenth of the spread) the middle of the cell stands for it: ``mean_u q = q(x) + step^2 q''/24``.

    What is decoded keeps to ``low`` and ``high``, the first and the last value, if they are given: the edge of a cell
    may round to the next.
    """

    origin: float
    step: float
    counts: float
    fine: float
    low: float | None = None
    high: float | None = None

    @property
    def coarse(self) -> bool:
        """Whether a density varies within a cell."""
        return self.fine == 0

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``z``, ``counts * log step``, and where ``x`` is on the grid (rounded numbers: everywhere)."""
        places = (x - self.origin) / self.step
        k = np.round(places)
        can = (np.abs(places - k) <= 1e-6) | (self.counts == 0)
        z = self.origin + (k - 0.5 + u) * self.step
        return z, np.full(len(x), self.counts * math.log(self.step)), can

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the value on the grid: exact for whole numbers and decimals."""
        k = np.floor((z - self.origin) / self.step + 0.5)
        per = round(1 / self.step) if self.step < 1 else 1
        if self.origin == 0 and per > 1 and abs(per * self.step - 1) < 1e-9:
            return self._within(k / per)
        return self._within(self.origin + k * self.step)

    def _within(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high)
