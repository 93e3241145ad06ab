"""The affine kernels of Real NVP."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from realnvp.errors import InputError

__all__ = ["Affine", "TanhAffine"]


class _ScaleAndShift:
    """``y = x * exp(s) + t``; a subclass reads ``t`` and ``s`` from ``theta``."""

    def forward(self, x: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``x * exp(s) + t`` and ``s``."""
        shift, log_scale = self._read(theta)
        return torch.addcmul(shift, x, log_scale.exp()), log_scale

    def inverse(self, y: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``(y - t) * exp(-s)`` and ``-s``."""
        shift, log_scale = self._read(theta)
        return (y - shift) * torch.exp(-log_scale), -log_scale

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        raise TypeError(f"{type(self).__name__} does not say its shift and log-scale")


@dataclass(frozen=True)
class Affine(_ScaleAndShift):
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

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = theta.unbind(-1)
        return shift, self.bound * torch.tanh(raw / self.bound)


@dataclass(frozen=True)
class TanhAffine(_ScaleAndShift):
    """``y = x * exp(s) + t`` with ``s = g tanh(raw)`` and the gain ``g = most ** tanh(gain)``, so ``|s| <= most``.

    ``x`` has shape ``(*)``, ``theta = (t, raw, gain)`` has shape ``(*, 3)``; both results have shape ``(*)``. As
    published, the gain is a learnt number: ``nets.learnt_last`` makes nets that leave the last parameter to one.

    References:
        Real NVP (Dinh et al., 2016), section 4.1, https://arxiv.org/abs/1605.08803
    """

    most: float = 4.0
    size: ClassVar[int] = 3

    def __post_init__(self) -> None:
        if not 1 <= self.most < math.inf:
            raise InputError(f"TanhAffine's most must be finite and at least 1, got {self.most}")

    def _read(self, theta: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw, gain = theta.unbind(-1)
        return shift, torch.exp(math.log(self.most) * gain.tanh()) * raw.tanh()
