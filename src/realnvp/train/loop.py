"""The training loop, a generator of records: everything around it is plain code in the caller's ``for``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from realnvp.train.base import GuardedOptimizer
from realnvp.train.graph import Graphs, recordable
from realnvp.train.step import Plain, Steps
from realnvp.train.world import here

__all__ = ["Guard", "Step", "TrainingError", "fit"]


class TrainingError(RuntimeError):
    """Training cannot go on: the loss stays non-finite however small the learning rate."""


@dataclass(frozen=True)
class Step:
    """One step of training. ``skipped`` and ``restored`` count from the start of the training."""

    index: int
    loss: Tensor
    grad_norm: Tensor
    rate: float
    skipped: int
    restored: int


def fit(
    objective: nn.Module,
    batches: Iterable,
    optimizer: GuardedOptimizer | torch.optim.Optimizer,
    *,
    schedule: Callable[[int], float] | None = None,
    clip: float = 1.0,
    guard: "Guard | None" = None,
    taken: int = 0,
) -> Iterator[Step]:
    """Minimise ``objective(batch)``, one ``Step`` per batch, for as long as ``batches`` lasts.

    ``optimizer`` is ``adamw(module)`` or any of torch's. ``schedule(steps taken)`` scales its ``initial_lr``; the
    gradient's norm is clipped to ``clip``. A step whose loss or gradient is not finite never reaches the weights: it is
    skipped and counted. Five in a row put back the last good weights and halve the rate (one is enough to put them
    back where it spoilt running statistics); eight halvings without a good stretch between them are a
    ``TrainingError``. To go on with a training, give its ``guard`` and the number of steps ``taken``.

    Of several processes (``joined``) each gives its own part of the batches; loss and gradient are those of all rows,
    and it lasts until all have given theirs.
    """
    params = [p for p in objective.parameters() if p.requires_grad]
    rates = [group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups]
    guard = Guard(objective, optimizer) if guard is None else guard
    exchange = here().exchange(params)
    plain = Plain(objective, optimizer, exchange, params, clip)
    steps: Steps = Graphs(plain) if recordable(objective, optimizer) else plain
    for index, batch in enumerate(exchange.deal(batches), taken + 1):
        factor = guard.factor * (schedule(index - 1) if schedule else 1.0)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        if (found := steps.look(batch)) is None:
            return
        guard.watch(found.good)
        steps.move(found)
        loss, norm, _ = found
        yield Step(index, loss, norm, rates[0] * factor, guard.skipped, guard.restored)


@dataclass
class Guard:
    """Counts the steps that are not finite, puts the good weights back where they do not stop, and lowers the rate.

    How the steps went is asked every ``lag`` of them: by default of the processor at once, of an accelerator every 16,
    so that it seldom waits for the host.
    """

    objective: nn.Module
    optimizer: GuardedOptimizer | torch.optim.Optimizer
    every: int = 50
    patience: int = 5
    most: int = 8
    lag: int | None = None
    factor: float = 1.0
    skipped: int = 0
    restored: int = 0
    _row: int = 0  # bad steps in a row
    _since: int = 0  # good steps since the last copy
    _failed: int = 0  # restorations since the last copy
    _good: list[Tensor] = field(default_factory=list)
    _asked: list[Tensor] = field(default_factory=list)  # how the last steps went, on their device

    def __post_init__(self) -> None:
        self._copy()

    def watch(self, good: Tensor) -> None:
        """Take note of whether a step is good, before it reaches the weights."""
        self._asked.append(good)
        if len(self._asked) >= (self.lag or (1 if good.device.type == "cpu" else 16)):
            self._hear()

    def _hear(self) -> None:
        went, self._asked = torch.stack(self._asked).tolist() if self._asked else [], []
        for fine in went:
            self._count(fine)

    def _count(self, fine: bool) -> None:
        if fine:
            self._row, self._since = 0, self._since + 1
            if self._since >= self.every:
                self._copy()
            return
        self.skipped, self._row = self.skipped + 1, self._row + 1
        if self._row >= self.patience:
            self._lower()
        elif not self._buffers_finite():
            self._restore()  # one bad batch in the running statistics says nothing of the rate

    def state(self) -> dict[str, Tensor]:
        """Return the counts and the good weights."""
        self._hear()
        counts = torch.tensor([self.skipped, self.restored, self._row, self._since, self._failed])
        good = {f"good.{i}": t for i, t in enumerate(self._good)}
        return {"counts": counts, "factor": torch.tensor(self.factor, dtype=torch.float64), **good}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.skipped, self.restored, self._row, self._since, self._failed = state["counts"].tolist()
        self.factor = float(state["factor"])
        self._good = [state[f"good.{i}"].to(now.device) for i, now in enumerate(self._state())]

    def _state(self) -> list[Tensor]:
        return [*self.objective.parameters(), *self.objective.buffers()]

    def _copy(self) -> None:
        self._good, self._since, self._failed = [t.detach().clone() for t in self._state()], 0, 0

    def _restore(self) -> None:
        with torch.no_grad():
            for now, good in zip(self._state(), self._good, strict=True):
                now.copy_(good)
        forget = getattr(self.optimizer, "forget", self.optimizer.state.clear)
        forget()  # its averages come from the road that led astray
        self.restored, self._since = self.restored + 1, 0

    def _lower(self) -> None:
        self._restore()
        self._failed, self._row, self.factor = self._failed + 1, 0, self.factor / 2
        if self._failed >= self.most:
            raise TrainingError(
                f"the loss was not finite in {self.skipped} steps, even at 1/{round(1 / self.factor)} of the learning "
                "rate: look for extreme values in the data, or lower lr"
            )

    def _buffers_finite(self) -> bool:
        return all(bool(torch.isfinite(b).all()) for b in self.objective.buffers() if b.is_floating_point())
