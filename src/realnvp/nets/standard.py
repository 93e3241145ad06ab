"""A fixed scaling of a net's input."""

import torch
from torch import Tensor, nn

from realnvp.nets.base import KeepsDouble

__all__ = ["Standard"]


class Standard(KeepsDouble, nn.Module):
    """``(c - loc) / scale``, feature by feature: ``(*, features) -> (*, features)``; not trained, kept in float64."""

    loc: Tensor
    scale: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(features, dtype=torch.float64))

    @torch.no_grad()
    def calibrate(self, c: Tensor) -> None:
        """Take mean and standard deviation from ``c``; a constant feature keeps scale 1."""
        var, mean = torch.var_mean(c.double(), 0, correction=0)
        self.loc.copy_(mean)
        self.scale.copy_(torch.where(var > 0, var.sqrt(), 1.0))

    def forward(self, c: Tensor) -> Tensor:
        """Return the scaled features, of the dtype of ``loc``."""
        return (c - self.loc) / self.scale
