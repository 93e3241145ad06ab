"""What recipes share: a chain of couplings."""

from collections.abc import Callable

from realnvp.errors import InputError
from realnvp.kernels import Kernel
from realnvp.nets import NetFactory
from realnvp.transforms import Coupling, Halves, Split, Transform

__all__ = ["Layer", "couplings"]

Layer = Callable[[int], Transform]
"""``features -> transform``: what is put between couplings."""


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
