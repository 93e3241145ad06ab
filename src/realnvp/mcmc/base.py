"""What the samplers share: energies with their gradients, Langevin steps, and step sizes that find themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Energy", "Stride", "Walkers", "log_uniform", "mala", "slope"]

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


def mala(
    energy: Energy, walkers: Walkers, size: float, scale: Tensor | float = 1.0, generator: torch.Generator | None = None
) -> Walkers:
    """Take one step of each walker: ``x' = x - (e^2 / 2) grad U + e xi``, accepted by Metropolis' rule.

    ``e = size * scale``; ``scale`` (D,) makes up for coordinates of unlike spread. One evaluation of the energy and its
    gradient for each walker.

    References:
        Roberts, Tweedie (1996), Exponential convergence of Langevin distributions, Bernoulli 2, 341
    """
    x, e = walkers.x, size * scale
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device)
    there = Walkers.at(x - 0.5 * e * _drift(walkers.g, e) + e * noise, energy)
    back = (x - there.x) / e + 0.5 * _drift(there.g, e)
    log_ratio = walkers.u - there.u + 0.5 * (noise.square().sum(-1) - back.square().sum(-1))
    taken = log_uniform(walkers.u, generator) < log_ratio  # false where the energy is not finite
    return Walkers(
        torch.where(taken[:, None], there.x, x),
        torch.where(taken, there.u, walkers.u),
        torch.where(taken[:, None], there.g, walkers.g),
        taken.to(x.dtype).mean().item(),
    )


def _drift(gradient: Tensor, e: Tensor | float, most: float = 5.0) -> Tensor:
    """``e * gradient``, no longer than ``most`` in any coordinate: a walker in a steep place must not be thrown out."""
    return (e * gradient).clamp(-most, most)
