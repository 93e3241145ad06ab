"""Bits per dimension of pictures: ``python -m bench.images``.

digits: ours beside a Gaussian mixture and zuko's flows, on the same pictures, all dequantised with 17 levels.
mnist: held-out bits per dimension against minutes, the multi-scale flow and the flat one.
cost: time and memory of a training step, a score and a sample against depth and side.
throughput: pictures a second in training, and the share of the machine's matrix-multiply peak.
"""

import argparse
import math
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bench.common import heading, table
from realnvp import ImageRealNVP, MaxLikelihood
from realnvp.data.images import ImageSet, image_set
from realnvp.train import adamw, fit, warm_cosine
from realnvp.train.keep import Average, Best

ALPHA = 0.05


def logit(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ``logit(a + (1 - 2 a) x)`` of rows and the log-det, as ours has it inside."""
    u = ALPHA + (1 - 2 * ALPHA) * x
    return torch.log(u) - torch.log1p(-u), (math.log(1 - 2 * ALPHA) - torch.log(u) - torch.log1p(-u)).sum(-1)


class Noisy:
    """Rows of pictures with fresh uniform noise, and bits per dimension from log densities of ``logit`` rows."""

    def __init__(self, images: np.ndarray, levels: int, seed: int) -> None:
        self.k = torch.as_tensor(images.reshape(len(images), -1), dtype=torch.float64)
        self.levels, self.generator = levels, torch.Generator().manual_seed(seed)

    def draw(self, rows: torch.Tensor | slice = slice(None)) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the rows in logit space, float64, and the log-det."""
        k = self.k[rows]
        return logit((k + torch.rand(k.shape, generator=self.generator, dtype=torch.float64)) / self.levels)

    def bits(self, log_prob: Callable[[torch.Tensor], torch.Tensor], draws: int = 4) -> tuple[float, float]:
        """Mean over pictures and its standard error; the same noise at every call, averaged for each picture first."""
        self.generator.manual_seed(self.generator.initial_seed())
        total = sum(log_prob(y) + ladj for y, ladj in (self.draw() for _ in range(draws))) / draws
        found = (-total / (self.k.shape[1] * math.log(2)) + math.log2(self.levels)).numpy()
        return float(found.mean()), float(found.std(ddof=1) / len(found) ** 0.5)


def mixture(train: Noisy, held: Noisy, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Fit Gaussian mixtures of 5 to 40 components to eight draws of the noise, three floors; the best by validation."""
    from sklearn.mixture import GaussianMixture

    X, best = np.concatenate([train.draw()[0].numpy() for _ in range(8)]), (math.inf, None)
    for components in (5, 10, 20, 30, 40):
        for floor in (1e-3, 1e-2, 1e-1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = GaussianMixture(components, reg_covar=floor, random_state=seed).fit(X)
            found = held.bits(lambda y, m=model: torch.as_tensor(m.score_samples(y.numpy())))[0]
            best = min(best, (found, model), key=lambda pair: pair[0])
    return lambda y: torch.as_tensor(best[1].score_samples(y.numpy()))


def zuko_flow(
    name: str, train: Noisy, held: Noisy, seed: int, seconds: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Train zuko's flow on fresh noise as ours is trained: AdamW 3e-3, warm-up, cosine, moving average of the weights.

    The best by validation of the raw and the averaged weights at every epoch; it ends when 60 epochs bring nothing,
    after 5,000 steps of 128, or after ``seconds``.
    """
    import zuko

    torch.manual_seed(seed)
    y = train.draw()[0]
    loc, scale = y.mean(0), y.std(0) + 1e-6
    make = {"NSF": partial(zuko.flows.NSF, transforms=5), "RealNVP": partial(zuko.flows.RealNVP, transforms=8)}[name]
    flow = make(train.k.shape[1], hidden_features=(128, 128))
    average = Average(flow)
    optimizer, rate = adamw(flow, 3e-3), warm_cosine(100)

    def log_prob(y: torch.Tensor, of: torch.nn.Module) -> torch.Tensor:
        with torch.no_grad():
            return of().log_prob(((y - loc) / scale).float()).double() - scale.log().sum()

    best, stale, steps, start = Best(lambda m: held.bits(partial(log_prob, of=m))[0]), 0, 0, time.perf_counter()
    while stale < 60 and (done := max(steps / 5000, (time.perf_counter() - start) / seconds)) < 1:
        for rows in torch.randperm(len(train.k)).split(128):
            for group in optimizer.param_groups:
                group["lr"] = 3e-3 * rate(steps, done)
            loss = -flow().log_prob(((train.draw(rows)[0] - loc) / scale).float()).mean()
            optimizer.zero_grad()
            loss.backward()
            if torch.isfinite(torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)):
                optimizer.step()
            average.update()
            steps += 1
        before = best.value
        best.offer(flow, average.module)
        stale = 0 if best.value < before else stale + 1
    best.give(flow)
    return partial(log_prob, of=flow)


def digits(seeds: int, seconds: float) -> str:
    """Every model in turn for every seed: bits per dimension of the same 360 held-out digits."""
    data, rows = image_set("digits"), []
    tests = {}
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(len(data.train))
        held, kept = (Noisy(data.train[part], data.levels, seed) for part in (order[:144], order[144:]))
        peers = {
            "Gaussian mixture": lambda h=held, k=kept, s=seed: mixture(k, h, s),
            "zuko NSF, 5 x (128, 128)": lambda h=held, k=kept, s=seed: zuko_flow("NSF", k, h, s, seconds),
            "zuko RealNVP, 8 x (128, 128)": lambda h=held, k=kept, s=seed: zuko_flow("RealNVP", k, h, s, seconds),
        }
        for name, fit in peers.items():
            start = time.perf_counter()
            model = fit()
            tests.setdefault(name, []).append(
                (*Noisy(data.test, data.levels, 1000 + seed).bits(model), time.perf_counter() - start)
            )
            print(f"  seed {seed}: {name} {tests[name][-1]}", flush=True)
        start = time.perf_counter()
        model = ImageRealNVP(levels=data.levels, random_state=seed, max_time=seconds, verbose=False).fit(data.train)
        tests.setdefault("ours, default settings", []).append(
            (*model.bits_per_dim(data.test, random_state=1000 + seed), time.perf_counter() - start)
        )
        print(f"  seed {seed}: ours {tests['ours, default settings'][-1]} {model.stopped_by_}", flush=True)
    for name, found in tests.items():
        bits, errors, walls = zip(*found, strict=True)
        rows.append([name, " ".join(f"{b:.4f}" for b in bits), f"{np.mean(errors):.4f}", f"{np.median(walls):.0f}"])
    return table(["model", "bits/dim of each seed", "standard error", "wall (s)"], rows)


def curve(
    data: ImageSet, name: str, minutes: float, device: str | None, params: dict
) -> tuple[list[tuple[float, float]], list[str]]:
    """Train one flow for ``minutes``: its curve of (minutes, held-out bits), and its row of final figures."""
    model = ImageRealNVP(max_steps=10**7, max_time=60 * minutes, random_state=0, verbose=False, device=device, **params)
    model.callbacks = [
        lambda r: print(
            f"  {name}: {r.seconds / 60:.2f} min, step {r.step}, {r.held_out:.4f}, best {r.best:.4f}", flush=True
        )
    ]
    start = time.perf_counter()
    model.fit(data.train)
    spent = time.perf_counter() - start
    bits = model.bits_per_dim(data.test, draws=1)
    last = model.history_[-1]
    rate = last["step"] * model.batch_size / last["seconds"]
    row = [
        name,
        f"{bits.value:.4f} ± {bits.error:.4f}",
        f"{last['best']:.4f}",
        f"{spent / 60:.1f}",
        str(last["step"]),
        f"{rate:.0f}",
    ]
    return [(r["seconds"] / 60, r["best"]) for r in model.history_], row


def curves(set_name: str, minutes: float, device: str | None, data_dir: str | None, kinds: list[str]) -> str:
    """Held-out bits per dimension against minutes, and the test pictures at the end."""
    data = image_set(set_name, data_dir)
    flat = {"architecture": "flat", "kernel": "affine", "batch_size": 100, "lr": 1e-3, "early_stopping": False}
    params = {
        "multi-scale": {"early_stopping": False},
        "multi-scale, affine": {"kernel": "affine", "early_stopping": False},
        "flat as published, 64-128-128-64": flat,
        "flat as published, 512-wide": flat | {"width": 512},
        "real_nvp": {"architecture": "real_nvp", "kernel": "affine", "early_stopping": False},
    }
    chosen = [name for name in params if not kinds or name in kinds or name.split()[0].strip(",") in kinds]
    found = {name: curve(data, name, minutes, device, params[name]) for name in chosen}
    marks = [m for m in (0.5, 1, 2, 3, 5, 10, 15, 20, 25, 30, 60, 120, 240) if m < minutes] + [minutes]
    rows = [[name, *(_at(course, m) for m in marks)] for name, (course, _) in found.items()]
    ends = ["model", "test bits/dim", "best of validation", "minutes", "steps", "pictures a second"]
    return "\n\n".join(
        [
            table(["best of validation by minute", *(f"{m:g}" for m in marks)], rows),
            table(ends, [row for _, row in found.values()]),
        ]
    )


def _at(course: list[tuple[float, float]], minute: float) -> str:
    before = [bits for at, bits in course if at <= minute + 0.05]
    return f"{before[-1]:.4f}" if before else ""


MEASURE = """
import resource, sys, time, numpy as np, torch
from realnvp import ImageRealNVP, MaxLikelihood
from realnvp.train import adamw, fit
side, layers, what = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
images = np.random.default_rng(0).integers(0, 256, (64, side, side, 3), dtype=np.uint8)
model = ImageRealNVP(layers=layers, max_steps=0, verbose=False, random_state=0).fit(images[:2])
flow, x = model.flow_, torch.rand(32, 3, side, side)
before = peak()
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
print(sum(p.numel() for p in flow.parameters()), 1e3 * np.median(times) / 32, peak() - before)
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


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--parts", default="digits,mnist,cost", help="of digits, mnist, fashion_mnist, cifar10, cost, throughput"
    )
    parser.add_argument("--seeds", type=int, default=3, help="of digits")
    parser.add_argument("--seconds", type=float, default=300, help="most seconds of each model of digits")
    parser.add_argument("--minutes", type=float, default=30, help="of each curve")
    parser.add_argument(
        "--kinds", default="multi-scale,flat", help="curves: multi-scale (two kernels), flat (two widths), real_nvp"
    )
    parser.add_argument("--data-dir", help="folder of the picture sets, else REALNVP_DATA or the network")
    parser.add_argument("--device", help="where to train; by default the accelerator if there is one")
    parser.add_argument("--threads", type=int, help="processor threads")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    print(heading("python -m bench.images"), flush=True)
    for part in options.parts.split(","):
        if part == "digits":
            print(f"\n{digits(options.seeds, options.seconds)}", flush=True)
        elif part == "throughput":
            print(f"\n{throughput(options.device)}", flush=True)
        elif part == "cost":
            print(f"\n{cost()}", flush=True)
        else:
            found = curves(part, options.minutes, options.device, options.data_dir, options.kinds.split(","))
            print(f"\n{part}\n\n{found}", flush=True)


if __name__ == "__main__":
    main()
