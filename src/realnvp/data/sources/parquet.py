"""Tables in Parquet files."""

import copy
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from realnvp.data.rows import check_whole
from realnvp.data.sources.base import array_of, clean, no_number, reading
from realnvp.data.sources.places import Place

__all__ = ["Parquet"]

_BUFFER = 1 << 18
_NUMBER = "(u?int\\d|halffloat|float|double|decimal|null)"
_KINDS = {
    "boolean": "bool",
    "number": _NUMBER,
    "text": "(large_)?string",
    "category": f"dictionary<values=({_NUMBER}|(large_)?string)",
    "time": "(date|time|duration)",
}


class Parquet:
    """Columns of numbers, booleans, texts or dictionaries; an index that pandas saved is not a column.

    Args:
        path: a file's path, or a ``Place``.
        groups: which of its row groups are read; all by default.
    """

    def __init__(self, path: Path | Place, groups: Sequence[int] | None = None) -> None:
        self.place, self.path = path, Path(path) if isinstance(path, Path) else path.name
        self.within = path.name if isinstance(path, Path) else path.within
        self.groups = groups
        with self._open() as file:
            schema, about = file.schema_arrow, file.metadata
        self.sizes = [about.row_group(i).num_rows for i in range(about.num_row_groups)]
        fields = [field for field in schema if not re.match("__index_level_[0-9]+__$", field.name)]
        self.raw = [field.name for field in fields]
        self.types = [str(field.type) for field in fields]
        self.names = tuple(map(clean, self.raw))
        self.kinds = tuple(map(_kind, self.types))

    def only(self, *groups: int) -> "Parquet":
        """Return the same file, of which only these row groups are read."""
        part = copy.copy(self)
        part.groups = groups
        return part

    def blocks(self, places: Sequence[int], rows: int, kinds: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the columns, so many rows at a time."""
        wanted, seen = [self.raw[place] for place in places], 0
        for batch in self.batches(wanted, rows):
            columns = zip(wanted, kinds, strict=True)
            yield [self._array(name, batch.column(name), kind, seen) for name, kind in columns]
            seen += len(batch)

    def batches(self, raw: Sequence[str], rows: int) -> Iterator[Any]:
        """Yield Arrow's record batches of these columns, so many rows at a time."""
        with reading(self.path), self._open() as file:
            yield from file.iter_batches(batch_size=rows, row_groups=self.groups, columns=raw, use_threads=False)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        """Open the file; through a buffer, for a column of a large row group would fill the memory."""
        from pyarrow import parquet

        if isinstance(self.place, Path):
            with parquet.ParquetFile(self.place) as file:
                yield file
            return
        near = "://" not in self.place.name
        with (
            self.place.open() as stream,
            parquet.ParquetFile(stream, buffer_size=_BUFFER if near else 0, pre_buffer=not near) as file,
        ):
            yield file

    def _array(self, name: str, column: Any, kind: str, seen: int) -> Any:
        if kind == "number" and not re.match(f"(dictionary<values=)?({_NUMBER}|bool)", str(column.type)):
            i = int(column.is_valid().to_numpy(zero_copy_only=False).argmax())
            raise no_number(self.path, clean(name), column[i].as_py(), f" in row {seen + i + 1}")
        if kind == "number" and re.match(r"u?int64", str(column.type)):
            check_whole(column.drop_null().to_numpy(zero_copy_only=False), clean(name), f"{self.path}: ")
        return array_of(column, kind)


def _kind(arrow: str) -> str:
    return next((kind for kind, begins in _KINDS.items() if re.match(begins, arrow)), "other")
