"""Data frames whose columns are not all numbers: text, categories and booleans become codes, and come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from realnvp.errors import InputError

__all__ = ["Labels", "coded", "is_frame", "labels_of", "with_labels"]

_TEXT = 50
"""Different texts in a column: with more it holds names or sentences, of which each row has its own."""


_IDS = 10
"""Different texts from which on a column of which half the rows have one of their own is refused."""


@dataclass(frozen=True)
class Labels:
    """Values that codes 0, 1, … stand for; whether their order means something; what the frame called their kind."""

    values: tuple[Any, ...]
    ordered: bool
    dtype: str


def is_frame(table: object) -> bool:
    """Whether it is a data frame: it has columns, and types of them."""
    return hasattr(table, "columns") and hasattr(table, "dtypes")


def labels_of(frame: Any, kinds: Sequence[str]) -> dict[int, Labels]:
    """Return the labels of the columns, by place, that hold text, categories or booleans."""
    found = {}
    for j, name in enumerate(frame.columns):
        if (labels := _labels(frame[name], str(name), kinds[j])) is not None:
            found[j] = labels
    return found


def coded(table: Any, labels: dict[int, Labels] | dict[int, tuple]) -> np.ndarray:
    """Return (n, D) float64: codes where there are labels (-1: another value; NaN: none), numbers elsewhere."""
    if is_frame(table):
        columns = [(str(name), table[name]) for name in table.columns]
    else:
        rows = np.asarray(table, dtype=object)
        columns = [(f"x{j}", rows[:, j]) for j in range(rows.shape[1])]
    found = [_codes(c, labels[j]) if j in labels else _numbers(c, name) for j, (name, c) in enumerate(columns)]
    return np.stack(found, axis=1)


def with_labels(values: np.ndarray, names: Sequence[str], labels: Sequence[tuple], dtypes: Sequence[str]) -> Any:
    """Return (n, D) codes and numbers as a data frame with what they stand for; without pandas an array of objects."""
    columns = [
        np.array([*held, None], dtype=object)[v.astype(int)] if held else v
        for v, held in zip(values.T, labels, strict=True)
    ]
    try:
        import pandas as pd
    except ImportError:
        return np.stack([c.astype(object) for c in columns], axis=1)
    return pd.DataFrame(
        {
            name: pd.Categorical(c, categories=list(held)) if dtype == "category" else pd.Series(c, dtype=dtype or None)
            for name, c, held, dtype in zip(names, columns, labels, dtypes, strict=True)
        }
    )


def _labels(column: Any, name: str, kind: str) -> Labels | None:
    """Return what a column's codes stand for, if it does not hold numbers."""
    dtype = str(column.dtype)
    if dtype == "category":
        categories = [_native(v) for v in column.cat.categories]
        seen = set(_present(column))
        if not all(
            isinstance(v, str | Number) for v in categories
        ):  # intervals, times: they go by what they are called
            categories, seen = list(map(str, categories)), set(map(str, seen))
        return Labels(tuple(v for v in categories if v in seen), bool(column.cat.ordered), dtype)
    held = np.asarray(column)
    if held.dtype.kind in "Mm":
        raise _dates(name, dtype)
    if held.dtype.kind == "b":
        return Labels((False, True), True, "bool")
    if held.dtype.kind not in "OUST":
        return None
    present = _present(column)
    types = {type(v) for v in present}
    if types <= {bool, np.bool_}:
        return Labels((False, True), True, "bool") if present else None
    if all(issubclass(t, Number) for t in types) and kind != "categorical":
        return None
    if any(issubclass(t, np.datetime64) or hasattr(t, "isoformat") for t in types):
        raise _dates(name, dtype)
    if wrong := next((t for t in types if not issubclass(t, str | Number)), None):
        raise InputError(f"column {name!r} holds objects of type {wrong.__name__}: give it numbers, text or categories")
    values = sorted({str(v) for v in present} if types != {str} else set(present), key=str)
    if len(values) > max(_IDS, len(present) / 2) and kind != "categorical":
        raise InputError(
            f"column {name!r} holds {len(values):,} different texts in {len(present):,} rows, such as "
            f"{str(present[0])[:40]!r}: names and ids say nothing of other rows, leave it out; numbers with "
            "a currency or per-cent sign have to lose it"
        )
    if len(values) > _TEXT and kind != "categorical":
        raise InputError(
            f"column {name!r} holds text of {len(values):,} different values: leave it out, group them into {_TEXT} or "
            f"fewer, or say what it is by kinds={{{name!r}: 'categorical'}}"
        )
    return Labels(tuple(values), False, "object" if dtype == "object" else "str")


def _dates(name: str, dtype: str) -> InputError:
    return InputError(
        f"column {name!r} holds dates or times ({dtype}): turn them into numbers, such as days since the first"
    )


def _codes(column: Any, labels: Any) -> np.ndarray:
    values = labels.values if isinstance(labels, Labels) else labels
    place = {v: float(i) for i, v in enumerate(values)}
    text = all(isinstance(v, str) for v in values)
    held = (_native(v) for v in np.asarray(column, dtype=object))
    return np.array([np.nan if _missing(v) else place.get(str(v) if text else v, -1.0) for v in held], dtype=np.float64)


def _numbers(column: Any, name: str) -> np.ndarray:
    held = np.asarray(column)
    if held.dtype.kind in "Mm":
        raise _dates(name, str(held.dtype))
    if held.dtype.kind == "O":
        held = np.array([np.nan if _missing(v) else v for v in held], dtype=object)
    try:
        return held.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise InputError(f"column {name!r} held numbers when it was learnt, not now ({error})") from error


def _present(column: Any) -> list:
    return [_native(v) for v in np.asarray(column, dtype=object) if not _missing(v)]


def _native(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) and not isinstance(value, np.datetime64) else value


def _missing(value: Any) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
