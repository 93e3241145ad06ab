"""Permutations of the features."""

from collections.abc import Sequence

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.transforms.base import Transform

__all__ = ["Flip", "Permute", "Shuffle"]


class Permute(Transform):
    """``z_i = x_order[i]``, ``ladj = 0``. The order is kept in buffers, so it is saved and moved."""

    order: Tensor
    back: Tensor

    def __init__(self, order: Sequence[int] | Tensor, *, event_dim: int = 1) -> None:
        super().__init__()
        self.event_dim = event_dim
        index = torch.as_tensor(order, dtype=torch.long)
        if index.dim() != 1 or not torch.equal(index.sort().values, torch.arange(len(index))):
            raise InputError(f"a permutation needs each of 0 … n-1 once, got {index.tolist()}")
        self.register_buffer("order", index)
        self.register_buffer("back", index.argsort())

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the permuted features and zeros."""
        return self._take(x, self.order)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the features in their first order and zeros."""
        return self._take(z, self.back)

    def _take(self, x: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
        return x.index_select(-self.event_dim, order), x.new_zeros(x.shape[: x.dim() - self.event_dim])


class Shuffle(Permute):
    """A permutation drawn from ``seed``."""

    def __init__(self, features: int, seed: int = 0, *, event_dim: int = 1) -> None:
        generator = torch.Generator().manual_seed(seed)
        super().__init__(torch.randperm(features, generator=generator), event_dim=event_dim)


class Flip(Transform):
    """The features in reverse order, ``ladj = 0``; its own inverse."""

    def __init__(self, *, event_dim: int = 1) -> None:
        super().__init__()
        self.event_dim = event_dim

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the features reversed and zeros."""
        return x.flip(-self.event_dim), x.new_zeros(x.shape[: x.dim() - self.event_dim])

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the features reversed and zeros."""
        return self(z)
