"""What ``--live`` keeps for ``realnvp serve``: the model of the moment, as a run within the run's folder."""

import contextlib
import math
import os
import shlex
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from realnvp.cli.base import say
from realnvp.files import HISTORY
from realnvp.train.world import World
from realnvp.watch import Record

__all__ = ["LIVE", "live"]

LIVE = ".live"
_LEAST, _SHARE = 2.0, 0.05
"""Seconds between two copies, and the share of the time that they may take."""


class Live:
    """A callback that saves the model of the moment now and then, with the rows that its page shows."""

    def __init__(self, model: Any, folder: Path, save: Callable[[Any, Path], None]) -> None:
        self.model, self.folder, self.save, self.next = model, folder, save, 0.0

    def __call__(self, record: Record) -> None:
        """Save a copy if it is time for one; whatever goes wrong, the training goes on."""
        if (began := time.monotonic()) < self.next:
            with contextlib.suppress(OSError):  # from outside a training without news looks like one that was killed
                os.utime(self.folder / HISTORY)
            return
        try:
            self.save(self.model.snapshot(), self.folder)
        except Exception as error:
            told = (str(error).splitlines() or [""])[0]
            warnings.warn(
                f"{self.folder} is not kept up any more ({type(error).__name__}: {told}); the training goes on",
                stacklevel=2,
            )
            self.next = math.inf
            return
        spent = time.monotonic() - began
        self.next = began + max(_LEAST, spent / _SHARE)


@contextlib.contextmanager
def live(
    world: World, model: Any, folder: Path, save: Callable[[Any, Path], None], *, wanted: bool, quiet: bool = False
) -> Iterator[None]:
    """Keep copies of ``model`` in the run's folder while it is trained, if that is ``wanted``; then none are left.

    Of several processes the first keeps them: a copy asks nothing of the others.
    """
    place = folder / LIVE
    if world.rank:
        yield
        return
    shutil.rmtree(place, ignore_errors=True)  # of a training that was killed
    if not wanted:
        yield
        return
    say(f"watch it     realnvp serve {shlex.quote(str(folder))}", quiet=quiet)
    model.callbacks = [*(model.callbacks or ()), Live(model, place, save)]
    try:
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)
