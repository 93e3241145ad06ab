"""What flows of pictures cost: time and memory against depth and side, pictures a second against the machine's peak."""

import subprocess
import sys
import time

import numpy as np
import torch

from bench.common import table
from realnvp import ImageRealNVP, MaxLikelihood
from realnvp.train import adamw, fit

__all__ = ["cost", "throughput"]

MEASURE = """
import sys, time, numpy as np, torch
from realnvp import ImageRealNVP, MaxLikelihood
from realnvp.train import adamw, fit
side, layers, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def memory(key):
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024
images = np.random.default_rng(0).integers(0, 256, (64, side, side, 3), dtype=np.uint8)
model = ImageRealNVP(layers=layers, max_steps=0, verbose=False, random_state=0).fit(images[:2])
flow, x = model.flow_, torch.rand(32, 3, side, side)
open("/proc/self/clear_refs", "w").write("5")  # Linux: the peak begins anew
before = memory("VmRSS")
def repeat(action):
    for _ in range(8):
        action(); yield
work = {"train": lambda: fit(MaxLikelihood(flow.train()), [x] * 8, adamw(flow)),
        "score": lambda: repeat(lambda: model.score_samples(images[:32], draws=1)),
        "sample": lambda: repeat(lambda: model.sample(32, random_state=0))}[what]()
next(work); next(work)
times, start = [], time.perf_counter()
for _ in work:
    times.append(time.perf_counter() - start); start = time.perf_counter()
print(sum(p.numel() for p in flow.parameters()), 1e3 * np.median(times) / 32, memory("VmHWM") - before)
"""


def cost() -> str:
    """Milliseconds a picture and memory beside that of the model, a fresh process for each figure."""
    rows = []
    for side, layers in ((8, 6), (16, 6), (32, 6), (64, 6), (32, 2), (32, 12)):
        cells: list[str] = []
        for what in ("train", "score", "sample"):
            command = [sys.executable, "-c", MEASURE, str(side), str(layers), what]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            count, spent, memory = map(float, done.stdout.split())
            cells += [f"{spent:.2f}", f"{memory:.0f}"]
        rows.append([f"{side} x {side} x 3", layers, f"{count:,.0f}", *cells])
        print(f"  {rows[-1]}", flush=True)
    verbs = [f"{verb} ({unit})" for verb in ("training", "scoring", "sampling") for unit in ("ms", "MiB")]
    return table(["pictures", "couplings a scale", "parameters", *verbs], rows)


def throughput(device: str | None) -> str:
    """Pictures a second of a training step, and what share of the measured matrix-multiply peak its products reach."""
    where, rows = torch.device(device or "cpu"), []
    peaks = {kind: peak(where, dtype) for kind, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16))}
    batch = 256 if where.type == "cuda" else 32
    for shape, precision in (
        ((28, 28), "float32"),
        ((28, 28), "bf16"),
        ((32, 32, 3), "float32"),
        ((32, 32, 3), "bf16"),
    ):
        images = np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8)
        model = ImageRealNVP(max_steps=0, precision=precision, device=device, verbose=False, random_state=0).fit(images)
        flow = model.flow_.train()
        x = torch.rand(batch, *flow.event_shape, device=where)
        clock = []
        for _ in fit(MaxLikelihood(flow), [x] * 25, adamw(flow)):
            wait(where)
            clock.append(time.perf_counter())
        rate = batch / float(np.median(np.diff(clock[5:])))
        products = multiplications(model) * 6 * rate  # a product and a sum, forward and twice backward
        rows.append(
            [
                " x ".join(map(str, shape)),
                precision,
                f"{rate:.0f}",
                f"{products / 1e12:.3f}",
                f"{products / peaks[precision]:.3f}",
            ]
        )
        print(f"  {rows[-1]}", flush=True)
    told = ", ".join(f"{kind} {value / 1e12:.2f}" for kind, value in peaks.items())
    columns = ["pictures", "precision", "pictures a second", "TFLOP/s", "share of the peak"]
    return f"measured matrix-multiply peaks in TFLOP/s: {told}\n\n{table(columns, rows)}"


def peak(device: torch.device, dtype: torch.dtype, size: int = 2048, repeats: int = 10) -> float:
    """Operations a second of the product of two large square matrices, the best of five."""
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    found = 0.0
    for _ in range(5):
        wait(device)
        start = time.perf_counter()
        for _ in range(repeats):
            a @ b
        wait(device)
        found = max(found, 2 * size**3 * repeats / (time.perf_counter() - start))
    return found


def wait(device: torch.device) -> None:
    """Wait for an accelerator to finish."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def multiplications(model: ImageRealNVP) -> float:
    """Multiplications of the convolutions and linear maps of one picture, one pass."""
    from torch.utils.flop_counter import FlopCounterMode

    x = torch.rand(1, *model.flow_.event_shape, device=next(model.flow_.buffers()).device)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.flow_(x)
    return counter.get_total_flops() / 2
