"""Tables in text files."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from realnvp.data.rows import too_long
from realnvp.data.sources.base import array_of, clean, no_number, reading
from realnvp.errors import InputError

__all__ = ["Delimited"]

_BLOCK = 1 << 20  # bytes of a CSV file parsed at a time; the first settle its dialect, its names and kinds
_ARROW = {"number": "float64", "boolean": "bool", "text": "string", "category": "string"}


class Delimited:
    """Comma- or tab-separated UTF-8 text under a line of names, gzipped or not.

    A header that is one field with `;` or a tab in it is split there, that of a .tsv file at its tabs whatever else it
    holds; after `;` numbers may have a decimal comma.
    Numbers are read as float64: a finer type guessed from the first block would break where integers turn to decimals.
    Whole numbers some of which begin with a zero, such as 00501, are codes: text.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.long = path, dict[int, str]()
        with self._open() as stream:
            head = stream.read(_BLOCK)
            if stream.read(1):
                head = head[: head.rfind(b"\n") + 1] or head  # without the line cut short
        header, _, body = head.lstrip(b"\r\n").partition(b"\n")
        header.decode()
        if b"\0" in header:
            raise InputError(
                f"{path} is not UTF-8 text (its column names hold zero bytes, as UTF-16 does): save it as UTF-8"
            )
        likely = "\t,;" if ".tsv" in path.name.lower() else ",;\t"
        self.delimiter = next((d for d in likely if d.encode() in header), ",")
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
        convert = csv.ConvertOptions(decimal_point=self.decimal)
        schema = csv.read_csv(io.BytesIO(head), read, parse, convert).schema
        self.raw, self.names = schema.names, tuple(map(clean, schema.names))
        if re.fullmatch(r"[-+eE\d]*\.[-+.eE\d]*", "".join(self.names)):
            raise InputError(f"{self.path} starts with numbers: add a first line that names its columns")
        self.kinds = tuple(_kind(str(kind)) for kind in schema.types)
        self._notice_codes(csv, head, read, parse, schema)

    def _notice_codes(self, csv: Any, head: bytes, read: Any, parse: Any, schema: Any) -> None:
        """Take for text what are whole numbers with a zero in front; note what float64 does not tell apart."""
        from pyarrow import compute

        if not (whole := [i for i, kind in enumerate(schema.types) if str(kind) in ("int64", "double")]):
            return
        convert = csv.ConvertOptions(column_types={schema.names[i]: "string" for i in whole})
        texts = csv.read_csv(io.BytesIO(head), read, parse, convert)
        for i in whole:
            is_long = compute.match_substring_regex(texts.column(i), r"^[-+]?\d{16,}$")
            long = set(texts.column(i).filter(is_long).to_pylist())
            if len(set(map(int, long))) > len(set(map(float, long))):
                self.long[i] = min(long)
        begins = {i: compute.match_substring_regex(texts.column(i), r"^0\d") for i in whole}
        kinds = enumerate(self.kinds)
        self.kinds = tuple("text" if i in begins and compute.any(begins[i]).as_py() else kind for i, kind in kinds)

    def blocks(self, places: Sequence[int], rows: int, kinds: Sequence[str]) -> Iterator[list[Any]]:
        """Yield the columns, so many rows at a time."""
        from pyarrow import csv

        types = {self.raw[place]: _ARROW[kind] for place, kind in zip(places, kinds, strict=True)}
        for place, kind in zip(places, kinds, strict=True):
            if kind == "number" and place in self.long:
                raise too_long(self.long[place], self.names[place], f"{self.path}: ")
            if kind == "number" and self.kinds[place] == "boolean":  # true and false are 1 and 0
                types[self.raw[place]] = "bool"
        read = csv.ReadOptions(use_threads=False, block_size=_BLOCK)  # on one thread an error knows its row
        parse = csv.ParseOptions(delimiter=self.delimiter)
        convert = csv.ConvertOptions(
            column_types=types, include_columns=list(types), decimal_point=self.decimal, strings_can_be_null=True
        )
        with reading(self.path), self._open() as stream:
            try:
                for batch in csv.open_csv(stream, read, parse, convert):
                    for start in range(0, len(batch), rows):
                        columns = batch.slice(start, rows).columns
                        yield [array_of(column, kind) for column, kind in zip(columns, kinds, strict=True)]
            except ValueError as error:
                raise self._mended(str(error)) from error

    def _mended(self, message: str) -> Exception:
        """The parser's message as our sentence; it counts the header as row 1."""
        row = f" in row {int(found[1]) - 1}" if (found := re.search(r"Row #(\d+)", message)) else ""
        if counts := re.search(r"Expected (\d+) columns, got (\d+)", message):
            return InputError(f"{self.path}: a header of {counts[1]} fields but {counts[2]}{row}: mend that row")
        place = re.search(r"column #(\d+)", message)
        name = self.names[int(place[1])] if place else ""
        value = re.search(r"column #\d+.*invalid value '(.*)'", message, re.DOTALL)
        if "\ufffd" in (value[1] if value else "") or "UTF8" in message:
            return InputError(f"{self.path} is not UTF-8 text (column {name!r}{row}): save it as UTF-8")
        if value is not None and "to bool" in message:
            held = f"{self.path}: column {name!r} holds {value[1][:60]!r}{row}"
            return InputError(f"{held}, which is neither true nor false: write it as the rest of the column")
        return ValueError(message) if value is None else no_number(self.path, name, value[1], row)


def _kind(arrow: str) -> str:
    if arrow in ("bool", "string"):
        return "boolean" if arrow == "bool" else "text"
    return "time" if re.match("(date|time|duration)", arrow) else "number"
