"""What comes after a command: the next one, and the same one again."""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from realnvp.cli.base import say

__all__ = ["knows_energy", "own_energy", "then", "to_draw", "typed"]


def then(*words: object, quiet: bool = False) -> None:
    """Say the next command."""
    say(f"next   {shlex.join(['realnvp', *map(str, words)])}", quiet=quiet)


def to_draw(run: Path, named: Path | None = None) -> list[str]:
    """Return the command that draws from a run, ``named`` so; what it is to be given is left open, but a label."""
    from realnvp.train.checkpoint import read_config

    config = read_config(run)
    run = named or run
    kind, width = config.get("kind"), (config.get("architecture") or {}).get("context", 0)
    given = (config.get("data") or {}).get("context_columns") or [f"c{i}" for i in range(width)]
    if kind == "images":
        labels = [f"label={label}" for label in (config.get("classes") or [])[:1]]
        return ["sample", str(run), "-n", "100", *(["--context", *labels] if labels else []), "--out", "samples.png"]
    more = ["--context", ",".join(f"{name}=…" for name in given)] if given else []
    if kind == "boltzmann" and knows_energy(config):  # chains ask it
        more += ["--corrected", *(["--potential", "PACKAGE.MODULE:FUNCTION"] if own_energy(config) else [])]
    return ["sample", str(run), "-n", "1000", *more, "--out", "samples.csv"]


def knows_energy(config: dict[str, Any]) -> bool:
    """Whether a run of an energy says which: a potential of the library, or the user's own by its name."""
    return bool(config.get("potential")) or own_energy(config) is not None


def own_energy(config: dict[str, Any]) -> str | None:
    """Return the name, ``module:function``, by which a run's energy was imported, if it was the user's own."""
    name = str((config.get("data") or {}).get("name"))
    return name if ":" in name and not config.get("potential") else None


def typed() -> list[str]:
    """Return the command as it was typed, with the engine of several processes, without --resume and --force."""
    engine, own = [], os.environ.get("LOCAL_WORLD_SIZE")
    if own is not None and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        hosts = os.environ.get("GROUP_WORLD_SIZE", "1")
        engine = ["torchrun", *(["--nnodes", hosts] if hosts != "1" else []), "--nproc-per-node", own, "-m"]
    return [*engine, "realnvp", *(word for word in sys.argv[1:] if word not in ("--resume", "--force"))]
