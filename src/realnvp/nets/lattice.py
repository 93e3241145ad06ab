"""A conditioner on the checkerboard of a periodic lattice, the same at every site."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from realnvp.nets.base import NetFactory, zeroed

__all__ = ["Sublattice", "checkerboard", "sublattice"]


def checkerboard(side: int) -> Tensor:
    """Return the sites of a lattice, row by row, those of even ``i + j`` first."""
    i, j = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((i + j) % 2).flatten().argsort(stable=True)


class Sublattice(nn.Module):
    """From the sites of one colour of the checkerboard to parameters at each site of the other.

    At a site, ``a`` are ``width`` weighted sums of the sites of the other colour no more than ``reach`` rows or columns
    away, the weights depending on the displacement alone; ``h(a) = silu(a + b)``. Where ``odd`` is true a parameter is
    a linear map of ``h(a) - h(-a)`` and changes its sign with the field, elsewhere it is one of ``h(a) + h(-a)`` and
    keeps it; ``odd=None`` takes linear maps of ``h(a)``.

    Maps ``(*, side^2 / 2)`` to ``(*, side^2 / 2 * size)``. References: see ``realnvp.recipes.lattice_flow``.
    """

    seen: Tensor
    order: Tensor

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        side: int,
        swap: bool,
        width: int = 16,
        reach: int = 4,
        odd: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("seen", _neighbours(side, swap, reach), persistent=False)  # (moved, neighbours)
        neighbours, size = self.seen.shape[1], outputs // (side * side // 2)
        self.weights = nn.Parameter(torch.randn(neighbours, width) / neighbours**0.5)
        self.bias = nn.Parameter(torch.empty(width).uniform_(-1, 1))
        signs = sum(odd or ())
        order = sorted(range(size), key=(odd or [False] * size).__getitem__)  # the even parameters first
        self.register_buffer("order", torch.tensor(order).argsort(), persistent=False)
        self.even = zeroed(nn.Linear(width, size - signs))
        self.odds = None if odd is None else nn.Parameter(torch.zeros(signs, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the parameters of the other colour's sites."""
        sums = x.index_select(-1, self.seen.flatten()).unflatten(-1, self.seen.shape) @ self.weights
        up = F.silu(sums + self.bias)
        if self.odds is None:
            return self.even(up).flatten(-2)
        down = F.silu(self.bias - sums)
        out = torch.cat((self.even(up + down), F.linear(up - down, self.odds)), -1)
        return out.index_select(-1, self.order).flatten(-2)


def _neighbours(side: int, swap: bool, reach: int) -> Tensor:
    """For each site of the moved colour, where its neighbours lie among the sites of the colour seen."""
    sites, half = checkerboard(side), side * side // 2
    near = torch.arange(-reach, reach + 1)
    rows, columns = (v.flatten() % side for v in torch.meshgrid(near, near, indexing="ij"))
    steps = torch.stack((rows, columns), 1)[(rows + columns) % 2 == 1].unique(dim=0)  # (neighbours, 2)
    moved = sites[:half] if swap else sites[half:]
    at = (moved[:, None] // side + steps[:, 0]) % side * side + (moved[:, None] % side + steps[:, 1]) % side
    return sites.argsort()[at] - (half if swap else 0)


def sublattice(
    side: int, *, swap: bool, width: int = 16, reach: int = 4, odd: Sequence[bool] | None = None
) -> NetFactory:
    """Return a factory of such nets, for ``Coupling``."""
    return partial(Sublattice, side=side, swap=swap, width=width, reach=reach, odd=odd)
