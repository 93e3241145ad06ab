"""Columns that others determine: copies and linear combinations, found and named."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeVar

import numpy as np

__all__ = ["Law", "Laws", "find_laws", "linear_laws"]

_T = TypeVar("_T")
_EXACT = 1e-6
"""A column is a combination of others where what they leave of it is below this share of its spread."""
_NEAR = 0.9999
_BLOCK = 16_384
_TERMS = 4


@dataclass(frozen=True)
class Law:
    """``column = sum_k slopes[k] * others[k] + start`` in the units of the data, columns by number."""

    column: int
    others: tuple[int, ...]
    slopes: tuple[float, ...]
    start: float

    def holds(self, values: np.ndarray) -> bool:
        """Whether it holds, up to rounding, in all rows of ``values`` (n, D) where its columns are not missing."""
        x = values[:, [*self.others, self.column]]
        x = x[~np.isnan(x).any(axis=1)]
        away = np.abs(x[:, :-1] @ np.array(self.slopes) + self.start - x[:, -1])
        return bool(away.max(initial=0) <= 1e-5 * np.ptp(x[:, -1]) + 1e-9 * np.abs(x).max())

    def told(self, names: Sequence[str]) -> str:
        """Write the law with the columns' names: ``'b' = 2 * 'a' + 1``."""
        terms = [f"{abs(s):.6g} * {names[k]!r}" for k, s in zip(self.others, self.slopes, strict=True)]
        signs = ["-" if s < 0 else "+" for s in self.slopes]
        shown = [f"{sign} {term}" for sign, term in zip(signs, terms, strict=True)][:_TERMS]
        shown += [f"+ … ({len(terms) - _TERMS} more)"] * (len(terms) > _TERMS)
        shown += [f"{'-' if self.start < 0 else '+'} {abs(self.start):.6g}"] * (self.start != 0)
        first = shown[0].replace("- ", "-", 1).removeprefix("+ ")
        return f"{names[self.column]!r} = {' '.join([first, *shown[1:]])}"


@dataclass(frozen=True)
class Laws:
    """The columns that follow from others, and how; without any, rows are left as they are.

    A table whose columns obey a law lies in a plane: it has a density on the plane, and the columns that are
    independent are its coordinates there.
    """

    laws: tuple[Law, ...] = ()

    @property
    def dependent(self) -> list[int]:
        """Numbers of the columns that follow from others."""
        return [law.column for law in self.laws]

    def others(self, columns: Sequence[_T]) -> list[_T]:
        """Return the columns that do not follow from others."""
        dependent = set(self.dependent)
        return [column for j, column in enumerate(columns) if j not in dependent]

    def numbered(self, columns: Sequence[_T]) -> list[tuple[int, _T]]:
        """Return what there is of each column that does not follow from others with its number in the whole table."""
        return list(zip(self.others(range(len(columns) + len(self.laws))), columns, strict=True))

    def renumbered(self, known: Mapping[int, _T]) -> dict[int, _T]:
        """Return what is known of columns by their numbers in the whole table by those among the independent ones."""
        return {j - sum(k < j for k in self.dependent): held for j, held in known.items() if j not in self.dependent}

    def among(self, numbers: Sequence[int]) -> "Laws":
        """Return the same laws of a wider table, in which their columns have these numbers."""
        moved = (
            replace(law, column=numbers[law.column], others=tuple(numbers[k] for k in law.others)) for law in self.laws
        )
        return Laws(tuple(moved))

    def independent(self, rows: np.ndarray) -> np.ndarray:
        """Leave the dependent columns out: (n, D) to (n, d), read off the laws backwards where that fills a gap."""
        if not self.laws:
            return rows
        return np.delete(self._backwards(rows), self.dependent, axis=1)

    def whole(self, rows: np.ndarray) -> np.ndarray:
        """Put the dependent columns in by their laws: (n, d) to (n, D)."""
        if not self.laws:
            return rows
        width = rows.shape[1] + len(self.laws)
        found = np.empty((len(rows), width))
        found[:, np.delete(np.arange(width), self.dependent)] = rows
        for law in self.laws:
            found[:, law.column] = found[:, law.others] @ np.array(law.slopes) + law.start
        return found

    def swaps(self, whole: np.ndarray, rows: np.ndarray) -> list[tuple[np.ndarray, ...]]:
        """Find coordinates in which nothing that was observed is left out: row numbers, ``y``, ``A`` and ``b``.

        Of rows (n, D) and their independent columns ``x`` (n, d): in ``y = A x + b`` a dependent column that was
        observed stands in the place of a column that was not. Rows that change the same places are one group.
        """
        size = rows.shape[1]
        place = {c: i for i, c in enumerate(np.delete(np.arange(size + len(self.laws)), self.dependent).tolist())}
        groups: dict[tuple[tuple[int, Law], ...], list[int]] = {}
        for i in range(len(rows)):
            seen = [law for law in self.laws if not np.isnan(whole[i, law.column])]
            groups.setdefault(_pivots(seen, np.isnan(rows[i]), place), []).append(i)
        found: list[tuple[np.ndarray, ...]] = []
        for swap, numbers in groups.items():
            at, A, b = np.array(numbers), np.eye(size), np.zeros(size)
            y = rows[at]
            for j, law in swap:
                A[j], b[j], y[:, j] = 0.0, law.start, whole[at, law.column]
                A[j, [place[k] for k in law.others]] = law.slopes
            found.append((at, y, A, b))
        return found

    def _backwards(self, rows: np.ndarray) -> np.ndarray:
        """Solve a law for the one column that is missing where the one that follows from it is there."""
        if not np.isnan(rows).any():
            return rows
        found = rows.copy()
        for law in self.laws:
            terms = found[:, law.others] * np.array(law.slopes)
            gaps = np.isnan(terms)
            at = np.flatnonzero((gaps.sum(1) == 1) & ~np.isnan(found[:, law.column]))
            which = gaps[at].argmax(1)
            left = found[at, law.column] - law.start - np.nansum(terms[at], 1)
            found[at, np.array(law.others)[which]] = left / np.array(law.slopes)[which]
        return found

    def plain(self) -> list[dict]:
        """Return plain data (JSON)."""
        return [asdict(law) for law in self.laws]

    @classmethod
    def of(cls, plain: Sequence[dict] | None) -> "Laws":
        """Take what ``plain`` returned."""
        listed = [(d["column"], tuple(d["others"]), tuple(d["slopes"]), d["start"]) for d in plain or ()]
        return cls(tuple(Law(*fields) for fields in listed))


def _pivots(laws: Sequence[Law], gaps: np.ndarray, place: dict[int, int]) -> tuple[tuple[int, Law], ...]:
    """Choose for each law the missing column that it stands for, by elimination with pivots: no two say the same."""
    used: dict[int, tuple[Law, np.ndarray]] = {}
    for law in laws:
        left = np.zeros(len(gaps))
        left[[place[k] for k in law.others]] = law.slopes
        left[~gaps] = 0.0
        size = np.abs(left).max(initial=0.0)
        for j, (_, row) in used.items():
            left -= left[j] / row[j] * row
        if (most := np.abs(left).max(initial=0.0)) > _EXACT * size:  # else what it says follows from those before it
            used[int(np.flatnonzero(np.abs(left) >= 0.999 * most)[0])] = law, left
    return tuple((j, law) for j, (law, _) in used.items())


def find_laws(values: np.ndarray, columns: Sequence[str]) -> Laws:
    """Find the columns that are linear combinations of those before them, and warn of them and of near copies.

    They are looked for in the rows without gaps (NaN), and must hold in every row where their columns are seen.
    """
    every, gaps = values, np.isnan(values).any(axis=1)
    values = values[~gaps] if gaps.any() else values
    laws = linear_laws(values)
    if gaps.any():
        laws = [law for law in laws if law.others and law.holds(every)]
    if not laws:
        if not gaps.any():  # complete rows alone may look like copies
            _warn_near(values, columns)
        return Laws()
    told = "; ".join(law.told(columns) for law in laws[:5]) + "; …" * (len(laws) > 5)
    many = "1 column follows" if len(laws) == 1 else f"{len(laws)} columns follow"
    warnings.warn(
        f"{many} from others, {told}: the density is that of the other columns, and sample works out the rest",
        stacklevel=2,
    )
    return Laws(tuple(laws))


def linear_laws(values: np.ndarray) -> list[Law]:
    """Find the columns of (n, D) that are linear combinations of columns before them, up to rounding.

    The columns are standardised, and each is made orthogonal to those kept so far (Gram and Schmidt, twice, on the
    triangle of a QR decomposition in float64). It follows from them where less than 1e-6 of its spread is left, or of
    the rounding of its own digits. With no more rows than columns every table has such laws, and none is reported.

    References:
        Matrix Computations (Golub, Van Loan, 2013), sections 5.2 and 5.4
    """
    n, d = values.shape
    if n <= d + 1 or d < 2:
        return []
    few = np.linspace(0, n - 1, min(n, max(2000, 4 * d))).astype(int)
    if len(few) < n and not _dependent(_triangle(values[few])[2])[0]:
        return []
    loc, scale, triangle = _triangle(values)
    found, kept = _dependent(triangle)
    return [_law(j, [k for k in kept if k < j], loc, scale, triangle) for j in found]


def _triangle(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, spread, and R of the standardised columns' QR, a block of rows at a time."""
    loc, scale = values.mean(0), values.std(0)
    scale = np.where(scale > 0, scale, 1.0)
    found: np.ndarray = np.zeros((0, values.shape[1]))
    for start in range(0, len(values), _BLOCK):
        block = (values[start : start + _BLOCK] - loc) / scale
        found = np.asarray(np.linalg.qr(np.vstack([found, block]), mode="r"))
    return loc, scale, found / np.sqrt(len(values))


def _dependent(triangle: np.ndarray) -> tuple[list[int], list[int]]:
    """Columns that the ones before them determine, and the others.

    The diagonal of a triangle says how far each column is from all before it. Where some are near, those are left out
    and looked at again; only where that does not settle it are the columns taken one by one.
    """
    near = np.abs(np.diag(triangle)) < _EXACT
    if not near.any():
        return [], list(range(len(near)))
    found, kept = np.flatnonzero(near), np.flatnonzero(~near)
    basis, rest = np.linalg.qr(triangle[:, kept])
    before = (basis[:, : np.searchsorted(kept, j)] for j in found)
    left = [triangle[:, j] - b @ (b.T @ triangle[:, j]) for j, b in zip(found, before, strict=True)]
    if (np.abs(np.diag(rest)) < _EXACT).any() or (np.linalg.norm(left, axis=1) >= _EXACT).any():
        return _one_by_one(triangle)
    return found.tolist(), kept.tolist()


def _one_by_one(triangle: np.ndarray) -> tuple[list[int], list[int]]:
    basis = np.empty(triangle.shape, order="F")
    found: list[int] = []
    kept: list[int] = []
    for j, column in enumerate(triangle.T):
        known = basis[:, : len(kept)]
        left = column - known @ (known.T @ column)
        left -= known @ (known.T @ left)
        if (size := np.linalg.norm(left)) < _EXACT:
            found.append(j)
        else:
            basis[:, len(kept)] = left / size
            kept.append(j)
    return found, kept


def _law(j: int, others: list[int], loc: np.ndarray, scale: np.ndarray, triangle: np.ndarray) -> Law:
    """Solve for one column; what has no share in it to seven digits is left out."""
    share = np.linalg.lstsq(triangle[:, others], triangle[:, j], rcond=None)[0]
    used = np.flatnonzero(np.abs(share) > 10 * _EXACT)
    picked = [others[k] for k in used]
    share = np.linalg.lstsq(triangle[:, picked], triangle[:, j], rcond=None)[0]
    slopes = share * scale[j] / scale[picked]
    start = loc[j] - slopes @ loc[picked]
    size = np.abs(loc[j]) + np.abs(slopes) @ np.abs(loc[picked]) + scale[j]
    rounded = 0.0 if abs(start) < _EXACT * size else _short(float(start), size)
    return Law(j, tuple(picked), tuple(_short(float(s), abs(s)) for s in slopes), rounded)


def _short(value: float, size: float) -> float:
    """Return the number of ten digits that the value is up to rounding, if there is one: sums of whole numbers are."""
    short = float(f"{value:.10g}")
    return short if abs(short - value) <= 1e-12 * size else value


def _warn_near(values: np.ndarray, columns: Sequence[str]) -> None:
    n, d = values.shape
    if n < 10 or d < 2:
        return
    scale = values.std(0)
    z = (values - values.mean(0)) / np.where(scale > 0, scale, 1.0)
    r = np.abs(z.T @ z / n)
    pairs = np.argwhere(np.triu(r, 1) > _NEAR)
    if len(pairs):
        i, j = pairs[0]
        more = f", and {len(pairs) - 1} other pairs," if len(pairs) > 1 else ""
        warnings.warn(
            f"columns {columns[i]!r} and {columns[j]!r}{more} are nearly copies (|correlation| {r[i, j]:.6f}): the "
            "density is very narrow across them, leave one out if the difference means nothing",
            stacklevel=2,
        )
