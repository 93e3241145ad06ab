"""Which run folder is meant, where the one that was named is none, or holds no run yet."""

import os.path
import shlex
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from realnvp.cli.live import LIVE
from realnvp.cli.resume import unfinished
from realnvp.errors import InputError
from realnvp.files import CHECKPOINT, CONFIG

__all__ = ["check_awaited", "check_run", "meant"]

_RUNS = Path("runs")
_FEW = 3
"""Runs that are named where one of several may be meant."""


def check_run(run: Path) -> None:
    """Refuse a folder that holds no whole run in words that fit what is there; all else is for its reader to refuse."""
    if (run / CONFIG).exists():
        return
    more = unfinished(run)
    if (run / LIVE).is_dir():
        told = f"{run} holds a training that was shown live and has not ended"
        killed = f"go on with it by  {more}" if more else "it kept no checkpoint, fit again"
        raise InputError(f"{told}: see it by  realnvp serve {shlex.quote(str(run))}  (if it was killed: {killed})")
    if more:
        raise InputError(f"{run} holds a training that has not ended yet: go on with it by  {more}")
    _check_no_parent(run)
    if not run.exists() and (near := meant(run) or _alike(run)):
        raise InputError(f"there is no run folder {run}: {near}")


def check_awaited(run: Path) -> None:
    """Refuse to wait where no run will come: a file, a folder of other runs, a folder in one that is not there."""
    if not run.exists():
        if not run.parent.is_dir():
            raise InputError(
                f"there is no folder {run.parent} that {run} could come into: name the folder that the training writes"
            )
        return
    if not run.is_dir():
        raise InputError(f"{run} is a file: name the folder that the training writes")
    if not _holds(run):
        _check_no_parent(run)


def _check_no_parent(folder: Path) -> None:
    """Refuse a folder that has runs in it and is none."""
    if held := _runs_in(folder):
        raise InputError(f"{folder} is not a run folder, but there are runs in it: {_question(held)}")


def meant(run: Path) -> str:
    """Ask whether the run of this name is meant that lies in ``runs``; "" where there is none."""
    return _question([_RUNS / run]) if not run.is_absolute() and _holds(_RUNS / run) else ""


def _alike(run: Path) -> str:
    there = {path.name: path for folder in (_RUNS, run.parent) for path in _runs_in(folder)}
    return _question([there[name] for name in get_close_matches(run.name, there, n=1)])


def _question(runs: Sequence[Path]) -> str:
    told = " or ".join(str(run) for run in runs[:_FEW])
    return f"did you mean {told}{', or another of them' * (len(runs) > _FEW)}?" if runs else ""


def _runs_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _holds(path)) if folder.is_dir() else []


def _holds(folder: Path) -> bool:
    """Whether there is a run in the folder, or what a training keeps of one that goes on."""
    return any(os.path.exists(folder / name) for name in (CONFIG, LIVE, CHECKPOINT))
