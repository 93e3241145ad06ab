"""Where a table of many files lies: a folder, a glob, or an address that pyarrow's file systems can open."""

import glob
import os
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from realnvp.errors import InputError

__all__ = ["Place", "has_tables", "is_many", "listed"]

_PLAIN = "/:=@,+"
_MANY = 1 << 30
"""Bytes that a single file's numbers may take in memory; a larger one is read in a stream."""


class Place:
    """One file: its name as it is told, and how it is opened; ``within`` is its name in the folder that was asked for.

    It is sent to other processes as a name: what opens it is found again there.
    """

    def __init__(self, name: str, within: str) -> None:
        self.name, self.within = name, within

    def open(self) -> Any:
        """Return the file as pyarrow reads it, from any place in it."""
        system, path = _system(self.name)
        return system.open_input_file(path)

    @property
    def size(self) -> int:
        """Its bytes."""
        system, path = _system(self.name)
        return int(system.get_file_info(path).size)


def is_many(data: str) -> bool:
    """Whether the name stands for files read in a stream: an address, a glob, a folder of them, or one large file."""
    if "://" in data:
        return True
    path = Path(data)
    if path.is_dir():
        return has_tables(path)
    return (not path.exists() and glob.has_magic(data)) or (path.is_file() and _is_large(path))


def has_tables(folder: Path) -> bool:
    """Whether a folder holds Parquet files, or one of the folders in it does."""
    return next(folder.rglob("*.parquet"), None) is not None


def listed(data: str) -> list[Place]:
    """Return the files that the name stands for, in the order of their names."""
    local, query = "://" not in data, ""
    try:
        names, query = (_local(data), "") if local else _remote(data)
    except (OSError, ValueError, ImportError, NotImplementedError) as error:
        reason = str(error).split("\n")[0].rstrip(". ")[:200]
        raise InputError(f"{data} cannot be opened ({reason}): check its address and your rights to it") from error
    if not names:
        if Path(data).is_dir():
            raise InputError(f"{data} holds no .parquet file: name a folder of such files, or a glob")
        raise InputError(f"no file is called {data!r}: check its name and its folder")
    if other := next((name for name in names if not name.lower().endswith(".parquet")), None):
        raise InputError(f"{other} is no .parquet file: several files are read as one table only of that kind")
    root = os.path.commonpath([os.path.dirname(name) for name in names]) if local else _common(names)
    within = [name[len(root) :].lstrip("/\\") for name in sorted(names)]
    return [Place(n + query, w if local else unquote(w)) for n, w in zip(sorted(names), within, strict=True)]


def _local(data: str) -> list[str]:
    path = Path(data)
    if path.is_file():
        return [data]
    if path.is_dir():
        return [str(file) for file in path.rglob("*.parquet") if file.is_file() and _shown(str(file.relative_to(path)))]
    return [name for name in glob.glob(data, recursive=True) if os.path.isfile(name)]


def _remote(data: str) -> tuple[list[str], str]:
    """Return the addresses of the files, and what each of them ends with: ``?region=…``."""
    from pyarrow.fs import FileSelector, FileSystem, FileType

    asked = re.search(r"\?[^/?=]+=[^/]*$", data)
    query, data = ("", data) if asked is None else (asked[0], data[: asked.start()])
    magic = next((i for i, part in enumerate(data.split("/")) if glob.has_magic(part)), None)
    base = "/".join(data.split("/")[:magic])
    system, path = FileSystem.from_uri(_quoted(base) + query)
    before = unquote(base).removesuffix("/").removesuffix(path.rstrip("/"))  # scheme, user, host and port
    if system.get_file_info(path).type == FileType.File:
        return [_quoted(data)], query
    found = [f.path for f in system.get_file_info(FileSelector(path, recursive=True)) if f.type == FileType.File]
    pattern = f"{path.rstrip('/')}/{'*.parquet' if magic is None else '/'.join(data.split('/')[magic:])}"
    kept = [f for f in found if fnmatch(f, pattern) and _shown(f[len(path) :].lstrip("/"))]
    return [before + quote(f, safe=_PLAIN) for f in kept], query


def _quoted(address: str) -> str:
    """Write what an address may not hold, such as spaces, as it has to be written; what is written so already stays."""
    return quote(unquote(address), safe=_PLAIN)


def _shown(within: str) -> bool:
    """Whether no part of a name is hidden, as what other engines leave beside their files is."""
    return not any(part.startswith((".", "_")) for part in Path(within).parts)


def _common(names: list[str]) -> str:
    folders = [name.split("/")[:-1] for name in names]
    same = 0
    while all(len(f) > same and f[same] == folders[0][same] for f in folders):
        same += 1
    return "/".join(folders[0][:same])


def _system(name: str) -> tuple[Any, str]:
    from pyarrow.fs import FileSystem, LocalFileSystem

    if "://" not in name:
        return LocalFileSystem(), name
    found: tuple[Any, str] = FileSystem.from_uri(name)
    return found


def _is_large(path: Path) -> bool:
    from pyarrow import parquet

    if path.suffix.lower() != ".parquet":
        return False
    try:
        about = parquet.read_metadata(path)
    except (OSError, ValueError):
        return False  # whoever reads it says what is wrong
    return bool(about.num_rows * about.num_columns * 8 > _MANY)
