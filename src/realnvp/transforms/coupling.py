"""The coupling layer, and the ways to cut the features of an event in two: split and concatenate, no masks."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realnvp.kernels import Kernel
from realnvp.nets import Constant, NetFactory
from realnvp.shapes import sum_event
from realnvp.transforms.base import Transform

__all__ = ["CheckerboardCoupling", "Coupling", "EvenOdd", "Halves", "OrderedHalves", "RandomHalves", "Split"]


@dataclass(frozen=True)
class Split:
    """Cut ``D`` features into a part kept and a part moved.

    The smaller part, ``D // 2`` features, is kept; ``swap`` keeps the larger one instead. A single feature is always
    moved: then nothing is kept.
    """

    swap: bool = False

    def sizes(self, features: int) -> tuple[int, int]:
        """Return how many features are kept and how many are moved."""
        small, large = features // 2, features - features // 2
        return (large, small) if self.swaps(features) else (small, large)

    def swaps(self, features: int) -> bool:
        """Whether the larger part is the one kept."""
        return self.swap and features > 1

    def split(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """Return ``(kept, moved)``, cut along the axis ``dim`` (negative)."""
        small, large = self._cut(x, dim)
        return (large, small) if self.swaps(x.shape[dim]) else (small, large)

    def merge(self, kept: Tensor, moved: Tensor, dim: int) -> Tensor:
        """Undo ``split``."""
        swapped = self.swaps(kept.shape[dim] + moved.shape[dim])
        return self._join(moved, kept, dim) if swapped else self._join(kept, moved, dim)

    def of_moved(self, ladj: Tensor) -> Tensor:
        """Leave out of elementwise log-derivatives those of what is not moved."""
        return ladj

    def _cut(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        small = x.shape[dim] // 2
        return x.narrow(dim, 0, small), x.narrow(dim, small, x.shape[dim] - small)

    def _join(self, small: Tensor, large: Tensor, dim: int) -> Tensor:
        return torch.cat((small, large), dim)


class Halves(Split):
    """The first half and the rest."""


class EvenOdd(Split):
    """The odd features 1, 3, 5 and so on, and the even ones."""

    def _cut(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        first = x.movedim(dim, 0)
        return first[1::2].movedim(0, dim), first[::2].movedim(0, dim)

    def _join(self, small: Tensor, large: Tensor, dim: int) -> Tensor:
        features = small.shape[dim] + large.shape[dim]
        if features % 2:  # one slot more in the larger part: fill it, interleave, and cut it off again
            small = F.pad(small, (0, 0) * (-dim - 1) + (0, 1))
        return torch.stack((large, small), dim).flatten(dim - 1, dim).narrow(dim, 0, features)


class OrderedHalves(nn.Module):
    """The halves of the features in a given order, which is kept in buffers, so it is saved and moved."""

    order: Tensor
    back: Tensor

    def __init__(self, order: Tensor, swap: bool = False) -> None:
        super().__init__()
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())
        self.halves = Halves(swap)

    def sizes(self, features: int) -> tuple[int, int]:
        """Return how many features are kept and how many are moved."""
        return self.halves.sizes(features)

    def split(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """Return ``(kept, moved)``, cut along the axis ``dim`` (negative)."""
        return self.halves.split(x.index_select(dim, self.order), dim)

    def merge(self, kept: Tensor, moved: Tensor, dim: int) -> Tensor:
        """Undo ``split``."""
        return self.halves.merge(kept, moved, dim).index_select(dim, self.back)

    def of_moved(self, ladj: Tensor) -> Tensor:
        """Return all: every value is moved."""
        return ladj


class RandomHalves(OrderedHalves):
    """A random half, drawn from ``seed``, and the rest."""

    def __init__(self, features: int, seed: int = 0, swap: bool = False) -> None:
        super().__init__(torch.randperm(features, generator=torch.Generator().manual_seed(seed)), swap)


class _Colours(Split):
    """The pixels of one colour of the checkerboard are kept, those of the other moved.

    At full resolution no cut along an axis tells them apart: both parts are whole pictures. In the kept one the moved
    pixels are zero; of the moved one the kept pixels are left aside.
    """

    def sizes(self, features: int) -> tuple[int, int]:
        """Return the features twice."""
        return features, features

    def split(self, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
        """Return ``(kept, moved)``."""
        return torch.where(self._kept(x), x, 0.0), x

    def merge(self, kept: Tensor, moved: Tensor, dim: int) -> Tensor:
        """Undo ``split``."""
        return torch.where(self._kept(kept), kept, moved)

    def of_moved(self, ladj: Tensor) -> Tensor:
        """Leave out the log-derivatives at the kept pixels."""
        return torch.where(self._kept(ladj), 0.0, ladj)

    def _kept(self, x: Tensor) -> Tensor:
        rows, columns = (torch.arange(n, device=x.device) for n in x.shape[-2:])
        return (rows[:, None] + columns) % 2 == int(self.swap)


class Coupling(Transform):
    """Move one half of ``x`` by a kernel whose parameters the other half decides.

    Forward   ``z_a = x_a,  z_b = k(x_b; net(x_a))``
    Inverse   ``x_a = z_a,  x_b = k^-1(z_b; net(z_a))``
    ladj      sum of ``log|dk/dx_b|`` over the event

    The kept half is its own inverse, so both directions cost one call of ``net``. ``net(inputs, outputs)`` makes the
    conditioner; it sees the kept features and, behind them, the ``context`` ones. ``event_dim=1`` couples the last axis
    (vectors), ``event_dim=3`` the channels of ``(C, H, W)``. A single feature has nothing beside it to be decided by:
    its parameters depend on the context alone, or on nothing.

    References:
        NICE (Dinh et al., 2014), https://arxiv.org/abs/1410.8516
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """

    compute: torch.dtype | None = None
    """What the conditioner computes in while training: ``None`` for the width of ``x``, or ``torch.bfloat16``. The
    inverse is exact for any conditioner that gives the same answer twice; in evaluation mode it is of the width of
    ``x``, so that one model has one density."""

    def __init__(
        self,
        features: int,
        net: NetFactory,
        kernel: Kernel,
        *,
        split: Split | OrderedHalves | None = None,
        context: int = 0,
        event_dim: int = 1,
    ) -> None:
        super().__init__()
        self.features, self.context, self.event_dim = features, context, event_dim
        self.kernel = kernel
        self.split = Halves() if split is None else split
        kept, moved = self.split.sizes(features)
        inputs, outputs = kept + context, moved * kernel.size
        self.net = net(inputs, outputs) if inputs else Constant(outputs, event_dim)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        return self._move(x, context, self.kernel.forward)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        return self._move(z, context, self.kernel.inverse)

    def _move(
        self, x: Tensor, context: Tensor | None, kernel: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    ) -> tuple[Tensor, Tensor]:
        kept, moved = self.split.split(x, -self.event_dim)
        moved, ladj = kernel(moved, self.theta(kept, context))
        return self.split.merge(kept, moved, -self.event_dim), sum_event(self.split.of_moved(ladj), self.event_dim)

    def theta(self, kept: Tensor, context: Tensor | None = None) -> Tensor:
        """Return the kernel's parameters, shape ``(*batch, *moved event, size)``."""
        axis = -self.event_dim
        if self.context:
            kept = torch.cat((kept, self._spread(context, kept)), axis)
        theta = self._run(kept).to(kept.dtype)  # exponents and log-dets keep the width of x
        size, shape = self.kernel.size, theta.shape
        if axis == -1:
            return theta.reshape(*shape[:-1], shape[-1] // size, size)
        return theta.unflatten(axis, (shape[axis] // size, size)).movedim(axis, -1)

    def _run(self, kept: Tensor) -> Tensor:
        if self.compute is None or not self.training:
            return self.net(kept)
        with torch.autocast(kept.device.type, self.compute):
            return self.net(kept)

    def _spread(self, context: Tensor | None, kept: Tensor) -> Tensor:
        """Give each row, and each pixel, its context; one of the kept part's own axes has a value for each pixel."""
        if context is None:
            raise ValueError(f"this coupling was built for {self.context} context features: pass context of that width")
        if self.event_dim > 1 and context.dim() == kept.dim():
            return context.to(kept.dtype)
        ones = (1,) * (self.event_dim - 1)
        batch, rest = kept.shape[: -self.event_dim], kept.shape[kept.dim() - self.event_dim + 1 :]
        return context.reshape(*context.shape, *ones).expand(*batch, -1, *rest).to(kept.dtype)

    def extra_repr(self) -> str:
        """Show what is not a module."""
        context = f", context={self.context}" if self.context else ""
        return f"{self.features}, {self.kernel}{context}, event_dim={self.event_dim}"


class CheckerboardCoupling(Coupling):
    """Move the pixels of one colour of the checkerboard by a kernel that those of the other colour decide.

    Forward   ``z_ij = x_ij`` where ``i + j`` is even (odd with ``swap``), else ``k(x_ij; net(kept pixels)_ij)``

    Events are pictures ``(channels, H, W)`` of any size.

    References:
        Real NVP (Dinh et al., 2016), section 3.4, https://arxiv.org/abs/1605.08803
    """

    def __init__(self, channels: int, net: NetFactory, kernel: Kernel, *, swap: bool = False, context: int = 0) -> None:
        super().__init__(channels, net, kernel, split=_Colours(swap), context=context, event_dim=3)

    def extra_repr(self) -> str:
        """Show what is not a module."""
        return f"{super().extra_repr()}, swap={self.split.swap}"
