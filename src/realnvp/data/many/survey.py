"""One pass over a table of many files: what it holds, and a sample of its rows to begin a fit with."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from realnvp.data.many.base import ManyFiles
from realnvp.data.rows import Frame

__all__ = ["Survey", "survey"]

_SAMPLE, _LEAST, _BYTES = 100_000, 20_000, 1 << 26
"""Rows of the sample, fewer where they would take more than 64 MiB, but 20,000 at least."""
_DISTINCT = 1000
"""A column of more values than this is not asked for each of them."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What a pass over ``files`` found.

    Args:
        count: rows.
        mean, spread, low, high: of each column of numbers, (D,); NaN of the others.
        sample: rows drawn without favour, each set of so many rows as likely as any other.
        at: their numbers, in order.
        rare: rows that hold what the sample lacks: the ends of each column of numbers, and the first of each value of
            columns of at most 1,000 values. They tell what a column can be, and are never counted as rows drawn.
        away: numbers of rows that are not to be learnt from, in order.
    """

    files: ManyFiles
    count: int
    mean: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sample: Frame
    at: np.ndarray
    rare: Frame
    away: np.ndarray

    @property
    def whole(self) -> bool:
        """Whether the sample holds every row that is to be learnt from."""
        return len(self.sample) + len(self.away) == self.count

    def without(self, rows: np.ndarray) -> "Survey":
        """Take some rows of the sample, by their places in it, out of what is learnt from.

        Those of them that hold what no other row of the sample does still tell what a column can be.
        """
        rest = np.delete(np.arange(len(self.at)), rows)
        kept, gone = self.sample.rows(rest), self.sample.rows(rows)
        rare = Frame.joined([self.rare, gone.rows(_lacking(Frame.joined([kept, self.rare]), gone))])
        away = np.union1d(self.away, self.at[rows])
        return replace(self, sample=kept, at=self.at[rest], rare=rare, away=away)


def survey(files: ManyFiles, seed: int, *, sample: int | None = None) -> Survey:
    """Read all rows once.

    Mean and variance are merged piece by piece; the sample are the rows with the smallest of keys drawn uniformly from
    ``seed``.

    References:
        Updating formulae and a pairwise algorithm for computing sample variances (Chan, Golub, LeVeque, 1979)
    """
    columns = len(files.columns)
    wanted = sample or min(_SAMPLE, max(_LEAST, _BYTES // (8 * columns)))
    drawn, moments, rare = _Smallest(wanted, seed), _Moments(columns), _Rare(columns)
    for group in files.groups:
        for start, frame in files.pieces(group):
            drawn.see(start, frame)
            moments.see(frame)
            rare.see(frame)
    at, rows = drawn.found()
    spread = np.sqrt(moments.squares / max(moments.count, 1))
    low, high = rare.ends()
    found = rare.found(rows)
    return Survey(files, moments.count, moments.mean, spread, low, high, rows, at, found, np.empty(0, np.int64))


class _Moments:
    """Mean and sum of squared deviations of columns of numbers."""

    def __init__(self, columns: int) -> None:
        self.count, self.mean, self.squares = 0, np.zeros(columns), np.zeros(columns)

    def see(self, frame: Frame) -> None:
        x = np.stack([_floats(part) for part in frame.parts], axis=1)
        n, mean = len(x), x.mean(0)
        squares, away = ((x - mean) ** 2).sum(0), mean - self.mean
        total = self.count + n
        self.mean = self.mean + away * (n / total)
        self.squares = self.squares + squares + away**2 * (self.count * n / total)
        self.count = total


class _Smallest:
    """The rows with the smallest keys."""

    def __init__(self, wanted: int, seed: int) -> None:
        self.wanted, self.draws, self.limit = wanted, np.random.default_rng([seed, 0]), np.inf
        self.keys: list[np.ndarray] = []
        self.at: list[np.ndarray] = []
        self.rows: list[Frame] = []

    def see(self, start: int, frame: Frame) -> None:
        keys = self.draws.random(len(frame))
        if len(low := np.flatnonzero(keys < self.limit)):
            self.keys.append(keys[low])
            self.at.append(start + low)
            self.rows.append(frame.rows(low))
        if sum(map(len, self.keys)) >= 2 * self.wanted:
            self._settle()

    def found(self) -> tuple[np.ndarray, Frame]:
        """Return the rows' numbers and the rows, in their order."""
        self._settle()
        order = np.argsort(self.at[0])
        return self.at[0][order], self.rows[0].rows(order)

    def _settle(self) -> None:
        keys, at, rows = np.concatenate(self.keys), np.concatenate(self.at), Frame.joined(self.rows)
        if len(keys) > self.wanted:
            low = np.argpartition(keys, self.wanted)[: self.wanted]
            keys, at, rows = keys[low], at[low], rows.rows(low)
            self.limit = keys.max()
        self.keys, self.at, self.rows = [keys], [at], [rows]


class _Rare:
    """The rows at the ends of columns, and the first row of each value of columns of few."""

    def __init__(self, columns: int) -> None:
        self.low: list[tuple[float, Frame | None]] = [(np.inf, None)] * columns
        self.high: list[tuple[float, Frame | None]] = [(-np.inf, None)] * columns
        self.values: list[dict[Any, Frame] | None] = [{} for _ in range(columns)]

    def see(self, frame: Frame) -> None:
        for j, part in enumerate(frame.parts):
            if (known := self.values[j]) is not None:
                self.values[j] = _more(known, frame, part)
            x = np.asarray(part)
            if x.dtype.kind == "f":
                least, most = int(x.argmin()), int(x.argmax())
                if x[least] < self.low[j][0]:
                    self.low[j] = float(x[least]), frame.rows(slice(least, least + 1))
                if x[most] > self.high[j][0]:
                    self.high[j] = float(x[most]), frame.rows(slice(most, most + 1))

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest number of each column."""
        low, high = (np.array([value for value, _ in side]) for side in (self.low, self.high))
        none = np.isinf(low)
        low[none] = high[none] = np.nan
        return low, high

    def found(self, sample: Frame) -> Frame:
        """Return the rows that hold what the sample lacks."""
        ends = [row for side in (self.low, self.high) for _, row in side if row is not None]
        values = [row for known in self.values for row in (known or {}).values()]
        seen = Frame.joined([sample.rows(slice(0, 0)), *ends, *values])
        return seen.rows(_lacking(sample, seen))


def _lacking(sample: Frame, rows: Frame) -> list[int]:
    """Return places of the rows that hold what the sample does not: an end, or a value of a column of few."""
    found: set[int] = set()
    for held, part in zip(map(np.asarray, sample.parts), map(np.asarray, rows.parts), strict=True):
        known = set(held.tolist())
        if held.dtype.kind != "f" or len(known) <= min(_DISTINCT, len(held) / 5):
            values = part.tolist()
            found |= {values.index(value) for value in set(values) - known}
        if held.dtype.kind == "f" and len(part):
            low, high = (held.min(), held.max()) if len(held) else (np.inf, -np.inf)
            found |= {int(part.argmin())} if part.min() < low else set()
            found |= {int(part.argmax())} if part.max() > high else set()
    return sorted(found)


def _more(known: dict[Any, Frame], frame: Frame, part: Any) -> dict[Any, Frame] | None:
    """Take in the values of a piece; nothing once there are too many."""
    values = np.asarray(part).tolist()
    new = set(values) - known.keys()
    if len(known) + len(new) > _DISTINCT:
        return None
    return known | {value: frame.rows(slice(i := values.index(value), i + 1)) for value in new}


def _floats(part: Any) -> np.ndarray:
    held = np.asarray(part)
    return held if held.dtype.kind == "f" else np.full(len(held), np.nan)
