"""Few values: each has a cell as wide as its share, on a line where all of them make a standard normal."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

__all__ = ["FALL", "FARTHEST", "Levels"]

FALL = 0.5
"""Share of each further cell of a tail, of the one before it."""
FARTHEST = 1000


@dataclass(frozen=True)
class Levels:
    """Cells of the unit interval, seen through the inverse of the normal's distribution function.

    The k-th value has the cell ``p = edges[k] + u * (edges[k+1] - edges[k])``, and ``z = Phi^-1(p)``; the mass of the
    value is the mean over ``u`` of ``q(z) * (edges[k+1] - edges[k]) / phi(z)``. Where the shares of the values are the
    widths of their cells, ``z`` is standard normal and the mass exact for any ``u``.

    With a ``step`` the values go on where the table saw none: the n-th step beyond the last has the share
    ``tail * (1 - r) r^(n-1)``, ``r = 1/2``, with ``tail`` what ``edges`` leave at that end (none: it ends there).
    Without a step what ``edges`` leave at the upper end is the mass of every other value, all of them one: a density
    has a figure for them, a draw is never one.

    ``values`` come in the order of their cells: for categories any order will do.
    """

    values: tuple[float, ...]
    edges: tuple[float, ...]
    step: float | None = None

    @property
    def coarse(self) -> bool:
        """True: the cells are wide."""
        return True

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``z``, the log width of the cell over ``phi(z)``, and where ``x`` can occur."""
        values, edges = np.array(self.values), np.array(self.edges)
        order = np.argsort(values)
        near = 1e-6 * (self.step or 0.0)
        found = np.searchsorted(values[order], x - near).clip(max=len(values) - 1)
        at = order[found]
        known = np.abs(values[at] - x) <= near
        low, width = edges[at], edges[at + 1] - edges[at]
        p = low + width * u
        q = (1 - edges[at + 1]) + width * (1 - u)
        for tail, end, side in self.tails():
            steps = side * (x - end) / (self.step or 1.0)
            k = np.round(steps)
            here = (k >= 1) & (k < FARTHEST) & (np.abs(steps - k) <= 1e-6) & (tail > 0)
            first = tail * FALL ** (k.clip(1, FARTHEST) - 1)
            depth = first * (1 - (1 - FALL) * (u if side > 0 else 1 - u))
            above = depth if side > 0 else 1 - depth
            p, q = np.where(here, 1 - above if side > 0 else depth, p), np.where(here, above, q)
            width, known = np.where(here, first * (1 - FALL), width), known | here
        if self.other > 0:
            q = np.where(known, q, self.other * (1 - u))
            p, width = np.where(known, p, 1 - q), np.where(known, width, self.other)
        z = np.where(p <= q, ndtri(p.clip(1e-310)), -ndtri(q.clip(1e-310)))
        return z, np.log(width) + 0.5 * z**2 + 0.5 * math.log(2 * math.pi), known

    @property
    def other(self) -> float:
        """Mass of the values that are none of these, together."""
        return 0.0 if self.step is not None else 1 - self.edges[-1]

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the value in whose cell ``z`` lies."""
        values, p, q = np.array(self.values), ndtr(z), ndtr(-z)
        x = values[np.searchsorted(np.array(self.edges[1:-1]), p, "right")]
        for tail, end, side in self.tails():
            depth = q if side > 0 else p
            with np.errstate(divide="ignore"):
                k = np.floor(np.log(depth / tail) / math.log(FALL)).clip(0, FARTHEST - 2) + 1
            x = np.where(depth < tail, end + side * k * (self.step or 1.0), x)
        return x

    def tails(self) -> list[tuple[float, float, float]]:
        """Share, last value and side of the open ends."""
        ends = ((self.edges[0], self.values[0], -1.0), (1 - self.edges[-1], self.values[-1], 1.0))
        return [end for end in ends if self.step is not None and end[0] > 0]
