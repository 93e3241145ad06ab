"""What is done in the latent space of pictures: paths between them, and missing pixels filled in."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from realnvp.flow import Flow

__all__ = ["begun", "between", "blends", "corners", "painted"]


def blends(c: Tensor, steps: int) -> Tensor:
    """Return the contexts between two, ``(steps, C)``, or between four, ``(steps, steps, C)``, on straight lines."""
    if len(c) == 2:
        return c[0] + (c[1] - c[0]) * torch.linspace(0, 1, steps, device=c.device)[:, None]
    top, bottom = blends(c[:2], steps), blends(c[2:], steps)
    return blends(torch.stack((top, bottom)).flatten(1), steps).reshape(steps, *top.shape)


def between(a: Tensor, b: Tensor, steps: int) -> Tensor:
    """Return ``cos(phi) a + sin(phi) b`` for ``phi`` from 0 to pi / 2: ``(steps, *)``, the ends exactly a and b.

    On it the latents stay as far from zero as normal ones are, which they do not on the straight line.
    """
    phi = torch.linspace(0, math.pi / 2, steps, dtype=torch.float64, device=a.device).to(a.dtype)
    phi = phi.reshape(-1, *(1,) * a.dim())
    path = phi.cos() * a + phi.sin() * b
    path[0] = a
    path[-1] = b
    return path


def corners(z: Tensor, steps: int) -> Tensor:
    """Return the manifold of four latents, ``(steps, steps, *)``.

    ``z = cos(phi) (cos(phi') z1 + sin(phi') z2) + sin(phi) (cos(phi') z3 + sin(phi') z4)``, ``phi`` down and
    ``phi'`` across from 0 to pi / 2: the four stand in the corners.

    References:
        Real NVP (Dinh et al., 2016), section 4.2, https://arxiv.org/abs/1605.08803
    """
    return between(between(z[0], z[1], steps), between(z[2], z[3], steps), steps)


def begun(
    flow: Flow, y: Tensor, mask: Tensor, context: Tensor | None, draws: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Put draws of the flow under ``mask``, of ``draws`` tries for each the one that goes best with the rest.

    Also returned: the mean square of the gradients of log p there, coordinate by coordinate.
    """
    best, top, square = y, torch.full((len(y),), -torch.inf, device=y.device), torch.zeros_like(y)
    for _ in range(draws):
        with torch.no_grad():
            tried = flow.inverse(flow.base.sample(len(y), generator).to(y.device), context)[0]
        tried = torch.where(mask, tried, y)
        log_prob, gradient = _climb(lambda at: flow.log_prob(at, context), tried)
        square = square + gradient.square() / draws
        better = log_prob > top
        best = torch.where(better.reshape(-1, *(1,) * (y.dim() - 1)), tried, best)
        top = torch.where(better, log_prob, top)
    return best, square


def _climb(log_prob: Callable[[Tensor], Tensor], y: Tensor) -> tuple[Tensor, Tensor]:
    """Return log densities and their gradients, zero where they are not finite."""
    at = y.detach().requires_grad_()
    found = log_prob(at)
    (gradient,) = torch.autograd.grad(found.sum(), at)
    return found.detach(), gradient.nan_to_num(0.0, 0.0, 0.0)


def painted(
    log_prob: Callable[[Tensor], Tensor],
    y: Tensor,
    square: Tensor,
    mask: Tensor,
    *,
    steps: int,
    step: float,
    delay: float,
    generator: torch.Generator,
    told: Callable[[float], object] = bool,
) -> Tensor:
    """Let the coordinates of ``y`` under ``mask`` walk by Langevin steps on ``log_prob``; the others stay.

    ``y <- y + e_i P g / 2 + sqrt(e_i P) noise`` with ``e_i = step / (delay + i)``, ``g`` the gradient and ``P`` one
    over its running mean square, coordinate by coordinate, for the scales of pixels differ a thousandfold; it begins at
    ``square``. Drift and noise decrease together: the end is a draw of the density where the walk was long enough.
    ``told`` hears the share done by each step.

    References:
        NICE (Dinh et al., 2014), section 5.2, https://arxiv.org/abs/1410.8516
        Preconditioned Stochastic Gradient Langevin Dynamics (Li et al., 2015), https://arxiv.org/abs/1512.07666
    """
    for i in range(steps):
        _, gradient = _climb(log_prob, y)
        memory = 20 + max(0, i - steps // 2)  # short on the way, then long: a size that follows the walk would widen it
        square = torch.lerp(square, gradient.square(), 1 / memory)
        size = step / (delay + i) / (square + 1e-8)
        noise = torch.randn(y.shape, generator=generator).to(y.device)
        y = torch.where(mask, y + 0.5 * size * gradient + size.sqrt() * noise, y)
        told(1 / steps)
    return y.detach()
