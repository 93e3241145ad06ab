"""How wide to begin where nothing is known of an energy."""

import math

import torch

from realnvp.mcmc.base import Energy

__all__ = ["widest_start"]


@torch.no_grad()
def widest_start(
    energy: Energy, features: int, generator: torch.Generator | None = None, *, points: int = 256
) -> float:
    """Return the standard deviation of a normal about zero that covers what may matter of ``exp(-energy)``.

    Of the powers of two from 1/256 to 2^20, the largest at which enough of the draws lie within ``10 + 5 D`` kT of the
    lowest energy seen: one in ten in one or two dimensions, where thin ridges reach far out, and half in more, where
    so wide a start would leave narrow places unseen. Where there is none, the one with the lowest median. Costs 29
    times ``points`` evaluations.
    """
    share = 0.1 if features <= 2 else 0.5
    device = generator.device if generator else None
    noise = torch.randn(points, features, generator=generator, dtype=torch.float32, device=device)
    lowest = math.inf
    medians: dict[float, float] = {}
    reached: dict[float, float] = {}
    for power in range(-8, 21):
        u = energy(2.0**power * noise)
        u = torch.where(torch.isfinite(u), u, torch.inf)
        lowest = min(lowest, u.min().item())
        medians[2.0**power] = u.median().item()
        reached[2.0**power] = u.sort().values[int(share * points)].item()
    good = [scale for scale, at in reached.items() if at - lowest <= 10 + 5 * features]
    return max(good) if good else min(medians, key=lambda scale: medians[scale])
