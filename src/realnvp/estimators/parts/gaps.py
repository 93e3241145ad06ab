"""Learning from rows with gaps: filled in before the training, and again from the flow while it learns."""

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from realnvp.chance import own
from realnvp.data.batches import Batch
from realnvp.data.columns import Codec
from realnvp.estimators.parts.build import scalers
from realnvp.estimators.parts.em import filled, fit_gaussians
from realnvp.estimators.parts.filling import Filler, streams_by_number
from realnvp.estimators.parts.gaussians import Gaussians
from realnvp.estimators.parts.member import Member
from realnvp.estimators.parts.rows import hold_out, log_densities, scaled, tensor
from realnvp.estimators.parts.sample import Sample
from realnvp.train.resume import Stateful

__all__ = ["Filled", "Refilling", "fill"]

_BEGIN, _EVERY, _LEAST = 0.25, 0.1, 50
"""No training ends by early stopping before it has begun."""
_COST = 40
"""Filling so many rows in takes about the time of two steps of training: a third of it at most goes there."""
_PROPOSALS, _MOVES = 16, 6
_WHOLE = 20
"""Rows without gaps from which on only such rows are held out."""


@dataclass(frozen=True, eq=False)
class Filled:
    """A sample without gaps, and which of its rows are held out and which kept.

    Where there were gaps, also what was there, and the mixture that they were filled from.
    """

    sample: Sample
    held: Tensor
    kept: Tensor
    holed: np.ndarray | None = None
    mixture: Gaussians | None = None

    @property
    def measured(self) -> bool:
        """Whether the rows held out are others than those kept."""
        return len(self.held) + len(self.kept) == len(self.sample)

    def measures(self, log_m: np.ndarray, codec: Codec) -> np.ndarray:
        """Return the rows' ``log m`` (n,) under their code, given that of what was there, with what fills the gaps."""
        if self.holed is None or codec.is_plain:
            return log_m
        found, at = log_m.copy(), np.flatnonzero(np.isnan(self.holed).any(1))
        found[at] = codec.weighed(codec.inverse(self.sample.arrays[0][at]))[1]
        return found

    def parted(self) -> tuple[Sample, Sample]:
        """Return the rows kept, as ``_balanced`` weighs them, and those held out."""
        theirs, gaps = self.sample.pick(self.held), None if self.holed is None else np.isnan(self.holed).any(1)
        mine = _balanced(self.sample, self.held, self.kept, gaps)
        if mine.weights is not None and theirs.weights is None:
            theirs = Sample(theirs.arrays, np.ones(len(theirs)))
        return mine, theirs

    def own(self, rows: Sequence[Tensor]) -> Sequence[Tensor]:
        """Return rows that one flow may fill in again: its own copy of them where there were gaps."""
        return rows if self.holed is None else [rows[0].clone(), *rows[1:]]

    def refilled(
        self, batches: Iterable[Batch], rows: Tensor, member: Member, steps: int, seed: int
    ) -> tuple[Iterable[Batch], dict[str, Stateful]]:
        """Return the batches of ``rows``, those kept, filled in again from a flow now and then; and what to keep.

        A sample that had no gaps has its batches as they were, and nothing to keep.
        """
        if self.holed is None or self.mixture is None:
            return batches, {}
        kept = self.kept.numpy()
        holed = self.holed[kept]
        at = np.flatnonzero(np.isnan(holed).any(1))
        if not len(at):
            return batches, {}
        x, *rest = (a[kept][at] for a in self.sample.arrays)
        context = rest[0] if rest else None
        again = Refilling(batches, rows, at, holed[at], x, context, self.mixture, member, steps, seed)
        return again, {"gaps": again}


def fill(sample: Sample, fraction: float, seed: int, *, missing: str) -> Filled:
    """Hold a fraction of the rows out, and fill the gaps of the others by draws given what was observed of them.

    They are those of a mixture of normals that is fitted by EM to the rows that are kept.
    """
    rows = sample.arrays[0]
    gaps = np.isnan(rows).any(1)
    held, kept = _parted(gaps, fraction, seed)
    if missing == "refuse" or not (gaps.any() or len(sample.arrays) > 1):
        return Filled(sample, held, kept)
    if gaps[held.numpy()].any() and len(held) + len(kept) == len(gaps):
        warnings.warn(
            f"only {np.count_nonzero(~gaps)} rows have no missing value (NaN), too few to hold out: the held-out "
            "figure is that of rows whose gaps were filled by draws, and believes these",
            stacklevel=2,
        )
    joint, mine = np.hstack(sample.arrays), _balanced(sample, held, kept, gaps)
    mixture = fit_gaussians(np.hstack(mine.arrays), seed, weights=mine.weights)
    if not gaps.any():
        return Filled(sample, held, kept, None, mixture)
    whole = filled(mixture, joint, own([seed, 1]))[:, : rows.shape[1]]
    return Filled(Sample([whole, *sample.arrays[1:]], sample.weights), held, kept, rows, mixture)


def _balanced(sample: Sample, held: Tensor, kept: Tensor, gaps: np.ndarray | None) -> Sample:
    """Return the rows kept; those of them without gaps count for the ones held out too, which have none either.

    So rows without gaps weigh as much in the training as they are frequent, whatever made the gaps. Where too few rows
    have none, the ones held out are any, and all stay as they were.
    """
    mine = sample.pick(kept)
    holed = None if gaps is None else gaps[kept.numpy()]
    if gaps is None or holed is None or not holed.any() or len(held) + len(kept) > len(sample):
        return mine
    every = np.ones(len(sample)) if sample.weights is None else sample.weights
    own, away = every[kept.numpy()], every[held.numpy()].sum()
    if gaps[held.numpy()].any() or not own[~holed].any():
        return mine
    w = np.where(holed, 1.0, 1 + away / own[~holed].sum()) * own
    return Sample(mine.arrays, w / w.mean())


def _parted(gaps: np.ndarray, fraction: float, seed: int) -> tuple[Tensor, Tensor]:
    """Choose the rows to hold out among those without gaps, as long as there are some, and the rows to keep.

    Only of these can it be said how well they are predicted without believing what they were filled with.
    """
    whole = np.flatnonzero(~gaps)
    if not gaps.any() or len(whole) < _WHOLE or not fraction:
        return hold_out(len(gaps), fraction, seed)
    held, kept = hold_out(len(whole), min(0.5, fraction * len(gaps) / len(whole)), seed)
    rest = np.concatenate([whole[kept.numpy()], np.flatnonzero(gaps)])
    return torch.from_numpy(whole[held.numpy()]), torch.from_numpy(np.random.default_rng(seed).permutation(rest))


@dataclass(eq=False)
class Refilling:
    """Batches of a training whose rows had gaps: from a quarter of it on these are drawn again from the flow.

    First by weight from proposals of the mixture, so that nothing is left of what the mixture itself had put there;
    then every tenth of the training (at least 50 steps) each gap makes a few Metropolis steps from where it was, under
    ``q(x_m | x_o)`` of the flow as it is then. This is the E step of a stochastic EM; the training between two of them
    is its M step.

    References:
        The SEM Algorithm (Celeux, Diebolt, 1985)
        The Calculation of Posterior Distributions by Data Augmentation (Tanner, Wong, 1987),
        https://doi.org/10.1080/01621459.1987.10478458
    """

    batches: Iterable[Batch]
    rows: Tensor
    at: np.ndarray
    holed: np.ndarray
    now: np.ndarray
    context: np.ndarray | None
    mixture: Gaussians
    member: Member
    steps: int
    seed: int
    taken: int = 0
    drawn: bool = False

    def __iter__(self) -> Iterator[Batch]:
        begin = max(1, int(_BEGIN * self.steps))
        every = max(_LEAST, int(_EVERY * self.steps), len(self.at) // _COST)
        batches = iter(self.batches)
        while True:
            if self.taken >= begin and (self.taken - begin) % every == 0:
                self._refill()  # before the batch is taken from the rows
            self.taken += 1
            if (batch := next(batches, None)) is None:
                return
            yield batch

    def _refill(self) -> None:
        filler = Filler(self._log_q(), self.mixture.widened())
        streams = streams_by_number(self.seed, range(len(self.at)), self.taken)
        if self.drawn:
            self.now = filler.walk(self.holed, self.context, self.now, streams, _MOVES)
        else:  # what the mixture put there is forgotten
            self.now = filler.draw(self.holed, self.context, streams, _PROPOSALS, _MOVES)
            self.drawn = True
        self._write()

    def _log_q(self) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
        """Return the log density of the flow as it is now, up to a constant, in single precision."""
        core, scale = copy.deepcopy(self.member.core).eval(), scalers(self.member.flow)
        return lambda x, c: log_densities(core, scaled(scale, [x] if c is None else [x, c]))

    def _write(self) -> None:
        self.rows[self.at] = scaled(scalers(self.member.flow)[:1], [self.now])[0].to(self.rows)

    def state(self) -> dict[str, Tensor]:
        """Return what the gaps hold, and the steps taken."""
        return {"now": tensor(self.now), "counts": torch.tensor([self.taken, self.drawn])}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.now = state["now"].numpy().copy()
        self.taken, self.drawn = int(state["counts"][0]), bool(state["counts"][1])
        self._write()
