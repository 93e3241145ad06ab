"""Models in processes of their own, asked in turn: no library sees another's threads, caches or imports."""

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["ENTRIES", "Entry", "Worker", "pin"]


@dataclass(frozen=True)
class Entry:
    """A row of the tables: which file of ``bench.peers`` builds it, and how."""

    name: str
    peer: str
    options: dict = field(default_factory=dict)
    package: str = ""  # as installed; empty for what needs no package
    torch: bool = True
    card: bool = False  # only on an accelerator

    @property
    def ours(self) -> bool:
        """Whether it is this library's."""
        return self.peer == "ours"

    def verbs(self, asked: list[str]) -> list[str]:
        """Return those of the verbs in which it differs from its neighbour: ours leaves bfloat16 after training."""
        return [verb for verb in asked if verb == "train" or not (self.ours and "bf16" in self.options)]

    @property
    def floor(self) -> bool:
        """Whether it is no model but the machine's floor."""
        return self.peer == "floor"


def _torch(package: str) -> list[Entry]:
    peer = package.lower()
    return [
        Entry(package, peer, {}, package),
        Entry(f"{package}, compiled", peer, {"compiled": True}, package),
        Entry(f"{package}, compiled, CUDA graphs", peer, {"compiled": "reduce-overhead"}, package, card=True),
    ]


ENTRIES = [
    Entry("floor, float32", "floor"),
    Entry("floor, bf16", "floor", {"bf16": True}),
    Entry("ours", "ours"),
    Entry("ours, recorded", "ours", {"recorded": True}, card=True),
    Entry("ours, bf16", "ours", {"bf16": True}),
    Entry("ours, compiled", "ours", {"compiled": True}),
    Entry("ours, compiled, bf16", "ours", {"compiled": True, "bf16": True}),
    *(entry for package in ("zuko", "normflows", "nflows", "FrEIA", "torchflows") for entry in _torch(package)),
    Entry("flowjax", "flowjax", {}, "flowjax", torch=False),
    Entry("flowjax, unrolled", "flowjax", {"unrolled": True}, "flowjax", torch=False),
]


def pin(threads: int) -> None:
    """Hold this process and its children to ``threads`` cores, and tell every pool of threads."""
    if hasattr(os, "sched_setaffinity"):  # Linux; XLA counts the cores it may use
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"


class Worker:
    """A process with one model in it. A model that cannot be built leaves its ``error``.

    ``env`` is set in its process.
    """

    def __init__(self, entry: Entry, load: str, threads: int, device: str = "cpu", **env: str) -> None:
        told = {"peer": entry.peer, "options": entry.options, "torch": entry.torch, "threads": threads, "load": load}
        told["device"] = device
        self.entry, self.born = entry, time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.speed.worker", json.dumps(told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"JAX_PLATFORMS": device} | env,
        )

    @cached_property
    def facts(self) -> dict:
        """What it says once the model is built."""
        return self.hear()

    @property
    def error(self) -> str:
        """Why the model could not be built."""
        return self.facts.get("error", "")

    def ask(self, what: str, **rest: object) -> dict:
        """Ask for something and wait for the answer; one that went wrong holds an ``error``."""
        self.tell(what, **rest)
        return self.hear()

    def tell(self, what: str, **rest: object) -> None:
        """Ask for something without waiting."""
        with contextlib.suppress(OSError):  # one whose process has ended is heard of
            print(json.dumps({"ask": what, **rest}), file=self.process.stdin, flush=True)

    def close(self) -> None:
        """Let the process end."""
        with contextlib.suppress(OSError):  # it may have ended before it was asked
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def hear(self) -> dict:
        """Wait for an answer."""
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "the process ended"}
