"""The tables of the bench, and the same tables told otherwise."""

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import ndtri

__all__ = ["VERSIONS", "Rows", "folder", "read", "tables"]

SPLITS = ("train", "val", "test")
KNOTS = 256
"""Most knots of a normal score: with one for each row the rows trained on would lie on a grid, and no others."""


@dataclass(frozen=True)
class Rows:
    """Three parts of a table, each of shape (n, D), float64."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    @property
    def features(self) -> int:
        """How many columns there are."""
        return self.train.shape[1]

    def all(self) -> np.ndarray:
        """Return what a model may see: the rows to train on and those to stop by."""
        return np.concatenate((self.train, self.val))

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> "Rows":
        """Change the three parts alike."""
        return Rows(*(np.ascontiguousarray(change(getattr(self, split))) for split in SPLITS))

    def standardised(self) -> tuple["Rows", float]:
        """Return the table with mean 0 and deviation 1 where it is trained on, and the log-det of that."""
        mean, scale = self.train.mean(0), self.train.std(0)
        return self.each(lambda x: (x - mean) / scale), -float(np.log(scale).sum())


def folder(data_dir: str | None) -> Path:
    """Return where the tables are, or say how to name it."""
    given = data_dir or os.environ.get("REALNVP_DATA")
    found = Path(given) / "tabular" if given else None
    if found is None or not found.is_dir():
        raise SystemExit(
            f"no tables: there is no folder {found or 'named'}; --data-dir or REALNVP_DATA names a folder in which "
            "tabular/ holds .npz files with train, val and test, each of shape (n, D)"
        )
    return found


def tables(where: Path) -> list[str]:
    """Return the names of the tables in a folder."""
    return sorted(path.stem for path in where.glob("*.npz"))


def read(where: Path, name: str, version: str = "plain") -> tuple[Rows, str]:
    """Return a version of a table, and a mark that tells its file from others of its name."""
    path = where / f"{name}.npz"
    with np.load(path) as file:
        rows = Rows(*(np.asarray(file[split], dtype=np.float64) for split in SPLITS))
    return VERSIONS[version](rows), f"{zlib.crc32(path.read_bytes()):08x}"


def _log(rows: Rows) -> Rows:
    """``sign(x) log(1 + |x|)``, column by column."""
    return rows.each(lambda x: np.sign(x) * np.log1p(np.abs(x)))


def _rank(rows: Rows) -> Rows:
    """Normal scores by the ranks of the rows trained on, linear between knots and beyond the last ones."""
    curves = [_scores(column) for column in rows.train.T]
    return rows.each(lambda x: np.column_stack([curve(c) for curve, c in zip(curves, x.T, strict=True)]))


def _scores(column: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the strictly increasing, piecewise linear curve from a column's values to normal scores.

    Through quantiles, the column's least and greatest value among them. Beyond those it goes on with the mean slope of
    the outermost hundredth, so that unseen rows do not pile up in one point.
    """
    n = len(column)
    share = np.linspace(0.5 / n, 1 - 0.5 / n, min(n, KNOTS))
    values, where = np.unique(np.quantile(column, share, method="hazen"), return_inverse=True)
    levels = np.bincount(where, ndtri(share)) / np.bincount(where)  # equal values share their mean score
    inner = max(1, len(values) // 100)
    low, high = (
        (levels[b] - levels[a]) / (values[b] - values[a]) for a, b in ((0, inner), (len(values) - 1 - inner, -1))
    )

    def curve(x: np.ndarray) -> np.ndarray:
        below, above = np.minimum(x - values[0], 0), np.maximum(x - values[-1], 0)
        return np.interp(x, values, levels) + low * below + high * above

    return curve


def _rotated(rows: Rows) -> Rows:
    """A random rotation: no density changes, no column is what it was."""
    turn, upper = np.linalg.qr(np.random.default_rng(0).normal(size=(rows.features,) * 2))
    turn = turn * np.sign(np.diag(upper))  # uniform among all rotations and reflections
    return rows.each(lambda x: x @ turn)


def _noise(rows: Rows) -> Rows:
    """Five more columns, independent and standard normal: ``5 log(2 pi e) / 2 = 7.095`` nats more, at best."""
    generator = np.random.default_rng(0)
    return rows.each(lambda x: np.column_stack((x, generator.normal(size=(len(x), 5)))))


def _shuffled(rows: Rows) -> Rows:
    """The columns in another order."""
    order = np.random.default_rng(0).permutation(rows.features)
    return rows.each(lambda x: x[:, order])


def _few(count: int) -> Callable[[Rows], Rows]:
    """So many rows, a fifth of them to stop by; the rows to test on stay."""
    stop = count // 5
    return lambda rows: Rows(rows.train[: count - stop], rows.val[:stop], rows.test)


VERSIONS: dict[str, Callable[[Rows], Rows]] = {
    "plain": replace,
    "log": _log,
    "rank": _rank,
    "rotated": _rotated,
    "noise": _noise,
    "shuffled": _shuffled,
    "30 rows": _few(30),
    "100 rows": _few(100),
    "300 rows": _few(300),
}
"""Each learns what it needs from the rows trained on, if anything, and is the same for all models and seeds."""
