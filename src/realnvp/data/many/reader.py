"""Batches of a table of many files: row groups in random order, shuffled in a window, shared out by rank."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from realnvp.data.batches import Batch
from realnvp.data.many.base import Group, ManyFiles
from realnvp.data.rows import Frame
from realnvp.errors import InputError

__all__ = ["Prepare", "Reader"]

_BYTES = 1 << 27
"""Of the window, where its rows are not told: 128 MiB."""

Prepare = Callable[[Frame, Sequence[int]], Sequence[Tensor]]
"""Makes of rows what a batch holds, (n, …) each; its draws come from the seed it is given."""


class Reader:
    """Batches of a table for ever: in an epoch each row comes once, in the batches of one rank.

    An epoch puts the row groups in an order of its own, and cuts the rows into ``shard[1]`` parts of one length. Rank
    ``shard[0]`` reads its part from beginning to end and shuffles it within windows that follow one another. Every
    batch is full: one that begins at the end of an epoch is filled from the next. So no rank ever runs out of rows,
    and after any number of epochs e all ranks have had the same number of rows, up to one: ``floor((e N + r) / R)`` of
    N rows with R ranks.

    Where it stands is one number, the rows dealt: all else follows from it and from the seed.

    Args:
        files: the table.
        prepare: makes of a piece of rows what a batch holds.
        size: rows of a batch.
        seed: of the order and of what ``prepare`` draws.
        away: numbers of rows to leave out, in order.
        shard: rank and number of ranks.
        window: rows of a window; by default 128 MiB of them.
    """

    def __init__(
        self,
        files: ManyFiles,
        prepare: Prepare,
        size: int,
        seed: int,
        *,
        away: np.ndarray | None = None,
        shard: tuple[int, int] = (0, 1),
        window: int | None = None,
    ) -> None:
        self.files, self.prepare, self.size, self.seed = files, prepare, size, seed
        self.rank, self.ranks = _shard(shard)
        self.away = np.empty(0, np.int64) if away is None else np.asarray(away)
        self.groups = files.groups
        starts = np.array([group.start for group in self.groups])
        ends = starts + [group.rows for group in self.groups]
        self.lengths = ends - starts - (np.searchsorted(self.away, ends) - np.searchsorted(self.away, starts))
        self.rows = int(self.lengths.sum())
        if self.rows < 1:
            raise InputError(f"{files.data} has no rows to learn from")
        self.window = window or max(_BYTES // (4 * len(files.columns)), size)
        if self.window < 1:
            raise InputError(f"window must be a whole number of rows of at least 1, got {window!r}")
        self.taken = 0
        self._held: tuple[int, int] | None = None
        self._tensors: list[Tensor] = []
        self._order = torch.empty(0, dtype=torch.long)
        self._next: tuple[int, int] | None = None
        self._pieces: Iterator[Sequence[Tensor]] = iter(())
        self._over: Sequence[Tensor] | None = None

    def __iter__(self) -> Iterator[Batch]:
        while True:
            found = self.deal(self.size)
            yield found[0] if len(found) == 1 else found

    def deal(self, size: int) -> tuple[Tensor, ...]:
        """Return the next ``size`` rows of this rank."""
        parts: list[list[Tensor]] = []
        while size:
            at = self._turn()
            now = self._order[at : at + size]
            parts.append([t[now] for t in self._tensors])
            self.taken, size = self.taken + len(now), size - len(now)
        return tuple(torch.cat(pieces) if len(pieces) > 1 else pieces[0] for pieces in zip(*parts, strict=True))

    @property
    def epoch(self) -> int:
        """The epoch that the next row is of."""
        epoch = max(0, (self.taken * self.ranks - self.rank) // self.rows)
        while self._before(epoch + 1) <= self.taken:
            epoch += 1
        while self._before(epoch) > self.taken:
            epoch -= 1
        return epoch

    def state(self) -> dict[str, Tensor]:
        """Return the rows dealt."""
        return {"taken": torch.tensor(self.taken)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.taken, self._held = int(state["taken"]), None

    def _before(self, epoch: int, rank: int | None = None) -> int:
        """Rows that a rank has had when an epoch begins: of all ranks together N for each epoch."""
        return (epoch * self.rows + (self.rank if rank is None else rank)) // self.ranks

    def _turn(self) -> int:
        """Hold the window that the next row is in; return its place there."""
        epoch = self.epoch
        length = self._before(epoch + 1) - self._before(epoch)
        offset = self.taken - self._before(epoch)
        windows = -(-length // self.window)
        index = next(i for i in range(offset * windows // length, windows) if (i + 1) * length // windows > offset)
        begin, end = index * length // windows, (index + 1) * length // windows
        if self._held != (epoch, index):
            self._tensors, self._order = [], self._order[:0]  # the old window goes before the new one comes
            self._tensors = self._read(epoch, begin, end)
            generator = torch.Generator().manual_seed(self._number(epoch, index, self.rank))
            self._order = torch.randperm(end - begin, generator=generator)
            self._held = epoch, index
        return offset - begin

    def _number(self, *key: int) -> int:
        return int(np.random.SeedSequence([self.seed, *key]).generate_state(1, np.uint64)[0] >> np.uint64(1))

    def _read(self, epoch: int, begin: int, end: int) -> list[Tensor]:
        """Return rows ``begin`` to ``end`` of this rank's part; reading goes on where it left off, if that is there."""
        if self._next != (epoch, begin):
            first = sum(self._before(epoch + 1, r) - self._before(epoch, r) for r in range(self.rank))
            self._pieces, self._over = self._sequence(epoch, first + begin), None
        found: list[Tensor] = []
        at = 0
        while at < end - begin:
            piece = self._over or next(self._pieces)
            cut = end - begin - at
            if not found:
                found = [t.new_empty((end - begin, *t.shape[1:])) for t in piece]
            taken = min(cut, len(piece[0]))
            for whole, part in zip(found, piece, strict=True):
                whole[at : at + taken] = part[:taken]
            self._over = [t[cut:] for t in piece] if len(piece[0]) > cut else None
            at += taken
        self._next = epoch, end
        return found

    def _sequence(self, epoch: int, begin: int) -> Iterator[Sequence[Tensor]]:
        """Yield all rows of an epoch from number ``begin`` of its order on, in pieces."""
        order = np.random.default_rng([self.seed, epoch]).permutation(len(self.groups))
        ends = self.lengths[order].cumsum()
        first = int(np.searchsorted(ends, begin, side="right"))
        skip = begin - int(ends[first] - self.lengths[order[first]])
        for place in order[first:]:
            for piece in self._rows(self.groups[place], epoch):
                rows = len(piece[0])
                if skip < rows:
                    yield [t[skip:] for t in piece]
                skip = max(0, skip - rows)

    def _rows(self, group: Group, epoch: int) -> Iterator[Sequence[Tensor]]:
        for start, frame in self.files.pieces(group):
            low, high = np.searchsorted(self.away, (start, start + len(frame)))
            kept = frame if low == high else frame.rows(np.delete(np.arange(len(frame)), self.away[low:high] - start))
            if len(kept):
                yield self.prepare(kept, (self.seed, epoch, start))


def _shard(shard: tuple[int, int]) -> tuple[int, int]:
    rank, ranks = shard
    if not 0 <= rank < ranks:
        raise InputError(f"shard is (rank, number of ranks) with the rank from 0 up and below the number, got {shard}")
    return int(rank), int(ranks)
