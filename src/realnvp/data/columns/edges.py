"""Where a continuous column ends, and how far its tails reach: noticed with care, else nothing is done."""

from dataclasses import dataclass

import numpy as np

from realnvp.data.columns.base import Warp
from realnvp.data.columns.warps import Asinh, Log, Probit, Softplus
from realnvp.errors import InputError

__all__ = ["Edges", "bounded", "check_edges", "hard_edge", "heavy", "spans_decades"]

_ENOUGH = 500
"""Rows from which a hard edge is told from a tail that happens to end there."""


@dataclass(frozen=True)
class Edges:
    """Where the numbers end; ``None`` where they do not."""

    low: float | None = None
    high: float | None = None


def bounded(z: np.ndarray, edges: Edges, scale: float | None = None) -> Warp | None:
    """Return the warp of what lies between ``edges``: probit of an interval; log or softplus of a half-line.

    The log where it makes the numbers more even than the softplus does, by ``(q01 + q99 - 2 q50) / (q99 - q01)``;
    the softplus of that ``scale`` where there is one: the width of a cell that lies at the edge.
    """
    if edges.low is not None and edges.high is not None:
        inside = np.minimum(z - edges.low, edges.high - z)
        return Probit(edges.low, edges.high, _least(inside))
    edge, side = (edges.low, 1.0) if edges.low is not None else (edges.high, -1.0)
    if edge is None:
        return None
    distance = side * (z - edge)
    distance = distance[distance > 0]
    least = _least(distance)
    if scale is not None:
        return Softplus(edge, scale, side, least)
    scale = float(np.median(distance))
    warps: tuple[Warp, Warp] = (Softplus(edge, scale, side, least), Log(edge, side, least))
    return min(warps, key=lambda warp: abs(_skew(warp.forward(edge + side * distance)[0])))


def _least(distance: np.ndarray) -> float:
    inside = distance[distance > 0]
    return float(inside.min()) / 2 if len(inside) else 1e-300


def _skew(y: np.ndarray) -> float:
    low, middle, high = np.quantile(y, [0.01, 0.5, 0.99])
    return float((low + high - 2 * middle) / max(high - low, 1e-300))


def spans_decades(distance: np.ndarray) -> bool:
    """Whether positive numbers reach over two decades (1 % to 99 %), and their logs are the more even."""
    if len(distance) < 50 or not (distance > 0).all():
        return False
    low, high = np.quantile(distance, [0.01, 0.99])
    return bool(high >= 100 * low and abs(_skew(np.log(distance))) < abs(_skew(distance)) - 0.2)


def hard_edge(distance: np.ndarray) -> bool:
    """Whether the rows next to an edge are as dense as further in: a tail would thin out towards it.

    Of the nearest tenth nearly half (0.45) lie in the nearer half of its width, and there are 500 rows or more.
    """
    if len(distance) < _ENOUGH or not (distance >= 0).all():
        return False
    tenth = np.quantile(distance, 0.1)
    return bool(tenth > 0 and (distance <= tenth / 2).mean() >= 0.045)


def heavy(z: np.ndarray, often: np.ndarray | None = None) -> Warp | None:
    """Return an ``Asinh`` where the farthest row is over 50 robust standard deviations out, else nothing.

    So it does where a value that comes ``often`` beside them (-9999, say) is over 10 out.
    The standard deviation by the quartiles; moments tell nothing of a law that has none. Of a normal the farthest of a
    billion rows is 6 out.
    """
    low, middle, high = np.quantile(z, [0.25, 0.5, 0.75])
    scale = float(high / 1.349 - low / 1.349)
    away = 0.0 if often is None else np.abs(often - middle).max()
    if scale <= 0 or (np.abs(z - middle).max() <= 50 * scale and away <= 10 * scale):
        return None
    return Asinh(float(middle), scale)


def check_edges(x: np.ndarray, name: str, edges: Edges) -> None:
    """Refuse rows outside the bounds that were given."""
    for bound, outside in ((edges.low, x < (edges.low or 0.0)), (edges.high, x > (edges.high or 0.0))):
        if bound is not None and outside.any():
            row = int(np.argmax(outside))
            raise InputError(
                f"column {name!r} holds {x[row]:g} in row {row} (from 0), outside its bound {bound:g}: mend the row or "
                "the bound"
            )
