"""Every door of the library, with things thrown at it: ``python -m bench.fuzz [SECONDS] [SEED]``.

A door gives a result or one sentence; at the command line the exit code is 0 or 2. Nothing else may come: no other
exception, no hang, no number that is none in a result, no half a file. ``tests/fuzz`` runs the same with few examples.
"""

import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from bench.fuzz_base import command
from bench.fuzz_command import runs_the_command
from bench.fuzz_doors import asks_a_model, fits_an_array, fits_pictures, learns_a_potential, loads_a_run, reads_a_file

__all__ = ["DOORS", "command", "main"]

DOORS: dict[str, Callable[[random.Random], str]] = {
    "fits an array": fits_an_array,
    "asks a model": asks_a_model,
    "fits pictures": fits_pictures,
    "learns a potential": learns_a_potential,
    "reads a file": reads_a_file,
    "loads a run": loads_a_run,
    "runs the command": runs_the_command,
}


def main(seconds: float = 60, seed: int = 0) -> None:
    """Throw for so many seconds at each door, and print what was met."""
    torch.set_num_threads(1)
    print("| door | tries | results | sentences | faults |\n|---|---|---|---|---|")
    for name, door in DOORS.items():
        end, counts, faults, number = time.monotonic() + seconds, [0, 0], set(), 0
        while time.monotonic() < end:
            number += 1
            try:
                counts[bool(door(random.Random(f"{seed} {number}")))] += 1
            except Exception as error:
                place = traceback.extract_tb(error.__traceback__)[-1]
                fault = f"{type(error).__name__} {str(error)[-300:]} ({Path(place.filename).name}:{place.lineno})"
                if (key := (type(error).__name__, place.filename, place.lineno)) not in faults:
                    faults.add(key)
                    print(f"{name}, {seed} {number}: {fault}", file=sys.stderr, flush=True)
        print(f"| {name} | {number} | {counts[0]} | {counts[1]} | {len(faults)} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
