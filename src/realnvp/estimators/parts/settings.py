"""What ``"auto"`` means for a table: the rule by which kernel, sizes and dropout follow from its rows and columns."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from realnvp.errors import InputError
from realnvp.estimators.parts.base import LAYERS, WIDE, chosen, precision_of

__all__ = ["AUTO", "MANY_COLUMNS", "Settings", "budget", "epochs", "passes", "settings"]

AUTO = ("kernel", "layers", "width", "max_steps", "members", "marginals", "dropout")
"""What may be left to the rule."""

_WIDTH = 64
_FEW = 20_000
"""Below so many rows there is time for more than one flow, and what they do not agree on is noise."""
_MOST = 8
MANY_COLUMNS = 48
"""From so many columns splines cost more steps than they repay."""
_EPOCHS = 400
_LEAST = 300
"""A flow sees the rows so often at most, in so many steps at least; more often a small table is learnt by heart."""
_STEPS = 3000
_SLIGHT = 0.05
"""Dropout below this slows a training more than it helps."""


@dataclass(frozen=True)
class Settings:
    """One flow of a table: what it is made of, and the weight decay it is trained with."""

    kernel: str
    layers: int
    width: int
    base: str
    precision: str
    dropout: float
    decay: float = 0.0


def settings(model: Any, rows: int, features: int, context: int, device: torch.device) -> tuple[list[Settings], int]:
    """Return the kinds of flow to train for a table, and how many flows at most.

    ``kernel="auto"`` is splines, or affine maps from 48 columns on; below 20,000 rows up to eight flows follow one
    another while steps or time are left, splines and strongly decayed affine maps in turn. Named kernels give one flow.
    ``layers="auto"`` is 4 of splines, 10 of affine maps, 8 of shifts; ``width="auto"`` is 64; ``dropout="auto"`` is
    100 columns / rows, at most 0.3, none below 0.05 and none in constant memory.
    """
    if model.kernel != "auto":
        chosen("kernel", model.kernel, LAYERS)
    width = _WIDTH if model.width == "auto" else int(model.width)
    alone = features == 1 and not context
    first = model.kernel if model.kernel != "auto" else "affine" if features >= MANY_COLUMNS else "spline"
    narrow = model.precision == "auto" and width < WIDE
    main = Settings(
        kernel=first,
        layers=LAYERS.get(first, 0) if model.layers == "auto" else int(model.layers),
        width=width,
        base=model.base,
        precision="float32" if narrow else precision_of(model.precision, device),
        dropout=_dropout(model, rows, features + context),
    )
    auto = model.kernel == "auto" and rows < _FEW and model.early_stopping
    count = model.members if model.members != "auto" else _MOST if auto else 1
    kinds = [main]
    if model.kernel == "auto" and not alone:
        layers = 6 if model.layers == "auto" else main.layers
        kinds.append(replace(main, kernel="affine", layers=layers, decay=10.0))
    return kinds, count


def _dropout(model: Any, rows: int, columns: int) -> float:
    constant = model.memory == "constant"
    if model.dropout == "auto":
        share = min(0.3, 100 * columns / max(rows, 1))
        return 0.0 if constant or share < _SLIGHT else round(share, 3)
    if constant and model.dropout:
        raise InputError("memory='constant' calls each net twice and wants the same answer: leave dropout out")
    return float(model.dropout)


def budget(model: Any) -> int:
    """Most steps of all flows together: ``"auto"`` is 3,000, and no limit where there is one of time."""
    if model.max_steps != "auto":
        return int(model.max_steps)
    return _STEPS if model.max_time is None else 10**9


def epochs(model: Any, rows: int) -> int:
    """Most steps of one flow: 400 times over the rows, but 300 steps at least; no limit without early stopping."""
    if not model.early_stopping or not rows:
        return 10**9
    return passes(model, rows, _EPOCHS)


def passes(model: Any, rows: int, times: int) -> int:
    """Steps that go so many times over the rows, 300 at least."""
    return max(_LEAST, math.ceil(times * rows / min(rows, model.batch_size)))
