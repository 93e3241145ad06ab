"""Missing pixels filled in: draws of the flow given the pixels that are seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from realnvp.estimators.pictures.base import dequantised, whole_numbers, with_noise
from realnvp.flow import Flow
from realnvp.transforms import Compose

__all__ = ["Painter", "begun", "painted"]


@dataclass(frozen=True)
class Painter:
    """Fills in hidden pixels of whole numbers ``k`` from 0 to ``levels - 1``, (n, C, H, W), by Langevin steps.

    The walk is taken in the logits ``y`` of the dequantised pixels. The seen ones keep the noise they begin with:
    uniform, or, given the flow ``noise`` that the model has learnt, drawn from that for the picture as it begins.
    """

    flow: Flow
    noise: Flow | None
    levels: int
    generator: torch.Generator
    draws: int = 16

    def fill(
        self, k: Tensor, hidden: Tensor, context: Tensor | None, told: Callable[[float], object], **walk: Any
    ) -> Tensor:
        """Return pictures whose pixels under ``hidden`` are painted, by ``painted`` with the sizes of ``walk``."""
        chain = cast(Compose, self.flow.transform)
        logit, core = chain[0], Flow(chain[1:], self.flow.base)
        y = logit(dequantised(k, self.levels, self.generator))[0]
        y, square = begun(core, y, hidden, context, self.draws, self.generator)
        if self.noise is not None:  # which noise is likely depends on the whole picture: it is drawn once there is one
            begins = torch.where(hidden, whole_numbers(logit.inverse(y)[0], self.levels), k)
            y = torch.where(hidden, y, logit(self._noisy(begins, self.noise))[0])
        y = painted(lambda y: core.log_prob(y, context), y, square, hidden, generator=self.generator, told=told, **walk)
        return torch.where(hidden, whole_numbers(logit.inverse(y)[0], self.levels), k)

    @torch.no_grad()
    def _noisy(self, k: Tensor, noise: Flow) -> Tensor:
        """Return ``(k + u) / levels`` with ``u`` from the flow of the noise, inside the open interval."""
        numbers, e = with_noise(k, self.levels, self.generator, noise)
        u, _ = noise.push(e, numbers / self.levels - 0.5)
        return (numbers + u.clamp(1e-6, 1 - 1e-6)) / self.levels


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
