"""A command of several processes: who speaks, who writes, and how one that was started again goes on."""

import contextlib
import os
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from realnvp.cli.base import reserved
from realnvp.cli.resume import kept
from realnvp.errors import InputError
from realnvp.files import CHECKPOINT
from realnvp.train.resume import Checkpoint, read_job
from realnvp.train.world import LostError, World, joined

__all__ = ["keeping", "place", "spoken", "started_again", "together"]


@contextlib.contextmanager
def together() -> Iterator[World]:
    """Join the other processes, if there are some; the first one speaks, another only of what it alone has met."""
    try:
        with joined() as world, warnings.catch_warnings():
            if world.rank:
                warnings.simplefilter("ignore")
            try:
                yield world
            except Exception as error:
                if not world.tells(error):
                    raise SystemExit(2) from None
                raise
            except KeyboardInterrupt:
                if world.rank:
                    raise SystemExit(2) from None
                raise
    except LostError as error:
        raise InputError(f"{error}; start again, with --resume where there is a {CHECKPOINT}") from error


@contextlib.contextmanager
def place(world: World, name: str, out: Path | None, *, force: bool) -> Iterator[Path]:
    """Reserve the run's folder: on the first process, for the others do not write."""
    if world.rank:
        yield Path(os.devnull)
        return
    with reserved(name, out, force) as folder:
        yield folder


def spoken(world: World, *, quiet: bool) -> dict[str, Any]:
    """Return the parameters by which a training speaks: on the first process alone, into TensorBoard too."""
    return {"verbose": not quiet} | ({"callbacks": None} if world.rank else {})


def started_again(world: World, out: Path | None) -> bool:
    """Whether the engine has started these processes in place of ones that had begun the same run.

    Where hosts come and go the count of restarts stays; then the checkpoint says which job it is of.
    """
    (again,) = world.agreed(int(os.environ.get("TORCHELASTIC_RESTART_COUNT", 0)) > 0)
    return world.first(lambda: again or (out is not None and _job() != "" and read_job(out) == _job()))


def keeping(
    world: World, folder: Path, out: Path | None, *, again: bool, every: float | None, resume: bool, force: bool
) -> Checkpoint | None:
    """Return the checkpoint of a training, the same on all processes, if it keeps one.

    Processes that were started ``again`` go on from the one that their run wrote, if it came so far. What is there of
    another run they leave alone, as at the first time.
    """

    def make() -> Checkpoint | None:
        there = (folder / CHECKPOINT).is_file()
        ours = again and there and read_job(folder) == _job()
        if out is None and every is not None and int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", 0)):
            raise InputError(
                "processes that may be started again look for their checkpoint: name its folder with --out"
            )
        if there and force and not (resume or ours) and _job():
            (folder / CHECKPOINT).unlink()  # started again they would take it for their own
        found = kept(folder, every=every, resume=resume or ours, force=force)
        if found is not None:
            found.job = _job()
        return found

    return world.first(make)


def _job() -> str:
    """The engine's name for what it runs; where that is ``none``, the engine's own process."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "")
    return f"none {socket.gethostname()} {os.getppid()}" if name == "none" else name
