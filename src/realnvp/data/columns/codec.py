"""A table's code: all its columns between what they hold and the real numbers that a flow learns."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from realnvp.data.columns.column import Column
from realnvp.data.columns.nodes import nodes
from realnvp.errors import InputError

__all__ = ["Codec"]


@dataclass(frozen=True)
class Codec:
    """``y_j = code_j(x_j, u_j)`` for each column j, with ``u`` uniform in (0, 1) where values have cells.

    The density of a row is ``p(x) = mean_u q(y(x, u)) * prod_j m_j(x_j, u_j)``, ``m_j`` the Jacobian of a continuous
    column, the width of the cell of a discrete one: a density in the continuous columns, a mass in the discrete ones.
    A table of plain columns is not touched.
    """

    columns: tuple[Column, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the code is the identity."""
        return all(column.is_plain for column in self.columns)

    @property
    def only_shifts(self) -> bool:
        """Whether noise is all of the code: it keeps what is linear between columns."""
        return all(column.only_shifts for column in self.columns)

    @property
    def repeats(self) -> int:
        """How many times the density of the code is asked for, for one of the table."""
        return len(self._nodes()[0])

    @property
    def labelled(self) -> bool:
        """Whether some column holds text, categories or booleans of a frame."""
        return any(column.labels for column in self.columns)

    def forward(self, x: np.ndarray, u: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return ``y`` (n, D) and ``sum_j log m_j`` (n,); ``u`` is (n, D), (D,), or the middles of the cells.

        A gap (NaN) stays one, and has no ``m_j``. A value that cannot occur is an ``InputError``.
        """
        if self.is_plain:
            return x, np.zeros(len(x))
        y, log_m, can = self._coded(x, u)
        if not can.all():
            row, j = np.argwhere(~can)[0]
            column = self.columns[j]
            raise InputError(
                f"column {column.name!r} holds {_shown(column, x[row, j])} in row {row} (from 0), which it cannot be: "
                f"{column.noticed or 'it has no such value'}"
            )
        return y, log_m

    def weighed(self, x: np.ndarray, u: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Return what ``forward`` does; the log is minus infinity where a value cannot occur."""
        if self.is_plain:
            return x, np.zeros(len(x))
        y, log_m, can = self._coded(x, u)
        return y, np.where((can | self._opened).all(axis=1), log_m, -np.inf)

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Return which values (n, D) can occur, as ``forward`` asks it of all of them."""
        return np.ones(x.shape, bool) if self.is_plain else self._coded(x, None)[2]

    def tell(self, x: np.ndarray) -> None:
        """Warn of values that the table did not have: of those that have a mass together, of those that have none."""
        can = self.holds(x)
        self._warn(x, ~can & self._opened, "did not come in the fit, and count for all such values together")
        self._warn(x, ~(can | self._opened), "their columns cannot, and have the density zero")

    def inverse(self, y: np.ndarray) -> np.ndarray:
        """Return the values (n, D) that ``y`` stands for."""
        if self.is_plain:
            return y
        return np.stack([c.inverse(v) for c, v in zip(self.columns, y.T, strict=True)], axis=1)

    def log_density(self, x: np.ndarray, log_q: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return ``log p(x)`` (n,), given ``log_q(y)``; minus infinity, with a warning, where ``x`` cannot occur.

        A number that the table did not have, in a column of few values, has the mass of all such numbers together; a
        warning says so.
        """
        if self.is_plain:
            return log_q(x)
        points, weights = self._nodes()
        u = np.full((len(points), len(self.columns)), 0.5)
        u[:, [j for j, column in enumerate(self.columns) if column.coarse]] = points
        total = np.full(len(x), -np.inf)
        for point, weight in zip(u, weights, strict=True):
            y, log_m = self.weighed(x, point)
            total = np.logaddexp(total, log_q(y) + log_m + np.log(weight))
        self.tell(x)
        return total

    def again(self, y: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return ``y`` with fresh noise ``u`` (n, D) in the coarse cells, the rest as it was."""
        fresh = y.copy()
        for j, column in enumerate(self.columns):
            if column.coarse:
                fresh[:, j] = column.forward(column.inverse(y[:, j]), u[:, j])[0]
        return fresh

    def renamed(self, names: Sequence[str]) -> "Codec":
        """Return the same code under other names."""
        return Codec(tuple(replace(c, name=name) for c, name in zip(self.columns, names, strict=True)))

    def _nodes(self) -> tuple[np.ndarray, np.ndarray]:
        return nodes(sum(column.coarse for column in self.columns))

    def _coded(self, x: np.ndarray, u: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``y``, ``sum_j log m_j`` and where (n, D) a value can occur; one that cannot has a finite ``y``."""
        at = np.broadcast_to(0.5 if u is None else u, x.shape)
        y, log_m, can = np.full(x.shape, np.nan), np.zeros(len(x)), np.ones(x.shape, bool)
        for j, column in enumerate(self.columns):
            seen = np.flatnonzero(~np.isnan(x[:, j]))
            y[seen, j], more, can[seen, j] = column.forward(x[seen, j], at[seen, j])
            log_m[seen] += more
        return np.where(can | self._opened, y, 0.0), log_m, can

    @property
    def _opened(self) -> np.ndarray:
        return np.array([column.opened for column in self.columns])

    def _warn(self, x: np.ndarray, where: np.ndarray, what: str) -> None:
        """Say of which values (n, D) something is true, if of any."""
        if where.any():
            row, j = np.argwhere(where)[0]
            warnings.warn(
                f"{np.count_nonzero(where.any(axis=1))} rows hold values that {what}: "
                f"the first is row {row}, column {self.columns[j].name!r}, {_shown(self.columns[j], x[row, j])}",
                stacklevel=4,
            )


def _shown(column: Column, value: float) -> str:
    if not column.labels:
        return f"{value:.12g}"
    return repr(column.labels[int(value)]) if value >= 0 else "a value that fit did not see"
