"""Energies of like particles: what must hold of them, and the flow that knows of no names."""

import math
from numbers import Integral
from typing import Any, cast

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.explore import EDGE
from realnvp.flow import Flow
from realnvp.mcmc import Energy
from realnvp.memory import Constant
from realnvp.transforms import BodyFrame, Compose, Standardise

__all__ = ["Unordered", "bodies_of", "check_bodies"]


class Unordered(Flow):
    """The mean of a flow behind a ``BodyFrame`` over all names of the particles, and over the mirror.

    ``log q(x) = log mean_k f(a_k(x)) - log_orders``, with ``f`` the density of the flow on the frame's domain and
    ``a_k(x)`` the points of it that ``x`` becomes where particle ``k`` is the first. A density costs one pass for
    each particle. Latent coordinates are those of the first of these points.
    """

    def calibrate(self, x: Tensor, context: Tensor | None = None) -> None:
        """Set the standardisation behind the frame from ``x``, particles in any order.

        Length and centre are standardised, directions never, the other shares where no point lies beside an end: there
        a density that does not vanish has the tail of the standard normal, and the flow's must be no thinner.
        """
        frame, standard = self.frame, cast(Standardise, self._chain[1])
        z = frame.calibrate(frame.arrange(x))
        still = z.abs().amax(0) > EDGE
        still[0] = False
        still[frame.shapes :] = torch.arange(len(still) - frame.shapes) >= frame.dim
        standard.calibrate(z)
        standard.loc[still], standard.scale[still] = 0.0, 1.0

    @property
    def frame(self) -> BodyFrame:
        """The first transform."""
        return cast(BodyFrame, self._chain[0])

    @property
    def _chain(self) -> Compose:
        """The transforms, also of a flow that trains in constant memory."""
        return cast(Compose, self.transform.transform if isinstance(self.transform, Constant) else self.transform)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the latent ``z`` of ``x``, arranged, and ``log |det dz/dx|``."""
        return super().forward(self.frame.arrange(x), context)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density of ``x`` in nats."""
        z, ladj = self.transform(self.frame.views(x), context)
        density = (self.base.log_prob(z) + ladj).logsumexp(0)
        return density - math.log(self.frame.particles) - self.frame.log_orders

    def push(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn base noise ``z`` into ``x``, arranged, and its log density."""
        x, _ = self.inverse(z, context)
        return x, self.log_prob(x, context)

    def rsample(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw points, their particles named at random."""
        return self.frame.scatter(super().rsample(n, context, generator=generator), generator)

    @torch.no_grad()
    def sample_with_log_prob(
        self, n: int | tuple[int, ...] = (), context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw points and their log densities."""
        x = self.rsample(n, context, generator=generator)
        return x, self.log_prob(x, context)


def bodies_of(asked: Any, potential: object, features: int, *, bounded: bool, kernel: str) -> tuple[int, int] | None:
    """Return ``(particles, dim)``: what the user says, or, where that is ``"auto"``, what the potential says."""
    if isinstance(asked, str) and asked == "auto":
        own = getattr(potential, "bodies", None)
        return None if own is None or bounded or kernel == "lattice" else (int(own[0]), int(own[1]))
    if asked is None:
        return None
    whole = isinstance(asked, tuple | list) and len(asked) == 2 and all(isinstance(v, Integral) for v in asked)
    if not whole or asked[0] < 2 or asked[1] not in (2, 3):
        raise InputError(f"bodies must be (particles, dim), at least 2 particles in 2 or 3 dimensions, got {asked!r}")
    if asked[0] * asked[1] != features:
        raise InputError(f"{asked[0]} bodies in {asked[1]} dimensions have {asked[0] * asked[1]} coordinates, "
                         f"the potential takes {features}")  # fmt: skip
    if bounded or kernel == "lattice":
        raise InputError("bodies live in all of space: leave bounds, and the lattice kernel, out")
    return int(asked[0]), int(asked[1])


@torch.no_grad()
def check_bodies(potential: Energy, bodies: tuple[int, int], x: Tensor) -> None:
    """See whether names, turns and mirrors change no energy, and whether the centre is held but does no more.

    ``x`` are a few points, in double precision.
    """
    n, dim = bodies
    p = x.unflatten(-1, bodies)
    p = p - p.mean(-2, keepdim=True)
    cosine, sine = math.cos(1.0), math.sin(1.0)
    turn = torch.eye(dim, dtype=x.dtype)
    turn[:2, :2] = torch.tensor([[cosine, -sine], [sine, cosine]], dtype=x.dtype)
    if dim == 3:
        turn = turn @ turn.roll((1, 1), (0, 1))
    signs = torch.ones(dim, dtype=x.dtype)
    signs[0] = -1.0

    def u(points: Tensor) -> Tensor:
        return potential(points.flatten(-2))

    before = u(p)
    for what, moved in (("names", p.roll(1, -2)), ("direction", p @ turn.T), ("mirror image", p * signs)):
        if not _same(before, u(moved)):
            raise InputError(
                f"the energy changes with the {what} of the particles, so they are no like bodies: leave bodies out"
            )
    rises = u(p + 3.0) - before
    if not _same(rises, rises[:1].expand_as(rises)):
        raise InputError("where the centre of the particles lies changes their shape's energy: leave bodies out")
    if _same(rises, torch.zeros_like(rises)):
        raise InputError(
            f"the energy does not hold the centre of the {n} particles, so its law has no normaliser: add "
            f"{n} / 2 times the square of their mean position, which changes no shape"
        )


def _same(a: Tensor, b: Tensor) -> bool:
    finite = torch.isfinite(a) & torch.isfinite(b)
    return torch.allclose(a[finite], b[finite], rtol=1e-5, atol=1e-5)
