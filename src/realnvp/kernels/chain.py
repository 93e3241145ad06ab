"""One kernel after another."""

from dataclasses import dataclass

from torch import Tensor

from realnvp.errors import InputError
from realnvp.kernels.base import Kernel

__all__ = ["Chain"]


@dataclass(frozen=True)
class Chain:
    """``y = k_n(… k_1(x))``, each kernel with its own part of ``theta``; the log-derivatives add.

    ``x`` has shape ``(*)``, ``theta`` has shape ``(*, sum of sizes)``; both results have shape ``(*)``.
    ``Chain((Affine(), Spline()))`` first moves and scales ``x`` into the reach of the spline.
    """

    kernels: tuple[Kernel, ...]

    def __post_init__(self) -> None:
        if not self.kernels:
            raise InputError("a chain needs at least one kernel")

    @property
    def size(self) -> int:
        """Parameters per element."""
        return sum(kernel.size for kernel in self.kernels)

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the kernels first to last."""
        parts = zip(self.kernels, self._split(theta), strict=True)
        (first, part), *rest = parts
        x, ladj = first.forward(x, part)
        for kernel, part in rest:
            x, more = kernel.forward(x, part)
            ladj = ladj + more
        return x, ladj

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo the kernels last to first."""
        parts = list(zip(self.kernels, self._split(theta), strict=True))
        (last, part), *rest = reversed(parts)
        y, ladj = last.inverse(y, part)
        for kernel, part in rest:
            y, more = kernel.inverse(y, part)
            ladj = ladj + more
        return y, ladj

    def _split(self, theta: Tensor) -> tuple[Tensor, ...]:
        return theta.split([kernel.size for kernel in self.kernels], -1)
