"""What is measured in fresh processes: memory, the time to the first step, the time to import."""

import argparse
import importlib
import subprocess
import sys
import time
from statistics import median

from bench.common import table
from bench.peers.base import Workload
from bench.speed.crew import Entry, Worker
from bench.speed.tables import spread, versus

__all__ = ["importing", "memory", "start"]

COLD = {"TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}  # what torch.compile has compiled before is forgotten
EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # glibc: large blocks come and go one by one, so the peak is what lives


def memory(load: Workload, entries: list[Entry], options: argparse.Namespace) -> str:
    """Peak of a training step over the process at rest."""
    rows = []
    for entry in entries:
        answers = []
        for _ in range(options.fresh):
            worker = Worker(entry, load.name, options.threads, options.device, **EXACT)
            answers.append({"error": worker.error} if worker.error else worker.ask("memory"))
            worker.close()
            if "error" in answers[-1]:
                break
        if "error" in answers[-1]:
            rows.append([entry.name, answers[-1]["error"], "", ""])
            continue
        peaks, rests = ([answer[key] for answer in answers] for key in ("peak", "rest"))
        rows.append([entry.name, f"{median(peaks):.1f}", spread(peaks, 1), f"{median(rests):.0f}"])
    return table(["", "peak of a training step above rest (MiB)", "quartiles", "process at rest (MiB)"], rows)


def start(load: Workload, entries: list[Entry], options: argparse.Namespace) -> str:
    """Seconds from starting a process to the end of its first training step, nothing compiled before; in turn."""
    found: dict[str, list[float]] = {}
    failed = {}
    for _ in range(options.fresh):
        for entry in entries:
            worker = Worker(entry, load.name, options.threads, options.device, **COLD)
            answer = {"error": worker.error} if worker.error else worker.ask("run", verb="train", calls=1)
            found.setdefault(entry.name, []).append(time.perf_counter() - worker.born)
            worker.close()
            if "error" in answer:
                failed[entry.name] = answer["error"]
    rows = [
        [name, failed[name], ""] if name in failed else [name, f"{median(times):.2f}", spread(times, 2)]
        for name, times in found.items()
    ]
    return table(["", "start to first step (s)", "quartiles"], rows)


def importing(entries: list[Entry], options: argparse.Namespace) -> str:
    """Seconds to import what building the model takes, in interleaved rounds."""
    peers = {entry.package or "ours": entry.peer for entry in entries if not entry.floor}
    said = {"torch": "import torch", "ours, the name alone": "import realnvp"}
    said |= {name: importlib.import_module(f"bench.peers.{peer}").IMPORT for name, peer in peers.items()}
    said["ours, the estimators"] = "from realnvp import RealNVP"
    found: dict[str, list[float | None]] = {name: [] for name in said}
    for _ in range(options.repeats):
        for name, statement in said.items():
            found[name].append(_imports(statement))
    rows = []
    for name, statement in said.items():
        if None in found[name]:
            rows.append([name, f"`{statement}`", "not installed, or it does not import", "", ""])
            continue
        ratio = versus(found[name], found["torch"])
        rows.append(
            [name, f"`{statement}`", f"{median(found[name]):.2f}", spread(found[name], 2), f"{median(ratio):.2f}"]
        )
    return table(["", "statement", "s", "quartiles", "time / `import torch`"], rows)


def _imports(statement: str) -> float | None:
    """Seconds that a statement takes in a fresh interpreter that has started; ``None`` where it fails."""
    code = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None
