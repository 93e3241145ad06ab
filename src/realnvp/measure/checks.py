"""Checks that a transform is what it says."""

import torch
from torch import Tensor

from realnvp.transforms import Transform

__all__ = ["round_trip_error"]


@torch.no_grad()
def round_trip_error(transform: Transform, x: Tensor, context: Tensor | None = None) -> float:
    """Return ``max |x - inverse(forward(x))|`` over the rows."""
    z, _ = transform(x, context)
    back, _ = transform.inverse(z, context)
    return float((x - back).abs().max()) if x.numel() else 0.0
