"""How close to the truth, how soon: ``python -m bench.toy``.

Gap is ``KL(data || model)`` in nats, from exact log densities at 20,000 held-out points; training sees 10,000 points.
"""

import argparse
from statistics import median

import numpy as np
import torch

from bench.common import clocked, heading, table
from bench.reference import train_reference
from realnvp import RealNVP, nice, real_nvp, spline_flow
from realnvp.data import Toy, toy
from realnvp.measure import round_trip_error, truth_gap

TRAIN, HELD_OUT = 10_000, 20_000
PLANE = (
    "moons",
    "circles",
    "spirals",
    "eight_gaussians",
    "checkerboard",
    "pinwheel",
    "swiss_roll",
    "rings",
    "two_spirals",
)


def gap_of(law: Toy, log_prob: np.ndarray, held_out: np.ndarray) -> float:
    """Distance from the truth in nats."""
    return truth_gap(law.log_prob(held_out), log_prob).value


def ours(law: Toy, seed: int, **params: object) -> tuple[RealNVP, float, float, float]:
    """Fit the estimator: the model, its gap, wall and processor seconds of ``fit``."""
    X, held_out = law.sample(TRAIN, seed), law.sample(HELD_OUT, seed + 1000)
    model = RealNVP(random_state=seed, verbose=False, device="cpu", **params)
    with clocked() as clock:
        model.fit(X)
    return model, gap_of(law, model.score_samples(held_out), held_out), clock.wall, clock.cpu


def reference(law: Toy, seed: int, steps: int) -> tuple[float, float, float]:
    """Train the plain script: gap, wall and processor seconds."""
    generator = np.random.default_rng(seed)
    held_out = law.sample(HELD_OUT, seed + 1000)
    with clocked() as clock:
        flow = train_reference(
            lambda n: torch.as_tensor(law.sample(n, generator), dtype=torch.float32), steps=steps, seed=seed
        )
    with torch.no_grad():
        log_prob = flow.log_prob(torch.as_tensor(held_out, dtype=torch.float32)).double().numpy()
    return gap_of(law, log_prob, held_out), clock.wall, clock.cpu


def against_reference(seeds: int, steps: int) -> str:
    """Moons: the reference and ours in turn, seed by seed; then ours in a quarter of the reference's time."""
    law, rows = toy("moons"), []
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(seeds):
        gap, wall, cpu = reference(law, seed, steps)
        found.setdefault("reference", []).append((gap, wall, cpu))
        for kernel in ("affine", "spline"):
            found.setdefault(f"ours, {kernel}", []).append(ours(law, seed, kernel=kernel)[1:])
            quick = ours(law, seed, kernel=kernel, max_time=wall / 4)[1:]
            found.setdefault(f"ours, {kernel}, a quarter of the reference's time", []).append(quick)
    base = median(cpu for _, _, cpu in found["reference"])
    for name, runs in found.items():
        gaps, walls, cpus = zip(*runs, strict=True)
        spread = " ".join(f"{g:.4f}" for g in gaps)
        rows.append([name, f"{median(gaps):.4f}", spread, f"{median(walls):.0f}", f"{median(cpus) / base:.2f}"])
    return table(["moons", "gap, median (nats)", "gap of each seed", "wall (s)", "processor time / reference"], rows)


def every_set(seed: int) -> str:
    """A row for each plane set: gap and time, affine and spline, default settings."""
    rows = []
    for name in PLANE:
        law = toy(name)
        cells = [name, f"{law.entropy:.4f}"]
        for kernel in ("affine", "spline"):
            _, gap, wall, cpu = ours(law, seed, kernel=kernel)
            cells += [f"{gap:.4f}", f"{wall:.0f} ({cpu:.0f})"]
        rows.append(cells)
        print(f"  {' '.join(cells)}", flush=True)
    return table(["set", "entropy", "affine gap", "wall (cpu) s", "spline gap", "wall (cpu) s"], rows)


def round_trips(seed: int) -> str:
    """Max |x - inverse(forward(x))| over 100,000 fresh points of moons, trained flows, float32 and float64."""
    law, rows = toy("moons"), []
    x = torch.as_tensor(law.sample(100_000, seed + 2000))
    for kernel, recipe in {"additive": nice, "affine": real_nvp, "spline": spline_flow}.items():
        model = ours(law, seed, kernel=kernel)[0]
        errors = [
            round_trip_error(model.flow_.to(dtype).transform, x.to(dtype)) for dtype in (torch.float32, torch.float64)
        ]
        rows.append([recipe.__name__, *(f"{error:.1e}" for error in errors)])
    return table(["recipe", "float32", "float64"], rows)


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5000, help="steps of the reference")
    parser.add_argument("--parts", default="reference,sets,round", help="which of reference, sets, round")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(heading("python -m bench.toy"), flush=True)
    if "reference" in options.parts:
        print(f"\n{against_reference(options.seeds, options.steps)}", flush=True)
    if "sets" in options.parts:
        print(f"\n{every_set(0)}", flush=True)
    if "round" in options.parts:
        print(f"\n{round_trips(0)}", flush=True)


if __name__ == "__main__":
    main()
