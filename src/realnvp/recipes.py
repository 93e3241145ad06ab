"""Functions that build a flow."""

from collections.abc import Callable, Sequence
from functools import partial

from realnvp.bases import Base, Logistic, Normal
from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Kernel, Odd, Spline, TanhAffine
from realnvp.nets import NetFactory, checkerboard, learnt_last, mlp, residual_conv, sublattice
from realnvp.transforms import (
    ActNorm,
    BatchNorm,
    CheckerboardCoupling,
    Compose,
    Coupling,
    FreeField,
    Halves,
    LULinear,
    OrderedHalves,
    Part,
    Scale,
    Split,
    Squeeze,
    Transform,
)

__all__ = [
    "Layer",
    "batch_norm",
    "couplings",
    "glow_step",
    "image_real_nvp",
    "lattice_flow",
    "nice",
    "real_nvp",
    "spline_flow",
]

Layer = Callable[[int], Transform]
"""``features -> transform``: what is put between couplings."""


def batch_norm(channels: int) -> Transform:
    """Batch normalisation of pictures' channels."""
    return BatchNorm(channels, event_dim=3)


def glow_step(channels: int) -> Transform:
    """Activation normalisation and an invertible 1 x 1 convolution of pictures' channels.

    References:
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """
    return Compose(ActNorm(channels, event_dim=3), LULinear(channels, event_dim=3))


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


def image_real_nvp(
    shape: Sequence[int],
    *,
    context: int = 0,
    scales: int | None = None,
    hidden: int = 32,
    blocks: int = 2,
    checkers: int = 3,
    channels: int = 3,
    kernel: Kernel | None = None,
    net: Callable[[int], NetFactory] | None = None,
    between: Layer | None = batch_norm,
    base: Base | None = None,
) -> Flow:
    """Build the multi-scale Real NVP of pictures ``(C, H, W)``.

    A scale is ``checkers`` couplings of the checkerboard's colours, a squeeze, ``channels`` couplings of the channels
    with twice the ``hidden`` features, and the next scale, of twice as many hidden features again, on half of the
    channels; the other half is factored out. The last scale is ``checkers + 1`` couplings of the checkerboard; with
    ``checkers=0`` it is a scale that hands nothing on. ``between(channels)`` goes before each coupling: batch
    normalisation, or ``glow_step``, activation normalisation and an invertible 1 x 1 convolution. All scales but the
    last halve the picture; by default there are as many as leave sides of 4.

    ``net(hidden)`` is a factory of conditioners, residual nets of ``blocks`` blocks by default. ``kernel`` is affine
    as published, its log-scale ``learnt gain * tanh``. Latents have the shape of the picture.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """
    if len(shape) != 3 or min(*shape, checkers + channels) < 1 or min(checkers, channels, context) < 0:
        raise InputError(
            "a flow of pictures needs shape (channels, height, width) and at least one coupling a scale, got "
            f"{tuple(shape)}, checkers={checkers}, channels={channels} and context={context}"
        )
    depth, high, wide = shape
    most = _halvings(high, wide, 1) + (checkers > 0)
    if not most:
        raise InputError(f"pictures of {high} x {wide} do not halve evenly: pad or crop them, or take checkers=3")
    scales = max(1, _halvings(high, wide, 4) + (checkers > 0)) if scales is None else scales
    if not 1 <= scales <= most:
        raise InputError(f"pictures of {high} x {wide} take 1 to {most} scales here, got {scales}: pad or crop them")
    make = net or partial(residual_conv, blocks=blocks)
    kernel = TanhAffine() if kernel is None else kernel

    def nets(width: int) -> NetFactory:
        factory = make(width)
        return learnt_last(factory, kernel.size, 3) if isinstance(kernel, TanhAffine) else factory

    def joined(chain: Sequence[Transform], features: int) -> list[Transform]:
        return [t for coupling in chain for t in ((between(features), coupling) if between else (coupling,))]

    def level(features: int, width: int, left: int) -> Transform:
        """The scale of ``features`` channels with ``left`` scales from here on, itself among them."""
        last = left == 1
        board = [
            CheckerboardCoupling(features, nets(width), kernel, swap=i % 2 == 1, context=context)
            for i in range(checkers + (last and checkers > 0))
        ]
        chain = joined(board, features)
        if last and checkers:
            return Compose(*chain)
        deep: list[Transform] = [
            Coupling(4 * features, nets(2 * width), kernel, split=Halves(i % 2 == 1), context=context, event_dim=3)
            for i in range(channels)
        ]
        inner = joined(deep, 4 * features)
        if not last:
            inner.append(Part(level(2 * features, 2 * width, left - 1), 2 * features))
        return Compose(*chain, Squeeze(), *inner, Squeeze().inv)

    return Flow(level(depth, hidden, scales), Normal(tuple(shape)) if base is None else base)


def _halvings(high: int, wide: int, least: int) -> int:
    """How often a picture can be halved so that both sides stay whole and at least ``least``."""
    count = 0
    while high % 2 == wide % 2 == 0 and min(high, wide) // 2 >= least:
        high, wide, count = high // 2, wide // 2, count + 1
    return count


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
