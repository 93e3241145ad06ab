"""Functions that build a flow."""

from collections.abc import Callable, Sequence

from realnvp.bases import Base, Logistic, Normal
from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Kernel, Odd, Spline
from realnvp.nets import NetFactory, checkerboard, mlp, sublattice
from realnvp.transforms import Compose, Coupling, FreeField, Halves, OrderedHalves, Scale, Split, Transform

__all__ = ["Layer", "couplings", "lattice_flow", "nice", "real_nvp", "spline_flow"]

Layer = Callable[[int], Transform]
"""``features -> transform``: what is put between couplings."""


def nice(
    features: int,
    *,
    context: int = 0,
    layers: int = 4,
    hidden: Sequence[int] = (128, 128),
    net: NetFactory | None = None,
    split: type[Split] = Halves,
    between: Layer | None = None,
    base: Base | None = None,
) -> Flow:
    """Build NICE: additive couplings, then the diagonal scaling ``exp(theta)``, under a logistic base.

    References:
        NICE (Dinh et al., 2014), https://arxiv.org/abs/1410.8516
    """
    chain = couplings(
        features, Additive(), layers=layers, net=net or mlp(hidden), split=split, between=between, context=context
    )
    return Flow(Compose(*chain, Scale(features)), Logistic(features) if base is None else base)


def real_nvp(
    features: int,
    *,
    context: int = 0,
    layers: int = 8,
    hidden: Sequence[int] = (128, 128),
    bound: float = 2.0,
    net: NetFactory | None = None,
    split: type[Split] = Halves,
    between: Layer | None = None,
    base: Base | None = None,
) -> Flow:
    """Build Real NVP: affine couplings that move the two parts in turn, under a normal base.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """
    chain = couplings(
        features, Affine(bound), layers=layers, net=net or mlp(hidden), split=split, between=between, context=context
    )
    return Flow(Compose(*chain), Normal(features) if base is None else base)


def spline_flow(
    features: int,
    *,
    context: int = 0,
    layers: int = 4,
    hidden: Sequence[int] = (128, 128),
    bins: int = 8,
    bound: float = 5.0,
    affine: float | None = 2.0,
    net: NetFactory | None = None,
    split: type[Split] = Halves,
    between: Layer | None = None,
    base: Base | None = None,
) -> Flow:
    """Build a neural spline coupling flow; the splines act on ``[-bound, bound]``, so give it standardised data.

    In each coupling an affine map, its log-scale bounded by ``affine``, goes before the spline: it brings the values
    into the spline's reach, so fewer layers do. ``affine=None`` leaves the splines alone, as published.

    References:
        Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032
    """
    spline = Spline(bins, bound)
    kernel = spline if affine is None else Chain((Affine(affine), spline))
    chain = couplings(
        features, kernel, layers=layers, net=net or mlp(hidden), split=split, between=between, context=context
    )
    return Flow(Compose(*chain), Normal(features) if base is None else base)


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


def couplings(
    features: int,
    kernel: Kernel,
    *,
    layers: int,
    net: NetFactory,
    split: type[Split] = Halves,
    between: Layer | None = None,
    context: int = 0,
) -> list[Transform]:
    """Return ``layers`` couplings that keep the two parts in turn, with ``between(features)`` before each of them."""
    if features < 1 or layers < 1 or context < 0:
        raise InputError(
            f"a flow needs features >= 1, layers >= 1 and context >= 0, got {features}, {layers} and {context}"
        )
    chain: list[Transform] = []
    for i in range(layers):
        chain += [between(features)] if between else []
        chain.append(Coupling(features, net, kernel, split=split(swap=i % 2 == 1), context=context))
    return chain
