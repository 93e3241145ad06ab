"""Linear maps that mix the features."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realnvp.nets import KeepsDouble
from realnvp.shapes import every_row, spread
from realnvp.transforms.base import Transform

__all__ = ["LULinear", "PositiveLinear", "Whiten"]


def _full_width(x: Tensor) -> AbstractContextManager:
    """Keep an autocast around the flow from rounding a product that its inverse has to undo."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()


class LULinear(Transform):
    """``z = L U x + b`` with ``L`` unit lower and ``U`` upper triangular of positive diagonal, the identity at first.

    ``ladj = sum(log diag U)``, times the number of pixels where ``event_dim`` is 3 (then it is the 1x1 convolution).

    References:
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """

    def __init__(self, features: int, *, event_dim: int = 1) -> None:
        super().__init__()
        self.features, self.event_dim = features, event_dim
        self.lower = nn.Parameter(torch.zeros(features, features))
        self.upper = nn.Parameter(torch.zeros(features, features))
        self.log_diagonal = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))

    @property
    def matrix(self) -> Tensor:
        """The product ``L U``, shape ``(features, features)``."""
        upper = self._upper()
        return torch.addmm(upper, self.lower.tril(-1), upper)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``L U x + b`` and ``sum(log diag U)``."""
        with _full_width(x):
            z = F.linear(x.movedim(-self.event_dim, -1), self.matrix, self.bias)
        return z.movedim(-1, -self.event_dim), every_row(self.log_diagonal, x, self.event_dim)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Solve two triangular systems."""
        rows = z.movedim(-self.event_dim, -1)
        flat = (rows - self.bias).reshape(-1, self.features).T
        half = torch.linalg.solve_triangular(self.lower.tril(-1), flat, upper=False, unitriangular=True)
        x = torch.linalg.solve_triangular(self._upper(), half, upper=True).T.reshape(rows.shape)
        return x.movedim(-1, -self.event_dim), -every_row(self.log_diagonal, z, self.event_dim)

    def _upper(self) -> Tensor:
        return self.upper.triu(1) + torch.diag(self.log_diagonal.exp())


class Whiten(KeepsDouble, Transform):
    """``z = L^-1 (x - mean)``, with the mean and covariance ``L L^T`` of the data given to ``calibrate``; not trained.

    ``L`` is lower triangular (for fewer data than 4 D: diagonal); ``ladj = -sum(log diag L)``. Mean and ``L`` are kept
    in float64, and the product is taken in it.
    """

    set_from_data = True
    loc: Tensor
    root: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(features, dtype=torch.float64))
        self.register_buffer("root", torch.eye(features, dtype=torch.float64))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        rows = (x.double() - self.loc).reshape(-1, len(self.loc))
        z = torch.linalg.solve_triangular(self.root, rows.T, upper=False).T.reshape(x.shape)
        return z.to(x.dtype), -every_row(self.root.diagonal().log(), x, 1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``L z + mean`` and ``log |det L|``."""
        with _full_width(z):
            x = F.linear(z.double(), self.root, self.loc)
        return x.to(z.dtype), every_row(self.root.diagonal().log(), z, 1)

    @torch.no_grad()
    def calibrate(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Take mean and covariance from ``x`` (n, D)."""
        self.loc.copy_(x.double().mean(0))
        root = spread(x.double())
        self.root.copy_(root.diag() if root.dim() == 1 else root)
        return self(x)[0]


class PositiveLinear(Transform):
    """``x = A z + b`` with every entry of ``A`` positive, ``A = exp(raw)``; ``ladj = -log |det A|``.

    Starts near the identity: ones on the diagonal and ``exp(-3)`` beside it.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.features = features
        self.raw = nn.Parameter(torch.full((features, features), -3.0).fill_diagonal_(0.0))
        self.shift = nn.Parameter(torch.zeros(features))

    @property
    def matrix(self) -> Tensor:
        """``A``, shape ``(features, features)``, all entries positive."""
        return self.raw.exp()

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Solve ``A z = x - b``."""
        rows = (x - self.shift).reshape(-1, self.features)
        z = torch.linalg.solve(self.matrix, rows.T).T.reshape(x.shape)
        return z, -self._log_det(x)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``A z + b`` and ``log |det A|``."""
        with _full_width(z):
            return F.linear(z, self.matrix, self.shift), self._log_det(z)

    def _log_det(self, x: Tensor) -> Tensor:
        return torch.linalg.slogdet(self.matrix).logabsdet.expand(x.shape[:-1])
