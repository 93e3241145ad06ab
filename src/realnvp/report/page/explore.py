"""The flow explorer's data: points and grid lines on their way through the couplings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from realnvp.bases import Normal
from realnvp.chance import own
from realnvp.report.page.base import Colour, packed, rounded
from realnvp.report.plots import misfits
from realnvp.report.spread import has_cells, levels_of, spread
from realnvp.report.walk import Walk, walk

__all__ = ["Points", "explorer", "grid_frames", "shown_axes"]

_BUDGET = 1_000_000
"""Bytes that the frames may take before they are written as text."""
_MOST, _AXES = 1500, 24
_LINES, _ALONG = 13, 121


@dataclass(frozen=True)
class Points:
    """Rows to show: where they are, what they are called, and what they can be coloured by."""

    X: np.ndarray
    log_prob: np.ndarray
    names: Sequence[str]
    row_names: Sequence[str]
    colours: Sequence[Colour] = ()
    context: np.ndarray | None = None
    about: str = ""
    latents: np.ndarray | None = None
    contours: Sequence[Any] = field(default_factory=list)


def shown_axes(Z: np.ndarray, most: int = _AXES) -> np.ndarray:
    """The axes to show: all of few; of many those whose latents are furthest from normal, in order."""
    if Z.shape[1] <= most:
        return np.arange(Z.shape[1])
    normal = np.random.default_rng(0).standard_normal((20_000, 1))
    return np.sort(np.argsort(-misfits(Z, np.broadcast_to(normal, (len(normal), Z.shape[1]))), kind="stable")[:most])


def explorer(model: Any, points: Points, *, axes: np.ndarray | None = None, grid: bool = True) -> dict[str, Any]:
    """Return frames of the points through ``model.flow_``, extents of each frame, and the bent grid of a plane.

    ``axes`` are those to show, in order, else ``shown_axes`` of the points' latents.

    Where the walk does not end at the model's own latents (a model that does more than its flow's transform), the
    frames are the data and the latents.
    """
    steps = _walked(model, points)
    axes = shown_axes(steps.frames[-1]) if axes is None else axes
    levels = levels_of(model) or [None] * points.X.shape[1]
    many = int(np.clip(_BUDGET // (4 * len(steps.frames) * len(axes)), 100, _MOST))
    rows = np.arange(len(points.X))
    if len(rows) > many:
        rows = np.sort(np.random.default_rng(0).choice(rows, many, replace=False))
    frames = np.stack([frame[rows][:, axes] for frame in steps.frames])
    found = {
        "names": list(steps.names),
        "columns": [str(points.names[j]) for j in axes],
        "levels": [levels[j] for j in axes],
        "latents": [f"z{j + 1}" for j in axes],
        "features": points.X.shape[1],
        "frames": packed(frames),
        "extents": [[rounded(np.array(side)) for side in _extent(frame)] for frame in frames],
        "log_prob": rounded(points.log_prob[rows]),
        "rows": [points.row_names[int(i)] for i in rows],
        "colours": [colour.described(rows) for colour in points.colours],
        "about": points.about,
        "contours": list(points.contours),
        "grid": None,
        "normal": isinstance(getattr(model.flow_, "base", None), Normal),
    }
    if has_cells(model):
        found["exact"] = packed(points.X[rows][:, axes])
    if grid and points.X.shape[1] == 2 and not has_cells(model) and len(steps.names) > 1:
        found["grid"] = _grid(model, points, steps)
    return found


def _walked(model: Any, points: Points) -> Walk:
    Z = points.latents
    if Z is None and has_cells(model):
        return _through_code(model, points)
    if Z is None:
        given = {} if points.context is None else {"context": points.context}
        Z = model.transform(points.X, **given)
    plain = Walk(("data", "whole flow: latent space"), (points.X, Z))
    try:
        found = walk(model.flow_, points.X, points.context)
    except (RuntimeError, TypeError, ValueError, AttributeError):  # rows are not what the flow itself takes
        return plain
    same = found.frames[-1].shape == Z.shape and np.allclose(found.frames[-1], Z, rtol=1e-4, atol=1e-4)
    return found if same else plain


def _through_code(model: Any, points: Points) -> Walk:
    """Walk from the rows to their code, with noise in the cells of their values, and on through the flow."""
    codec = model.codec_
    noise = own().random(points.X.shape).clip(1e-9, 1 - 1e-9)
    found = walk(model.flow_, codec.forward(points.X, noise)[0], points.context)
    names = ("data", "in their code", *found.names[1:])
    return Walk(names, (spread(model, points.X, 0), *found.frames))


def grid_frames(model: Any, reach: float, context: np.ndarray | None = None) -> np.ndarray | None:
    """Return the lines of a straight grid of latent space in every frame: (frames, lines, points, 2)."""
    at, along = np.linspace(-reach, reach, _LINES), np.linspace(-reach, reach, _ALONG)
    upright = np.stack(np.broadcast_arrays(at[:, None], along), -1)
    Z = np.concatenate([upright, upright[..., ::-1]])
    given = None if context is None else np.repeat(context[None], Z[..., 0].size, 0)
    X = model.inverse_transform(Z.reshape(-1, 2), **({} if given is None else {"context": given}))
    try:
        frames = walk(model.flow_, X, given).frames
    except (RuntimeError, TypeError, ValueError, AttributeError):
        return None
    lines: np.ndarray = np.stack(frames).reshape(len(frames), *Z.shape)
    return lines


def _grid(model: Any, points: Points, steps: Walk) -> dict[str, Any] | None:
    reach = max(3.0, float(np.quantile(np.abs(steps.frames[-1]), 0.99)))
    C = points.context
    middle = None if C is None else C[((C - np.median(C, 0)) ** 2).sum(1).argmin()]
    lines = grid_frames(model, reach, middle)
    if lines is None or len(lines) != len(steps.names):
        return None
    return packed(lines)


def _extent(frame: np.ndarray) -> list[np.ndarray]:
    finite = frame[np.isfinite(frame).all(1)]
    low, high = np.quantile(finite if len(finite) else np.zeros((1, frame.shape[1])), (0.004, 0.996), axis=0)
    wide = np.where(high > low, (high - low) * 0.1, np.maximum(np.abs(low), 1.0) / 2)
    return [low - wide, high + wide]
