"""Many Parquet files as one table."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from realnvp.data.rows import Frame
from realnvp.data.sources import Parquet, reading
from realnvp.data.sources.places import Place, listed
from realnvp.data.table import ROWS, finite_blocks
from realnvp.errors import InputError, nearest

__all__ = ["Group", "ManyFiles"]


@dataclass(frozen=True)
class Group:
    """A row group that holds rows: its file and its number there, how many rows, and the number of the first of all."""

    file: int
    number: int
    rows: int
    start: int


@dataclass(frozen=True, eq=False)
class ManyFiles:
    """Files that hold the same columns, one below the other in the order of their names; ``open`` makes it.

    ``columns`` are those that count, the last ``given`` of them a context; ``kinds`` is how each is read (number, text,
    boolean, category). Of the files that could not be read and were left out, ``skipped`` says which and why.
    """

    data: str
    files: tuple[Parquet, ...]
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    given: int = 0
    skipped: tuple[str, ...] = ()

    @classmethod
    def open(
        cls,
        data: str,
        columns: Sequence[str] = (),
        *,
        context: Sequence[str] = (),
        drop: Sequence[str] = (),
        skip_bad_files: bool = False,
    ) -> "ManyFiles":
        """Open a folder, a glob or an address; look at the foot of every file.

        ``columns`` to learn, all but ``context`` and ``drop`` by default; those of ``context`` come last. With
        ``skip_bad_files`` each file is read once, and one that cannot be is left out, with a warning; else it is an
        ``InputError``.
        """
        found = [_opened(place) for place in listed(data)]
        files = [file for file in found if isinstance(file, Parquet)]
        skipped = [str(error) for error in found if isinstance(error, InputError)]
        if skipped and not skip_bad_files:
            raise _advised(InputError(skipped[0]))
        if not files:
            raise InputError(f"none of the {len(skipped)} files of {data} can be read; the first: {skipped[0]}")
        first = next((file for file in files if sum(file.sizes)), files[0])
        names = list(columns) or [name for name in first.names if name not in (*context, *drop)]
        wanted = (*names, *context)
        _check(first, wanted, drop)
        for file in files:
            _same(first, file, wanted, () if columns else (*wanted, *drop))
        if skip_bad_files:
            troubles = [_trouble(file, wanted) for file in files]
            skipped += filter(None, troubles)
            files = [file for file, trouble in zip(files, troubles, strict=True) if not trouble]
        if skipped:
            count = f"{len(skipped)} of {len(files) + len(skipped)} files cannot be read and are left out"
            more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
            warnings.warn(f"{count}: {'; '.join(skipped[:3])}{more}", stacklevel=2)
        kinds = [*(first.kinds[first.names.index(name)] for name in names), *["number"] * len(context)]
        table = cls(data, tuple(files), wanted, tuple(kinds), len(context), tuple(skipped))
        if not table.rows:
            raise InputError(f"{data} has columns but no rows: write it again with its data")
        return table

    @property
    def groups(self) -> list[Group]:
        """The row groups that hold rows."""
        found, start = [], 0
        for i, file in enumerate(self.files):
            for number, rows in enumerate(file.sizes):
                found += [Group(i, number, rows, start)] if rows else []
                start += rows
        return found

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(sum(file.sizes) for file in self.files)

    def as_told(self, kinds: Mapping[str, str]) -> "ManyFiles":
        """Return the same files, whose columns are read as ``kinds`` says, and as numbers where it does not."""
        read = tuple(kinds.get(name, "number") for name in self.columns)
        return replace(self, kinds=read)

    def pieces(
        self, group: Group, rows: int = ROWS, *, missing: str = "refuse", advice: str = ""
    ) -> Iterator[tuple[int, Frame]]:
        """Yield a group's rows in pieces: the number of the first one, and the columns that count.

        Values that are no numbers, or not finite, are an ``InputError`` that names the file and the row.
        """
        file = self.files[group.file]
        before = sum(file.sizes[: group.number])
        places = [file.names.index(name) for name in self.columns]
        seen = 0
        blocks = finite_blocks(file.only(group.number), places, rows, missing, self.kinds, advice, before)
        try:
            for block in blocks:
                yield group.start + seen, Frame(self.columns, tuple(block))
                seen += len(block[0])
        except InputError as error:
            raise _advised(error) from error


def _advised(error: InputError) -> InputError:
    """Say of a damaged file how to go on without it."""
    return InputError(f"{error}, or say skip_bad_files=True") if "cannot be read" in str(error) else error


def _check(first: Parquet, wanted: Sequence[str], drop: Sequence[str]) -> None:
    if twice := next((name for name in first.names if first.names.count(name) > 1), None):
        raise InputError(f"{first.path} has more than one column {twice!r}: rename all but one")
    if twice := next((name for name in wanted if wanted.count(name) > 1), None):
        raise InputError(f"column {twice!r} is named twice: name it once")
    if both := next((name for name in drop if name in wanted), None):
        raise InputError(f"column {both!r} is both to be learnt and to be left out: name it once")
    if unknown := next((name for name in (*wanted, *drop) if name not in first.names), None):
        raise InputError(f"{first.path} has no column {unknown!r}{nearest(unknown, first.names)}")
    if not wanted:
        raise InputError(f"{first.path} leaves no column to learn: name at least one")
    kinds = dict(zip(first.names, first.kinds, strict=True))
    if wrong := next((name for name in wanted if kinds[name] in ("time", "other")), None):
        raise InputError(
            f"{first.path}: column {wrong!r} holds {first.types[first.names.index(wrong)]}, no numbers or texts: turn "
            "it into numbers, or leave it out"
        )


def _same(first: Parquet, file: Parquet, wanted: Sequence[str], every: Sequence[str]) -> None:
    """Refuse a file with other columns than the first; one without rows may be as it likes."""
    if file is first or not sum(file.sizes):
        return
    if gone := [name for name in wanted if name not in file.names]:
        others = [name for name in file.names if name not in first.names]
        but = f" (it has {_listed(others)} instead)" if others else ""
        raise InputError(
            f"{file.path} has no column {_listed(gone)}, which {first.path} has{but}: give all files the same columns"
        )
    if every and (more := [name for name in file.names if name not in every]):
        raise InputError(
            f"{file.path} has a column {_listed(more)}, which {first.path} has not: give all files the same columns, "
            "or name those that count with --columns"
        )
    changed = [name for name in wanted if _kind(file, name) != _kind(first, name)]
    if changed:
        told = [f"{name!r} is {_type(file, name)} and {_type(first, name)}" for name in changed[:5]]
        raise InputError(
            f"{file.path} and {first.path} differ: {', '.join(told)}{', …' * (len(changed) > 5)}: give columns one "
            "type in all files"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + ", …" * (len(names) > 5)


def _kind(file: Parquet, name: str) -> str:
    """What a column holds; texts are read alike whether they are in a dictionary or not."""
    kind = file.kinds[file.names.index(name)]
    return "text" if kind == "category" and "string" in _type(file, name) else kind


def _type(file: Parquet, name: str) -> str:
    return file.types[file.names.index(name)]


def _opened(place: Place) -> Parquet | InputError:
    try:
        with reading(place.name):
            return Parquet(place)
    except InputError as error:
        return error


def _trouble(file: Parquet, wanted: Sequence[str]) -> str:
    """Read a file from end to end; what is wrong with it, if anything is."""
    try:
        if sum(file.sizes):
            for _ in file.batches([file.raw[file.names.index(name)] for name in wanted], ROWS):
                pass
    except InputError as error:
        return str(error)
    return ""
