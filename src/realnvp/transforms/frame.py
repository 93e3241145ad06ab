"""Coordinates of particles: their centre, their orientation, and a shape that neither of them changes."""

import math

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.transforms.base import Transform
from realnvp.transforms.pointwise import Probit

__all__ = ["BodyFrame"]


class BodyFrame(Transform):
    """Positions of ``particles`` in the plane or in space to shape, centre and orientation; ``z`` is unbounded.

    With ``y_i = x_i - x_1`` for ``i = 2 … n``, in order of their lengths ``r_2 < … < r_n``, and ``Phi^-1`` of a share
    of a range standing for the normal quantile of it:

    - shape: ``s = log r_n``, below zero ``s - s^2 / (2 dim)``; ``Phi^-1(r_i / r_{i+1})``; and ``Phi^-1`` of where the
      others point, seen from ``y_n``;
    - centre: ``sqrt(n) mean x``, ``dim`` numbers;
    - orientation: ``Phi^-1`` of where ``y_n`` points, in space also of the angle of ``y_{n-1}`` about it: standard
      normals where no direction is preferred.

    The last of the angles that can tell left from right lies between 0 and pi. So the domain holds one of the
    ``exp(log_orders)`` arrangements of a point that come of renaming the particles 2 to n and of a mirror; ``arrange``
    finds it. Where the lengths are in no order the forward ``ladj`` is ``-inf``; a mirror image counts as the point.

    References:
        Boltzmann Generators (Noé et al., 2019), https://arxiv.org/abs/1812.01729
    """

    def __init__(self, particles: int, dim: int) -> None:
        super().__init__()
        if particles < 2 or dim not in (2, 3):
            raise InputError(f"a frame needs at least 2 particles in 2 or 3 dimensions, got {particles} in {dim}")
        self.particles, self.dim = particles, dim
        self.mirrored = particles > dim
        self.turns = 1 if dim == 2 else 2 + (particles > 2)
        self.shares = Probit(-1.0, 1.0)

    @property
    def features(self) -> int:
        """Coordinates of a point."""
        return self.particles * self.dim

    @property
    def shapes(self) -> int:
        """How many of the coordinates, the first of them, are the shape's."""
        return self.features - self.dim - self.turns

    @property
    def log_orders(self) -> float:
        """Logarithm of the number of arrangements of one point: ``(n - 1)!``, twice that if it has a mirror image."""
        return math.lgamma(self.particles) + math.log(1 + self.mirrored)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``z`` and ``log |det dz/dx|``."""
        p = x.unflatten(-1, (self.particles, self.dim))
        y = p[..., 1:, :] - p[..., :1, :]
        r = _length(y)
        turns, shape = self._plane(y) if self.dim == 2 else self._space(y, r)
        ratios = 2 * r[..., :-1] / r[..., 1:] - 1
        t, ladj = self.shares(torch.cat((turns, ratios, shape), -1))
        centre = p.mean(-2) * math.sqrt(self.particles)
        log_r = r.log()
        size, slope = self._size(log_r[..., -1:])
        parts = (size, t[..., self.turns :], centre, t[..., : self.turns])
        return torch.cat(parts, -1), ladj + slope + self._volume(log_r)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return ``x`` and ``log |det dx/dz|``."""
        d, n, s = self.dim, self.particles, self.shapes
        shares = torch.cat((z[..., 1:s], z[..., s + d :]), -1)
        t, ladj = self.shares.inverse(shares)
        ratios = _log_phi(shares[..., : n - 2])  # stays finite where a share rounds to zero
        steps = torch.cat((ratios, torch.zeros_like(z[..., :1])), -1)
        low = z[..., :1].clamp(max=0.0)
        log_r = z[..., :1] - low.square() / (2 * d) + steps.flip(-1).cumsum(-1).flip(-1)
        turns, shape = t[..., s - 1 :], t[..., n - 2 : s - 1]
        flats = _flat(shares)
        if d == 2:
            y = self._from_plane(turns, shape)
        else:
            y = self._from_space(turns, flats[..., s - 1], shape, flats[..., n - 2 : 2 * n - 4])
        y = y * log_r.exp()[..., None]
        first = z[..., s : s + d] / math.sqrt(n) - y.sum(-2) / n
        p = first[..., None, :] + torch.cat((torch.zeros_like(y[..., :1, :]), y), -2)
        return p.flatten(-2), ladj + torch.log1p(-low[..., 0] / d) - self._volume(log_r)

    def arrange(self, x: Tensor) -> Tensor:
        """Rename the particles from the second on, and mirror, so that ``x`` lies in the domain."""
        p = x.unflatten(-1, (self.particles, self.dim))
        order = _length(p[..., 1:, :] - p[..., :1, :]).argsort(-1) + 1
        p = torch.cat((p[..., :1, :], p.gather(-2, order[..., None].expand(*order.shape, self.dim))), -2)
        if self.mirrored:
            p = torch.where(self._left(p)[..., None, None], _mirror(p), p)
        return p.flatten(-2)

    def views(self, x: Tensor) -> Tensor:
        """Give each particle in turn the place of the first, and arrange the others: ``(n, *batch, D)``."""
        p = x.unflatten(-1, (self.particles, self.dim))
        turned = torch.stack([p.roll(-first, -2) for first in range(self.particles)])
        return self.arrange(turned.flatten(-2))

    def scatter(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Give the particles names at random, and mirror or not, each row for itself."""
        p = x.unflatten(-1, (self.particles, self.dim))
        order = torch.rand(p.shape[:-1], generator=generator, device=x.device).argsort(-1)
        p = p.gather(-2, order[..., None].expand(p.shape))
        if self.mirrored:
            heads = torch.rand(p.shape[:-2], generator=generator, device=x.device) < 0.5
            p = torch.where(heads[..., None, None], _mirror(p), p)
        return p.flatten(-2)

    def _left(self, p: Tensor) -> Tensor:
        """Whether the angle that must lie between 0 and pi is negative."""
        y = p[..., 1:, :] - p[..., :1, :]
        if self.dim == 2:
            return _cross(y[..., -1, :], y[..., -2, :]) < 0
        normal = torch.linalg.cross(y[..., -1, :], y[..., -2, :])
        return (normal * y[..., -3, :]).sum(-1) < 0

    def _size(self, log_r: Tensor) -> tuple[Tensor, Tensor]:
        """Bend ``log r`` below zero, so that a density that is flat at ``r = 0`` has the tail of a normal there."""
        low = self.dim * (1 - (1 - 2 / self.dim * log_r.clamp(max=0.0)).sqrt())
        return torch.where(log_r < 0, low, log_r), -torch.log1p(-low[..., 0] / self.dim)

    def _volume(self, log_r: Tensor) -> Tensor:
        """``log |det|`` of centre, ``log r_n`` and the shares, each from -1 to 1, by ``x``."""
        n, d = self.particles, self.dim
        fixed = 0.5 * d * math.log(n) + (n - 2 + self.mirrored) * math.log(2) - (n - 1) * math.log(math.pi)
        return fixed - (d - 1) * log_r.sum(-1) - log_r[..., 1:].sum(-1) - log_r[..., -1]

    def _plane(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the last vector points, and the others from there, as shares from -1 to 1."""
        last = y[..., -1, :]
        turn = torch.atan2(last[..., 1:], last[..., :1]) / math.pi
        return turn, self._halved(_angle(y[..., :-1, :], y[..., -1:, :]))

    def _from_plane(self, turn: Tensor, shape: Tensor) -> Tensor:
        """Return the directions of all vectors, (*, n - 1, 2)."""
        angle = math.pi * turn + torch.cat((self._whole(shape), torch.zeros_like(turn)), -1)
        return torch.stack((angle.cos(), angle.sin()), -1)

    def _space(self, y: Tensor, r: Tensor) -> tuple[Tensor, Tensor]:
        axis = (y[..., -1, :] / r[..., -1:]).clamp(-1, 1)
        about = torch.atan2(axis[..., 1], axis[..., 0])
        w = (y[..., :-1, :, None] * _frame(axis[..., 2], _root(1 - axis[..., 2].square()), about)[..., None, :, :]).sum(
            -2
        )  # seen along the axis
        heights, flat = (w[..., 2] / r[..., :-1]).clamp(-1, 1), w[..., :2]
        turns = (axis[..., 2:], about[..., None] / math.pi, torch.atan2(flat[..., -1:, 1], flat[..., -1:, 0]) / math.pi)
        return torch.cat(turns, -1), torch.cat(
            (heights, self._halved(_angle(flat[..., :-1, :], flat[..., -1:, :]))), -1
        )

    def _from_space(self, turns: Tensor, sine: Tensor, shape: Tensor, flat: Tensor) -> Tensor:
        """Return the directions of all vectors, (*, n - 1, 3); ``sine`` and ``flat`` belong to the heights."""
        heights, shares = shape.split((self.particles - 2, max(0, self.particles - 3)), -1)
        zero = torch.zeros_like(turns[..., 2:])
        angle = math.pi * turns[..., 2:] + torch.cat((self._whole(shares), zero), -1)
        w = torch.stack((flat * angle.cos(), flat * angle.sin(), heights), -1)
        frame = _frame(turns[..., 0], sine, math.pi * turns[..., 1])
        others = (w[..., None, :] * frame[..., None, :, :]).sum(-1)
        return torch.cat((others, frame[..., None, :, 2]), -2)

    def _halved(self, angle: Tensor) -> Tensor:
        """Angles from -pi to pi as shares from -1 to 1; the last, from 0 to pi, if there is a mirror image."""
        share = angle / math.pi
        if not self.mirrored:
            return share
        return torch.cat((share[..., :-1], 2 * share[..., -1:].abs() - 1), -1)

    def _whole(self, share: Tensor) -> Tensor:
        """Undo ``_halved``."""
        if self.mirrored:
            share = torch.cat((share[..., :-1], 0.5 * (share[..., -1:] + 1)), -1)
        return math.pi * share

    def extra_repr(self) -> str:
        """Show the particles."""
        return f"particles={self.particles}, dim={self.dim}"


def _length(y: Tensor) -> Tensor:
    return (y.square().sum(-1) + torch.finfo(y.dtype).tiny).sqrt()


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _angle(v: Tensor, start: Tensor) -> Tensor:
    """Angle of vectors of the plane from ``start``, counter-clockwise."""
    return torch.atan2(_cross(start, v), (start * v).sum(-1))


def _root(x: Tensor) -> Tensor:
    return x.clamp_min(0).sqrt()


def _log_phi(z: Tensor) -> Tensor:
    """Logarithm of the normal distribution function, from both ends: ``log_ndtr`` does not go through ``vmap``."""
    low, high = z.clamp(max=0.0), z.clamp(min=0.0)
    below = (0.5 * torch.special.erfcx(-low / math.sqrt(2))).log() - 0.5 * low.square()
    return torch.where(z < 0, below, torch.log1p(-0.5 * torch.erfc(high / math.sqrt(2))))


def _flat(z: Tensor) -> Tensor:
    """``sqrt(1 - t^2)`` of the shares ``t = 2 Phi(z) - 1``: exact near the ends, where ``t`` rounds to one."""
    return 2 * (0.5 * (_log_phi(z) + _log_phi(-z))).exp()


def _frame(cosine: Tensor, sine: Tensor, about: Tensor) -> Tensor:
    """Three orthonormal columns, (*, 3, 3), the last at that polar angle and the azimuth ``about``."""
    c, s = about.cos(), about.sin()
    columns = (
        torch.stack((cosine * c, cosine * s, -sine), -1),
        torch.stack((-s, c, torch.zeros_like(c)), -1),
        torch.stack((sine * c, sine * s, cosine), -1),
    )
    return torch.stack(columns, -1)


def _mirror(p: Tensor) -> Tensor:
    """Turn the first axis round, about the centre."""
    first = 2 * p[..., :1].mean(-2, keepdim=True) - p[..., :1]
    return torch.cat((first, p[..., 1:]), -1)
