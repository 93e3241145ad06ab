"""What is done in the latent space of pictures: paths and manifolds between them."""

import math

import torch
from torch import Tensor

__all__ = ["between", "blends", "corners"]


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
