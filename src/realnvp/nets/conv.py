"""Convolutional nets: the conditioners of pictures."""

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realnvp.nets.base import NetFactory, zeroed

__all__ = ["Conv", "ResidualConv", "conv", "residual_conv"]


class _WeightNorm(nn.Module):
    """A convolution ``g v / |v|``, one length ``g`` for each output channel; the size of the picture stays.

    It starts as the plain convolution does, ``g = |v|``: a ``v`` of unit entries would take many steps to turn.

    References:
        Weight Normalization (Salimans, Kingma, 2016), https://arxiv.org/abs/1602.07868
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel)
        self.direction, self.bias = plain.weight, plain.bias
        self.length = nn.Parameter(plain.weight.detach().square().sum((1, 2, 3), keepdim=True).sqrt())

    def forward(self, x: Tensor) -> Tensor:
        v = self.direction
        weight = v * (self.length / v.square().sum((1, 2, 3), keepdim=True).sqrt())
        # the weights' memory order decides in which the convolution works: channels last is faster everywhere
        return F.conv2d(x, weight.contiguous(memory_format=torch.channels_last), self.bias, padding="same")


class Conv(nn.Module):
    """A 3 x 3 convolution, one of 1 x 1 and a last one of 3 x 3 that starts at zero, ReLU between, ``width`` channels.

    Maps ``(*, inputs, H, W)`` to ``(*, outputs, H, W)``; all but the last layer are weight-normalised.

    References:
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """

    def __init__(self, inputs: int, outputs: int, width: int = 128) -> None:
        super().__init__()
        self.first, self.middle = _WeightNorm(inputs, width, 3), _WeightNorm(width, width, 1)
        self.last = zeroed(nn.Conv2d(width, outputs, 3, padding="same"))

    def forward(self, x: Tensor) -> Tensor:
        """Return the conditioner's output."""
        h = self.middle(F.relu(self.first(_pictures(x))))
        out: Tensor = self.last(F.relu(h))
        return out.reshape(*x.shape[:-3], *out.shape[-3:])


def conv(width: int = 128) -> NetFactory:
    """Return a factory of shallow convolutional nets, for couplings of pictures."""
    return partial(Conv, width=width)


def _pictures(x: Tensor) -> Tensor:
    """Put all axes of the batch into one."""
    return x.reshape(-1, *x.shape[-3:]) if x.numel() else x.reshape(0, *x.shape[-3:])


class _Block(nn.Module):
    """``h + conv(relu(conv(relu(h))))``, pre-activation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.one, self.two = _WeightNorm(width, width, 3), _WeightNorm(width, width, 3)
        nn.init.zeros_(self.two.length)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.two(F.relu(self.one(F.relu(h))))


class ResidualConv(nn.Module):
    """A 3 x 3 convolution, ``blocks`` residual blocks of ``width`` channels, a last 1 x 1 layer that starts at zero.

    Every block, and the first layer, also reach the last layer by a skip connection, a 1 x 1 convolution of their own.
    All but the last layer are weight-normalised. Maps ``(*, inputs, H, W)`` to ``(*, outputs, H, W)``.

    References:
        Real NVP (Dinh et al., 2016), section 4.1, https://arxiv.org/abs/1605.08803
        Identity mappings in deep residual networks (He et al., 2016), https://arxiv.org/abs/1603.05027
    """

    def __init__(self, inputs: int, outputs: int, width: int = 32, blocks: int = 2) -> None:
        super().__init__()
        self.first = _WeightNorm(inputs, width, 3)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(blocks))
        self.skips = nn.ModuleList(_WeightNorm(width, width, 1) for _ in range(blocks + 1))
        self.last = zeroed(nn.Conv2d(width, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the conditioner's output."""
        h = self.first(_pictures(x))
        skipped = self.skips[0](h)
        for block, skip in zip(self.blocks, list(self.skips)[1:], strict=True):
            h = block(h)
            skipped = skipped + skip(h)
        out: Tensor = self.last(F.relu(skipped))
        return out.reshape(*x.shape[:-3], *out.shape[-3:])


def residual_conv(width: int = 32, blocks: int = 2) -> NetFactory:
    """Return a factory of residual convolutional nets, for couplings of pictures."""
    return partial(ResidualConv, width=width, blocks=blocks)
