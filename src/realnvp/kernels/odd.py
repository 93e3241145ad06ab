"""An odd kernel: a spline that is its own mirror image."""

from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.kernels.base import Kernel

__all__ = ["Odd"]


@dataclass(frozen=True)
class Odd:
    """A spline with ``k(-x) = -k(x)``: its bins left of zero mirror those right of it.

    ``theta = (widths, heights, slopes)`` of the bins from the left to the middle, ``(*, 3 * bins / 2)``; ``spline`` has
    an even number of bins.
    """

    spline: Kernel

    def __post_init__(self) -> None:
        if getattr(self.spline, "bins", 1) % 2:
            raise InputError(f"an odd kernel needs a spline with an even number of bins, got {self.spline}")

    @property
    def size(self) -> int:
        """Parameters per element."""
        return (self.spline.size + 1) // 2

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the spline."""
        return self.spline.forward(x, self._mirror(theta))

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Undo the spline."""
        return self.spline.inverse(y, self._mirror(theta))

    def _mirror(self, theta: Tensor) -> Tensor:
        widths, heights, slopes = theta.chunk(3, -1)
        parts = (widths, widths.flip(-1), heights, heights.flip(-1), slopes, slopes[..., :-1].flip(-1))
        return torch.cat(parts, -1)
