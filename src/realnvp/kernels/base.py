"""What every kernel promises."""

from typing import Protocol

from torch import Tensor

__all__ = ["Kernel"]


class Kernel(Protocol):
    """An elementwise bijection whose parameters are handed in.

    ``x`` has shape ``(*)``, ``theta`` has shape ``(*, size)``; both results have shape ``(*)``: the moved value and the
    log-derivative of the direction taken. ``theta = 0`` is the identity.
    """

    @property
    def size(self) -> int:
        """Parameters per element."""

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``y = k(x; theta)`` and ``log |dy/dx|``."""

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x = k^-1(y; theta)`` and ``log |dx/dy|``."""
