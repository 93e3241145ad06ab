"""Several processes beside one: their losses, their pace, and what kills do to them.

python -m bench.scale world [--parts loss,speed,kills] [--steps 200] [--rounds 15] [--kills 20]

Losses are of the same global batches; beside them, what other roundings do to one process: the same rows, each batch
turned around. Paces are measured in turn, a block of one process and a block of two, each process held to a core of its
own and one thread; a ratio compares two blocks of one round.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.common import heading, table
from bench.kill import Tally, differences
from bench.scale.ranks import WORKS

__all__ = ["Team", "killed", "main"]

FIT = ["fit", "moons", "--rows", "1000", "--kernel", "affine", "--layers", "4", "--width", "32"]
FIT += ["--max-steps", "1500", "--no-figures", "--quiet", "--threads", "1", "--checkpoint-every", "0.1"]
_BLOCK = 0.5
"""Seconds of a block, roughly."""


class Team:
    """So many processes that take steps together when they are told to."""

    def __init__(self, size: int, work: str, dtype: str = "float32", turn: str = "plain") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        about = os.environ | {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        cores = sorted(os.sched_getaffinity(0))
        self.processes = []
        for rank in range(size):
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "bench.scale.ranks", work, dtype, turn],
                    env=about | {"RANK": str(rank)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            os.sched_setaffinity(self.processes[-1].pid, {cores[rank % len(cores)]})

    def steps(self, count: int) -> list[dict]:
        """Take steps; return what each process says of them."""
        for process in self.processes:
            assert process.stdin
            process.stdin.write(f"{count}\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process in self.processes if process.stdout]

    def end(self) -> None:
        """Send them home."""
        for process in self.processes:
            process.communicate(timeout=60)


def losses(size: int, steps: int, dtype: str, turn: str = "plain") -> list[float]:
    """Train so many processes; return the losses."""
    team = Team(size, "default", dtype, turn)
    found: list[float] = team.steps(steps)[0]["losses"]
    team.end()
    return found


def same(steps: int) -> None:
    """Print how far losses are from those of one process."""
    lines = []
    for dtype in ("float64", "float32"):
        alone = losses(1, steps, dtype)
        others = {f"{size} processes": losses(size, steps, dtype) for size in (2, 4)}
        others["1 process, rows of each batch turned around"] = losses(1, steps, dtype, "turned")
        for name, found in others.items():
            apart = [abs(a - b) for a, b in zip(alone, found, strict=True)]
            lines.append((dtype, name, f"{apart[0]:.1e}", f"{max(apart):.1e}", f"{statistics.median(apart):.1e}"))
    print(f"\nLosses of {steps} steps beside those of one process, {WORKS['default']}, nats.\n")
    print(table(["numbers", "trained by", "first step", "largest difference", "median"], lines), flush=True)


def paces(rounds: int) -> None:
    """Print steps per second of one process and of two."""
    lines = []
    for name, work in WORKS.items():
        teams = {size: Team(size, name) for size in (1, 2)}
        blocks = {size: _calibrated(team) for size, team in teams.items()}
        found: dict[int, list[dict]] = {1: [], 2: []}
        for _ in range(rounds):
            for size, team in teams.items():
                told = team.steps(blocks[size])
                spent = {key: max(each[key] for each in told) / blocks[size] for key in ("wall", "cpu")}
                found[size].append(spent)
        for team in teams.values():
            team.end()
        pace = {size: 1 / statistics.median(each["wall"] for each in found[size]) for size in found}
        ratios = [[one[key] / two[key] for one, two in zip(found[1], found[2], strict=True)] for key in ("wall", "cpu")]
        wall, cpu = (statistics.median(each) for each in ratios)
        best = min(e["wall"] for e in found[1]) / min(e["wall"] for e in found[2])
        told = [f"{wall:.2f}", *(f"{ratio / 2:.0%}" for ratio in (wall, best, cpu))]
        lines.append((work, f"{pace[1]:.0f}", f"{pace[2]:.0f}", *told))
    columns = ["flow and global batch", "steps/s of 1", "steps/s of 2", "ratio", "efficiency"]
    columns += ["of the fastest blocks", "by processor time"]
    print(f"\nSteps per second at the same global batch, medians of {rounds} rounds; efficiency is the ratio / 2.\n")
    print(table(columns, lines), flush=True)


def _calibrated(team: Team) -> int:
    """How many steps a block takes."""
    team.steps(20)
    wall: float = team.steps(20)[0]["wall"]
    return max(10, round(20 * _BLOCK / wall))


def killed(kills: int, seed: int = 0) -> Tally:
    """Kill a worker of two ``kills`` times in all, at random moments, in as many trainings as that takes."""
    tally, random_ = Tally(), random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        whole, run = Path(place, "whole"), Path(place, "run")
        began = time.monotonic()
        tally.wrong += [] if _engine(whole, 0).wait() == 0 else ["the undisturbed training failed"]
        spent = time.monotonic() - began
        while tally.early + tally.midst < kills:
            agent = _engine(run, kills)
            while tally.early + tally.midst < kills and not _over(agent, random_.uniform(0, spent)):
                kept = (run / "checkpoint.safetensors").exists()
                if _kill(agent, random_):
                    tally.midst, tally.early = tally.midst + kept, tally.early + (not kept)
            code = agent.wait()
            tally.wrong += [f"a training ended with {code}"] if code else differences(whole, run)
            shutil.rmtree(run, ignore_errors=True)
    return tally


def _engine(run: Path, restarts: int) -> subprocess.Popen:
    options = ["--standalone", "--nproc-per-node", "2", "--max-restarts", str(restarts)]
    command = [sys.executable, "-m", "torch.distributed.run", *options, "-m", "realnvp", *FIT, "--out", str(run)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _over(agent: subprocess.Popen, seconds: float) -> bool:
    """Whether the training ends within so many seconds."""
    try:
        agent.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(agent: subprocess.Popen, random_: random.Random) -> bool:
    """Kill a worker, if there is one just now."""
    try:
        workers = Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split()
        os.kill(int(random_.choice(workers)), signal.SIGKILL)
    except (OSError, IndexError):
        return False
    return True


def main(words: Sequence[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale world", description=__doc__)
    parser.add_argument("--parts", default="loss,speed,kills")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--kills", type=int, default=20)
    asked, _ = parser.parse_known_args(words)
    parts = asked.parts.split(",")
    load = os.getloadavg()[0]
    print(f"{heading('python -m bench.scale world')}; load of the machine at the start {load:.1f}", flush=True)
    if "loss" in parts:
        same(asked.steps)
    if "speed" in parts:
        paces(asked.rounds)
    if "kills" in parts:
        tally = killed(asked.kills)
        columns = ["killed before the first checkpoint", "killed after it", "differences from the whole training"]
        print(f"\nWorkers of two killed by SIGKILL, {' '.join(FIT[:2])} under torchrun.\n")
        print(table(columns, [(tally.early, tally.midst, "; ".join(tally.wrong) or "none")]), flush=True)
