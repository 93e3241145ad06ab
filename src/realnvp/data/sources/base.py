"""What the kinds of files share: the kinds of columns, their arrays, and the sentences for what is wrong in them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from realnvp.data.rows import Categories
from realnvp.errors import InputError

__all__ = ["Source", "array_of", "clean", "floats", "no_number", "reading"]


class Source(Protocol):
    """A file of columns with names; ``kinds`` are number, text, boolean, category or time."""

    path: Path | str
    names: tuple[str, ...]
    kinds: tuple[str, ...]

    def blocks(self, places: Sequence[int], rows: int, kinds: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the columns of at most ``rows`` rows at a time, each as it is to be read: numbers are float64."""
        ...


@contextmanager
def reading(path: Path | str) -> Iterator[None]:
    """Every failure of a decoder as one sentence: a damaged file can raise nearly anything in there."""
    try:
        yield
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (in its column names): save it as UTF-8") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read: check your rights to it") from error
    except Exception as error:
        reason = str(error).split("\n")[0].rstrip(". ")[:200]
        if "Empty CSV" in reason:
            raise InputError(f"{path} has no rows: write it again, data under a line of column names") from error
        if re.search("Python objects|Object arrays|magic string", reason):
            raise InputError(f"{path} holds no plain array (nothing pickled is ever loaded): save numbers") from error
        raise InputError(f"{path} cannot be read ({reason}): it may be damaged or cut short, write it again") from error


def no_number(path: Path | str, name: str, value: object, row: str) -> InputError:
    """Return the sentence for what is not a number."""
    held = f"{path}: column {name!r} holds {str(value)[:60]!r}{row}"
    return InputError(f"{held}, which is not a real number: encode it as numbers, or leave it out")


def floats(column: Any) -> np.ndarray:
    """Return an Arrow column as float64, null as NaN."""
    found: np.ndarray = column.cast("float64", safe=False).to_numpy(zero_copy_only=False)
    return found


def array_of(column: Any, kind: str) -> Any:
    """Return an Arrow column as it is to be read; equal texts are one object."""
    import pyarrow as pa

    if kind == "number":
        return floats(column)
    if kind == "boolean":
        whole = column.null_count == 0 and pa.types.is_boolean(column.type)
        return column.to_numpy(zero_copy_only=False) if whole else np.array(column.to_pylist(), dtype=object)
    given = column.type if pa.types.is_dictionary(column.type) else None
    if given is None:
        column = column.cast(pa.string()).dictionary_encode()
    known = column.dictionary.to_pylist()
    values = np.array([*known, None], dtype=object)[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
    if kind == "text":
        return values if given is None else np.array([None if v is None else str(v) for v in values], dtype=object)
    return Categories(values, tuple(known), bool(given is not None and given.ordered))


def clean(name: str) -> str:
    """Return a column's name without a mark of the bytes' order and blanks."""
    return name.strip("\ufeff \t")
