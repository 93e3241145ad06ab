"""Sums over events, and the spread of points."""

import torch
from torch import Tensor

__all__ = ["every_row", "spread", "sum_event"]


def sum_event(values: Tensor, event_dim: int) -> Tensor:
    """Sum over the last ``event_dim`` axes: ``(*batch, *event) -> (*batch)``."""
    if event_dim == 1:
        return values.sum(-1)
    return values.flatten(-event_dim).sum(-1) if event_dim else values


def every_row(log_scale: Tensor, x: Tensor, event_dim: int) -> Tensor:
    """Sum ``log_scale``, one number per feature, over the event (its pixels too), the same for every row of ``x``."""
    pixels = x.shape[x.dim() - event_dim + 1 :].numel()
    return (log_scale.sum() * pixels).to(x.dtype).expand(x.shape[: x.dim() - event_dim])


def spread(x: Tensor) -> Tensor:
    """Root ``L`` of the covariance ``L L^T`` of points (n, D): lower triangular (D, D); its diagonal (D,) for n < 4 D.

    A share ``D / n`` of each correlation is taken off, and a coordinate that does not vary has the scale 1.
    """
    n, features = x.shape
    scale = x.std(0) if n > 1 else torch.ones_like(x[0])
    scale = torch.where(scale > 0, scale, 1.0)
    if features < 2 or n < 4 * features:
        return scale
    z = (x - x.mean(0)) / scale
    correlation = z.T @ z / n * (1 - features / n)
    return scale[:, None] * torch.linalg.cholesky(correlation.fill_diagonal_(1.0))
