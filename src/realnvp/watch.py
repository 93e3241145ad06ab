"""What a training is held to and what is seen of it: limits, units, records, the best weights, the progress bar."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from realnvp.train.keep import Average, Best
from realnvp.train.loop import Step
from realnvp.train.resume import as_tensor, from_tensor
from realnvp.train.world import here

if TYPE_CHECKING:
    from tqdm import tqdm

__all__ = ["NATS", "Limits", "Outcome", "Record", "Unit", "Watch"]


@dataclass(frozen=True)
class Limits:
    """When training ends: after ``max_steps``, after ``max_time`` seconds, or after ``patience`` without improvement.

    Where nothing has improved for ``patience``, the training goes back to the best weights and cools: the learning rate
    falls to zero over ``cool``. These and ``every``, the distance between evaluations, are shares of the whole
    training; a patience of 0 never stops early.
    """

    max_steps: int = 3000
    max_time: float | None = None
    patience: float = 0.25
    every: float = 0.02
    cool: float = 0.15

    def progress(self, steps: int, seconds: float) -> float:
        """Share of the training done: of the steps, or of the time if that is nearer its end."""
        return max(steps / max(self.max_steps, 1), seconds / self.max_time if self.max_time else 0.0)

    def after(self, seconds: float) -> float:
        """Share of the training from an evaluation of so many seconds to the next: ten times that where time counts."""
        return max(self.every, 10 * seconds / self.max_time) if self.max_time else self.every

    @property
    def warmup(self) -> int:
        """Steps over which the learning rate rises: a tenth of the training, at most 100."""
        return min(100, 1 + self.max_steps // 10)


@dataclass(frozen=True)
class Unit:
    """What figures are told in: ``scale * nats + offset``, called ``name``."""

    name: str = "nats"
    scale: float = 1.0
    offset: float = 0.0

    def of(self, nats: float) -> float:
        """Tell a figure in nats in this unit."""
        return self.scale * nats + self.offset


NATS = Unit()
"""Nats per row, what evaluations give unless another unit is named."""


@dataclass(frozen=True)
class Record:
    """One evaluation: ``train`` is the objective's mean, ``held_out`` and ``best`` the evaluation's, in one unit."""

    step: int
    seconds: float
    train: float
    held_out: float
    best: float
    rate: float
    skipped: int
    restored: int


@dataclass
class Outcome:
    """How a training went: a dict per evaluation, and what ended it."""

    history: list[dict] = field(default_factory=list)
    stopped_by: str = ""


class Watch:
    """Looks at the training every so often and keeps what it sees."""

    def __init__(
        self,
        objective: nn.Module,
        evaluate: Callable[[nn.Module], float],
        limits: Limits,
        unit: Unit,
        facts: Callable[[], dict[str, float]],
        start: float,
        bar: "tqdm",
        outcome: Outcome,
    ) -> None:
        self.objective, self.limits, self.unit, self.facts, self.start = objective, limits, unit, facts, start
        self.outcome, self.best, self.average = outcome, Best(evaluate), Average(objective)
        self.bar, self.world = bar, here()
        self.losses: list[Tensor] = []
        self.step = 0
        self.done, self.next_look, self.best_at = 0.0, limits.every, 0.0
        self.stuck: float | None = None  # the share done when nothing had improved for long

    def progress(self, steps: int) -> float:
        """Share of the training done; once it is stuck, what is left goes by in ``cool``."""
        done = self.limits.progress(steps, self.world.clock() - self.start)
        if self.stuck is None:
            return done
        return self.stuck + (1 - self.stuck) * (done - self.stuck) / min(self.limits.cool, 1 - self.stuck)

    def left(self, seconds_a_step: float) -> float:
        """Seconds until a limit is met, at this pace."""
        by_time = self.limits.max_time - (self.world.clock() - self.start) if self.limits.max_time else math.inf
        return min(by_time, (self.limits.max_steps - self.step) * seconds_a_step)

    def waited(self, seconds: float) -> None:
        """Stop the clock for so long, unless the training was promised to end by it."""
        self.start += 0.0 if self.limits.max_time else seconds

    def due(self, step: Step) -> bool:
        """Count a step; whether it is time to look."""
        self.average.update()
        self.step = step.index
        self.losses.append(step.loss.clone())  # a recorded objective writes over its own
        self.done = self.limits.progress(step.index, self.world.clock() - self.start)
        return self.done >= min(self.next_look - 1e-9, 1.0) or self.cold(step)  # three tenths are more than 0.3

    def cold(self, step: Step) -> bool:
        """Whether the training was stuck and has cooled down."""
        return self.stuck is not None and self.progress(step.index) >= 1 - 1e-9

    def look(self, step: Step) -> Record:
        """Evaluate, keep the best, and write the record."""
        began, before = self.world.clock(), self.best.value
        held_out = self.best.offer(self.objective, self.average.module)
        self.next_look = self.done + self.limits.after(self.world.now() - began)
        self.best_at = self.done if self.best.value < before else self.best_at
        losses = torch.stack(self.losses)
        record = Record(
            step=step.index,
            seconds=round(self.world.clock() - self.start, 3),
            train=self.unit.of(float(losses.where(losses.isfinite(), torch.nan).nanmean())),  # skipped: no say
            held_out=self.unit.of(held_out),
            best=self.unit.of(self.best.value),
            rate=step.rate,
            skipped=step.skipped,
            restored=step.restored,
        )
        self.losses.clear()
        facts = self.facts()
        self.outcome.history.append(asdict(record) | facts)
        shown = f"ESS {facts['ess']:.3f}" if "ess" in facts else f"held out {record.held_out:.3f}"
        self.bar.set_postfix_str(f"{shown}, best {record.best:.3f} {self.unit.name}")
        self.bar.update(min(100.0, 100 * self.done) - self.bar.n)
        return record

    def ends(self, step: Step, record: Record, callbacks: Sequence[Callable[[Record], object]]) -> bool:
        """Whether the training ends here; the outcome says by what."""
        answers = [callback(record) for callback in callbacks]
        reasons = {
            "callback": self.world.agreed(any(map(bool, answers)))[0],
            "max_steps": step.index >= self.limits.max_steps,
            "max_time": self.done >= 1,
            "early_stopping": self.cold(step),
        }
        if self.stuck is None and 0 < self.limits.patience < self.done - self.best_at:
            self.stuck = self.done
            self.best.give(self.objective)
        self.outcome.stopped_by = next((reason for reason, holds in reasons.items() if holds), "")
        return bool(self.outcome.stopped_by)

    def run_out(self, step: Step | None, callbacks: Sequence[Callable[[Record], object]]) -> None:
        """Look at the last steps where the training ends between two looks."""
        if step is not None and self.losses:
            self.ends(step, self.look(step), callbacks)
        self.outcome.stopped_by = self.outcome.stopped_by or "batches"

    def state(self) -> dict[str, Tensor]:
        """Return the losses since the last look, the records, and what the clock says."""
        marks = [self.done, self.next_look, self.best_at, self.stuck]
        seconds = self.world.clock() - self.start
        facts = {"step": self.step, "seconds": seconds, "history": self.outcome.history, "marks": marks}
        facts["stopped_by"] = self.outcome.stopped_by
        losses = torch.stack(self.losses) if self.losses else torch.empty(0)
        return {"losses": losses, "facts": as_tensor(facts)}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned: the clock goes on from the seconds spent."""
        facts = from_tensor(state["facts"])
        self.start = self.world.clock() - facts["seconds"]
        self.outcome.history = facts["history"]
        self.done, self.next_look, self.best_at, self.stuck = facts["marks"]
        self.step = facts["step"]
        done = self.limits.progress(self.step, facts["seconds"])
        if done != self.done:  # the limits are others: what was reached is another share of them
            self.next_look, self.best_at = done + self.limits.every, self.best_at * done / max(self.done, 1e-9)
            self.done, self.stuck = done, None
        elif facts.get("stopped_by") in ("early_stopping", "callback"):
            self.outcome.stopped_by = facts["stopped_by"]  # it had ended, and has no more steps for having been killed
        self.losses = list(state["losses"].to(next(self.objective.parameters()).device))
        self.bar.update(min(100.0, 100 * self.done) - self.bar.n)

    def close(self) -> None:
        """Put the best weights in place; say what was skipped."""
        self.bar.close()
        if self.best.found is None:
            self.best.offer(self.objective, self.average.module)
        self.best.give(self.objective)
        last = self.outcome.history[-1] if self.outcome.history else {}
        if last.get("skipped") == last.get("step"):
            self.outcome.stopped_by = "non_finite" if last else self.outcome.stopped_by
        if last.get("skipped"):
            warnings.warn(
                f"{last['skipped']} of {last['step']} training steps had a loss that was not finite and were skipped; "
                f"the last good weights were put back {last['restored']} times, each time at half the learning rate",
                stacklevel=3,
            )
