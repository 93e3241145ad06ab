"""Columns of several kinds side by side, as a file holds them: what an estimator takes for a data frame."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from realnvp.errors import InputError

__all__ = ["Categories", "Frame", "check_whole", "too_long"]


@dataclass(frozen=True, eq=False)
class Categories:
    """A column of categories: values (n,), ``None`` where there is none, and which there are, in order."""

    values: np.ndarray
    categories: tuple[Any, ...]
    ordered: bool
    dtype = "category"

    @property
    def cat(self) -> "Categories":
        """Itself, where data frames keep what they know of categories."""
        return self

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.values, dtype=dtype)

    def __getitem__(self, rows: Any) -> "Categories":
        return replace(self, values=self.values[rows])


@dataclass(frozen=True, eq=False)
class Frame:
    """Columns (n,) under their names: float64, bool, objects (texts, ``None`` where missing) or ``Categories``."""

    columns: tuple[str, ...]
    parts: tuple[Any, ...]

    @property
    def dtypes(self) -> list[Any]:
        """The columns' types."""
        return [part.dtype for part in self.parts]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self), len(self.columns)

    def __len__(self) -> int:
        return len(self.parts[0])

    def __getitem__(self, name: str) -> Any:
        return self.parts[self.columns.index(name)]

    def rows(self, at: Any) -> "Frame":
        """Return some of the rows."""
        return Frame(self.columns, tuple(part[at] for part in self.parts))

    def numbered(self) -> "Frame":
        """Return the same columns as x0, x1, …, which is what an array's are called."""
        return Frame(tuple(f"x{j}" for j in range(len(self.columns))), self.parts)

    def first(self, count: int) -> "Frame":
        """Return the first columns."""
        return Frame(self.columns[:count], self.parts[:count])

    @classmethod
    def joined(cls, frames: Sequence["Frame"]) -> "Frame":
        """Put frames of the same columns one below the other."""
        parts = zip(*(frame.parts for frame in frames), strict=True)
        return cls(frames[0].columns, tuple(map(_joined, parts)))


def _joined(parts: Sequence[Any]) -> Any:
    if not isinstance(parts[0], Categories):
        return np.concatenate(parts)
    known = tuple(dict.fromkeys(value for part in parts for value in part.categories))
    return Categories(np.concatenate([part.values for part in parts]), known, parts[0].ordered)


def check_whole(values: np.ndarray, name: str, where: str = "") -> None:
    """Refuse whole numbers so large that float64 does not tell all of them apart: they would be learnt rounded."""
    if values.dtype.kind not in "iu" or not values.size or max(int(values.max()), -int(values.min())) < 2**53:
        return
    if len(np.unique(values)) > len(np.unique(values.astype(np.float64))):
        raise too_long(values[0], name, where)


def too_long(value: object, name: str, where: str = "") -> InputError:
    """Return the sentence for whole numbers that float64 does not tell apart."""
    return InputError(
        f"{where}column {name!r} holds whole numbers beyond 2^53 that float64 does not tell apart, such as {value}: "
        "leave it out if they are ids, or take the first off"
    )
