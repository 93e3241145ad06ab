"""Hamiltonian Monte Carlo: the reference where no closed form is known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.mcmc.base import Energy, Stride, Walkers, leap

__all__ = ["Chains", "hmc"]


@dataclass(frozen=True)
class Chains:
    """Draws ``x`` (steps, chains, D), their energies ``u`` (steps, chains), and the share of moves accepted."""

    x: Tensor
    u: Tensor
    acceptance: float
    size: float


@torch.no_grad()
def hmc(
    energy: Energy,
    start: Tensor,
    steps: int,
    *,
    burn: int = 500,
    leapfrog: int = 10,
    size: float = 0.1,
    target: float = 0.8,
    thin: int = 1,
    generator: torch.Generator | None = None,
) -> Chains:
    """Run parallel chains from ``start`` (chains, D); keep every ``thin``-th of ``steps * thin`` moves.

    In the ``burn`` moves before, which are dropped, the step size comes to an acceptance of ``target``. Each trajectory
    has ``leapfrog`` steps.

    References:
        Neal (2011), MCMC using Hamiltonian dynamics, Handbook of Markov Chain Monte Carlo, chapter 5
    """
    stride = Stride(size, target, gain=0.1)
    walkers = Walkers.at(start.detach().clone(), energy)
    kept: list[Walkers] = []
    accepted = 0.0
    for move in range(burn + steps * thin):
        walkers = leap(energy, walkers, stride.size, steps=leapfrog, generator=generator)
        if move < burn:
            stride.learn(walkers.acceptance)
        else:
            accepted += walkers.acceptance
            if (move - burn + 1) % thin == 0:
                kept.append(walkers)
    x, u = torch.stack([w.x for w in kept]), torch.stack([w.u for w in kept])
    return Chains(x, u, accepted / (steps * thin), stride.size)
