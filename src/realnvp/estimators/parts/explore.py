"""Exploring an energy: its coordinates, and the population that looks for where it is low."""

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor
from torch._compile import _disable_dynamo

from realnvp.errors import InputError
from realnvp.mcmc import Energy, Population, Stride, Walkers, leap, smc, widest_start
from realnvp.shapes import spread
from realnvp.transforms import Compose, Probit, Standardise, Transform, Whiten

__all__ = ["EDGE", "Counted", "Within", "corners", "explore", "outside", "relaxed", "walled"]

EDGE = 3.0
"""In the coordinates of ``Probit``: nearer a side than a thousandth of the box's width."""


class Counted:
    """A potential that counts its evaluations; where it is not finite it is plus infinity."""

    def __init__(self, potential: Energy) -> None:
        self.potential, self.evaluations = potential, 0

    def __call__(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        self.evaluations += len(x)
        if x.requires_grad:
            x = x.clone()
            x.register_hook(torch.nan_to_num)  # where the energy is infinite its gradient may be anything
        try:
            u = self.potential(x)
        except InputError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0]
            raise InputError(
                f"the potential failed after {self.evaluations:,} energies ({type(error).__name__}: {reason}): look "
                "what it does at points far out, or give bounds"
            ) from error
        if not isinstance(u, Tensor) or u.shape != x.shape[:1] or not u.is_floating_point():
            given = f"{u.dtype} of shape {tuple(u.shape)}" if isinstance(u, Tensor) else type(u).__name__
            raise InputError(
                f"the potential returned {given} for points of shape {tuple(x.shape)}: return (n,) each time"
            )
        if (u == -torch.inf).any():
            where = ", ".join(f"{v:.4g}" for v in x[int((u == -torch.inf).nonzero()[0])][:6].tolist())
            raise InputError(
                f"the potential is minus infinity at x = ({where}{', …' if x.shape[1] > 6 else ''}), where the density "
                "would be infinite: give plus infinity where it is zero"
            )
        return torch.where(torch.isfinite(u), u, torch.inf)


class Within:
    """The energy in the coordinates ``z`` of ``x = t^-1(z)``: ``U(x) / temperature - log |det dx/dz|``."""

    def __init__(self, potential: Energy, transform: Transform) -> None:
        self.potential, self.transform, self.temperature = potential, transform, 1.0

    def __deepcopy__(self, memo: dict) -> "Within":
        """Itself: a user's potential may be large, or hold what cannot be copied."""
        return self

    def __call__(self, z: Tensor) -> Tensor:
        """Energy of each row."""
        return _uncompiled(self, z) if torch.compiler.is_compiling() else _within(self, z)


def _within(energy: Within, z: Tensor) -> Tensor:
    x, ladj = energy.transform.inverse(z)
    return energy.potential(x) / energy.temperature - ladj


_uncompiled = _disable_dynamo(_within)
"""A user's potential may do what no compiler can trace, and it counts its calls: the compiler leaves it out."""


def explore(
    potential: Energy,
    features: int,
    bounds: tuple | None,
    n: int,
    generator: torch.Generator,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Transform, Population]:
    """Lead a population from a wide start to the target; return the transform to its unbounded coordinates with it.

    On a box the start is uniform (normal in the coordinates of ``Probit``), in space it is a normal about zero as wide
    as ``widest_start`` says. In more than two dimensions the moves are Hamiltonian, and the population goes on moving
    at the target for a while: there it takes long to mix. Once ``stop()`` is true it comes to an end.
    """
    outer: Transform = Compose() if bounds is None else Probit(*corners(bounds, features))
    energy = potential if bounds is None else Within(potential, outer)
    scale = widest_start(energy, features, generator) if bounds is None else 1.0
    constant = features * math.log(scale * math.sqrt(2 * math.pi))
    start = scale * torch.randn(n, features, generator=generator, dtype=torch.float32)
    moves, steps = (2, 1) if features <= 2 else (3, 5)
    found = smc(
        energy,
        start,
        lambda z: 0.5 * (z / scale).square().sum(-1) + constant,
        moves=moves,
        steps=steps,
        stop=stop,
        generator=generator,
    )
    if features <= 2:
        return outer, found
    walkers = relaxed(energy, found.x, 30, generator, steps=steps, stop=stop)
    return outer, replace(found, x=walkers.x, u=walkers.u)


def corners(bounds: tuple, features: int) -> tuple[list[float], list[float]]:
    """Return the low and the high corner of a box, or say what is wrong with it."""
    try:
        low, high = (torch.as_tensor(b, dtype=torch.float64).expand(features).tolist() for b in bounds)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"bounds must be (low, high), numbers or {features} of them each, got {bounds!r}") from error
    if not all(math.isfinite(b - a) and a < b for a, b in zip(low, high, strict=True)):
        raise InputError(f"bounds must be finite, low < high in every feature, got {bounds!r}")
    return low, high


def relaxed(
    energy: Energy,
    x: Tensor,
    moves: int,
    generator: torch.Generator,
    *,
    scale: Tensor | None = None,
    steps: int = 1,
    stop: Callable[[], bool] = lambda: False,
) -> Walkers:
    """Let points settle by ``moves`` moves of ``steps`` leapfrog steps, of a size that finds itself.

    ``scale`` is their spread, by default that of ``x`` before each move.
    """
    stride, walkers = Stride(0.3, 0.65), Walkers.at(x, energy)
    for _ in range(moves):
        if stop():
            break
        wide = spread(walkers.x) if scale is None else scale
        walkers = leap(energy, walkers, stride.size, wide, steps=steps, generator=generator)
        stride.learn(walkers.acceptance)
    return walkers


@torch.no_grad()
def walled(energy: Energy, points: Tensor, generator: torch.Generator) -> bool:
    """Whether the energy is infinite at one in a hundred places beside the points, half their spread away."""
    noise = torch.randn(points.shape, generator=generator, dtype=points.dtype)
    beside = points + 0.5 * points.std(0) * noise
    return (~torch.isfinite(energy(beside))).float().mean().item() > 0.01


def outside(outer: Transform, points: Tensor, *, fixed: bool = False) -> tuple[Compose, Tensor]:
    """Whiten the population's ``points`` behind ``outer``: the whole transform from data, and the points there.

    On a box they are only standardised, and not where a side has points beside it: there a density that does not vanish
    has the tail of the standard normal, and the flow's must be no thinner. ``fixed`` leaves the points as they are,
    where the flow itself must see the symmetries of the energy.
    """
    if not isinstance(outer, Probit):
        whiten = Whiten(points.shape[1])
        return (Compose(), points) if fixed else (Compose(whiten), whiten.calibrate(points))
    if fixed:
        return Compose(outer), points
    standard = Standardise(points.shape[1])
    standard.calibrate(points)
    beside = points.abs().amax(0) > EDGE
    standard.loc[beside], standard.scale[beside] = 0.0, 1.0
    return Compose(outer, standard), standard(points)[0]
