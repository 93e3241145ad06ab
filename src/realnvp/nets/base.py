"""What conditioners share: a start at zero, and nets made of nets."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

__all__ = [
    "Constant",
    "Dropout",
    "KeepsDouble",
    "LearntLast",
    "NetFactory",
    "Separate",
    "activation",
    "learnt_last",
    "zeroed",
]

NetFactory = Callable[[int, int], nn.Module]
"""``(inputs, outputs) -> net``, a module from shape ``(*, inputs)`` to shape ``(*, outputs)``."""

Layer = TypeVar("Layer", bound=nn.Module)
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


def activation(name: str | Callable[[], nn.Module]) -> nn.Module:
    """Make an activation from its name, or from a function that makes one."""
    if callable(name):
        return name()
    if name not in _ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}: choose one of {', '.join(_ACTIVATIONS)}")
    return _ACTIVATIONS[name]()


def zeroed(layer: Layer) -> Layer:
    """Set a layer's parameters to zero, so that a coupling over it starts at the identity."""
    for p in layer.parameters():
        nn.init.zeros_(p)
    return layer


class Dropout(nn.Dropout):
    """``nn.Dropout``; on a processor its masks are of bytes, which takes a sixth of the time.

    There the share that is dropped is the nearest of the multiples of 1/256, and what is kept is scaled by that. The
    draws are from torch's own generator. A compiler gets torch's, which it knows how to fuse, and draws other masks.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with a share ``p`` of it set to zero and the rest scaled up; ``x`` itself in evaluation."""
        dropped = round(256 * self.p)
        if not self.training or dropped in (0, 256) or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.int8)[: x.numel()].view(x.shape).to(x.dtype).ge_(dropped - 128)
        return x * kept.mul_(256 / (256 - dropped))


class KeepsDouble(nn.Module):
    """A module whose float64 buffers stay float64 under ``.float()`` or ``.to(dtype)``; they follow the device.

    Data may lie far from zero beside its spread: its location and scale must not be rounded.
    """

    def _apply(self, fn: Callable[..., Tensor], recurse: bool = True) -> "KeepsDouble":
        wide = {name: b for name, b in self.named_buffers(recurse=False) if b.dtype == torch.float64}
        super()._apply(fn, recurse)
        for name, before in wide.items():
            now = getattr(self, name)
            if now.dtype != torch.float64:
                setattr(self, name, before.to(now.device))
        return self


class Constant(nn.Module):
    """A net of no inputs: ``(*, 0, *rest) -> (*, outputs, *rest)``, the same learnt values everywhere, zero at first.

    ``event_dim - 1`` axes follow the features.
    """

    def __init__(self, outputs: int, event_dim: int = 1) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(outputs, *(1,) * (event_dim - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the learnt values for each row of ``x``."""
        after = self.values.dim() - 1
        return self.values.expand(*x.shape[: x.dim() - after - 1], -1, *x.shape[x.dim() - after :])


class Separate(nn.Module):
    """Several nets beside each other, one for each parameter of a kernel.

    Net ``i`` decides parameter ``i`` of every moved feature. ``Separate.of(factory, kernel.size)`` is a factory for
    ``Coupling``: it gives scale and shift a net each, as the first implementations of Real NVP did.
    """

    def __init__(self, *nets: nn.Module) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)

    @staticmethod
    def of(factory: NetFactory, parts: int) -> NetFactory:
        """Return a factory of ``parts`` separate nets made by ``factory``."""
        return lambda inputs, outputs: Separate(*(factory(inputs, outputs // parts) for _ in range(parts)))

    def forward(self, x: Tensor) -> Tensor:
        """Interleave the outputs: ``(*, inputs) -> (*, moved * parts)``."""
        return torch.stack([net(x) for net in self.nets], -1).flatten(-2)


class LearntLast(nn.Module):
    """A net that decides all parameters of a kernel but the last, which is a learnt number for each moved feature.

    ``net`` gives ``size - 1`` parameters for each of ``moved`` features; ``event_dim - 1`` axes follow the features.
    """

    def __init__(self, net: nn.Module, moved: int, event_dim: int = 1) -> None:
        super().__init__()
        self.net, self.event_dim = net, event_dim
        self.last = nn.Parameter(torch.zeros(moved, 1, *(1,) * (event_dim - 1)))

    def forward(self, x: Tensor) -> Tensor:
        """Return all parameters, ``(*, moved * size, *rest)``, the learnt one last for each feature."""
        axis = -self.event_dim
        moved = len(self.last)
        out = self.net(x)
        out = out.unflatten(axis, (moved, out.shape[axis] // moved))
        last = self.last.to(out.dtype).expand(
            *out.shape[: axis - 1], *self.last.shape[:2], *out.shape[out.dim() + axis + 1 :]
        )
        return torch.cat((out, last), axis).flatten(axis - 1, axis)


def learnt_last(factory: NetFactory, size: int, event_dim: int = 1) -> NetFactory:
    """Return a factory of nets for a kernel of ``size`` parameters whose last one no net decides."""

    def make(inputs: int, outputs: int) -> nn.Module:
        moved = outputs // size
        return LearntLast(factory(inputs, moved * (size - 1)), moved, event_dim)

    return make
