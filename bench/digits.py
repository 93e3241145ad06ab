"""Digits beside a Gaussian mixture and zuko's flows, all dequantised with 17 levels."""

import math
import time
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from bench.common import table
from realnvp import ImageRealNVP
from realnvp.data.images import image_set
from realnvp.train import adamw, warm_cosine
from realnvp.train.keep import Average, Best

__all__ = ["digits"]

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
        for name, fitted in peers.items():
            start = time.perf_counter()
            model = fitted()
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
