"""Endless streams of training batches."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

__all__ = ["Batch", "shuffled", "stream"]

Batch = Tensor | tuple[Tensor, ...]


def shuffled(arrays: Sequence[Tensor], size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Yield random batches of ``size`` rows for ever, every row once per epoch.

    Every batch is full: one that begins at the end of an epoch is filled from the next. One array gives tensors,
    several give tuples.
    """
    rows = len(arrays[0])
    size = min(size, rows)
    order = torch.empty(0, dtype=torch.long)
    while True:
        if len(order) < size:
            order = torch.cat((order, torch.randperm(rows, generator=generator)))
        now, order = order[:size], order[size:]
        picked = tuple(a[now] for a in arrays)
        yield picked[0] if len(picked) == 1 else picked


def stream(draw: Callable[[int], Tensor], size: int) -> Iterator[Batch]:
    """Yield fresh batches ``draw(size)`` for ever."""
    while True:
        yield draw(size)
