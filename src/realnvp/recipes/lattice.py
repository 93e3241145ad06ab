"""Flows of fields on a lattice."""

from realnvp.bases import Normal
from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.kernels import Affine, Chain, Odd, Spline
from realnvp.nets import checkerboard, sublattice
from realnvp.transforms import Compose, Coupling, FreeField, OrderedHalves, Transform

__all__ = ["lattice_flow"]


def lattice_flow(
    side: int,
    *,
    layers: int = 3,
    width: int = 16,
    reach: int = 4,
    bins: int = 6,
    bound: float = 2.0,
    odd: bool = True,
) -> Flow:
    """Build a flow for a scalar field on a periodic ``side x side`` lattice: couplings of the checkerboard's colours.

    Noise becomes a free field with a learnt scale for each wave. Each coupling moves one colour by a spline, of
    ``bins`` pieces on ``[0, bound]`` and as many below zero, then by a scale and a shift, their parameters decided by
    the other colour's sites within ``reach`` in the same way at every site. So the flow is the same under moves that
    keep the checkerboard; with ``odd`` also under ``phi -> -phi``, exactly.

    References:
        Flow-based generative models for Markov chain Monte Carlo (Albergo et al., 2019),
        https://arxiv.org/abs/1904.12072
    """
    if side < 2 or side % 2:
        raise InputError(f"a checkerboard needs an even side, got {side}")
    spline = Odd(bins, bound) if odd else Spline(2 * bins, bound)
    signs = [False] * spline.size + [True, False]  # of the affine map the shift changes sign with the field
    chain: list[Transform] = []
    for i in range(layers):
        swap = i % 2 == 1
        net = sublattice(side, swap=swap, width=width, reach=reach, odd=signs if odd else None)
        split = OrderedHalves(checkerboard(side), swap)
        chain.append(Coupling(side**2, net, Chain((spline, Affine())), split=split))
    return Flow(Compose(Compose(*chain).inv, FreeField(side)), Normal(side**2))
