"""The code of a table's columns out of torch's operations, so that an exported program takes what the table holds."""

# ruff: noqa: ARG001 - what a dispatching function takes, those behind it use

import math
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from realnvp.data.columns import Codec, Column
from realnvp.data.columns.atoms import Atoms
from realnvp.data.columns.base import FAR
from realnvp.data.columns.grid import Grid
from realnvp.data.columns.levels import FALL, FARTHEST, Levels
from realnvp.data.columns.nodes import nodes
from realnvp.data.columns.warps import Asinh, Log, Log1p, Probit, Softplus
from realnvp.export.normal import distribution, quantile

__all__ = ["Coded"]

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
_NEAR = {torch.float64: 1e-6, torch.float32: 1e-3}
"""How far from a grid a value may lie, in steps."""
_Part = tuple[Tensor, Tensor, Tensor]


class Coded(nn.Module):
    """What ``Codec`` is, for tensors (n, D): the log density of rows by that of their code, and rows from their code.

    The code is worked out in float64 whatever the rows are in; which value a row has is asked in the rows' own dtype.
    """

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.columns = codec.columns
        coarse = [column.coarse for column in codec.columns]
        some, weights = nodes(sum(coarse))
        self.points = np.full((len(some), len(coarse)), 0.5)
        self.points[:, np.flatnonzero(coarse)] = some
        self.log_weights = np.log(weights)

    def log_density(self, x: Tensor, log_q: Callable[[Tensor, int], Tensor]) -> Tensor:
        """Return ``log p(x)`` (n,), where ``log_q(y, times)`` tells densities of codes, ``times`` for each row."""
        times, shape = len(self.points), (x.shape[0], *self.points.shape)
        rows, u = x[:, None].expand(shape).flatten(0, 1), _numbers(self.points).expand(shape).flatten(0, 1)
        y, log_m = self._forward(rows, u)
        each = log_q(y.to(x.dtype), times).double() + log_m
        if times > 1:
            each = torch.logsumexp(each.reshape(-1, times) + _numbers(self.log_weights), -1)
        return each.to(x.dtype)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the values that codes stand for."""
        wide = y.double()
        return torch.stack([_decoded(c, wide[:, j]) for j, c in enumerate(self.columns)], 1).to(y.dtype)

    def _forward(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        parts = [_coded(column, x[:, j], u[:, j]) for j, column in enumerate(self.columns)]
        can = torch.stack([can for _, _, can in parts], 1).all(1)
        y = torch.stack([torch.where(can, y, 0.0) for y, _, _ in parts], 1)
        return y, torch.where(can, sum(log_m for _, log_m, _ in parts), -torch.inf)


def _coded(column: Column, x: Tensor, u: Tensor) -> _Part:
    z, log_m, can = x.double(), torch.zeros_like(x, dtype=torch.float64), torch.ones_like(x, dtype=torch.bool)
    if column.cells is not None:
        z, log_m, can = _celled(column.cells, x, u)
    if column.warp is None:
        return z, log_m, can
    y, log_slope, holds = _bent(column.warp, z)
    return y, log_m + log_slope, can & holds


def _decoded(column: Column, y: Tensor) -> Tensor:
    z = y if column.warp is None else _unbent(column.warp, y)
    return z if column.cells is None else _uncelled(column.cells, z)


def _numbers(values: Sequence[float] | np.ndarray) -> Tensor:
    return torch.tensor(np.asarray(values, dtype=np.float64))


@singledispatch
def _celled(cells: Any, x: Tensor, u: Tensor) -> _Part:
    """Return ``z``, the log of what its density is multiplied by, and where ``x`` can occur."""
    raise TypeError(f"{type(cells).__name__} has no tensors")


@singledispatch
def _uncelled(cells: Any, z: Tensor) -> Tensor:
    """Return the value in whose cell ``z`` lies."""
    raise TypeError(f"{type(cells).__name__} has no tensors")


@_celled.register
def _(cells: Grid, x: Tensor, u: Tensor) -> _Part:
    places = (x.double() - cells.origin) / cells.step
    k = torch.round(places)
    can = (places - k).abs() <= (torch.inf if cells.counts == 0 else _NEAR[x.dtype])
    return cells.origin + (k - 0.5 + u) * cells.step, torch.full_like(k, cells.counts * math.log(cells.step)), can


@_uncelled.register
def _(cells: Grid, z: Tensor) -> Tensor:
    x = cells.origin + torch.floor((z - cells.origin) / cells.step + 0.5) * cells.step
    return x.clamp(-FAR if cells.low is None else cells.low, FAR if cells.high is None else cells.high)


@_celled.register
def _(cells: Levels, x: Tensor, u: Tensor) -> _Part:
    values, edges = _numbers(cells.values), _numbers(cells.edges)
    hit = (x[:, None] - values.to(x.dtype)).abs() <= _NEAR[x.dtype] * (cells.step or 0.0)
    known = hit.any(1)
    low, width = ((hit * part).sum(1) for part in (edges[:-1], edges.diff()))
    p, q = low + width * u, (1 - low - width) + width * (1 - u)
    for tail, end, side in cells.tails():
        steps = side * (x.double() - end) / (cells.step or 1.0)
        k = torch.round(steps)
        here = (k >= 1) & (k < FARTHEST) & ((steps - k).abs() <= _NEAR[x.dtype]) & (tail > 0)
        first = tail * torch.exp(math.log(FALL) * (k.clamp(1, FARTHEST) - 1))
        depth = first * (1 - (1 - FALL) * (u if side > 0 else 1 - u))
        p = torch.where(here, 1 - depth if side > 0 else depth, p)
        q = torch.where(here, depth if side > 0 else 1 - depth, q)
        width, known = torch.where(here, first * (1 - FALL), width), known | here
    if cells.other > 0:
        q = torch.where(known, q, cells.other * (1 - u))
        p, width = torch.where(known, p, 1 - q), torch.where(known, width, cells.other)
        known = torch.ones_like(known)
    p, q = (torch.where(known, v, 0.5).clamp(min=1e-300) for v in (p, q))
    z = torch.where(p <= q, quantile(torch.minimum(p, q)), -quantile(torch.minimum(p, q)))
    return z, torch.where(known, width, 1.0).log() + 0.5 * z.square() + _HALF_LOG_2PI, known


@_uncelled.register
def _(cells: Levels, z: Tensor) -> Tensor:
    values, edges = _numbers(cells.values), _numbers(cells.edges)
    p, q = 0.5 * (1 + distribution(z)), 0.5 * (1 - distribution(z))
    x = values[(p[:, None] >= edges[1:-1]).sum(1)]
    for tail, end, side in cells.tails():
        depth = q if side > 0 else p
        k = torch.floor((depth.clamp(min=1e-300) / tail).log() / math.log(FALL)).clamp(0, FARTHEST - 2) + 1
        x = torch.where(depth < tail, end + side * k * (cells.step or 1.0), x)
    return x


@_celled.register
def _(cells: Atoms, x: Tensor, u: Tensor) -> _Part:
    begins, wide = map(_numbers, cells.cells)
    noisy, log_m, can = x.double(), torch.zeros_like(x, dtype=torch.float64), x == x
    if cells.grid is not None:
        noisy, log_m, can = _celled(cells.grid, x, u)
    r, slope, holds = (noisy, torch.zeros_like(noisy), can) if cells.rest is None else _bent(cells.rest, noisy)
    values = _numbers(cells.values).to(x.dtype)
    hit = x[:, None] == values if cells.grid is None else (x[:, None] - values).abs() <= cells.half
    there, begin, width = hit.any(1), (hit * begins).sum(1), (hit * wide).sum(1)
    z = torch.where(there, begin + width * u, r + ((x[:, None] > values) * _numbers(cells.widths)).sum(1))
    return z, torch.where(there, torch.where(there, width, 1.0).log(), log_m + slope), can & (there | holds)


@_uncelled.register
def _(cells: Atoms, z: Tensor) -> Tensor:
    begins, wide = map(_numbers, cells.cells)
    below = torch.cat((torch.zeros(1, dtype=torch.float64), _numbers(cells.widths).cumsum(0)))
    rank = (z[:, None] >= torch.stack((begins, begins + wide), 1).flatten()).sum(1)
    r = z - below[rank // 2]
    x = r if cells.rest is None else _unbent(cells.rest, r)
    x = x if cells.grid is None else _uncelled(cells.grid, x)
    return torch.where(rank % 2 == 1, _numbers(cells.values)[((rank - 1) // 2).clamp(min=0)], x)


def _beyond(x: Tensor, edge: float, side: float, least: float) -> Tensor:
    distance = side * (x - edge)
    return torch.where(distance <= 0, least, distance)


@singledispatch
def _bent(warp: Any, x: Tensor) -> _Part:
    """Return ``y``, ``log dy/dx``, and where ``x`` lies in what is mapped."""
    raise TypeError(f"{type(warp).__name__} has no tensors")


@singledispatch
def _unbent(warp: Any, y: Tensor) -> Tensor:
    """Return ``x``, finite."""
    raise TypeError(f"{type(warp).__name__} has no tensors")


@_bent.register
def _(warp: Log, x: Tensor) -> _Part:
    log_distance = _beyond(x, warp.edge, warp.side, warp.least).log()
    return warp.side * log_distance, -log_distance, warp.side * (x - warp.edge) >= 0


@_unbent.register
def _(warp: Log, y: Tensor) -> Tensor:
    return (warp.edge + warp.side * torch.exp(warp.side * y)).clamp(-FAR, FAR)


@_bent.register
def _(warp: Softplus, x: Tensor) -> _Part:
    t = _beyond(x, warp.edge, warp.side, warp.least) / warp.scale
    log_share = (-torch.expm1(-t)).log()
    return warp.side * warp.scale * (t + log_share), -log_share, warp.side * (x - warp.edge) >= 0


@_unbent.register
def _(warp: Softplus, y: Tensor) -> Tensor:
    t = warp.side * y / warp.scale
    distance = warp.scale * (t.clamp(min=0) + torch.log1p(torch.exp(-t.abs())))
    return (warp.edge + warp.side * distance).clamp(-FAR, FAR)


@_bent.register
def _(warp: Probit, x: Tensor) -> _Part:
    width = warp.high - warp.low
    below, above = _beyond(x, warp.low, 1.0, warp.least), _beyond(x, warp.high, -1.0, warp.least)
    y = quantile((torch.minimum(below, above) / width).clamp(1e-300, 0.5))
    y = torch.where(below <= above, y, -y)
    return y, 0.5 * y.square() + _HALF_LOG_2PI - math.log(width), (x >= warp.low) & (x <= warp.high)


@_unbent.register
def _(warp: Probit, y: Tensor) -> Tensor:
    share = 0.5 * (1 - distribution(y.abs())) * (warp.high - warp.low)
    return torch.where(y < 0, warp.low + share, warp.high - share).clamp(warp.low, warp.high)


@_bent.register
def _(warp: Asinh, x: Tensor) -> _Part:
    t = (x - warp.loc) / warp.scale
    size = t.abs()
    root = torch.where(size < 1e150, (1 + t.square()).sqrt(), size)
    return t.sign() * torch.log(size + root), -root.log() - math.log(warp.scale), x == x


@_unbent.register
def _(warp: Asinh, y: Tensor) -> Tensor:
    grown = torch.expm1(y.abs().clamp(max=700))  # runtimes have no sinh in double precision
    return (warp.loc + warp.scale * y.sign() * 0.5 * (grown + grown / (grown + 1))).clamp(-FAR, FAR)


@_bent.register
def _(warp: Log1p, x: Tensor) -> _Part:
    distance = (x - warp.edge).clamp(min=0)
    return torch.log1p(distance / warp.scale), -(warp.scale + distance).log(), x >= warp.edge


@_unbent.register
def _(warp: Log1p, y: Tensor) -> Tensor:
    return (warp.edge + warp.scale * torch.expm1(y.clamp(min=0))).clamp(-FAR, FAR)
