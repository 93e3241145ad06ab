"""One column's code: what was noticed, cells for values that repeat, a warp of what is bounded or far-reaching."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.base import Cells, Warp, to_plain
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.levels import Levels
from realnvp.data.columns.warps import WARPS

__all__ = ["Column"]

_CELLS: dict[str, Any] = {cells.__name__: cells for cells in (Atoms, Grid, Levels)}


@dataclass(frozen=True)
class Column:
    """``y = warp(cells(x, u))``, elementwise on float64 arrays; without either the identity.

    ``labels`` are the values, of text or of categories, that the numbers 0, 1, … stand for; ``dtype`` is what a data
    frame called them. ``noticed`` says in a sentence what the column is taken for, and why.
    """

    name: str
    kind: str = "continuous"
    noticed: str = ""
    cells: Cells | None = None
    warp: Warp | None = None
    labels: tuple[Any, ...] = field(default=())
    dtype: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the code is the identity."""
        return self.cells is None and self.warp is None

    @property
    def only_shifts(self) -> bool:
        """Whether noise is all of the code, if there is any."""
        return self.warp is None and isinstance(self.cells, Grid | None)

    @property
    def coarse(self) -> bool:
        """Whether the density of a row is a mean over the noise in its cell."""
        return self.cells is not None and self.cells.coarse

    @property
    def opened(self) -> bool:
        """Whether a value that the table did not have has a mass all the same, that of all such values together."""
        return isinstance(self.cells, Levels) and self.cells.other > 0

    @property
    def words(self) -> list[str] | None:
        """What the numbers 0, 1, … stand for, as text, if they do."""
        shown = [str(v).lower() if isinstance(v, bool) else str(v) for v in self.labels]
        return shown or None

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``y``, the log of what the density of ``y`` is multiplied by, and where ``x`` can occur."""
        z, log_slope, can = x, np.zeros(len(x)), np.ones(len(x), bool)
        if self.cells is not None:
            z, log_slope, can = self.cells.forward(x, u)
        if self.warp is None:
            return z, log_slope, can
        can = can & self.warp.holds(z)
        y, log_warp = self.warp.forward(z)
        return y, log_slope + log_warp, can

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return the value that ``y`` stands for."""
        z = y if self.warp is None else self.warp.inverse(y)
        return z if self.cells is None else self.cells.inverse(z)

    def to_plain(self) -> dict[str, Any]:
        """Return plain data that ``from_plain`` reads."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind, "noticed": self.noticed}
        found |= {"cells": to_plain(self.cells), "warp": to_plain(self.warp)}
        return found | ({"labels": list(self.labels), "dtype": self.dtype} if self.dtype else {})

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Column":
        """Make the column that ``to_plain`` wrote down."""
        cells = plain["cells"]
        if cells is not None and cells.get("rest") is not None:
            cells = cells | {"rest": _made(cells["rest"], WARPS)}
        if cells is not None and cells.get("grid") is not None:
            cells = cells | {"grid": _made(cells["grid"], _CELLS)}
        parts = {"cells": _made(cells, _CELLS), "warp": _made(plain["warp"], WARPS)}
        return cls(
            plain["name"],
            plain["kind"],
            plain["noticed"],
            **parts,
            labels=tuple(plain.get("labels", ())),
            dtype=plain.get("dtype", ""),
        )


def _made(plain: dict | None, known: dict[str, Any]) -> Any:
    if plain is None:
        return None
    fields = {name: tuple(v) if isinstance(v, list) else v for name, v in plain.items() if name != "is"}
    return known[plain["is"]](**fields)
