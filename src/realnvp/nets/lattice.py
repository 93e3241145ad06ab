"""A conditioner on the checkerboard of a periodic lattice, the same at every site."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from realnvp.nets.base import NetFactory, zeroed

__all__ = ["Sublattice", "checkerboard", "sublattice"]


def checkerboard(side: int) -> Tensor:
    """Return the sites of a lattice, row by row, those of even ``i + j`` first."""
    i, j = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return ((i + j) % 2).flatten().argsort(stable=True)


class Sublattice(nn.Module):
    """From the sites of one colour of the checkerboard to parameters at each site of the other.

    Each site sees ``width`` weighted sums of all sites of the other colour, the weights depending on the displacement
    alone, and a perceptron of them, the same at every site. Where ``odd`` is true a parameter changes its sign with the
    field, elsewhere it keeps it: ``(g(h) - g(-h)) / 2`` and ``(g(h) + g(-h)) / 2``; ``odd=None`` asks for neither.

    Maps ``(*, side^2 / 2)`` to ``(*, side^2 / 2 * size)``. References: see ``realnvp.recipes.lattice_flow``.
    """

    shift: Tensor
    sign: Tensor | None

    def __init__(
        self, inputs: int, outputs: int, *, side: int, swap: bool, width: int = 16, odd: Sequence[bool] | None = None
    ) -> None:
        super().__init__()
        sites = checkerboard(side)
        half = side * side // 2
        size = outputs // half
        seen, moved = (sites[half:], sites[:half]) if swap else (sites[:half], sites[half:])
        rows = (moved[:, None] // side - seen // side) % side
        columns = (moved[:, None] % side - seen % side) % side
        self.register_buffer("shift", rows * side + columns)  # (moved, seen)
        self.register_buffer("sign", None if odd is None else torch.tensor([-1.0 if o else 1.0 for o in odd]))
        self.weights = nn.Parameter(torch.randn(side * side, width) * (2 / side))
        self.net = nn.Sequential(nn.Linear(width, width), nn.SiLU(), zeroed(nn.Linear(width, size)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the parameters of the other colour's sites."""
        sums = torch.einsum("...s,msw->...mw", x, self.weights[self.shift])
        if self.sign is None:
            return self.net(sums).flatten(-2)
        out = 0.5 * (self.net(sums) + self.sign * self.net(-sums))
        return out.flatten(-2)


def sublattice(side: int, *, swap: bool, width: int = 16, odd: Sequence[bool] | None = None) -> NetFactory:
    """Return a factory of such nets, for ``Coupling``."""
    return partial(Sublattice, side=side, swap=swap, width=width, odd=odd)
