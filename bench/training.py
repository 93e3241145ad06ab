"""What is done for training's cost: memory against depth, half-width products without loss, when compiling pays.

python -m bench.training                                 all parts
python -m bench.training --parts depth                   memory and time of 8 and 64 couplings
python -m bench.training --parts precision --data F.npz  held-out nats of a table, float32 beside bf16
python -m bench.training --parts compile                 the seconds compiling takes, cold and from the cache
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench.common import clocked, heading, table
from realnvp import RealNVP, data
from realnvp.data.table import read_table

__all__ = ["main"]

PARTS = ("depth", "precision", "compile")
DEPTHS = (("affine", 1024), ("affine", 4096), ("spline", 1024), ("images", 64))
"""Kinds of couplings and points a step; the more of them, the more there is not to be kept."""

DEPTH = """
import sys, time, torch
from realnvp import MaxLikelihood, image_real_nvp, real_nvp, spline_flow
from realnvp.memory import MEMORIES
from realnvp.recipes import glow_step
from realnvp.train import adamw, fit
kind, memory, (couplings, batch, threads) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
torch.set_num_threads(threads)
def now(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024
if kind == "images":  # one scale: its couplings are all of one size
    flow = image_real_nvp((3, 16, 16), scales=1, checkers=0, channels=couplings, hidden=16, blocks=1, between=glow_step)
    x = torch.rand(batch, 3, 16, 16)
else:
    flow = {"affine": real_nvp, "spline": spline_flow}[kind](43, layers=couplings, hidden=(128, 128))
    x = torch.randn(batch, 43)
steps = fit(MaxLikelihood(MEMORIES[memory](flow)), [x] * 9, adamw(flow))
next(steps)
times, start = [], time.process_time()
for _ in steps:
    times.append(time.process_time() - start); start = time.process_time()
print(now("VmHWM"), 1e3 * sorted(times)[len(times) // 2])
"""

COMPILE = """
import sys, time, warnings, torch
warnings.simplefilter("ignore")
from realnvp import MaxLikelihood, real_nvp, spline_flow
from realnvp.train import adamw, fit
torch.set_num_threads(1)
kind, width = sys.argv[1], int(sys.argv[2])
flow = {"affine": real_nvp, "spline": spline_flow}[kind](10, layers=8, hidden=(width, width))
def pace(objective):
    def batches():
        x = torch.randn(512, 10)
        while True:
            yield x
    steps = fit(objective, batches(), adamw(flow))
    began = time.perf_counter(); next(steps); first = time.perf_counter() - began
    times = []
    for _ in range(60):
        start = time.process_time(); next(steps); times.append(time.process_time() - start)
    return first, 1e3 * sorted(times)[30]
objective = MaxLikelihood(flow)
_, plain = pace(objective)
first, compiled = pace(torch.compile(objective))
print(first, plain, compiled)
"""


def _told(code: str, *args: object, **environment: str) -> list[float]:
    """Run ``code`` in a fresh process and read the numbers it prints."""
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return [float(word) for word in done.stdout.split()]


def depth(threads: int, repeats: int = 3) -> str:
    """Peak of the whole process and processor time of a step, a fresh process each, in turn; medians."""
    rows = []
    for kind, batch in DEPTHS:
        found: dict[tuple[str, int], list[list[float]]] = {}
        for _ in range(repeats):
            for memory in ("stored", "constant"):
                for couplings in (8, 64):
                    told = _told(DEPTH, kind, memory, couplings, batch, threads)
                    found.setdefault((memory, couplings), []).append(told)
        peak, spent = ({key: median(told[i] for told in each) for key, each in found.items()} for i in (0, 1))
        for memory in ("stored", "constant"):
            cells = [f"{peak[memory, n]:.0f}" for n in (8, 64)] + [f"{peak[memory, 64] / peak[memory, 8]:.2f}"]
            cells += [f"{spent[memory, n]:.0f}" for n in (8, 64)]
            ratio = median(b[1] / a[1] for a, b in zip(found["stored", 64], found[memory, 64], strict=True))
            rows.append([f"{kind}, {batch} a step", memory, *cells, f"{ratio:.2f}"])
            print(f"  {rows[-1]}", flush=True)
    columns = ["couplings", "memory", "peak of 8 (MiB)", "of 64", "64 / 8", "step of 8 (ms)", "of 64", "time / stored"]
    return table(columns, rows)


def precision(paths: list[Path], seeds: int, steps: int) -> str:
    """Held-out nats per row of nets of width 128 trained in float32 and in bf16, and how exactly each inverts."""
    sets = {path.stem: read_table(path).values for path in paths} or {
        name: data.toy(name).sample(10_000, 0) for name in ("moons", "pinwheel")
    }
    rows = []
    for name, values in sets.items():
        order = np.random.default_rng(0).permutation(len(values))
        held, kept = values[order[: len(values) // 10]], values[order[len(values) // 10 :]]
        scores: dict[str, list[float]] = {"float32": [], "bf16": []}
        spent, error = dict.fromkeys(scores, 0.0), dict.fromkeys(scores, 0.0)
        for seed in range(seeds):
            for width in scores:
                model = RealNVP(width=128, precision=width, max_steps=steps, random_state=seed, verbose=False)
                with clocked() as clock:
                    model.fit(kept)
                scores[width].append(-model.score(held))
                spent[width] += clock.cpu / seeds
                x = torch.as_tensor(held, dtype=torch.float32)
                with torch.no_grad():
                    back = model.flow_.inverse(model.flow_(x)[0])[0]
                error[width] = max(error[width], float(((back - x) / x.std(0)).abs().max()))
            print(f"  {name} {seed} {scores}", flush=True)
        lost = (np.mean(scores["bf16"]) - np.mean(scores["float32"])) / values.shape[1]
        for width in scores:
            each = " ".join(f"{score:.4f}" for score in scores[width])
            cells = [each, f"{lost:+.4f}" if width == "bf16" else "", f"{error[width]:.1e}", f"{spent[width]:.0f}"]
            rows.append([f"{name}, D = {values.shape[1]}", width, *cells])
    columns = ["table", "nets in", "held-out NLL of each seed (nats)", "lost a dimension", "round trip", "cpu (s)"]
    return table(columns, rows)


def compiling() -> str:
    """Seconds to the end of the first compiled step, with an empty cache and with a full one, and what a step takes."""
    rows = []
    for kind, width in (("affine", 64), ("affine", 256), ("spline", 64)):
        with tempfile.TemporaryDirectory() as cache:
            cold, warm = (_told(COMPILE, kind, width, TORCHINDUCTOR_CACHE_DIR=cache) for _ in range(2))
        plain, compiled = (median((a, b)) for a, b in zip(cold[1:], warm[1:], strict=True))
        pays = 1e-3 * (plain - compiled)
        cells = [f"{cold[0]:.0f}", f"{warm[0]:.0f}", f"{plain:.2f}", f"{compiled:.2f}", f"{compiled / plain:.2f}"]
        rows.append([f"8 {kind} couplings of width {width}", *cells, f"{cold[0] / pays:,.0f}" if pays > 0 else "never"])
        print(f"  {rows[-1]}", flush=True)
    columns = ["flow", "cold (s)", "cached (s)", "step (ms)", "compiled (ms)", "ratio", "steps to repay a cold start"]
    return table(columns, rows)


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.training", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which of {', '.join(PARTS)}")
    parser.add_argument("--data", nargs="*", type=Path, default=[], help="tables for precision; else two toy sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(heading(f"python -m bench.training --parts {options.parts} --threads {options.threads}"), flush=True)
    made = {
        "depth": lambda: depth(options.threads),
        "precision": lambda: precision(options.data, options.seeds, options.steps),
        "compile": compiling,
    }
    for part in options.parts.split(","):
        print(f"\n**{part}**\n\n{made[part]()}", flush=True)


if __name__ == "__main__":
    main()
