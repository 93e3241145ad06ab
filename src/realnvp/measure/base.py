"""What a measurement is."""

from typing import NamedTuple

__all__ = ["Estimate"]


class Estimate(NamedTuple):
    """A mean and its standard error."""

    value: float
    error: float
