"""The rows a density is learnt from, with or without weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.rows import plain_array, scaled, tensor
from realnvp.nets import Standard
from realnvp.transforms import Standardise

__all__ = ["Sample", "mean_of", "row_weights"]


@dataclass(frozen=True)
class Sample:
    """Arrays of as many rows (data, or data and context), and the rows' weights; ``None`` where all count alike."""

    arrays: Sequence[np.ndarray]
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.arrays[0])

    def pick(self, rows: Tensor | np.ndarray) -> "Sample":
        """Return these rows, their weights scaled to mean 1."""
        at = np.asarray(rows)  # NumPy takes a tensor of one number for that number
        w = None if self.weights is None else self.weights[at]
        return Sample([a[at] for a in self.arrays], None if w is None else w / w.mean())

    def moments(self) -> list[np.ndarray]:
        """Return rows with the mean and the standard deviation of each array: itself, or two where it is weighted.

        ``m = sum w x / sum w``, ``s^2 = sum w (x - m)^2 / sum w``; the two rows are ``m - s`` and ``m + s``.
        """
        if self.weights is None:
            return list(self.arrays)
        means = [np.average(a, axis=0, weights=self.weights) for a in self.arrays]
        squares = [(a - m) ** 2 for a, m in zip(self.arrays, means, strict=True)]
        spreads = [np.sqrt(np.average(s, axis=0, weights=self.weights)) for s in squares]
        return [np.stack((m - s, m + s)) for m, s in zip(means, spreads, strict=True)]

    def plain(self) -> "Sample":
        """Return as many rows without weights, each as often as its weight says, in order (systematic resampling)."""
        if self.weights is None:
            return self
        levels = (np.arange(len(self)) + 0.5) / len(self)
        share = self.weights.cumsum() / self.weights.sum()
        return Sample([a[np.searchsorted(share, levels).clip(max=len(self) - 1)] for a in self.arrays])

    def scaled(self, scalers: Sequence[Standardise | Standard]) -> list[Tensor]:
        """Return the arrays standardised, and the weights behind them if there are any: float32 tensors."""
        found = scaled(scalers, self.arrays)
        return found if self.weights is None else [*found, tensor(self.weights).to(found[0])]

    def tensors(self) -> list[Tensor]:
        """Return all that was given."""
        return [tensor(a) for a in (*self.arrays, *([] if self.weights is None else [self.weights]))]


def mean_of(values: np.ndarray, rows: Tensor, sample: Sample) -> float:
    """Mean of these rows' values, by their weights if they have any."""
    at = rows.numpy()
    return float(np.average(values[at], weights=None if sample.weights is None else sample.weights[at]))


def row_weights(sample_weight: ArrayLike, rows: int) -> np.ndarray:
    """Check the weights of ``rows`` rows and return them as (rows,) float64, the largest 1; one number is for all."""
    try:
        w = plain_array(sample_weight, "sample_weight").astype(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"sample_weight holds no numbers ({error}): pass one weight for each row") from error
    if w.ndim and w.shape != (rows,):
        raise InputError(f"sample_weight has shape {w.shape}: pass one weight for each row, shape ({rows},)")
    w = np.broadcast_to(w, rows)
    bad = np.flatnonzero(~np.isfinite(w) | (w < 0))
    if len(bad):
        raise InputError(f"sample_weight is {w[bad[0]]} at row {bad[0]}: weights must be finite and not negative")
    if (some := np.count_nonzero(w)) < 2:
        raise InputError(f"sample_weight is above zero at {some} of {rows} rows: give at least 2 a weight")
    return w / w.max()
