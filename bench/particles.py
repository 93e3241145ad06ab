"""Like particles: what the default flow learns, beside sequential Monte Carlo and, if given, reference samples."""

import warnings
from pathlib import Path

import numpy as np
import torch

from bench.common import clocked, table
from realnvp import BoltzmannGenerator
from realnvp.mcmc import smc
from realnvp.measure import log_normalizer
from realnvp.potentials import DW4, LJ13, Potential

__all__ = ["normaliser", "particles"]

DRAWS = 50_000


def normaliser(potential: Potential, runs: int = 5, n: int = 10_000) -> tuple[float, float]:
    """``log Z`` by sequential Monte Carlo from a normal, without a flow: mean of the runs, standard error."""
    found = []
    for seed in range(runs):
        generator = torch.Generator().manual_seed(100 + seed)
        start = 2.0 * torch.randn(n, potential.features, generator=generator, dtype=torch.float64)
        constant = potential.features * np.log(2.0 * np.sqrt(2 * np.pi))
        run = smc(
            potential,
            start,
            lambda z, constant=constant: 0.125 * z.square().sum(-1) + constant,
            moves=3,
            steps=5,
            generator=generator,
        )
        found.append(run.log_z)
    return log_normalizer(np.array(found))


def apart(x: np.ndarray, bodies: tuple[int, int]) -> np.ndarray:
    """Distances of the pairs of each row."""
    p = x.reshape(-1, *bodies)
    i, j = np.triu_indices(bodies[0], 1)
    return np.linalg.norm(p[:, i] - p[:, j], axis=-1)


def histogram(x: np.ndarray, bodies: tuple[int, int], weight: np.ndarray | None = None) -> np.ndarray:
    """Shares of the pairs' distances in 60 cells up to 8."""
    distance = apart(x, bodies)
    weights = None if weight is None else np.repeat(weight, distance.shape[1])
    counts, _ = np.histogram(distance.ravel(), bins=60, range=(0, 8), weights=weights)
    return counts / counts.sum()


def particles(reference: dict[str, Path], max_time: float | None = None) -> str:
    """ESS, ``log Z`` beside the independent one, and how far the histogram of distances is from the reference's."""
    rows = []
    for potential in (DW4(), LJ13()):
        with clocked() as clock, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model = BoltzmannGenerator(random_state=0, verbose=False, device="cpu", max_time=max_time).fit(potential)
        known, error = normaliser(potential)
        x, log_w = model.log_weights(DRAWS, random_state=0)
        ours = histogram(x, potential.bodies, np.exp(log_w - log_w.max()))
        away = "no reference given"
        if potential.name in reference:
            sample = np.load(reference[potential.name]).reshape(-1, potential.features).astype(float)
            half = len(sample) // 2
            theirs = histogram(sample, potential.bodies)
            noise = abs(histogram(sample[:half], potential.bodies) - histogram(sample[half:], potential.bodies)).sum()
            away = f"{abs(ours - theirs).sum() / 2:.4f} (two halves of it: {noise / 2:.4f})"
        rows.append([potential.name, f"{model.ess_:.4f}", f"{model.coverage_:.4f}", f"{model.pareto_k_:.2f}",
                     f"{model.log_normalizer_:.4f} ± {model.log_normalizer_error_:.4f}", f"{known:.4f} ± {error:.4f}",
                     away, f"{model.evaluations_:,}", f"{clock.wall:.0f}"])  # fmt: skip
        print("  ", *rows[-1], flush=True)
    columns = ["potential", "ESS", "coverage", "Pareto k", "log Z", "log Z by sequential Monte Carlo",
               "total variation of the pair distances from the reference", "evaluations", "wall (s)"]  # fmt: skip
    return table(columns, rows)
