"""Some values that come again and again in a column that is continuous, or on a fine grid, else."""

from dataclasses import dataclass

import numpy as np

from realnvp.data.columns.base import Warp
from realnvp.data.columns.grid import Grid

__all__ = ["Atoms"]


@dataclass(frozen=True)
class Atoms:
    """The line is cut at each atom and a cell put in: ``z = r(x) + sum of the widths of the atoms below x``.

    An atom has ``z = r(x) + widths below + u * width``, and the mass ``width * mean_u q(z)``; the density of the rest
    is ``q(z) r'(x)``, with ``r`` the warp ``rest`` or the identity. Masses and the integral of the density add up to
    one.

    Where the rest lies on a ``grid``, ``r`` is taken of the numbers with its noise, and an atom's cell is what is put
    in and its place on the grid together: it begins at ``r(x - step/2)``, its ``place``.
    """

    values: tuple[float, ...]
    places: tuple[float, ...]
    widths: tuple[float, ...]
    rest: Warp | None = None
    grid: Grid | None = None

    @property
    def coarse(self) -> bool:
        """True: the cells are wide."""
        return True

    @property
    def half(self) -> float:
        """How far from an atom its own place reaches: half a step, or nowhere."""
        return 0.0 if self.grid is None else 0.5 * self.grid.step

    @property
    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the atoms' cells begin and how wide they are, the widths below put in."""
        places, widths = np.array(self.places), np.array(self.widths)
        own = self._r(np.array(self.values) + self.half)[0] - places if self.grid else np.zeros(len(places))
        return places + np.cumsum(widths) - widths, own + widths

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``z``, the log width of an atom or that of the rest, and where ``x`` can occur."""
        begins, wide = self.cells
        apart = x[:, None] - np.array(self.values)
        hit, at = np.abs(apart) <= self.half, np.abs(apart).argmin(axis=1)
        noisy, log_m, can = (
            (x, np.zeros(len(x)), np.ones(len(x), bool)) if self.grid is None else self.grid.forward(x, u)
        )
        r, slope = self._r(noisy)
        z = r + np.where(apart > 0, self.widths, 0.0).sum(axis=1)
        is_atom = hit.any(axis=1)
        can &= is_atom | (True if self.rest is None else self.rest.holds(noisy))
        return (
            np.where(is_atom, begins[at] + wide[at] * u, z),
            np.where(is_atom, np.log(wide[at]), log_m + slope),
            can,
        )

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the atom in whose cell ``z`` lies, or the number beside them."""
        begins, wide = self.cells
        cuts = np.stack((begins, begins + wide), 1).ravel()
        rank = np.searchsorted(cuts, z, "right")
        r = z - np.concatenate(([0.0], np.cumsum(self.widths)))[rank // 2]
        x = r if self.rest is None else self.rest.inverse(r)
        x = x if self.grid is None else self.grid.inverse(x)
        return np.where(rank % 2, np.array(self.values)[((rank - 1) // 2).clip(0)], x)

    def _r(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (x, np.zeros(len(x))) if self.rest is None else self.rest.forward(x)
