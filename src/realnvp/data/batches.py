"""Endless streams of training batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

__all__ = ["Batch", "Deck", "shuffled", "stream"]

Batch = Tensor | tuple[Tensor, ...]
"""What an objective takes."""


class Deck:
    """The numbers of ``rows`` rows, dealt in random order, every one once per epoch, without end."""

    def __init__(self, rows: int, generator: torch.Generator) -> None:
        self.rows, self.generator, self.order = rows, generator, torch.empty(0, dtype=torch.long)

    def deal(self, size: int) -> Tensor:
        """Return ``size`` numbers; those that begin at the end of an epoch are filled from the next."""
        if len(self.order) < size:
            self.order = torch.cat((self.order, torch.randperm(self.rows, generator=self.generator)))
        now, self.order = self.order[:size], self.order[size:]
        return now

    def state(self) -> dict[str, Tensor]:
        """Return what is left of the epoch, and the generator's state."""
        return {"order": self.order, "generator": self.generator.get_state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.order = state["order"]
        self.generator.set_state(state["generator"])


def shuffled(arrays: Sequence[Tensor], size: int, deck: Deck | torch.Generator) -> Iterator[Batch]:
    """Yield random batches of ``size`` rows for ever, every row once per epoch.

    Every batch is full: one that begins at the end of an epoch is filled from the next. One array gives tensors,
    several give tuples.
    """
    deck = deck if isinstance(deck, Deck) else Deck(len(arrays[0]), deck)
    while True:
        now = deck.deal(min(size, deck.rows))
        picked = tuple(a[now] for a in arrays)
        yield picked[0] if len(picked) == 1 else picked


def stream(draw: Callable[[int], Tensor], size: int) -> Iterator[Batch]:
    """Yield fresh batches ``draw(size)`` for ever."""
    while True:
        yield draw(size)
