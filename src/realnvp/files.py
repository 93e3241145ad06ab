"""Files that are whole or not there, folders that can be written into, and which folders are runs."""

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from realnvp.errors import InputError

__all__ = [
    "CHECKPOINT",
    "CONFIG",
    "HISTORY",
    "MODEL",
    "check_folder",
    "claimed",
    "holds_run",
    "may_be_folder",
    "on_disk",
    "recovered",
    "settle",
    "unreadable",
    "write_atomically",
    "write_together",
]

CONFIG, MODEL, HISTORY = "config.json", "model.safetensors", "history.jsonl"
CHECKPOINT = "checkpoint.safetensors"
_FULL = (errno.ENOSPC, errno.EDQUOT)
_AT_WORK = 5.0
"""Seconds in which files that were put aside are renamed, however slow the disk."""
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)


def write_atomically(path: Path, content: bytes) -> Path:
    """Write under a hidden name, make it safe on the disk, and rename: a reader sees all of the file or none."""
    write_together({path: content})
    return path


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files under hidden names and rename them once all are safe on the disk; a failure changes none.

    The last one vouches for the others: what was there under its name goes first, and it comes last.
    """
    mark = os.urandom(4).hex()
    hidden = {path: path.with_name(f".{path.name}.{mark}.tmp") for path in contents}
    paths = list(contents)
    old = {path: path.with_name(f".{path.name}.{mark}.old") for path in reversed(paths) if len(paths) > 1}
    done: list[Path] = []
    try:
        for path, content in contents.items():
            with on_disk(path), hidden[path].open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, aside in old.items():
            with on_disk(path), contextlib.suppress(FileNotFoundError):
                os.replace(path, aside)
        for path in paths:
            with on_disk(path):
                os.replace(hidden[path], path)
                done.append(path)
                settle(path)
    except BaseException:
        for path in done if old else ():
            path.unlink(missing_ok=True)
        for path, aside in reversed(old.items()):
            if aside.exists():
                os.rename(aside, path)
        raise
    finally:
        for name in (*hidden.values(), *old.values()):
            with contextlib.suppress(OSError):  # the reason why it is there is the one to tell
                name.unlink(missing_ok=True)


def recovered(folder: Path) -> bool:
    """Give a run its files back whose writing anew was killed between two names; whether there was such a one.

    What was put aside in the last seconds is left alone: whoever did may be about to go on.
    """
    for aside in folder.glob(f".{CONFIG}.*.old"):
        if time.time() - aside.stat().st_ctime < _AT_WORK:
            continue
        mark = aside.name.split(".")[-2]
        with on_disk(folder):
            for name in (MODEL, HISTORY, CONFIG):
                if (old := aside.with_name(f".{name}.{mark}.old")).exists():
                    os.replace(old, folder / name)
            for name in (MODEL, HISTORY, CONFIG):
                aside.with_name(f".{name}.{mark}.tmp").unlink(missing_ok=True)
        settle(folder / CONFIG)
        return True
    return False


def unreadable(path: Path, error: OSError) -> InputError:
    """Say of a file that is there and may not be read that it is not the file's fault."""
    return InputError(f"{path} cannot be read ({error.strerror or error}): look at who may read it, and at the disk")


def settle(path: Path) -> None:
    """Make a new name safe on the disk: until then a power cut may take it back."""
    if os.name == "nt":  # folders cannot be opened there
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_folder(folder: Path) -> Path:
    """Make a folder if need be and write into it, a file without a name: better heard now than after hours of work."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name a folder")
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    return folder


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Keep a folder for this process: another that would claim it is refused, as long as this one is at work or alive.

    Where the system or the disk has no locks nobody is refused.
    """
    try:
        import fcntl

        with on_disk(folder):
            place = os.open(folder, os.O_RDONLY)
    except ImportError:  # not there on Windows
        yield
        return
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(place)
        raise InputError(
            f"{folder} is being written to by another realnvp: wait for it, or choose another folder"
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(place)


def may_be_folder(folder: Path) -> Path:
    """Refuse what cannot be made a folder to write into; nothing is made."""
    with on_disk(folder):
        there = next((place for place in (folder, *folder.absolute().parents) if place.exists()), Path())
    if not there.is_dir():
        raise InputError(f"{there} is a file: name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"{there} may not be written to: choose a folder that you may write into")
    return folder


@contextlib.contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Say of a disk that is full or may not be written to what to do about it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "choose another folder"
        if error.errno in _FULL:
            advice = "make room, or choose another folder"
        elif error.errno in _SHUT:
            advice = "choose a folder that you may write into"
        raise InputError(f"{path} cannot be written ({reason}): {advice}") from error


def holds_run(folder: Path) -> bool:
    """Whether there is a run in the folder, or one that has begun: what is in it is no data."""
    return (folder / CHECKPOINT).is_file() or all((folder / name).is_file() for name in (CONFIG, MODEL))
