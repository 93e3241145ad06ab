"""How well an energy is learnt, how soon: ``python -m bench.energy``.

KL is ``KL(q || p) = log Z - E_q[log w]`` in nats, with the exact log Z; ESS is a fraction of the draws; both from
50,000 fresh draws. An evaluation is one energy of one point, with or without its gradient.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench.common import clocked, heading, table
from bench.lattice import NEAR, curve, lattice, transition
from bench.particles import particles
from bench.reference import train_reference_on_energy
from realnvp import BoltzmannGenerator
from realnvp.measure import ess, log_normalizer, weighted_mean
from realnvp.potentials import (
    DW4,
    LJ13,
    U1,
    U2,
    U3,
    U4,
    DoubleWell,
    Funnel,
    ManyWell,
    Mixture40,
    MuellerBrown,
    Phi4,
    Potential,
    Rings,
)

DRAWS = 50_000
FOUR = (U1(), U2(), U3(), U4())
OTHERS = (DoubleWell(), MuellerBrown(), Rings(), Funnel(), ManyWell(), Phi4(4))


def ours(potential: Potential, seed: int, **params: object) -> tuple[BoltzmannGenerator, float]:
    """Fit with default settings: the model and the wall seconds of ``fit``."""
    with clocked() as clock, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = BoltzmannGenerator(random_state=seed, verbose=False, device="cpu", **params).fit(potential)
    return model, clock.wall


def quality(potential: Potential, log_w: np.ndarray) -> tuple[float, float, float]:
    """KL(q || p), ESS and the error of log Z."""
    exact = potential.log_normalizer
    return exact - log_w.mean(), ess(log_w), log_normalizer(log_w).value - exact


def four(seeds: int, steps: int) -> str:
    """The four energies of the plane: ours at each seed, and the reference beside it."""
    rows = []
    for potential in FOUR:
        found = []
        for seed in range(seeds):
            model, wall = ours(potential, seed)
            found.append((*quality(potential, model.log_weights(DRAWS, random_state=seed)[1]), wall))
        rows.append([potential.name, "ours", *_spread(found)])
        print("  ", *rows[-1], flush=True)
        if not steps:
            continue
        with clocked() as clock:
            flow = train_reference_on_energy(potential, steps=steps)
        with torch.no_grad():
            x, log_q = flow.boxed(DRAWS)
            log_w = (-potential(x) - log_q).double().numpy()
        rows.append([potential.name, "reference", *_spread([(*quality(potential, log_w), clock.wall)])])
        print("  ", *rows[-1], flush=True)
    return table(["energy", "who", "KL (nats), each seed", "ESS, each seed", "log Z error", "wall (s)"], rows)


def _spread(found: list[tuple[float, float, float, float]]) -> list[str]:
    kl, size, error, wall = zip(*found, strict=True)
    return [
        " ".join(f"{v:.4f}" for v in kl),
        " ".join(f"{v:.4f}" for v in size),
        " ".join(f"{v:+.4f}" for v in error),
        f"{median(wall):.0f}",
    ]


def mixtures(draws: int) -> str:
    """Forty modes, several draws of the means."""
    rows = []
    for draw in range(draws):
        potential = Mixture40(draw)
        model, wall = ours(potential, draw)
        x, log_w = model.log_weights(DRAWS, random_state=draw)
        kl, size, error = quality(potential, log_w)
        nearest = ((x[:, None] - potential.means) ** 2).sum(2).argmin(1)
        counts = np.bincount(nearest, minlength=40) / len(x) * 40
        modes = f"{(counts > 0.1).sum()} ({counts.min():.2f} to {counts.max():.2f})"
        rows.append(
            [draw, modes, f"{size:.4f}", f"{error:+.4f}", f"{kl:.3f}", f"{model.evaluations_:,}", f"{wall:.0f}"]
        )
        print("  ", *rows[-1], flush=True)
    columns = [
        "means",
        "modes (mass of the lightest and heaviest)",
        "ESS",
        "log Z error",
        "KL",
        "evaluations",
        "wall (s)",
    ]
    return table(columns, rows)


def others() -> str:
    """Every other potential of the library, default settings."""
    rows = []
    for potential in OTHERS:
        model, wall = ours(potential, 0)
        exact = potential.log_normalizer
        error = "not known" if exact is None else f"{model.log_normalizer_ - exact:+.4f}"
        name = f"{potential.name}, D = {potential.features}"
        figures = [f"{model.ess_:.4f}", f"{model.coverage_:.4f}", f"{model.pareto_k_:.2f}", error]
        rows.append([name, *figures, f"{model.evaluations_:,}", f"{wall:.0f}"])
        print("  ", *rows[-1], flush=True)
        if isinstance(potential, ManyWell) and potential.pairs > 1:
            print(f"\n{_wells(potential, model)}\n", flush=True)
    return table(["potential", "ESS", "coverage", "Pareto k", "log Z error", "evaluations", "wall (s)"], rows)


def _virial(potential: Potential) -> Callable[[np.ndarray], np.ndarray]:
    def virial(x: np.ndarray) -> np.ndarray:
        at = torch.as_tensor(x).requires_grad_()
        (slope,) = torch.autograd.grad(potential(at).sum(), at)
        return (at * slope).sum(1).detach().numpy()

    return virial


def _wells(potential: ManyWell, model: BoltzmannGenerator) -> str:
    """How much of the mass is in each well of each pair, by weighted draws, beside the exact share."""
    grid = torch.linspace(-4, 4, 200_001, dtype=torch.float64)
    mass = (-DoubleWell()(torch.stack((grid, torch.zeros_like(grid)), -1))).softmax(0)
    truth = mass[grid < 0].sum().item()
    x, log_w = model.log_weights(DRAWS, random_state=0)
    rows = []
    for pair in range(potential.pairs):
        share, error = weighted_mean(x[:, 2 * pair] < 0, log_w)
        away = (share - truth) / error
        rows.append([pair + 1, f"{share:.4f}", f"{1 - share:.4f}", f"{error:.4f}", f"{away:+.1f}"])
    rows.append(["exact", f"{truth:.4f}", f"{1 - truth:.4f}", "", ""])
    return table(["pair", "left well", "right well", "standard error", "distance from exact in errors"], rows)


def chains(repeats: int, only: str = "", max_time: float | None = None) -> str:
    """Corrected chains of quickly trained flows: how often a known expectation lies within three standard errors."""
    rows = []
    tried: list[tuple[Potential, str, Callable[[np.ndarray], np.ndarray]]] = [
        *((p, "x1 > 0", lambda x: x[:, 0] > 0) for p in FOUR),
        (DoubleWell(), "x1 > 0", lambda x: x[:, 0] > 0),
        (MuellerBrown(), "x1 > 0", lambda x: x[:, 0] > 0),
        (Rings(), "r^2", lambda x: (x**2).sum(1)),
        (Mixture40(), "x1 > 0", lambda x: x[:, 0] > 0),
        (Funnel(), "x1 > 3", lambda x: x[:, 0] > 3),
        (ManyWell(), "x1 > 0", lambda x: x[:, 0] > 0),
        *((p, "x . grad U", _virial(p)) for p in (Phi4(), DW4(), LJ13())),
    ]
    for potential, name, f in tried:
        if only and potential.name not in only.split(","):
            continue
        virial = name == "x . grad U"  # its mean is D for every law that vanishes far out, by parts
        truth = potential.features if virial else f(potential.sample(1_000_000, 0)).mean()
        model, _ = ours(potential, 0, max_steps=600, max_time=max_time)
        found = [model.expectation(f, 10_000, corrected=True, random_state=seed) for seed in range(repeats)]
        inside = sum(abs(value - truth) < 3 * error for value, error in found)
        values, errors = np.array(found).T
        rows.append([potential.name, name, f"{truth:.4f}", f"{values.mean():.4f} ± {errors.mean():.4f}",
                     f"{values.std(ddof=1):.4f}", f"{inside} of {repeats}", f"{model.acceptance_:.2f}",
                     f"{model.local_acceptance_:.2f}", f"{model.ess_:.3f}"])  # fmt: skip
        print("  ", *rows[-1], flush=True)
    columns = ["potential", "f", "exact", "mean of repeats ± mean error of one", "spread of the repeats",
               "within 3 errors", "proposals accepted", "local moves accepted", "ESS"]  # fmt: skip
    return table(columns, rows)


def main() -> None:
    """Run the parts asked for and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5000, help="steps of the reference, none by 0")
    parser.add_argument("--sides", default="8,12,16,24,32", help="sides of the lattices of the curve")
    parser.add_argument("--masses", default=f"-4,{NEAR:g}", help="their mass^2")
    parser.add_argument("--only", default="", help="of the chains only those of these potentials")
    parser.add_argument(
        "--parts", default="four,mixtures,others,particles,chains,lattice,transition,curve", help="which parts"
    )
    parser.add_argument("--reference", default="", help="samples of particles: dw4=FILE.npy,lj13=FILE.npy")
    parser.add_argument("--max-time", type=float, help="most seconds of training for particles and chains")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(heading("python -m bench.energy"), flush=True)
    parts = {
        "four": lambda: four(options.seeds, options.steps),
        "mixtures": lambda: mixtures(options.seeds),
        "others": others,
        "particles": lambda: particles(
            {k: Path(v) for k, v in (pair.split("=") for pair in options.reference.split(",") if pair)},
            options.max_time,
        ),
        "chains": lambda: chains(20, options.only, options.max_time),
        "lattice": lambda: lattice(options.seeds, options.steps // 2),
        "transition": transition,
        "curve": lambda: curve(
            [int(v) for v in options.sides.split(",")], [float(v) for v in options.masses.split(",")]
        ),
    }
    for name in options.parts.split(","):
        print(f"\n{parts[name]()}", flush=True)


if __name__ == "__main__":
    main()
