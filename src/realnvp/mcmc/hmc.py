"""Hamiltonian Monte Carlo: the reference where no closed form is known."""

from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.mcmc.base import Energy, Stride, log_uniform, slope

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
    has ``leapfrog`` steps of a size drawn within a fifth of it, so that no period is hit.

    References:
        Neal (2011), MCMC using Hamiltonian dynamics, Handbook of Markov Chain Monte Carlo, chapter 5
    """
    stride = Stride(size, target, gain=0.1)
    x = start.detach().clone()
    u, g = slope(energy, x)
    kept: list[tuple[Tensor, Tensor]] = []
    accepted = 0.0
    for move in range(burn + steps * thin):
        jitter = 0.8 + 0.4 * torch.rand((), generator=generator, dtype=x.dtype, device=x.device)
        momentum = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
        there, u_there, g_there, after = _trajectory(energy, x, g, momentum, stride.size * jitter, leapfrog)
        log_ratio = u - u_there + 0.5 * (momentum.square().sum(-1) - after.square().sum(-1))
        taken = log_uniform(u, generator) < log_ratio
        x, g = (torch.where(taken[:, None], new, old) for new, old in ((there, x), (g_there, g)))
        u = torch.where(taken, u_there, u)
        rate = taken.double().mean().item()
        if move < burn:
            stride.learn(rate)
        else:
            accepted += rate
            if (move - burn + 1) % thin == 0:
                kept.append((x, u))
    xs, us = zip(*kept, strict=True)
    return Chains(torch.stack(xs), torch.stack(us), accepted / (steps * thin), stride.size)


def _trajectory(
    energy: Energy, x: Tensor, g: Tensor, momentum: Tensor, size: Tensor, leapfrog: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    momentum = momentum - 0.5 * size * g
    for i in range(leapfrog):
        x = x + size * momentum
        u, g = slope(energy, x)
        momentum = momentum - (size if i < leapfrog - 1 else 0.5 * size) * g
    return x, u, g, momentum
