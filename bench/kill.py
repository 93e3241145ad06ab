"""Trainings killed at random moments and resumed: ``python -m bench.kill [KILLS]`` prints a table.

Each trial starts ``realnvp fit`` with checkpoints, kills it (SIGKILL) after a random time and resumes, until the
training has ended; its weights must be those of a training that nothing disturbed, bit for bit, and its history must
hold each record once.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["JOBS", "Started", "Tally", "differences", "disturbed"]

JOBS = {
    "table": ["fit", "moons", "--layers", "4", "--width", "32", "--max-steps", "400", "--rows", "1000"],
    "stopped early": ["fit", "moons", "--layers", "2", "--width", "8", "--members", "2", "--rows", "200"],
    "pictures": ["fit", "digits", "--layers", "1", "--width", "8", "--max-steps", "60", "--by-label", "--flips"],
}
QUIET = ["--no-figures", "--quiet", "--threads", "1", "--checkpoint-every", "0.02"]


@dataclass
class Tally:
    """What was found: kills before the first checkpoint and after it, and differences from the whole training."""

    early: int = 0
    midst: int = 0
    wrong: list[str] = field(default_factory=list)


class Started:
    """The command as a user starts it."""

    def __init__(self, words: list[str]) -> None:
        code = "from realnvp.cli import main; main()"
        self.process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)

    def wait(self, timeout: float) -> int:
        """Return the exit code."""
        return self.process.wait(timeout)

    def kill(self) -> None:
        """Kill it and wait for the end."""
        self.process.kill()
        self.process.wait()


class Forked:
    """The command in a copy of this process, which has torch at hand: kills cost no start."""

    def __init__(self, words: list[str]) -> None:
        self.pid = os.fork()
        if not self.pid:
            from realnvp.cli import main

            sys.argv = ["realnvp", *words]
            try:
                main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
            except BaseException:
                code = 1
            os._exit(code)

    def wait(self, timeout: float) -> int:
        """Return the exit code."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        raise subprocess.TimeoutExpired("realnvp", timeout)

    def kill(self) -> None:
        """Kill it and wait for the end."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def disturbed(words: list[str], kills: int, seed: int, start: Callable[[list[str]], Forked | Started]) -> Tally:
    """Kill the command ``kills`` times in all, in as many trainings as that takes; compare each with a whole one."""
    tally, random_ = Tally(), random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        whole, run = Path(place, "whole"), Path(place, "run")
        began = time.monotonic()
        code = start([*words, *QUIET, "--out", str(whole)]).wait(600)
        spent = time.monotonic() - began
        tally.wrong += [f"the undisturbed training ended with {code}"] if code else []
        while tally.early + tally.midst < kills:
            again = (run / "checkpoint.safetensors").exists()
            process = start([*words, *QUIET, "--out", str(run), "--resume" if again else "--force"])
            try:
                code = process.wait(random_.uniform(0, 1.2 * spent))
            except subprocess.TimeoutExpired:
                process.kill()
                kept = (run / "checkpoint.safetensors").exists()
                tally.midst, tally.early = tally.midst + kept, tally.early + (not kept)
                continue
            tally.wrong += [f"a resumed training ended with {code}"] if code else differences(whole, run)
            shutil.rmtree(run)
        if run.exists() and (run / "checkpoint.safetensors").exists():  # the last one is ended in peace
            code = start([*words, *QUIET, "--out", str(run), "--resume"]).wait(600)
            tally.wrong += [f"a resumed training ended with {code}"] if code else differences(whole, run)
    return tally


def differences(whole: Path, run: Path) -> list[str]:
    """Name what differs between a run and the one that nothing disturbed."""
    found = []
    if (whole / "model.safetensors").read_bytes() != (run / "model.safetensors").read_bytes():
        found.append("other weights")
    histories = [
        [{k: v for k, v in json.loads(line).items() if k != "seconds"} for line in path.read_text().splitlines()]
        for path in (whole / "history.jsonl", run / "history.jsonl")
    ]
    if histories[0] != histories[1]:
        found.append("another history")
    if left := [path.name for path in run.iterdir() if path.name.startswith(".")]:
        found.append(f"left over: {left}")
    return found


def main(kills: int = 50) -> None:
    """Print the table."""
    import torch

    import realnvp.cli.app
    import realnvp.cli.fit
    import realnvp.cli.pictures  # noqa: F401 - before the forks

    torch.set_num_threads(1)
    print("| training | killed before the first checkpoint | killed after it | differences |\n|---|---|---|---|")
    for name, words in JOBS.items():
        tally = disturbed(words, kills, 0, Forked)
        print(f"| {name} | {tally.early} | {tally.midst} | {'; '.join(tally.wrong) or 'none'} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
