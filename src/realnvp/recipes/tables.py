"""Flows of vectors."""

from collections.abc import Sequence

from realnvp.bases import Base, Logistic, Normal
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Spline
from realnvp.nets import NetFactory, mlp
from realnvp.recipes.base import Layer, couplings
from realnvp.transforms import Compose, Halves, Scale, Split

__all__ = ["nice", "real_nvp", "spline_flow"]


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
