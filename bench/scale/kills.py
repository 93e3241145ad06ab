"""Workers of Ray killed while they score: ``python -m bench.scale kills`` tells what became of the rows.

Each trial starts ``realnvp score … --engine ray``, kills (SIGKILL) workers that are at work at random moments, and
compares what is written with what the plain engine wrote: a row that is missing is lost, one that comes again is
doubled.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.common import heading, table
from bench.scale.stream import model, write

__all__ = ["main", "scored", "workers"]


def workers(root: int) -> list[int]:
    """Return the processes below ``root`` in which Ray is at work on a task of Ray Data."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        children.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        found += [pid for pid in below if _title(pid).startswith("ray::MapBatches")]
    return found


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def scored(run: Path, data: Path, out: Path, *, kills: int = 0, engine: str = "ray", seed: int = 0) -> int:
    """Score, kill so many workers meanwhile, and return how many were killed."""
    code = "from realnvp.cli import main; main()"
    words = ["score", str(run), str(data), "--out", str(out), "--engine", engine, "--quiet"]
    dice, done = random.Random(seed), 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=said, stderr=said)
        while process.poll() is None:
            time.sleep(dice.uniform(0.02, 0.6))
            if done < kills and (found := workers(process.pid)):
                try:
                    os.kill(dice.choice(found), signal.SIGKILL)
                    done += 1
                except ProcessLookupError:
                    continue
        said.seek(0)
        if process.returncode:
            raise RuntimeError(said.read().decode())
    return done


def main(given: Sequence[str] | None = None) -> None:
    """Kill, compare and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many in all (20)")
    parser.add_argument("--each", type=int, default=4, help="how many in one trial (4)")
    parser.add_argument("--scored", type=int, default=4_000_000, help="rows of a trial")
    options, _ = parser.parse_known_args(given)
    done = trials = lost = doubled = other = 0
    with tempfile.TemporaryDirectory(prefix="realnvp-kills-") as place:
        data, run = write(Path(place) / "rows", options.scored, group=50_000), Path(place) / "run"
        model(max_steps=20).fit_files(str(data)).save(run)
        scored(run, data, Path(place) / "plain.npy", engine="plain")
        expected = np.load(Path(place) / "plain.npy")[:, 0]
        while done < options.kills:
            out = Path(place) / f"ray{trials}.npy"
            now = scored(run, data, out, kills=min(options.each, options.kills - done), seed=trials)
            found = np.load(out)[:, 0]
            more, less = Counter(found.tolist()), Counter(expected.tolist())
            lost, doubled = lost + (less - more).total(), doubled + (more - less).total()
            other += int(not np.array_equal(found, expected))
            done, trials = done + now, trials + 1
            print(f"   trial {trials}: {now} killed, {lost} lost, {doubled} doubled", flush=True)
    import ray

    print(f"{heading('python -m bench.scale kills')}, Ray {ray.__version__}\n")
    line = (done, trials, lost, doubled, other)
    print(table(["workers killed", "scorings", "rows lost", "rows doubled", "outputs that differ at all"], [line]))
