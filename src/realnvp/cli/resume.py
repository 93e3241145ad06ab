"""How a training on the command line is kept, and the words by which it goes on."""

import shlex
from pathlib import Path

from realnvp.cli.after import typed
from realnvp.cli.base import say
from realnvp.errors import InputError
from realnvp.files import CHECKPOINT
from realnvp.train.resume import Checkpoint, read_note

__all__ = ["check_resume", "command", "kept", "say_how", "tell_how", "unfinished"]

_EVERY = 300.0
"""Seconds between the checkpoints of a resumed training."""


def check_resume(*, resume: bool, out: Path | None) -> None:
    """Refuse to go on with a run that is not named."""
    if resume and out is None:
        raise InputError("--resume needs the run to go on with: name its folder with --out")


def kept(folder: Path, *, every: float | None, resume: bool, force: bool) -> Checkpoint | None:
    """Return the checkpoint of a training, if it keeps one; one that is there already is not passed over."""
    if (folder / CHECKPOINT).exists() and not (resume or force):
        raise InputError(f"{folder} holds a {CHECKPOINT}: go on from it with --resume, or begin anew with --force")
    if not resume and every is None:
        return None
    return Checkpoint(folder, every=_EVERY if every is None else every, resume=resume, note=command(folder))


def command(folder: Path) -> str:
    """Return the command that goes on with the training that this one began."""
    given = typed()
    named = any(word == "--out" or word.startswith("--out=") for word in given)
    return shlex.join([*given, *([] if named else ["--out", str(folder)]), "--resume"])


def say_how(folder: Path, *, quiet: bool) -> None:
    """Say how an interrupted training goes on, or what would have let it."""
    if (folder / CHECKPOINT).exists():
        say(f"go on        {command(folder)}", quiet=quiet)
    else:
        say("go on        it cannot, no checkpoint was kept: --checkpoint-every 300 keeps one", quiet=quiet)


def tell_how(run: Path, config: dict) -> None:
    """Say how the training of a run goes on, or that of another which was broken off over it, where there is a way."""
    if not (more := unfinished(run)):
        return
    if config.get("command") and _plain(more) != _plain(config["command"]):
        say(f"go on     {more}")
        say("          (another training over this run, which was broken off; what is here is the run before)")
        return
    say(f"go on     {'' if config['stopped_by'] == 'interrupt' else 'with a longer limit: '}{more}")


def _plain(told: str) -> list[str]:
    """Return the words of a command without its folder, and without what lets it go on or begin anew."""
    words = iter(shlex.split(told))
    found = [word for word in words if not (word == "--out" and next(words, None))]
    return [word for word in found if word not in ("--resume", "--force") and not word.startswith("--out=")]


def unfinished(run: Path) -> str:
    """Say of a folder that holds a checkpoint, and may hold no run yet, how its training goes on."""
    if not (run / CHECKPOINT).is_file():
        return ""
    return read_note(run) or f"realnvp fit DATA --out {shlex.quote(str(run))} --resume, with the options it began with"
