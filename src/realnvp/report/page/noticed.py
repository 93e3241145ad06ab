"""What can be noticed about the rows of a table that makes a smooth density hard."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["notices"]

_FEW = 20


def notices(X: np.ndarray, names: Sequence[str], most: int = 6) -> list[str]:
    """Say of rows (n, D) what a smooth density takes badly: repeats, few values, heavy tails, near-copies."""
    found: list[str] = []
    n = len(X)
    if n < 20:
        return [f"There are only {n} rows to look at."]
    repeated = n - len(np.unique(X, axis=0))
    if repeated > n // 100:
        found.append(f"{100 * repeated / n:.0f} % of the rows are repeated to the last digit.")
    for j, name in enumerate(names):
        values, counts = np.unique(X[:, j], return_counts=True)
        if len(values) <= _FEW:
            found.append(f"{name} takes only {len(values)} values: a smooth density climbs without bound on them.")
        elif counts.max() > n / 20:
            share, value = 100 * counts.max() / n, values[counts.argmax()]
            found.append(f"{share:.0f} % of {name} are exactly {value:.6g}: a point mass, which no smooth density has.")
        elif (tail := _tail(X[:, j])) > 12:
            found.append(
                f"{name} has a heavy tail: its largest value lies {tail:.0f} quartile distances from the middle."
            )
    if X.shape[1] > 1:
        with np.errstate(invalid="ignore", divide="ignore"):
            related = np.abs(np.triu(np.nan_to_num(np.corrcoef(X, rowvar=False)), 1))
        for i, j in zip(*np.nonzero(related > 0.999), strict=True):
            found.append(
                f"{names[i]} and {names[j]} are nearly copies of one another (correlation {related[i, j]:.4f})."
            )
    left = len(found) - most
    return found if left <= 0 else [*found[:most], f"And {left} more of the kind."]


def _tail(values: np.ndarray) -> float:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    return float(np.abs(values - middle).max() / max(high - low, 1e-300)) if high > low else 0.0
