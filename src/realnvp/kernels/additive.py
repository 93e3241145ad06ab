"""The additive kernel of NICE."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

__all__ = ["Additive"]


@dataclass(frozen=True)
class Additive:
    """``y = x + t``: volume kept, so ``ladj = 0``.

    ``x`` has shape ``(*)``, ``theta`` has shape ``(*, 1)``; both results have shape ``(*)``.

    References:
        NICE (Dinh et al., 2014), https://arxiv.org/abs/1410.8516
    """

    size: ClassVar[int] = 1

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x + t`` and zeros."""
        return x + theta[..., 0], torch.zeros_like(x)

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``y - t`` and zeros."""
        return y - theta[..., 0], torch.zeros_like(y)
