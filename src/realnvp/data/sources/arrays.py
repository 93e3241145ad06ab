"""Tables in NumPy's files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.data.rows import check_whole
from realnvp.data.sources.base import no_number
from realnvp.errors import InputError

__all__ = ["Arrays"]

_BOMB = 1 << 30  # bytes that an archive may unpack to, however small it is


class Arrays:
    """Columns of one length: those of a 2-D array as x0, x1, ..., or the 1-D arrays of an archive by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = self._archive() if path.suffix.lower() == ".npz" else np.lib.format.open_memmap(path, mode="r")
        if not isinstance(found, dict):
            if found.ndim not in (1, 2):
                raise InputError(f"{path} holds an array of shape {found.shape}: save a 2-D one, rows by columns")
            found = {f"x{j}": column for j, column in enumerate(found.T if found.ndim == 2 else [found])}
        self.names, self.columns = tuple(found), list(found.values())
        kinds = {"U": "text", "M": "time", "m": "time"}
        self.kinds = tuple(kinds.get(column.dtype.kind, "number") for column in self.columns)

    def _archive(self) -> np.ndarray | dict[str, np.ndarray]:
        with self.path.open("rb") as file, np.lib.npyio.NpzFile(file, allow_pickle=False) as archive:
            self._check_size(archive)
            for name in ("X", "x", "data", "train"):  # the usual names, whatever else is in there
                if name in archive.files and archive[name].ndim == 2:
                    return archive[name]
            arrays = {name: archive[name] for name in archive.files}
        tables = [array for array in arrays.values() if array.ndim == 2]
        if len(tables) == 1:
            return tables[0]
        if all(array.ndim == 1 for array in arrays.values()) and len({len(array) for array in arrays.values()}) == 1:
            return arrays
        held = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "no arrays"
        raise InputError(f"{self.path} holds {held}: save one 2-D array named X, or 1-D arrays of one length")

    def _check_size(self, archive: Any) -> None:
        """Refuse a small file that would fill the memory."""
        sizes = [(member.file_size, member.compress_size) for member in archive.zip.infolist()]
        unpacked, packed = map(sum, zip(*sizes, strict=True)) if sizes else (0, 0)
        if unpacked > _BOMB and unpacked > 100 * packed:
            raise InputError(f"{self.path} would unpack to {unpacked:,} bytes from {packed:,}: save it uncompressed")

    def blocks(self, places: Sequence[int], rows: int, kinds: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the columns, so many rows at a time."""
        for place, kind in zip(places, kinds, strict=True):
            if kind == "number" and (column := self.columns[place]).dtype.kind not in "biuf":
                value = column.item(0) if len(column) else column.dtype
                raise no_number(self.path, self.names[place], value, " in row 1")
            if kind == "number":
                check_whole(self.columns[place], self.names[place], f"{self.path}: ")
        for start in range(0, len(self.columns[0]), rows):
            pieces = [self.columns[place][start : start + rows] for place in places]
            yield [_array(piece, kind) for piece, kind in zip(pieces, kinds, strict=True)]


def _array(piece: np.ndarray, kind: str) -> np.ndarray:
    if kind == "number":
        return piece.astype(np.float64, copy=False)
    if kind == "boolean":
        return piece.astype(object)
    return np.array([str(value) for value in piece], dtype=object)
