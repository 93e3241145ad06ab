"""How far apart the values of a column are, where they lie on a grid."""

import numpy as np

__all__ = ["lattice"]

_DECIMALS = range(1, 9)


def lattice(distinct: np.ndarray) -> tuple[float, float] | None:
    """Return origin and step of the widest grid that holds the sorted ``distinct`` values; ``None`` if there is none.

    Whole numbers and decimals have the origin 0, so that each value is found again exactly.
    """
    if np.abs(distinct).max() >= 2**52:
        return None
    if (distinct == np.round(distinct)).all():
        step = float(np.gcd.reduce(np.diff(distinct).astype(np.int64))) if len(distinct) > 1 else 1.0
        return float(distinct[0] % step), step
    for d in _DECIMALS:
        scaled = distinct * 10.0**d
        if np.abs(scaled).max() < 2**40 and (np.round(scaled) / 10.0**d == distinct).all():
            return _divided(np.round(scaled).astype(np.int64), d)
    gaps = np.diff(distinct)
    step = gaps.min()
    counts = np.round(gaps / step)
    step = float(np.ptp(distinct) / counts.sum())
    places = (distinct - distinct[0]) / step
    return (float(distinct[0]), step) if np.abs(places - np.round(places)).max() < 1e-4 else None


def _divided(whole: np.ndarray, d: int) -> tuple[float, float]:
    """Return the grid of ``whole / 10^d``: of a step that does not divide a whole number, that of the decimals."""
    step = int(np.gcd.reduce(np.diff(whole)))
    if whole[0] % step == 0 and 10**d % step == 0:
        return 0.0, step / 10.0**d
    return 0.0, 10.0**-d
