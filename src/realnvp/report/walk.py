"""A walk through a flow: where points are behind each of its couplings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from realnvp.memory import Constant
from realnvp.transforms import Compose, Coupling, Embed, Inverse, Squeeze, Transform, Within

__all__ = ["Walk", "walk"]

_WORDS = {
    "BodyFrame": "frame of the bodies",
    "Box": "box unrolled",
    "Logit": "logit",
    "Probit": "box unrolled",
    "SinhArcsinh": "columns made normal",
    "Standardise": "standardised",
    "Whiten": "whitened",
}
"""Transforms that are a frame of their own, and what they are called; others join the coupling behind them."""

_Lift = Callable[[Tensor], Tensor]
_Steps = Generator[tuple[Transform, Tensor], None, Tensor]


@dataclass(frozen=True)
class Walk:
    """Frames (n, *event) with a name each; the first is the data, the last its latent coordinates."""

    names: tuple[str, ...]
    frames: tuple[np.ndarray, ...]


@torch.no_grad()
def walk(flow: Any, x: np.ndarray, context: np.ndarray | None = None) -> Walk:
    """Follow rows ``x`` (n, *event) through ``flow.transform``: a frame behind each coupling, in the event's own shape.

    Linear maps and normalisations belong to the coupling behind them. Of a transform that is no chain of couplings
    there are two frames, the data and the latents.
    """
    moved = copy.deepcopy(flow.transform).double().cpu()
    rows = torch.as_tensor(np.array(x, dtype=np.float64))
    given = None if context is None else torch.as_tensor(np.array(context, dtype=np.float64))
    names, frames, couplings, late = ["data"], [rows], 0, False
    last = rows
    for step, last in _steps(moved, rows, given, _same):
        couplings += isinstance(step, Coupling)
        word = f"coupling {couplings}" if isinstance(step, Coupling) else _WORDS.get(type(step).__name__)
        late = word is None
        if word is not None:
            names, frames = [*names, word], [*frames, last]
    if late or len(frames) == 1:
        names, frames = [*names, "last layer" if couplings else "whole flow"], [*frames, last]
    names[-1] += ": latent space"
    return Walk(tuple(names), tuple(frame.numpy() for frame in frames))


def _steps(t: Transform, x: Tensor, context: Tensor | None, lift: _Lift) -> _Steps:
    """Yield each elementary transform and the event behind it, in the shape of the whole; return its plain value."""
    if isinstance(t, Constant):
        return (yield from _steps(t.transform, x, context, lift))
    if isinstance(t, Embed):
        return (yield from _steps(t.transform, x, t._embed(context, x), lift))
    if isinstance(t, Within):
        part, *rest = t.cut(x)
        part = yield from _steps(t.transform, part, context, lambda p: lift(t.join(p, *rest, like=x)))
        return t.join(part, *rest, like=x)
    if not isinstance(t, Compose):
        z = t(x, context)[0]
        yield t, lift(z)
        return z
    shapes: list[Squeeze] = []
    for part_of in t:
        if isinstance(part_of, Squeeze):
            shapes, x = [*shapes, part_of], part_of(x)[0]
        elif isinstance(part_of, Inverse) and isinstance(part_of.transform, Squeeze):
            shapes, x = shapes[:-1], part_of(x)[0]
        else:
            x = yield from _steps(part_of, x, context, _unsqueezed(shapes, lift))
    return x


def _unsqueezed(shapes: list[Squeeze], lift: _Lift) -> _Lift:
    def lifted(z: Tensor) -> Tensor:
        for squeeze in reversed(shapes):
            z = squeeze.inverse(z)[0]
        return lift(z)

    return lifted


def _same(z: Tensor) -> Tensor:
    return z
