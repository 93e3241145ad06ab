"""Flows of pictures."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

from realnvp.bases import Base, Logistic, Normal
from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.kernels import Affine, Kernel, TanhAffine
from realnvp.nets import NetFactory, Separate, learnt_last, mlp, residual_conv
from realnvp.recipes.base import Layer, couplings
from realnvp.transforms import (
    ActNorm,
    BatchNorm,
    CheckerboardCoupling,
    Compose,
    Coupling,
    Flat,
    Halves,
    Logit,
    LULinear,
    Part,
    Squeeze,
    Transform,
)

__all__ = ["batch_norm", "flat_real_nvp", "glow_step", "image_real_nvp", "noise_flow"]


def batch_norm(channels: int) -> Transform:
    """Batch normalisation of pictures' channels."""
    return BatchNorm(channels, event_dim=3)


def glow_step(channels: int) -> Transform:
    """Activation normalisation and an invertible 1 x 1 convolution of pictures' channels.

    References:
        Glow (Kingma and Dhariwal, 2018), https://arxiv.org/abs/1807.03039
    """
    return Compose(ActNorm(channels, event_dim=3), LULinear(channels, event_dim=3))


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
    (the even and the odd rows; without ``checkers`` the colours) with twice the ``hidden`` features, and the next
    scale, of twice as many hidden features again, on half of the channels; the other half is factored out. The last
    scale is ``checkers + 1`` couplings of the checkerboard; with ``checkers=0`` it is a scale that hands nothing on.
    ``between(channels)`` goes before each coupling: batch normalisation, or ``glow_step``, activation normalisation
    and an invertible 1 x 1 convolution. All scales but the last halve the picture; by default there are as many as
    leave sides of 4.

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
        rows = checkers > 0  # channels are cut otherwise than the checkerboard has cut the pixels
        chain += [Squeeze(plain=rows), *joined(deep, 4 * features), Squeeze(plain=rows).inv]
        if not last:
            below = Part(level(2 * features, 2 * width, left - 1), 2 * features)
            chain += [Squeeze(), below, Squeeze().inv]
        return Compose(*chain)

    return Flow(level(depth, hidden, scales), Normal(tuple(shape)) if base is None else base)


def flat_real_nvp(
    shape: Sequence[int],
    *,
    context: int = 0,
    layers: int = 6,
    hidden: Sequence[int] = (64, 128, 128, 64),
    kernel: Kernel | None = None,
    base: Base | None = None,
) -> Flow:
    """Build the plain Real NVP of pictures ``(C, H, W)``: couplings of the two halves of the pixels in a row.

    The halves change places between couplings; scale and shift have a ReLU net each (other kernels one net). It knows
    nothing of which pixels lie side by side: the baseline that convolutions are measured against.

    References:
        Real NVP (Dinh et al., 2016), https://arxiv.org/abs/1605.08803
    """
    kernel = kernel or Affine()
    chain = couplings(prod(shape), kernel, layers=layers, net=Separate.of(mlp(hidden), kernel.size), context=context)
    return Flow(Flat(Compose(*chain)), Normal(tuple(shape)) if base is None else base)


def noise_flow(shape: Sequence[int], *, layers: int = 4, hidden: int = 32, blocks: int = 1) -> Flow:
    """Build a flow of noise in [0, 1] given a picture, both ``(C, H, W)``: affine couplings of the checkerboard.

    It starts as the uniform law: logit, then a logistic base. The picture is the context, a value for each pixel.

    References:
        Flow++ (Ho et al., 2019), section 3.1, https://arxiv.org/abs/1902.00275
    """
    depth = shape[0]
    net = residual_conv(hidden, blocks)
    chain = [CheckerboardCoupling(depth, net, Affine(), swap=i % 2 == 1, context=depth) for i in range(layers)]
    return Flow(Compose(Logit(event_dim=3), *chain), Logistic(tuple(shape)))


def _halvings(high: int, wide: int, least: int) -> int:
    """How often a picture can be halved so that both sides stay whole and at least ``least``."""
    count = 0
    while high % 2 == wide % 2 == 0 and min(high, wide) // 2 >= least:
        high, wide, count = high // 2, wide // 2, count + 1
    return count
