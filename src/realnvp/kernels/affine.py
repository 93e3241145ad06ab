"""The affine kernel of Real NVP."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from realnvp.errors import InputError

__all__ = ["Affine"]


@dataclass(frozen=True)
class Affine:
    """``y = x * exp(s) + t`` with ``s = bound * tanh(raw / bound)``, so ``|s| <= bound``.

    ``x`` has shape ``(*)``, ``theta = (t, raw)`` has shape ``(*, 2)``; both results have shape ``(*)``. The bound is
    smooth and holds in both directions: ``L`` couplings stretch by at most ``exp(L * bound)``.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """

    bound: float = 2.0
    size: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if not 0 < self.bound < math.inf:
            raise InputError(f"Affine's bound must be positive and finite, got {self.bound}")

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x * exp(s) + t`` and ``s``."""
        shift, log_scale = self._read(theta)
        return torch.addcmul(shift, x, log_scale.exp()), log_scale

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``(y - t) * exp(-s)`` and ``-s``."""
        shift, log_scale = self._read(theta)
        return (y - shift) * torch.exp(-log_scale), -log_scale

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = theta.unbind(-1)
        return shift, self.bound * torch.tanh(raw / self.bound)
