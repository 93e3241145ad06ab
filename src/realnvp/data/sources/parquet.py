"""Tables in Parquet files."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from realnvp.data.sources.base import array_of, clean, no_number, reading

__all__ = ["Parquet"]

_NUMBER = "(u?int\\d|halffloat|float|double|decimal|null)"
_KINDS = {
    "boolean": "bool",
    "number": _NUMBER,
    "text": "(large_)?string",
    "category": f"dictionary<values=({_NUMBER}|(large_)?string)",
    "time": "(date|time|duration)",
}


class Parquet:
    """Columns of numbers, booleans, texts or dictionaries; an index that pandas saved is not a column."""

    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        self.path = path
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
        fields = [field for field in schema if not re.match("__index_level_[0-9]+__$", field.name)]
        self.raw = [field.name for field in fields]
        self.names = tuple(map(clean, self.raw))
        self.kinds = tuple(_kind(str(field.type)) for field in fields)

    def blocks(self, places: Sequence[int], rows: int, kinds: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the columns, so many rows at a time."""
        from pyarrow import parquet

        wanted, seen = [self.raw[place] for place in places], 0
        with reading(self.path), parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=wanted, use_threads=False):
                columns = zip(wanted, kinds, strict=True)
                yield [self._array(name, batch.column(name), kind, seen) for name, kind in columns]
                seen += len(batch)

    def _array(self, name: str, column: Any, kind: str, seen: int) -> Any:
        if kind == "number" and not re.match(f"(dictionary<values=)?({_NUMBER}|bool)", str(column.type)):
            i = int(column.is_valid().to_numpy(zero_copy_only=False).argmax())
            raise no_number(self.path, clean(name), column[i].as_py(), f" in row {seen + i + 1}")
        return array_of(column, kind)


def _kind(arrow: str) -> str:
    return next((kind for kind, begins in _KINDS.items() if re.match(begins, arrow)), "other")
