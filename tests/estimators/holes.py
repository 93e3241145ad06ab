"""A table with a curve in it, and the same with gaps."""

import numpy as np


def bent(n, seed):
    """A normal, and its square beside a normal."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return np.column_stack([x, 0.5 * x**2 + 0.5 * rng.normal(size=n)])


def holed(X, rate=0.3, seed=0):
    H = np.where(np.random.default_rng(seed).random(X.shape) < rate, np.nan, X)
    return H[~np.isnan(H).all(1)]
