"""Tables read from files: n rows by D named columns of finite float64 numbers.

.csv (also .csv.gz), .parquet and .npy are read piece by piece; the arrays of an .npz archive are loaded whole.
Booleans and integers become float64. Nothing pickled is ever loaded.
"""

import difflib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from realnvp.errors import InputError

__all__ = ["Table", "iter_table", "read_table", "table_columns"]

_BLOCK = 1 << 20  # bytes of a CSV file parsed at a time; the first settle its dialect and its names
_BOMB = 1 << 30  # bytes that an archive may unpack to, however small it is


@dataclass(frozen=True, eq=False)
class Table:
    """values: (n, D) float64, C-contiguous and finite (or NaN, where asked for); columns: their D names."""

    values: np.ndarray
    columns: tuple[str, ...]


def read_table(path: str | Path, columns: Sequence[str] | None = None, *, missing: str = "refuse") -> Table:
    """The whole file; `columns` names those to keep, in that order (none named: all)."""
    pieces = list(iter_table(path, columns, missing=missing))
    return Table(np.concatenate([piece.values for piece in pieces]), pieces[0].columns)


def iter_table(
    path: str | Path, columns: Sequence[str] | None = None, *, rows: int = 65536, missing: str = "refuse"
) -> Iterator[Table]:
    """The table in pieces of at most `rows` rows (.npz: all in memory); empty cells are NaN where not refused."""
    if rows < 1:
        raise InputError(f"rows is {rows}, and a piece needs at least one row: ask for 1 or more")
    source = _source(Path(path))
    return _pieces(source, _places(source, columns), rows, missing)


def table_columns(path: str | Path) -> tuple[str, ...]:
    """The names alone, from the head of the file; an array without names has x0, x1, ..."""
    return _source(Path(path)).names


class _Source(Protocol):
    path: Path
    names: tuple[str, ...]

    def blocks(self, places: list[int], rows: int) -> Iterator[np.ndarray]: ...  # (m, D) float64, NaN where missing


def _source(path: Path) -> _Source:
    kind = _kind(path)
    with _reading(path):
        source = _KINDS[kind](path)
    if not source.names:
        raise InputError(f"{path} has no columns: write it again with at least one")
    if twice := _repeated(source.names):
        raise InputError(f"{path} has more than one column {twice[0]!r}: rename all but one")
    return source


def _kind(path: Path) -> str:
    if not path.exists():
        others = [other.name for other in path.parent.glob("*")]
        raise InputError(f"{path} does not exist: {_nearest(path.name, others) or 'check its name and its folder'}")
    if path.is_dir():
        raise InputError(f"{path} is a folder: name one file in it (.csv, .parquet, .npy or .npz)")
    kind = next((kind for kind in _KINDS if path.name.lower().endswith(kind)), None)
    if kind is None:
        raise InputError(f"{path} is of unknown kind {path.suffix!r}: give a .csv, .parquet, .npy or .npz file")
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes): write it again")
    return kind


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}?" if near else ""


def _repeated(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Every failure of a decoder as one sentence: a damaged file can raise nearly anything in there."""
    try:
        yield
    except InputError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (in its column names): save it as UTF-8") from error
    except Exception as error:
        reason = str(error).split("\n")[0].rstrip(". ")[:200]
        if "Empty CSV" in reason:
            raise InputError(f"{path} has no rows: write it again, data under a line of column names") from error
        if re.search("Python objects|Object arrays|magic string", reason):
            raise InputError(f"{path} holds no plain array (nothing pickled is ever loaded): save numbers") from error
        raise InputError(f"{path} cannot be read ({reason}): it may be damaged or cut short, write it again") from error


def _places(source: _Source, columns: Sequence[str] | None) -> list[int]:
    """Where the wanted columns are; one without a name (a saved index?) is taken only by choice."""
    if columns and (twice := _repeated(columns)):
        raise InputError(f"column {twice[0]!r} is asked for twice: name it once")
    if not columns and "" in source.names:
        place = source.names.index("") + 1
        raise InputError(f"{source.path}: column {place} has no name: name it, or choose others with --columns")
    for name in [name for name in columns or () if name not in source.names]:
        known = "it has " + ", ".join(source.names[:10]) + (", ..." if len(source.names) > 10 else "")
        raise InputError(f"{source.path} has no column {name!r}: {_nearest(name, source.names) or known}")
    return [source.names.index(name) for name in columns or source.names]


def _pieces(source: _Source, places: list[int], rows: int, missing: str) -> Iterator[Table]:
    """Tables of at most `rows` rows; after the first value that is not finite the others are only counted."""
    names = tuple(source.names[place] for place in places)
    first, seen, faults = "", 0, 0
    for block in source.blocks(places, rows):
        finite = np.isfinite(block) if missing == "refuse" else ~np.isinf(block)
        if not first and not finite.all():
            i, j = np.argwhere(~finite)[0]
            what = "a missing" if np.isnan(block[i, j]) else "an infinite"
            first = f"column {names[j]!r} has {what} value in row {seen + i + 1}"
        seen, faults = seen + len(block), faults + finite.size - np.count_nonzero(finite)
        if not first:
            yield Table(block, names)
    if first:
        raise InputError(f"{source.path}: {first} ({faults} missing or infinite in all): fill in or drop such rows")
    if not seen:
        raise InputError(f"{source.path} has columns but no rows: write it again with its data")


def _text(path: Path, name: str, value: object, row: str) -> InputError:
    held = f"{path}: column {name!r} holds {str(value)[:60]!r}{row}"
    return InputError(f"{held}, which is not a real number: encode it, or leave the column out with --columns")


def _stack(columns: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(columns, axis=1).astype(np.float64, order="C", copy=False)


def _floats(column: Any) -> np.ndarray:
    return column.cast("float64", safe=False).to_numpy(zero_copy_only=False)  # null: NaN


def _clean(name: str) -> str:
    return name.strip("\ufeff \t")


class _Csv:
    """Comma-separated UTF-8 text under a line of names, gzipped or not.

    A header that is one field with `;` or a tab in it is split there; after `;` numbers may have a decimal comma.
    Every column is read as float64 (as bool where it starts out as true and false): a type guessed from the first
    block would break where integers turn to decimals.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._open() as stream:
            head = stream.read(_BLOCK)
            if stream.read(1):
                head = head[: head.rfind(b"\n") + 1] or head  # without the line cut short
        header, _, body = head.lstrip(b"\r\n").partition(b"\n")
        header.decode()
        self.delimiter = "," if b"," in header else next((d for d in ";\t" if d.encode() in header), ",")
        comma = self.delimiter == ";" and re.search(rb"\d,\d", body) and not re.search(rb"\d\.\d", body)
        self.decimal = "," if comma else "."
        self._names(header + b"\n" + body.decode(errors="replace").encode() + b"\n")

    def _open(self) -> Any:
        import pyarrow as pa

        return pa.input_stream(str(self.path), compression="gzip" if self.path.suffix.lower() == ".gz" else None)

    def _names(self, head: bytes) -> None:
        from pyarrow import csv

        parse = csv.ParseOptions(delimiter=self.delimiter, invalid_row_handler=lambda _: "skip")
        read = csv.ReadOptions(use_threads=False)  # a pool still starting when the process ends aborts it
        schema = csv.read_csv(io.BytesIO(head), read, parse).schema
        self.raw, self.names = schema.names, tuple(map(_clean, schema.names))
        if re.fullmatch(r"[-+eE\d]*\.[-+.eE\d]*", "".join(self.names)):
            raise InputError(f"{self.path} starts with numbers: add a first line that names its columns")
        self.types = ["bool" if str(kind) == "bool" else "float64" for kind in schema.types]

    def blocks(self, places: list[int], rows: int) -> Iterator[np.ndarray]:
        from pyarrow import csv

        types = {self.raw[place]: self.types[place] for place in places}
        read = csv.ReadOptions(use_threads=False, block_size=_BLOCK)  # on one thread an error knows its row
        parse = csv.ParseOptions(delimiter=self.delimiter)
        convert = csv.ConvertOptions(column_types=types, include_columns=list(types), decimal_point=self.decimal)
        with _reading(self.path), self._open() as stream:
            try:
                for batch in csv.open_csv(stream, read, parse, convert):
                    for start in range(0, len(batch), rows):
                        yield _stack([_floats(column) for column in batch.slice(start, rows).columns])
            except ValueError as error:
                raise self._mended(str(error)) from error

    def _mended(self, message: str) -> Exception:
        """The parser's message as our sentence; it counts the header as row 1."""
        row = f" in row {int(found[1]) - 1}" if (found := re.search(r"Row #(\d+)", message)) else ""
        if counts := re.search(r"Expected (\d+) columns, got (\d+)", message):
            return InputError(f"{self.path}: a header of {counts[1]} fields but {counts[2]}{row}: mend that row")
        value = re.search(r"column #(\d+).*invalid value '(.*)'", message, re.DOTALL)
        if value is None:
            return ValueError(message)
        name = self.names[int(value[1])]
        if "\ufffd" in value[2]:
            return InputError(f"{self.path} is not UTF-8 text (column {name!r}{row}): save it as UTF-8")
        return _text(self.path, name, value[2], row)


class _Parquet:
    """Columns of numbers, booleans or dictionaries of them; an index that pandas saved is not a column."""

    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        self.path = path
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
        self.raw = [name for name in names if not re.match("__index_level_[0-9]+__$", name)]
        self.names = tuple(map(_clean, self.raw))

    def blocks(self, places: list[int], rows: int) -> Iterator[np.ndarray]:
        from pyarrow import parquet

        wanted, seen = [self.raw[place] for place in places], 0
        with _reading(self.path), parquet.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=rows, columns=wanted, use_threads=False):
                yield _stack([self._numbers(name, batch.column(name), seen) for name in wanted])
                seen += len(batch)

    def _numbers(self, name: str, column: Any, seen: int) -> np.ndarray:
        if re.match(r"(dictionary<values=)?(u?int\d|halffloat|float|double|bool|decimal|null)", str(column.type)):
            return _floats(column)
        i = int(column.is_valid().to_numpy(zero_copy_only=False).argmax())
        raise _text(self.path, _clean(name), column[i].as_py(), f" in row {seen + i + 1}")


class _Numpy:
    """Columns of one length: those of a 2-D array as x0, x1, ..., or the 1-D arrays of an archive by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = self._archive() if path.suffix.lower() == ".npz" else np.lib.format.open_memmap(path, mode="r")
        if not isinstance(found, dict):
            if found.ndim not in (1, 2):
                raise InputError(f"{path} holds an array of shape {found.shape}: save a 2-D one, rows by columns")
            found = {f"x{j}": column for j, column in enumerate(found.T if found.ndim == 2 else [found])}
        self.names, self.columns = tuple(found), list(found.values())

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

    def blocks(self, places: list[int], rows: int) -> Iterator[np.ndarray]:
        for place in places:
            if (column := self.columns[place]).dtype.kind not in "biuf":
                raise _text(self.path, self.names[place], column.item(0) if len(column) else column.dtype, " in row 1")
        for start in range(0, len(self.columns[0]), rows):
            yield _stack([self.columns[place][start : start + rows] for place in places])


_KINDS: dict[str, Any] = {".csv": _Csv, ".csv.gz": _Csv, ".parquet": _Parquet, ".npy": _Numpy, ".npz": _Numpy}
