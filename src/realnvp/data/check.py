"""What a table must be for a density to be learnt from it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from realnvp.data.columns.frame import is_frame
from realnvp.data.rows import check_whole
from realnvp.errors import InputError

__all__ = ["check_columns", "check_gaps", "check_integers", "check_names", "check_scale", "refuse_gaps"]


def check_columns(values: np.ndarray, columns: Sequence[str], held: Mapping[int, Sequence[Any]] | None = None) -> None:
    """Refuse n < D and constant columns: neither leaves a density to fit.

    ``held`` are the texts or categories that the numbers 0, 1, … of some columns, by place, stand for.
    """
    n, d = values.shape
    if n < d:
        raise InputError(f"too few rows ({n}) for {d} columns: give at least as many rows, or keep fewer columns")
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)  # of what is not missing
    for j in map(int, np.flatnonzero(low == high)):
        value = repr(held[j][int(low[j])]) if held and j in held else f"{low[j]:.12g}"
        raise InputError(f"column {columns[j]!r} is constant ({value}): leave it out, it has no density")
    check_scale(values, columns)


def check_names(table: object) -> None:
    """Refuse a data frame with two columns of one name, which cannot be told apart, and arrays that hide values."""
    if isinstance(table, np.ma.MaskedArray) and np.ma.is_masked(table):
        raise InputError(
            "X is a masked array, and what is under its mask would be taken for numbers: give X.filled(np.nan), whose "
            "gaps are learnt from by missing='marginalise', or the rows that have none"
        )
    names = [str(name) for name in getattr(table, "columns", ())]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the data frame has more than one column {twice!r}: rename all but one")


def check_integers(table: Any) -> None:
    """Refuse whole numbers that float64 does not tell apart, in an array or a column of a frame."""
    if isinstance(table, np.ndarray) and table.ndim == 2:
        for j, column in enumerate(table.T):
            check_whole(column, f"x{j}")
    elif is_frame(table):
        for name in table.columns:
            if re.match(r"u?int64", str(table[name].dtype).lower()):
                column = np.asarray(table[name])
                check_whole(
                    np.array([v for v in column if isinstance(v, int)]) if column.dtype == object else column, str(name)
                )


def check_scale(values: np.ndarray, columns: Sequence[str]) -> None:
    """Refuse numbers whose squares leave the range of float64; constant columns pass."""
    reach = np.fmax.reduce(np.abs(values), initial=0)
    width = np.fmax.reduce(values, initial=-np.inf) / 2 - np.fmin.reduce(values, initial=np.inf) / 2
    for j in np.flatnonzero((reach > 1e150) | ((width > 0) & (width < 1e-150))).tolist():
        raise InputError(f"column {columns[j]!r} has a scale that float64 cannot square: multiply it by a constant")


def check_gaps(values: np.ndarray, columns: Sequence[str], missing: object) -> None:
    """Check the gaps (NaN) of a table to learn from: none where they are refused, else some value in every line."""
    if missing not in ("refuse", "marginalise"):
        raise InputError(f"missing must be 'refuse' or 'marginalise', got {missing!r}")
    gaps = np.isnan(values)
    if not gaps.any():
        return
    if missing == "refuse":
        refuse_gaps(
            values, columns, "fill in or drop those rows, or learn from them as they are by missing='marginalise'"
        )
    for j in map(int, np.flatnonzero(gaps.all(axis=0))):
        raise InputError(f"column {columns[j]!r} has no values at all: leave it out")
    if len(empty := np.flatnonzero(gaps.all(axis=1))):
        raise InputError(f"row {empty[0]} has no values at all ({len(empty)} such rows): drop what says nothing")


def refuse_gaps(values: np.ndarray, columns: Sequence[str], advice: str) -> None:
    """Refuse a table with gaps (NaN): say how many, and what to do."""
    gaps = np.isnan(values)
    if not gaps.any():
        return
    which = [repr(columns[int(j)]) for j in np.flatnonzero(gaps.any(axis=0))]
    named = ", ".join(which[:5]) + ", …" * (len(which) > 5)
    raise InputError(
        f"X has missing values (NaN) in {np.count_nonzero(gaps.any(axis=1))} of {len(values)} rows and {len(which)} of "
        f"{values.shape[1]} columns ({named}): {advice}"
    )
