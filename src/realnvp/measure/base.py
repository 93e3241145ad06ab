"""What a measurement is, and how models are asked for one."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

__all__ = ["Estimate", "plain_arrays"]


class Estimate(NamedTuple):
    """A mean and its standard error."""

    value: float
    error: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Estimate":
        """Mean of independent values; the error of one alone is not a number."""
        spread = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        return cls(float(values.mean()), float(spread))


@contextmanager
def plain_arrays() -> Iterator[None]:
    """A model fitted to a data frame warns of every array without names; here they are all in its order."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
        yield
