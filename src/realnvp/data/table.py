"""Tables read from files: n rows by D named columns of finite float64 numbers, or of several kinds.

.csv and .tsv (also .gz of them), .parquet and .npy are read piece by piece; the arrays of an .npz archive are loaded
whole. Booleans and integers become float64 where numbers are asked for. Nothing pickled is ever loaded.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from realnvp.data.rows import Frame
from realnvp.data.sources import SOURCES, Delimited, Source, no_number, reading
from realnvp.errors import InputError

__all__ = [
    "ROWS",
    "Table",
    "finite_blocks",
    "iter_frames",
    "iter_table",
    "read_frame",
    "read_table",
    "table_columns",
    "table_kinds",
]

_Piece = TypeVar("_Piece")
_BOMB = 1 << 30
"""Bytes in memory that any file may come to, however small it is."""
ROWS = 65536
"""Rows of a piece, unless others are asked for."""


@dataclass(frozen=True, eq=False)
class Table:
    """values: (n, D) float64, C-contiguous and finite (or NaN, where asked for); columns: their D names."""

    values: np.ndarray
    columns: tuple[str, ...]


def read_table(path: str | Path, columns: Sequence[str] | None = None, *, missing: str = "refuse") -> Table:
    """The whole file; `columns` names those to keep, in that order (none named: all)."""
    pieces = list(_sound(path, iter_table(path, columns, missing=missing), lambda piece: piece.values.nbytes))
    return Table(np.concatenate([piece.values for piece in pieces]), pieces[0].columns)


def iter_table(
    path: str | Path, columns: Sequence[str] | None = None, *, rows: int = ROWS, missing: str = "refuse"
) -> Iterator[Table]:
    """The table in pieces of at most `rows` rows (.npz: all in memory); empty cells are NaN where not refused."""
    if rows < 1:
        raise InputError(f"rows is {rows}, and a piece needs at least one row: ask for 1 or more")
    source = _source(Path(path))
    places = _places(source, columns)
    names = tuple(source.names[place] for place in places)
    pieces = finite_blocks(source, places, rows, missing, ["number"] * len(places), "")
    return (Table(np.stack(piece, axis=1).astype(np.float64, order="C", copy=False), names) for piece in pieces)


def read_frame(
    path: str | Path,
    columns: Sequence[str],
    kinds: Mapping[str, str],
    *,
    sure: Collection[str] = (),
    missing: str = "refuse",
    advice: str = "",
) -> Frame:
    """The whole file, its columns of the kinds told; text that is numbers by half or more is refused as mistyped.

    Columns of which it is ``sure`` that they hold text are not looked at, nor those of files that have types, nor
    codes such as 00501.
    """
    pieces = iter_frames(path, columns, kinds, missing=missing, advice=advice)
    found = Frame.joined(list(_sound(path, pieces, lambda piece: 8 * len(piece) * len(columns))))
    texts = [name for name in columns if kinds.get(name) == "text" and name not in sure]
    for name in texts if isinstance(_source(Path(path)), Delimited) else []:
        values = found[name]
        if any(re.match(r"0\d+$", value or "") for value in values):
            continue
        wrong = [i for i, value in enumerate(values) if value is not None and not _is_number(value)]
        if len(wrong) <= 0.5 * sum(value is not None for value in values):
            row = wrong[0] if wrong else 0
            raise no_number(Path(path), name, values[row], f" in row {row + 1}")
    return found


def _sound(path: str | Path, pieces: Iterable[_Piece], size: Callable[[_Piece], int]) -> Iterator[_Piece]:
    """Pass pieces on, and refuse a small file that would fill the memory."""
    held, found = Path(path).stat().st_size, 0
    for piece in pieces:
        found += size(piece)
        if found > _BOMB and found > 100 * held:
            raise InputError(
                f"{path} has {held:,} bytes and would take more than {found:,} in memory: if that is meant, unpack it, "
                "or write its rows as .parquet files into a folder, which are read in a stream"
            )
        yield piece


def iter_frames(
    path: str | Path, columns: Sequence[str], kinds: Mapping[str, str], *, missing: str = "refuse", advice: str = ""
) -> Iterator[Frame]:
    """The table in pieces, each column of the kind told (number where none is); `advice` is what else to do of gaps."""
    source = _source(Path(path))
    places = _places(source, columns)
    wanted = [kinds.get(name, "number") for name in columns]
    return (Frame(tuple(columns), tuple(p)) for p in finite_blocks(source, places, ROWS, missing, wanted, advice))


def table_columns(path: str | Path) -> tuple[str, ...]:
    """The names alone, from the head of the file; an array without names has x0, x1, ..."""
    return _source(Path(path)).names


def table_kinds(path: str | Path) -> dict[str, str]:
    """What each column holds by the head of the file: number, text, boolean, category, time or other."""
    source = _source(Path(path))
    return dict(zip(source.names, source.kinds, strict=True))


def _source(path: Path) -> Source:
    kind = _kind(path)
    with reading(path):
        source: Source = SOURCES[kind](path)
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
    kind = next((kind for kind in SOURCES if path.name.lower().endswith(kind)), None)
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


def _places(source: Source, columns: Sequence[str] | None) -> list[int]:
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


def finite_blocks(
    source: Source,
    places: Sequence[int],
    rows: int,
    missing: str,
    kinds: Sequence[str],
    advice: str,
    seen: int = 0,
) -> Iterator[list[Any]]:
    """Columns of at most `rows` rows; after the first value that is not finite the others are only counted.

    `seen` are the rows of the file that lie before those the source reads.
    """
    first, do, faults, begun = "", "", 0, seen
    for block in source.blocks(places, rows, kinds):
        wrong = [_faults(column, missing) for column in block]
        if not first and (found := [(int(w.argmax()), j) for j, w in enumerate(wrong) if w.any()]):
            i, j = min(found)
            held = np.asarray(block[j])[i]
            gap = held is None or bool(np.isnan(held))
            what = "a missing" if gap else "an infinite"
            first = f"column {source.names[places[j]]!r} has {what} value in row {seen + i + 1}"
            do = advice if gap else ""
        seen, faults = seen + len(block[0]), faults + sum(map(np.count_nonzero, wrong))
        if not first:
            yield block
    if first:
        where = "in all" if getattr(source, "groups", None) is None else "in its row group"
        held = f"{source.path}: {first} ({faults} missing or infinite {where})"
        raise InputError(f"{held}: fill in or drop such rows{do}")
    if seen == begun:
        raise InputError(f"{source.path} has columns but no rows: write it again with its data")


def _faults(column: Any, missing: str) -> np.ndarray:
    """Where a column holds what it must not: infinities, and missing values where they are refused."""
    held = np.asarray(column)
    if held.dtype.kind == "O":
        return np.array([value is None for value in held], dtype=bool) & (missing == "refuse")
    if held.dtype.kind == "b":
        return np.zeros(len(held), bool)
    return ~np.isfinite(held) if missing == "refuse" else np.isinf(held)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True
