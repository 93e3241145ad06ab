"""Some values that come again and again in a column that is continuous else."""

from dataclasses import dataclass

import numpy as np

from realnvp.data.columns.base import Warp

__all__ = ["Atoms"]


@dataclass(frozen=True)
class Atoms:
    """The line is cut at each atom and a cell put in: ``z = r(x) + sum of the widths of the atoms below x``.

    An atom has ``z = r(x) + widths below + u * width``, and the mass ``width * mean_u q(z)``; the density of the rest
    is ``q(z) r'(x)``, with ``r`` the warp ``rest`` or the identity. Masses and the integral of the density add up to
    one.
    """

    values: tuple[float, ...]
    places: tuple[float, ...]
    widths: tuple[float, ...]
    rest: Warp | None = None

    @property
    def coarse(self) -> bool:
        """True: the cells are wide."""
        return True

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``z``, the log width of an atom or ``log r'``, and where ``x`` can occur."""
        values, places, widths = (np.array(v) for v in (self.values, self.places, self.widths))
        r, slope = (x, np.zeros(len(x))) if self.rest is None else self.rest.forward(x)
        below = np.concatenate(([0.0], np.cumsum(widths)))
        rank = np.searchsorted(values, x)  # how many atoms lie below
        at = rank.clip(max=len(values) - 1)
        hit = values[at] == x
        z = np.where(hit, places[at] + below[at] + widths[at] * u, r + below[rank])
        can = np.ones(len(x), bool) if self.rest is None else self.rest.holds(x)
        return z, np.where(hit, np.log(widths[at]), slope), can

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the atom in whose cell ``z`` lies, or the number beside them."""
        values, places, widths = (np.array(v) for v in (self.values, self.places, self.widths))
        below = np.concatenate(([0.0], np.cumsum(widths)))
        cuts = np.stack((places + below[:-1], places + below[1:]), 1).ravel()
        rank = np.searchsorted(cuts, z, "right")
        r = z - below[rank // 2]
        x = r if self.rest is None else self.rest.inverse(r)
        return np.where(rank % 2, values[((rank - 1) // 2).clip(0)], x)
