"""Tables written to files, a piece at a time: a .csv, .parquet or .npy appears whole or not at all."""

import csv
import io
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from realnvp.errors import InputError
from realnvp.files import on_disk, settle

__all__ = ["TableWriter", "new_file"]

_ROWS = 65536  # rows encoded at a time: parquet groups of a few rows would be slow to read back


class TableWriter:
    """`with TableWriter(path, columns) as out: out.write(values)`: (n, D) arrays become one file at the clean end.

    float32 if the first array is float32, float64 otherwise; a data frame, or an array of objects, whose columns are
    of several kinds keeps them, in a .csv or .parquet. Until the end the rows are in a hidden file beside the
    final name, and an error or an interrupt removes it. A file already there is refused unless `force` is true, at
    the start and again at the end, should it have come meanwhile.
    """

    def __init__(self, path: str | Path, columns: Sequence[str], *, force: bool = False) -> None:
        self._path, self._columns, self._force = Path(path), tuple(columns), force
        if self._path.suffix.lower() not in _ENCODERS:
            raise InputError(f"{path} is of unknown kind {self._path.suffix!r}: name a .csv, .parquet or .npy file")
        if not columns or len(set(columns)) < len(columns):
            raise InputError(f"{path} needs one name per column, all different: {list(columns)} are not")
        _refuse(self._path, force)
        self._encoder: _Npy | _Arrow | None = None
        self._waiting: list[Any] = []
        self._rows = 0  # in waiting

    def __enter__(self) -> "TableWriter":
        self._hidden = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}.tmp")
        with on_disk(self._path):
            self._file = self._hidden.open("xb")  # new, so nobody else's, and with the usual permissions
        return self

    def write(self, values: Any) -> None:
        """Append the rows of an (n, D) array of real numbers, or of a data frame or an array of objects."""
        mixed = hasattr(values, "dtypes")
        values = values if mixed else np.asarray(values)
        mixed = mixed or values.dtype.kind == "O"
        shape = tuple(values.shape)
        if len(shape) != 2 or shape[1] != len(self._columns) or not (mixed or values.dtype.kind in "biuf"):
            given = f"{'a data frame' if mixed else values.dtype} of shape {shape}"
            raise InputError(f"{self._path} takes real numbers of shape (n, {len(self._columns)}), not {given}")
        if mixed:
            self._write_mixed(values)
            return
        if self._encoder is None:
            self._start(np.dtype(np.float32 if values.dtype == np.float32 else np.float64))
        with on_disk(self._path):
            for start in range(0, len(values), _ROWS):
                self._gather(np.array(values[start : start + _ROWS], dtype=self._dtype, order="C"))

    def _write_mixed(self, values: Any) -> None:
        """Append rows whose columns are of kinds of their own, those of the first ones."""
        import pyarrow as pa

        if self._path.suffix.lower() == ".npy":
            raise InputError(f"{self._path} can hold numbers only, and some columns hold none: name a .csv or .parquet")
        columns = [values[name] for name in values.columns] if hasattr(values, "dtypes") else values.T
        arrays = [_arrow(column, self._path.suffix.lower()) for column in columns]
        if self._encoder is None:
            self._start([array.type for array in arrays])
        with on_disk(self._path):
            self._gather(pa.record_batch(arrays, names=list(self._columns)))

    def _start(self, dtype: Any) -> "_Npy | _Arrow":
        self._dtype = dtype
        self._encoder = _ENCODERS[self._path.suffix.lower()](self._file, self._columns, dtype)
        return self._encoder

    def _gather(self, values: Any) -> None:
        self._waiting.append(values)
        self._rows += len(values)
        if self._rows >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting and self._encoder is not None:
            if isinstance(self._waiting[0], np.ndarray):
                self._waiting = [np.concatenate(self._waiting)]
            for values in self._waiting:
                self._encoder.write(values)
            self._waiting, self._rows = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with on_disk(self._path):
                    self._finish()
        finally:
            self._drop()

    def _finish(self) -> None:
        encoder = self._encoder or self._start(np.dtype(np.float64))  # without rows it is an empty table
        self._flush()
        encoder.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        _publish(self._hidden, self._path, self._force)

    def _drop(self) -> None:
        """Remove the hidden name; after a clean end it is gone, or a second name of the finished file."""
        if not self._file.closed:
            with suppress(Exception):  # unclosed, an encoder would complain of its closed file later
                if self._encoder is not None:
                    self._encoder.close()
            with suppress(OSError):
                self._file.close()
        self._hidden.unlink(missing_ok=True)


@contextmanager
def new_file(path: Path, *, force: bool = False) -> Iterator[BinaryIO]:
    """Open a hidden file that gets the name ``path`` at the clean end; a file already there needs ``force``."""
    _refuse(path, force)
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with on_disk(path):
            with hidden.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _publish(hidden, path, force)
    finally:
        hidden.unlink(missing_ok=True)


def _refuse(path: Path, force: bool) -> None:
    if not path.parent.is_dir():
        raise InputError(f"{path} cannot be written, the folder {path.parent} does not exist: create it first")
    if path.is_dir():
        raise InputError(f"{path} is a folder: choose another name")
    if not force and os.path.lexists(path):
        raise _exists(path)


def _exists(path: Path) -> InputError:
    return InputError(f"{path} exists: choose another name, or say --force to replace it")


def _publish(hidden: Path, path: Path, force: bool) -> None:
    """One atomic step; without `force` a link, which unlike a rename never replaces a file."""
    try:
        if force:
            os.replace(hidden, path)
        else:
            os.link(hidden, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError:  # a file system without links
        if force:
            raise
        if os.path.lexists(path):
            raise _exists(path) from None
        os.rename(hidden, path)
    settle(path)


class _Npy:
    """NumPy's header is padded so that the number of rows can grow in place: it is written first, and again last."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], dtype: np.dtype) -> None:
        self.file, self.shape, self.descr = file, (0, len(columns)), np.lib.format.dtype_to_descr(dtype)
        self._header()

    def _header(self) -> None:
        self.file.seek(0)
        header = {"descr": self.descr, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def write(self, values: np.ndarray) -> None:
        self.file.write(values.data)
        self.shape = (self.shape[0] + len(values), self.shape[1])

    def close(self) -> None:
        self._header()


class _Arrow:
    """Record batches into the writer that `start` opens; a number as text is the shortest that reads back the same."""

    def __init__(self, start: Callable[..., Any], file: BinaryIO, columns: Sequence[str], types: Any) -> None:
        import pyarrow as pa

        every = types if isinstance(types, list) else [pa.from_numpy_dtype(types)] * len(columns)
        self.schema = pa.schema(list(zip(columns, every, strict=True)))
        self.writer = start(file, self.schema)

    def write(self, values: Any) -> None:
        import pyarrow as pa

        if isinstance(values, np.ndarray):
            values = pa.record_batch([pa.array(column) for column in values.T], schema=self.schema)
        else:
            columns = zip(values.columns, self.schema.types, strict=True)
            values = pa.record_batch([column.cast(kind) for column, kind in columns], schema=self.schema)
        self.writer.write_batch(values)

    def close(self) -> None:
        self.writer.close()


def _arrow(column: Any, suffix: str) -> Any:
    """Return a column as Arrow has it; text files know no categories."""
    import pyarrow as pa

    found = pa.array(column, from_pandas=True)
    return found.dictionary_decode() if suffix == ".csv" and pa.types.is_dictionary(found.type) else found


def _parquet(file: BinaryIO, schema: Any) -> Any:
    from pyarrow import parquet

    return parquet.ParquetWriter(file, schema)


def _csv(file: BinaryIO, schema: Any) -> Any:
    from pyarrow import csv as arrow

    header = io.StringIO()  # by hand, for pyarrow quotes every name
    csv.writer(header, lineterminator="\n").writerow(schema.names)
    file.write(header.getvalue().encode())
    return arrow.CSVWriter(file, schema, write_options=arrow.WriteOptions(include_header=False))


_ENCODERS: dict[str, Callable[..., _Npy | _Arrow]] = {
    ".csv": partial(_Arrow, _csv),
    ".parquet": partial(_Arrow, _parquet),
    ".npy": _Npy,
}
