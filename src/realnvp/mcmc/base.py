"""What the samplers share: energies with their gradients, Langevin steps, and step sizes that find themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Energy", "Stride", "Walkers", "effective", "leap", "log_uniform", "slope", "tempered"]

Energy = Callable[[Tensor], Tensor]
"""``(n, D) -> (n,)`` in kT."""


def slope(energy: Energy, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``U(x)`` and its gradient, ``(n,)`` and ``(n, D)``, without a graph."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        u = energy(x)
        if not u.requires_grad:  # no gradient: a step of Langevin is then one at random
            return u, torch.zeros_like(x)
        (gradient,) = torch.autograd.grad(u.sum(), x, allow_unused=True)
    return u.detach(), torch.zeros_like(x) if gradient is None else gradient


def log_uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw the logarithms of uniform numbers, one for each of ``like``."""
    return torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device).log()


def effective(log_weight: Tensor) -> float:
    """Kish's effective size of weights, as a fraction of their number."""
    return float(1 / (log_weight.softmax(0).square().sum() * len(log_weight)))


def tempered(log_weight: Tensor, least: float, most: float = 1.0) -> float:
    """Largest power of the weights, at most ``most``, that keeps their effective size at ``least``."""
    if effective(most * log_weight) >= least:
        return most
    low, high = 0.0, most
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if effective(middle * log_weight) >= least else (low, middle)
    return low


class Stride:
    """A step size that moves its acceptance towards ``target``: by ``exp(gain * (acceptance - target))`` a step."""

    def __init__(self, size: float, target: float, gain: float = 0.5) -> None:
        self.size, self.target, self.gain = size, target, gain

    def learn(self, acceptance: float) -> None:
        """Lengthen or shorten the step."""
        self.size *= float(torch.tensor(self.gain * (acceptance - self.target)).exp())


@dataclass(frozen=True)
class Walkers:
    """Points ``x`` (n, D), their energies ``u`` (n,) and gradients ``g`` (n, D); ``acceptance`` of the last step."""

    x: Tensor
    u: Tensor
    g: Tensor
    acceptance: float = 1.0

    @classmethod
    def at(cls, x: Tensor, energy: Energy) -> "Walkers":
        """Put walkers at ``x``."""
        return cls(x, *slope(energy, x))


def leap(
    energy: Energy,
    walkers: Walkers,
    size: float,
    scale: Tensor | float = 1.0,
    *,
    steps: int = 1,
    generator: torch.Generator | None = None,
) -> Walkers:
    """Move each walker by ``steps`` leapfrog steps of ``size`` from a fresh momentum, accepted by Metropolis' rule.

    One step is Langevin's move, MALA; more are Hamiltonian Monte Carlo, their size drawn within a fifth of ``size`` for
    each walker, so that no period is hit. ``scale`` makes up for coordinates of unlike spread: (D,), or the root (D, D)
    of their covariance. Costs ``steps`` evaluations of the energy and its gradient for each walker. Where the gradient
    is steep it is cut in the move alone, which stays exact.

    References:
        Roberts, Tweedie (1996), Exponential convergence of Langevin distributions, Bernoulli 2, 341
        Neal (2011), MCMC using Hamiltonian dynamics, Handbook of Markov Chain Monte Carlo, chapter 5
    """
    x = walkers.x
    momentum = after = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    uneven = torch.rand(len(x), 1, generator=generator, dtype=x.dtype, device=x.device) if steps > 1 else 0.5
    e = size * (0.8 + 0.4 * uneven)
    there = walkers
    for step in range(steps):
        after = after - (0.5 if step == 0 else 1.0) * _push(there.g, e, scale)
        there = Walkers.at(there.x + e * _scaled(after, scale), energy)
    after = after - 0.5 * _push(there.g, e, scale)
    log_ratio = walkers.u - there.u + 0.5 * (momentum.square().sum(-1) - after.square().sum(-1))
    taken = log_uniform(walkers.u, generator) < log_ratio  # false where the energy is not finite
    return Walkers(
        torch.where(taken[:, None], there.x, x),
        torch.where(taken, there.u, walkers.u),
        torch.where(taken[:, None], there.g, walkers.g),
        taken.to(x.dtype).mean().item(),
    )


def _scaled(v: Tensor, scale: Tensor | float) -> Tensor:
    return v @ scale.T if isinstance(scale, Tensor) and scale.dim() == 2 else v * scale


def _push(gradient: Tensor, e: Tensor | float, scale: Tensor | float, most: float = 5.0) -> Tensor:
    """What a step takes from the momentum: at most ``most``, a walker in a steep place must not be thrown out."""
    along = gradient @ scale if isinstance(scale, Tensor) and scale.dim() == 2 else gradient * scale
    return (e * along).nan_to_num(0.0).clamp(-most, most)
