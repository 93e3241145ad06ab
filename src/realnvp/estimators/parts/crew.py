"""The training of a table: one flow after another while there is time, then all of them as one density."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from realnvp.data.batches import Batch, Deck
from realnvp.ensemble import together
from realnvp.estimators.parts.base import device_of
from realnvp.estimators.parts.build import build, scalers, whole
from realnvp.estimators.parts.maker import Maker
from realnvp.estimators.parts.member import Member, believed, one_after_another, shares
from realnvp.estimators.parts.mixtures import bending
from realnvp.estimators.parts.rows import log_densities, mean_objective, tensor
from realnvp.estimators.parts.sample import Sample
from realnvp.estimators.parts.settings import budget, epochs, passes, settings
from realnvp.flow import Flow
from realnvp.memory import MEMORIES
from realnvp.objectives import MaxLikelihood, WeightedLikelihood
from realnvp.session import Limits, Outcome, Unit, train
from realnvp.train.loop import TrainingError
from realnvp.train.resume import Checkpoint, Stateful, as_tensor, from_tensor
from realnvp.train.world import here

__all__ = ["Crew", "Feed"]

_SEEN = _LOOKED = 10_000
"""Training rows on which the figure of all flows together is measured; held-out rows that a training looks at."""
_FORESEEN = 40
"""Times over the rows that a flow which the clock ends is taken to get."""
_NEAR = 0.3
"""A kind of flow that is so many nats behind the best is not tried again."""
_LIGHT = 0.01
"""A flow of less weight is left out."""

Feed = Callable[[Sequence[Tensor], Deck, Member, int], tuple[Iterable[Batch], dict[str, Stateful]]]
"""Makes this process's batches of a flow of rows, by a deck and a seed, and says what a checkpoint keeps of them."""


class Crew(Maker):
    """The flows of a table.

    Args:
        model: the estimator whose parameters count.
        kept: rows to learn from.
        held: rows to measure on; those of ``kept`` where ``measured`` is false.
        seed: of the first flow; those after it take the numbers that follow.
        started: when the fit began, by the world's clock.
        log_m: what is added to mean log densities of the rows to make them those of the data.
        many: how many rows there are to learn from, where ``kept`` are some of them.
        moments: rows with the mean and the standard deviation of each array, where they are known better than from
            ``kept``.
    """

    core: Flow

    def __init__(
        self,
        model: Any,
        kept: Sample,
        held: Sample,
        seed: int,
        started: float,
        *,
        measured: bool,
        log_m: float = 0.0,
        many: int | None = None,
        moments: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.model, self.kept, self.seed, self.measured = model, kept, seed, measured
        self.few = len(kept) if many is None else many
        self.device = device_of(model.device)
        features, context = kept.arrays[0].shape[1], kept.arrays[1].shape[1] if len(kept.arrays) > 1 else 0
        self.kinds, self.count = settings(model, self.few, features, context, self.device)
        self.members: list[Member] = []
        self.chosen: list[Member] = []
        self.began, self.seconds, self.given = started, 0.0, len(kept.arrays)
        self.scaler = whole(build(self._shape(self.kinds[0], marginals=False), seed)).to(self.device)
        for scaler, a in zip(scalers(self.scaler), moments or kept.moments(), strict=True):
            scaler.calibrate(tensor(a))
        self.rows, self.held = (part.scaled(scalers(self.scaler)) for part in (kept, held))
        self.plain = kept.plain().scaled(scalers(self.scaler))
        self.offset = float(scalers(self.scaler)[0].scale.log().sum())
        self.unit = Unit(offset=self.offset - log_m)
        self.bend = here().first(lambda: bending(self.plain[0].cpu(), model.marginals, seed))

    def train(self, feed: Feed, checkpoint: Checkpoint | None = None) -> None:
        """Train the flows, each on what ``feed`` gives, or go on where a checkpoint says."""
        if checkpoint is not None:
            self._about(checkpoint)
        plainer, auto = self._plainer(), self.model.members == "auto"
        for i in range(len(self.members), self.count):
            if i and not self._worth_it():
                break
            member = self._begin(kind := self._kind(i), i)
            deck = Deck(len(self.rows[0]), torch.Generator().manual_seed(self.seed + i))
            batches, keep = feed(self.rows, deck, member, self.seed + i)
            keep = {"deck": deck, "crew": self, **keep}
            try:
                self.learn(member, batches, decay=self.kinds[kind].decay, checkpoint=checkpoint, keep=keep)
            except TrainingError:
                if not self.members:
                    raise
                break
            checkpoint = copy.copy(checkpoint)
            if checkpoint is not None:
                checkpoint.resume = False
            if member.stopped_by in ("interrupt", "callback") or (member.stopped_by == "max_time" and auto):
                break
        self.members += plainer

    def learn(self, member: Member, batches: Iterable[Batch], *, decay: float = 0.0, **kept: Any) -> None:
        """Train one flow with what is left of steps and time, and take it in."""
        model, place, seen = self.model, len(self.members), Outcome()
        model._now = lambda: self._until_now(member, seen.history)
        likelihood = MaxLikelihood if len(self.held) == self.given else WeightedLikelihood
        train(
            likelihood(MEMORIES[model.memory](member.core)),
            batches,
            lambda module: mean_objective(module, [a[:_LOOKED] for a in self.held]),
            limits=Limits(self.most, self._left, 0.25 if model.early_stopping else 0.0),
            lr=model.lr,
            weight_decay=decay,
            unit=self.unit,
            compiled=model.compile,
            callbacks=model.callbacks or (),
            into=seen,
            verbose=model.verbose,
            started=self.began + self.seconds,
            seed=self.seed + place,
            title=f"training flow {place + 1}" if place else "training",
            **kept,
        )
        member.history, member.stopped_by = seen.history, seen.stopped_by
        member.flow.eval()
        self.members.append(member)
        self.seconds = max(here().now() - self.began, self.seconds + member.spent[1])

    @property
    def most(self) -> int:
        """Most steps of the next flow."""
        left = budget(self.model) - sum(m.spent[0] for m in self.members)
        return min(
            left if self.model.members == "auto" else max(left // self._to_come, min(left, 1)),
            epochs(self.model, self.few),
        )

    @property
    def _left(self) -> float | None:
        """Seconds of the next flow: all that are left, or its share where a number of flows was asked for."""
        many = 1 if self.model.members == "auto" else self._to_come
        return self.model.max_time and max((self.model.max_time - self.seconds) / many, 1e-3)

    @property
    def _to_come(self) -> int:
        """How many flows are still asked for."""
        return max(1, self.count - len(self.members))

    @property
    def foreseen(self) -> int:
        """Steps by which the next flow's time is shared out: the most, or 40 times over the rows before the clock."""
        return self.most if self.model.max_time is None else min(self.most, passes(self.model, self.few, _FORESEEN))

    @property
    def stopped_by(self) -> str:
        """What ended the last training."""
        return next((m.stopped_by for m in reversed(self.members) if m.stopped_by), "")

    def first(self) -> Member:
        """Return the flow to begin with, set from the data."""
        return self._begin(0, 0)

    def combined(self) -> tuple[dict, Flow]:
        """Return the architecture and the density that all flows together are; ``core`` is it in standardised units."""
        each = np.stack([log_densities(m.core, self.held[: self.given]) for m in self.members])
        before = believed(self.members)
        weights = shares(each, before, self.row_weights) if self.measured else before
        least = min(_LIGHT, before.min() / 2)  # of very many flows each weighs little
        order = [k for k in np.argsort(-weights, kind="stable") if weights[k] >= least]
        order.sort(key=lambda k: self.members[k].shape["kernel"] == "none")  # the first one's latent space is all's
        self.chosen = [self.members[k] for k in order]
        logs = torch.from_numpy(np.log(weights[order])).float()
        self.core = together([m.core.eval() for m in self.chosen], logs).to(self.device)
        first, *more = (m.shape for m in self.chosen)
        shape = {**first, "members": [first, *more]} if more else first
        return shape, together([self._of_all(m) for m in self.chosen], logs).to(self.device).eval()

    def history(self) -> list[dict]:
        """Return the records of all trainings, one after another, and one of all flows together (its member is 0)."""
        trained = [m for m in self.members if m.history]
        if not trained:
            return []
        if len(trained) == 1 and self.chosen == trained:
            return trained[0].history
        found, steps, seconds = one_after_another(trained)
        train, held = (self._nll(rows) for rows in ([a[:_SEEN] for a in self.rows], self.held))
        counts = {name: sum(m.history[-1][name] for m in trained) for name in ("skipped", "restored")}
        last = {"step": steps, "seconds": seconds, "train": train, "held_out": held, "best": held}
        return [*found, last | {"rate": 0.0, **counts, "member": 0}]

    def _nll(self, rows: Sequence[Tensor]) -> float:
        """NLL of rows, with their weights if they have any, as it is reported."""
        w = rows[self.given].cpu().numpy() if len(rows) > self.given else None
        return self.unit.of(-float(np.average(log_densities(self.core, rows[: self.given]), weights=w)))

    def state(self) -> dict[str, Tensor]:
        """Return the flows that are trained, and when the one in training began."""
        told = [
            {"shape": m.shape, "kind": m.kind, "history": m.history, "stopped_by": m.stopped_by} for m in self.members
        ]
        weights = {f"{i}.{k}": v for i, m in enumerate(self.members) for k, v in m.flow.state_dict().items()}
        return {"facts": as_tensor({"seconds": self.seconds, "members": told}), **weights}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        facts = from_tensor(state["facts"])
        self.members, self.seconds = [], facts["seconds"]
        self.began = here().now() - self.seconds
        for i, told in enumerate(facts["members"]):
            core = build(told["shape"], 0)
            member = Member(told["shape"], core, whole(core).eval(), told["kind"], told["history"], told["stopped_by"])
            own = {k.removeprefix(f"{i}."): v for k, v in state.items() if k.startswith(f"{i}.")}
            member.flow.load_state_dict(own)
            member.flow.to(self.device)
            self.members.append(member)

    def _kind(self, place: int) -> int:
        """Which kind of flow comes next: each once, then in turn those that are near the best on the held-out rows."""
        if place < len(self.kinds):
            return place
        best = [min(m.best for m in self.members if m.kind == k) for k in range(len(self.kinds))]
        near = [k for k, value in enumerate(best) if value <= min(best) + _NEAR]
        return near[place % len(near)]

    def _until_now(self, member: Member, history: list[dict]) -> Any:
        """Return the model of the flows trained so far and of the one in training, as it is now."""
        now, mine = copy.copy(self), self._whole(member.shape, copy.deepcopy(member.core).eval(), member.kind)
        mine.history, now.members = list(history), [*self.members, mine]
        return copy.copy(self.model)._take(now)

    def _worth_it(self) -> bool:
        """Whether what is left is half of what the first flow took."""
        if self.model.members != "auto":
            return self.most >= 1
        steps, seconds = self.members[0].spent
        left = budget(self.model) - sum(m.spent[0] for m in self.members)
        in_time = self.model.max_time is None or self.model.max_time - self.seconds >= seconds / 2
        return left >= max(steps / 2, 1) and in_time

    def _about(self, checkpoint: Checkpoint) -> None:
        """Say what the checkpoint is about, and take up the flows that were trained before it was written."""
        names = ("batch_size", "lr", "validation_fraction", "memory", "members")
        told = {name: getattr(self.model, name) for name in names}
        shape = self._shape(self.kinds[0], marginals=False)  # whether they are bent follows from data and seed
        checkpoint.about = {**shape, **told, "seed": self.seed, **checkpoint.about}
        if checkpoint.resume:
            tensors, _ = checkpoint.read()
            self.restore({k.removeprefix("crew/"): v for k, v in tensors.items() if k.startswith("crew/")})
