"""Sums over events."""

from torch import Tensor

__all__ = ["every_row", "sum_event"]


def sum_event(values: Tensor, event_dim: int) -> Tensor:
    """Sum over the last ``event_dim`` axes: ``(*batch, *event) -> (*batch)``."""
    return values.flatten(-event_dim).sum(-1) if event_dim else values


def every_row(log_scale: Tensor, x: Tensor, event_dim: int) -> Tensor:
    """Sum ``log_scale``, one number per feature, over the event (its pixels too), the same for every row of ``x``."""
    pixels = x.shape[x.dim() - event_dim + 1 :].numel()
    return (log_scale.sum() * pixels).to(x.dtype).expand(x.shape[: x.dim() - event_dim])
