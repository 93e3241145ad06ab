"""What a table must be for a density to be learnt from it."""

from collections.abc import Sequence

import numpy as np

from realnvp.errors import InputError

__all__ = ["check_columns", "check_names", "check_scale"]


def check_columns(values: np.ndarray, columns: Sequence[str]) -> None:
    """Refuse n < D and constant columns: neither leaves a density to fit."""
    n, d = values.shape
    if n < d:
        raise InputError(f"too few rows ({n}) for {d} columns: give at least as many rows, or keep fewer columns")
    for j in np.flatnonzero((values == values[:1]).all(axis=0)).tolist():
        raise InputError(f"column {columns[j]!r} is constant ({values[0, j]:.12g}): leave it out, it has no density")
    check_scale(values, columns)


def check_names(table: object) -> None:
    """Refuse a data frame with two columns of one name: which is which cannot be told."""
    names = [str(name) for name in getattr(table, "columns", ())]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the data frame has more than one column {twice!r}: rename all but one")


def check_scale(values: np.ndarray, columns: Sequence[str]) -> None:
    """Refuse numbers whose squares leave the range of float64; constant columns pass."""
    reach = np.abs(values).max(axis=0, initial=0)
    width = values.max(axis=0, initial=-np.inf) / 2 - values.min(axis=0, initial=np.inf) / 2
    for j in np.flatnonzero((reach > 1e150) | ((width > 0) & (width < 1e-150))).tolist():
        raise InputError(f"column {columns[j]!r} has a scale that float64 cannot square: multiply it by a constant")
