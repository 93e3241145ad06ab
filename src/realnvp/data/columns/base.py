"""What the parts of a column's code are: cells for its values, a warp of the line."""

from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

__all__ = ["FAR", "Cells", "Warp", "to_plain"]

FAR = 1e300
"""No number that is decoded lies farther out."""


class Warp(Protocol):
    """A smooth increasing bijection of part of the line to all of it, elementwise on float64 arrays."""

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` and ``log dy/dx``."""
        ...

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return ``x``, finite for every finite ``y``."""
        ...

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return where ``x`` lies in the part that is mapped, its ends with it."""
        ...


class Cells(Protocol):
    """Where values that come more than once lie on the line: each has a cell, ``u`` in (0, 1) says where in it."""

    @property
    def coarse(self) -> bool:
        """Whether the cells are so wide that a density varies within one."""
        ...

    def forward(self, x: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``z``, the log of what its density is multiplied by, and where ``x`` is a value that can occur."""
        ...

    def inverse(self, z: np.ndarray) -> np.ndarray:
        """Return the value in whose cell ``z`` lies."""
        ...


def to_plain(part: Any) -> dict | None:
    """Write a part as plain data: its name and its numbers."""
    if part is None:
        return None
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(part).items()}
    fields |= {inner: to_plain(getattr(part, inner)) for inner in ("rest", "grid") if hasattr(part, inner)}
    return {"is": type(part).__name__, **fields}
