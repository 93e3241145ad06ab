"""Sequential Monte Carlo: a population led from a wide start to the target through a ladder of temperatures."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.mcmc.base import Energy, Stride, Walkers, effective, leap, tempered
from realnvp.shapes import spread

__all__ = ["Population", "smc"]


@dataclass(frozen=True)
class Population:
    """Points ``x`` (n, D) of the target and their energies ``u`` (n,).

    ``log_z`` estimates the target's log normaliser; ``evaluations`` counts energies (with gradients) taken, and
    ``levels`` the temperatures passed through.
    """

    x: Tensor
    u: Tensor
    log_z: float
    evaluations: int
    levels: int


@torch.no_grad()
def smc(
    energy: Energy,
    start: Tensor,
    start_energy: Energy,
    *,
    moves: int = 2,
    steps: int = 1,
    ess: float = 0.6,
    most_levels: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    generator: torch.Generator | None = None,
) -> Population:
    """Lead draws ``start`` (n, D) of ``exp(-start_energy)``, a normalised density, to ``exp(-energy)``.

    Between them lie ``U_b = (1 - b) start_energy + b energy``; each next ``b`` is the largest at which the weights keep
    an effective size of ``ess``. At each level the population is resampled and makes ``moves`` moves of ``steps``
    leapfrog steps, as wide as its covariance says.
    The next level is the last where ``stop()`` is true, and at ``most_levels``, by default the larger of 100 and
    ``6 sqrt(D)``.

    References:
        Del Moral, Doucet, Jasra (2006), Sequential Monte Carlo samplers, J. R. Stat. Soc. B 68, 411
    """
    x, beta, log_z, levels, evaluations = start.detach(), 0.0, 0.0, 0, len(start)
    u, u0 = energy(x), start_energy(x)
    if not torch.isfinite(u).any():
        raise InputError("the energy is not finite at any point of the start: give bounds, or check its sign")
    stride = Stride(0.5, 0.6)
    most = most_levels or max(
        100, math.ceil(6 * x.shape[1] ** 0.5)
    )  # a normal takes about sqrt(D) for each factor of e
    while beta < 1:
        levels += 1
        drop = torch.where(torch.isfinite(u), u0 - u, -torch.inf)
        last = levels == most or stop()
        rise = 1 - beta if last else max(tempered(drop, ess, 1 - beta), 1e-9)
        beta = 1.0 if rise >= 1 - beta else beta + rise
        log_weight = rise * drop
        if last and effective(log_weight) < 0.5 * ess:
            warnings.warn(
                f"after {levels} temperatures the population is still far from the target: what is learnt from it "
                "may miss modes",
                stacklevel=2,
            )
        log_z += float(log_weight.logsumexp(0)) - float(torch.tensor(float(len(x))).log())
        x = x[_systematic(log_weight.softmax(0), generator)]

        def bridge(at: Tensor, beta: float = beta) -> Tensor:
            return (1 - beta) * start_energy(at) + beta * energy(at)

        scale = spread(x)
        walkers = Walkers.at(x, bridge)
        for _ in range(moves):
            walkers = leap(bridge, walkers, stride.size, scale, steps=steps, generator=generator)
            stride.learn(walkers.acceptance)
        x = walkers.x
        u, u0 = energy(x), start_energy(x)
        evaluations += (moves * steps + 2) * len(x)
    return Population(x, u, log_z, evaluations, levels)


def _systematic(weight: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw as many indices as there are weights, each as often as its weight says to within one."""
    n = len(weight)
    first = torch.rand((), generator=generator, dtype=torch.float64, device=weight.device)
    points = (torch.arange(n, dtype=torch.float64, device=weight.device) + first) / n
    edges = weight.double().cumsum(0)
    return torch.searchsorted(edges / edges[-1], points).clamp(max=n - 1)
