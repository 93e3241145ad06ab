"""The waves of a field on a periodic lattice."""

import math

import torch
from torch import Tensor, nn

from realnvp.errors import InputError
from realnvp.nets import KeepsDouble
from realnvp.shapes import every_row
from realnvp.transforms.base import Transform

__all__ = ["FreeField"]


class FreeField(KeepsDouble, Transform):
    """Scale each wave of a field on a periodic ``side x side`` lattice, ``(*, side^2)`` row by row.

    Forward   ``z = exp(-p) (H phi H)``
    Inverse   ``phi = H (exp(p) z) H``
    ladj      minus, or plus, the sum of ``p``

    ``H`` is the Hartley matrix ``(cos + sin)(2 pi j k / side) / sqrt(side)``, its own inverse. One log-scale ``p`` is
    learnt for each ``k^2 = 4 sin^2(pi k1 / side) + 4 sin^2(pi k2 / side)``, at first ``-log(2 k^2 + stiffness) / 2``:
    standard normal ``z`` is then the free field of the action ``sum k^2 |phi_k|^2 + stiffness phi^2 / 2``.
    """

    hartley: Tensor
    kind: Tensor

    def __init__(self, side: int, *, stiffness: float = 1.2) -> None:
        super().__init__()
        if side < 1 or not 0 < stiffness < math.inf:
            raise InputError(f"a field needs side >= 1 and a positive stiffness, got {side} and {stiffness}")
        self.side = side
        k = torch.arange(side, dtype=torch.float64)
        angle = 2 * math.pi / side * k[:, None] * k
        wave = 4 * torch.sin(math.pi / side * k) ** 2
        square, kind = (wave[:, None] + wave).mul(1e9).round().unique(return_inverse=True)
        self.register_buffer("hartley", (angle.cos() + angle.sin()) / math.sqrt(side))
        self.register_buffer("kind", kind)
        self.log_scale = nn.Parameter(-0.5 * (2e-9 * square + stiffness).log().to(torch.get_default_dtype()))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        log_scale = self.log_scale[self.kind]
        return (torch.exp(-log_scale) * self._turn(self._field(x))).flatten(-2), -every_row(log_scale, x, 1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        log_scale = self.log_scale[self.kind]
        return self._turn(log_scale.exp() * self._field(z)).flatten(-2), every_row(log_scale, z, 1)

    def _field(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.side, self.side))

    def _turn(self, field: Tensor) -> Tensor:
        hartley = self.hartley.to(field.dtype)
        return hartley @ field @ hartley
