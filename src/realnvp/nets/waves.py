"""Sines and cosines of the inputs, in front of another net."""

import math
from functools import partial

import torch
from torch import Tensor, nn

from realnvp.nets.base import NetFactory

__all__ = ["Waves", "waves"]


class Waves(nn.Module):
    """``net`` of ``x / reach`` and of ``sin, cos(pi k x / reach)`` for ``k = 1 … frequencies``.

    A perceptron learns slow functions first; given the waves, it learns fast ones as soon. Maps ``(*, inputs)`` to
    ``(*, outputs)``.

    References:
        Fourier Features Let Networks Learn High Frequency Functions (Tancik et al., 2020),
        https://arxiv.org/abs/2006.10739
    """

    steps: Tensor

    def __init__(self, net: NetFactory, inputs: int, outputs: int, *, frequencies: int, reach: float) -> None:
        super().__init__()
        self.register_buffer("steps", torch.arange(1.0, frequencies + 1) * math.pi)
        self.reach = reach
        self.net = net(inputs * (1 + 2 * frequencies), outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return the net's output."""
        x = x / self.reach
        angles = (x[..., None] * self.steps).flatten(-2)
        out: Tensor = self.net(torch.cat((x, angles.sin(), angles.cos()), -1))
        return out


def waves(net: NetFactory, *, frequencies: int = 3, reach: float = 5.0) -> NetFactory:
    """Return a factory of such nets, for ``Coupling``, from a factory of the nets behind the waves."""
    return partial(Waves, net, frequencies=frequencies, reach=reach)
