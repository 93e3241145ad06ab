"""The transforms that every law is tried on: one more is one more line.

A line is ``name: (builder, event shape)``; where the events do not fill the line, ``domain`` and ``image`` follow, the
``(low, high)`` of what goes in and comes out, then what brings an ``x`` into a domain of another form.
"""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from realnvp.kernels import Additive, Affine, Chain, Odd, Spline, TanhAffine
from realnvp.nets import (
    MLP,
    Separate,
    Standard,
    checkerboard,
    learnt_last,
    mlp,
    residual_conv,
    residual_mlp,
    sublattice,
    waves,
)
from realnvp.transforms import (
    ActNorm,
    BatchNorm,
    BodyFrame,
    Box,
    CheckerboardCoupling,
    Compose,
    Coupling,
    Embed,
    EvenOdd,
    Flat,
    Flip,
    FreeField,
    Halves,
    Inverse,
    Logit,
    LULinear,
    OrderedHalves,
    Part,
    Permute,
    PositiveLinear,
    Probit,
    RandomHalves,
    Regress,
    Scale,
    Shuffle,
    SinhArcsinh,
    Split,
    Squeeze,
    Standardise,
    Whiten,
)
from realnvp.transforms import Affine as LearntAffine

Interval = tuple[Any, Any] | None


class Case(NamedTuple):
    build: Callable[[], Any]
    shape: tuple[int, ...]
    domain: Interval = None
    image: Interval = None
    into: Callable[[Tensor], Tensor] = lambda x: x

    def ready(self, dtype: torch.dtype = torch.float64) -> Any:
        """Build it, set what is set from data, move its parameters away from where they start, evaluation mode."""
        torch.manual_seed(1)
        t = self.build()
        set_up, given = (t.inv, self.z(50)) if isinstance(t, Inverse) else (t, self.x(50))
        set_up.calibrate(given, context(t, 50))
        with torch.no_grad():
            for p in t.parameters():
                p += 0.5 * torch.randn(p.shape) / max(1, p[0].numel() if p.dim() > 1 else 4) ** 0.5
        return t.to(dtype).eval() if dtype == torch.float64 else t.eval()

    def x(self, *batch: int, dtype: torch.dtype = torch.float32, seed: int = 2) -> Tensor:
        return self.into(draw((*batch, *self.shape), self.domain, dtype, seed))

    def z(self, *batch: int, dtype: torch.dtype = torch.float32, seed: int = 3) -> Tensor:
        return draw((*batch, *self.shape), self.image, dtype, seed)


def draw(shape: tuple[int, ...], interval: Interval, dtype: torch.dtype, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    if interval is None:
        return 2 * torch.randn(shape, generator=generator, dtype=dtype)
    low, high = (torch.as_tensor(v, dtype=dtype) for v in interval)
    return low + (high - low) * (0.02 + 0.96 * torch.rand(shape, generator=generator, dtype=dtype))


def context(t: Any, *batch: int, dtype: torch.dtype = torch.float32) -> Tensor | None:
    return draw((*batch, t.context), None, dtype, 4) if t.context else None


class Conv(nn.Module):
    """A small image net for couplings of channels, ``(*batch, inputs, H, W) -> (*batch, outputs, H, W)``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(inputs, 6, 3, padding=1), nn.Tanh(), nn.Conv2d(6, outputs, 1))
        for p in self.body[2].parameters():
            nn.init.zeros_(p)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.body(x.reshape(x.shape[:-3].numel(), *x.shape[-3:]))
        return flat.reshape(*x.shape[:-3], *flat.shape[-3:])


NET = mlp((8,), act="tanh")
KERNELS = {"additive": Additive(), "affine": Affine(), "spline": Spline(4, 3.0)}
SPLITS: dict[str, Callable[[int], Split | RandomHalves]] = {
    "halves": lambda n: Halves(),
    "halves swapped": lambda n: Halves(swap=True),
    "even odd": lambda n: EvenOdd(),
    "even odd swapped": lambda n: EvenOdd(swap=True),
    "random": lambda n: RandomHalves(n, 1),
    "random swapped": lambda n: RandomHalves(n, 1, swap=True),
}

TRANSFORMS: dict[str, tuple] = {
    "affine": (lambda: LearntAffine(3), (3,)),
    "affine of one": (lambda: LearntAffine(1), (1,)),
    "affine of channels": (lambda: LearntAffine(2, event_dim=3), (2, 3, 3)),
    "scale": (lambda: Scale(3), (3,)),
    "scale of channels": (lambda: Scale(2, event_dim=3), (2, 3, 3)),
    "lu": (lambda: LULinear(4), (4,)),
    "lu of one": (lambda: LULinear(1), (1,)),
    "lu of channels": (lambda: LULinear(3, event_dim=3), (3, 2, 2)),
    "positive": (lambda: PositiveLinear(3), (3,)),
    "positive of one": (lambda: PositiveLinear(1), (1,)),
    "permute": (lambda: Permute([2, 0, 1]), (3,)),
    "permute channels": (lambda: Permute([2, 0, 1], event_dim=3), (3, 2, 2)),
    "shuffle": (lambda: Shuffle(5, seed=3), (5,)),
    "flip": (lambda: Flip(), (4,)),
    "flip channels": (lambda: Flip(event_dim=3), (3, 2, 2)),
    "act norm": (lambda: ActNorm(3), (3,)),
    "act norm of channels": (lambda: ActNorm(2, event_dim=3), (2, 3, 3)),
    "batch norm": (lambda: BatchNorm(3), (3,)),
    "batch norm of channels": (lambda: BatchNorm(2, event_dim=3), (2, 3, 3)),
    "standardise": (lambda: Standardise(3), (3,)),
    "standardise channels": (lambda: Standardise(2, event_dim=3), (2, 3, 3)),
    "logit": (lambda: Logit(), (3,), (0.0, 1.0)),
    "logit with alpha": (lambda: Logit(0.05), (3,), (0.0, 1.0)),
    "logit of images": (lambda: Logit(0.05, event_dim=3), (2, 2, 2), (0.0, 1.0)),
    "box": (lambda: Box([-1.0, 0.1, 2.0], [1.0, 0.3, 7.0]), (3,), ([-1.0, 0.1, 2.0], [1.0, 0.3, 7.0])),
    "box of one side": (lambda: Box(-2.0, 3.0), (2,), (-2.0, 3.0)),
    "box of channels": (
        lambda: Box([0.0, -1.0], [1.0, 3.0], event_dim=3),
        (2, 2, 3),
        ([[[0.0]], [[-1.0]]], [[[1.0]], [[3.0]]]),
    ),
    "box of images": (lambda: Box(0.0, 255.0, event_dim=3), (2, 2, 2), (0.0, 255.0)),
    "nothing": (lambda: Compose(), (3,)),
    "compose": (lambda: Compose(ActNorm(3), Coupling(3, NET, Affine()), LULinear(3)), (3,)),
    "compose in compose": (lambda: Compose(Compose(Scale(2)), Compose(Flip(), LearntAffine(2))), (2,)),
    "compose event dims": (lambda: Compose(Scale(4), LULinear(2, event_dim=3), Flip()), (2, 3, 4)),
    "compose sigmoid and logit": (lambda: Compose(Logit().inv, Flip(), Logit(0.1)), (2,), None, (-2.1, 2.1)),
    "inverse": (lambda: LULinear(3).inv, (3,)),
    "inverse of batch norm": (lambda: BatchNorm(3).inv, (3,)),
    "inverse of logit": (lambda: Logit().inv, (3,), None, (0.0, 1.0)),
    "probit": (lambda: Probit([-1.0, 0.1], [1.0, 0.3]), (2,), ([-1.0, 0.1], [1.0, 0.3]), (-3.5, 3.5)),
    "probit of one": (lambda: Probit(-2.0, 3.0), (1,), (-2.0, 3.0), (-3.5, 3.5)),  # farther out x rounds to the edge
    "inverse of probit": (lambda: Probit(-2.0, 3.0).inv, (3,), (-3.5, 3.5), (-2.0, 3.0)),
    "sinh arcsinh": (lambda: SinhArcsinh(3), (3,)),
    "sinh arcsinh of one": (lambda: SinhArcsinh(1), (1,)),
    "inverse of sinh arcsinh": (lambda: SinhArcsinh(2).inv, (2,)),
    "whiten": (lambda: Whiten(5), (5,)),
    "whiten one": (lambda: Whiten(1), (1,)),
    "inverse of whiten": (lambda: Whiten(3).inv, (3,)),
    "free field": (lambda: FreeField(3), (9,)),
    "free field of one site": (lambda: FreeField(1), (1,)),
    "inverse of box": (lambda: Box(-2.0, 3.0).inv, (3,), None, (-2.0, 3.0)),
    "inverse of a coupling": (lambda: Coupling(3, NET, KERNELS["spline"], context=2).inv, (3,)),
    "inverse of compose": (lambda: Compose(Scale(3), Coupling(3, NET, Affine(), context=2)).inv, (3,)),
    "embed": (lambda: Embed(Coupling(3, NET, Affine(), context=2), MLP(5, 2, (8,)), 5), (3,)),
    "regress": (lambda: Regress(3, 2), (3,)),
    "regress of one feature": (lambda: Compose(Scale(1), Regress(1, 4)), (1,)),
    "embed scaled": (lambda: Embed(Compose(Coupling(1, NET, Affine(), context=2)), Standard(2), 2), (1,)),
    "coupling of separate nets": (lambda: Coupling(5, Separate.of(NET, 2), Affine(), context=1), (5,)),
    "coupling of a checkerboard": (
        lambda: Coupling(
            16,
            sublattice(4, swap=False, width=4, odd=[False] * 6 + [True, False]),
            Chain((Odd(2, 3.0), Affine())),
            split=OrderedHalves(checkerboard(4)),
        ),
        (16,),
    ),
    "coupling of a checkerboard, moved the other way": (
        lambda: Coupling(
            36,
            sublattice(6, swap=True, width=4, reach=1),
            Affine(),
            split=OrderedHalves(checkerboard(6), swap=True),
        ),
        (36,),
    ),
    "flat": (lambda: Flat(Compose(ActNorm(8), Coupling(8, NET, Affine(), context=2))), (2, 2, 2)),
    "coupling of a picture's checkerboard": (
        lambda: CheckerboardCoupling(2, residual_conv(4, 1), Affine(), context=1),
        (2, 3, 5),
    ),
    "coupling of a picture's checkerboard, swapped": (
        lambda: CheckerboardCoupling(1, Conv, KERNELS["spline"], swap=True),
        (1, 4, 2),
    ),
    "coupling of one pixel": (lambda: CheckerboardCoupling(1, Conv, Affine(), swap=True), (1, 1, 1)),
    "part": (lambda: Part(Coupling(3, NET, Affine(), context=1), 3), (5,)),
    "part of the channels": (lambda: Part(Coupling(2, Conv, Affine(), event_dim=3), 2), (3, 2, 2)),
    "two scales": (
        lambda: Compose(
            CheckerboardCoupling(1, Conv, Affine()),
            Squeeze(),
            Coupling(4, residual_conv(4, 1), Affine(), event_dim=3),
            Part(CheckerboardCoupling(2, Conv, Affine()), 2),
            Squeeze().inv,
        ),
        (1, 4, 4),
    ),
    "coupling of a learnt gain": (lambda: Coupling(5, learnt_last(NET, 3), TanhAffine(), context=1), (5,)),
    "coupling of channels of a learnt gain": (
        lambda: Coupling(3, learnt_last(Conv, 3, 3), TanhAffine(), event_dim=3),
        (3, 2, 2),
    ),
    "coupling of waves": (lambda: Coupling(4, waves(NET, frequencies=2, reach=4.0), KERNELS["spline"]), (4,)),
    "coupling of a residual net": (lambda: Coupling(5, residual_mlp(8), KERNELS["spline"]), (5,)),
    "coupling of a chain": (lambda: Coupling(5, NET, Chain((Affine(), KERNELS["spline"])), context=1), (5,)),
    "coupling of a channel": (lambda: Coupling(1, Conv, KERNELS["spline"], event_dim=3), (1, 3, 3)),
    "coupling of five channels": (lambda: Coupling(5, Conv, Affine(), split=EvenOdd(), event_dim=3), (5, 2, 3)),
}
TRANSFORMS |= {  # farther out single precision cannot tell a share from the end of its range
    f"{n} bodies, {d}": (partial(BodyFrame, n, d), (n * d,), None, (-1.5, 1.5), BodyFrame(n, d).arrange)
    for n, d in ((2, 2), (3, 2), (4, 2), (2, 3), (3, 3), (5, 3))
}
TRANSFORMS |= {
    f"coupling {kernel}, {split}, D={D}, C={C}": (
        lambda kernel=kernel, split=split, D=D, C=C: Coupling(
            D, NET, KERNELS[kernel], split=SPLITS[split](D), context=C
        ),
        (D,),
    )
    for kernel, split, D, C in product(KERNELS, SPLITS, (1, 2, 5, 6), (0, 3))
}
TRANSFORMS |= {
    f"coupling of channels {kernel}, {split}, C={C}": (
        lambda kernel=kernel, split=split, C=C: Coupling(
            4, Conv, KERNELS[kernel], split=SPLITS[split](4), context=C, event_dim=3
        ),
        (4, 3, 3),
    )
    for kernel, split, C in product(KERNELS, SPLITS, (0, 2))
}
