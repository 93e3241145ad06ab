"""Weighted points to learn from, kept for a while."""

from collections import deque

import torch
from torch import Tensor

__all__ = ["Pool"]


class Pool:
    """The last ``size`` lots of points ``x``, with ``log_w``, their weights, and ``log_r``, the density they came by.

    Beside them one lot that stays until another takes its place. Points of weight zero are dropped when a lot comes in.
    """

    def __init__(self, size: int = 32) -> None:
        self.lots: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=size)
        self.lasting: list[tuple[Tensor, Tensor, Tensor]] = []
        self._whole: tuple[Tensor, Tensor, Tensor] | None = None

    def __len__(self) -> int:
        return sum(len(lot[0]) for lot in (*self.lasting, *self.lots))

    def add(self, x: Tensor, log_w: Tensor, log_r: Tensor) -> None:
        """Put a lot in; the oldest gives way."""
        self.lots.extend(_good(x, log_w, log_r))
        self._whole = None

    def hold(self, x: Tensor, log_w: Tensor, log_r: Tensor) -> None:
        """Put a lot in that stays, in the place of the one before."""
        self.lasting = _good(x, log_w, log_r)
        self._whole = None

    def draw(self, n: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Draw ``n`` points with their weights, each lot as likely as it is large."""
        if self._whole is None:
            x, log_w, log_r = (torch.cat(parts) for parts in zip(*self.lasting, *self.lots, strict=True))
            self._whole = x, log_w, log_r
        x, log_w, log_r = self._whole
        i = torch.randint(len(x), (n,), generator=generator, device=generator.device if generator else None).to(
            x.device
        )
        return x[i], log_w[i], log_r[i]


def _good(x: Tensor, log_w: Tensor, log_r: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    kept = torch.isfinite(log_w) & torch.isfinite(x).flatten(1).all(1)
    return [(x[kept], log_w[kept], log_r[kept])] if kept.any() else []
