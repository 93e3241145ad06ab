"""Rows of columns that hold a few values, put so that they can be seen beside one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from realnvp.chance import own

__all__ = ["has_cells", "levels_of", "spread"]

_WIDE = 0.6
"""Width of the noise, as a share of the distance between two values."""
_DISCRETE = ("boolean", "categorical", "discrete", "few values")


def has_cells(model: Any) -> bool:
    """Whether a column of the model is no continuous one: between its values the density is zero, or means nothing."""
    codec = getattr(model, "codec_", None)
    return codec is not None and any(column.cells is not None for column in codec.columns)


def levels_of(model: Any) -> list[list[str] | None]:
    """Return for each column the words that the numbers 0, 1, … stand for, if they do."""
    codec = getattr(model, "codec_", None)
    return [] if codec is None else [column.words for column in codec.columns]


def spread(model: Any, X: np.ndarray, seed: int) -> np.ndarray:
    """Return rows (n, D) with noise around the values of discrete columns."""
    if not has_cells(model):
        return X
    rng, found = own(seed), X.copy()
    for j, column in enumerate(model.codec_.columns):
        if column.kind in _DISCRETE:
            gaps = np.diff(np.unique(X[:, j]))
            found[:, j] += _WIDE * (rng.random(len(X)) - 0.5) * (gaps.min() if len(gaps) else 1.0)
    return found
