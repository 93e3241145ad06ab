"""Steps of training recorded on an accelerator and played again: all their kernels in two launches."""

import contextlib
import warnings
from typing import Any, cast

import torch
from torch import Tensor, nn

from realnvp.record import Take, devices
from realnvp.train.engine import Engine
from realnvp.train.optim import AdamW
from realnvp.train.step import Looked, Plain
from realnvp.train.world import here

__all__ = ["KINDS", "WARM", "Graphs", "recordable"]

WARM = 3
"""Steps of a kind before it is recorded: what is made on first use must be there."""
KINDS = 8
"""So many kinds of batch are recorded, each keeps its activations; others are stepped call by call."""


def recordable(objective: nn.Module, optimizer: object) -> bool:
    """Whether steps can be recorded: of one accelerator, by our optimiser, of an objective that says so.

    An objective whose class says ``recordable = True`` calls the same operations for all batches of one shape, and
    nothing in Python that it depends on changes. A class derived from it says so for itself.
    """
    inner = objective.objective if isinstance(objective, Engine) else objective
    where = devices(objective)
    one = len(where) == 1 and next(iter(where)).type == "cuda"
    inner = getattr(inner, "_orig_mod", inner)  # of what torch.compile has wrapped
    says = bool(vars(type(inner)).get("recordable", False))
    return says and one and type(optimizer) is AdamW and here().size == 1


class Graphs:
    """``Plain`` steps, of which those of a kind that has come before are recorded as CUDA graphs and played again.

    A small flow's step is hundreds of kernels of microseconds, and calling them one by one takes longer than running
    them. The kernels are the same, and so are the numbers up to rounding. What cannot be recorded (a batch on
    another device, an operation that asks the host) is stepped call by call.
    """

    def __init__(self, plain: Plain) -> None:
        self.plain, self.optimizer = plain, cast(AdamW, plain.optimizer)
        self.engine = plain.objective if isinstance(plain.objective, Engine) else None
        self.parts, self.where = list(plain.objective.modules()), next(iter(devices(plain.objective)))
        self.seen: dict[Any, int] = {}
        self.takes: dict[Any, _Step] = {}
        self.works = True
        self.now: _Step | None = None

    def look(self, batch: Any) -> Looked | None:
        """Set the gradients of a batch's loss."""
        self.now = self._step(batch) if self.works else None
        if self.now is None:
            return self.plain.look(batch)
        with self._dice():
            return self.now.look(batch)

    def move(self, found: Looked) -> None:
        """Clip the gradients and let the optimiser step, unless what was found is not good."""
        if self.now is None:
            self.plain.move(found)
        else:
            self.optimizer.follow_rates()
            self.now.move.replay()

    def _step(self, batch: Any) -> "_Step | None":
        """What is recorded of batches of this kind; a kind that has come often enough is recorded now."""
        if (shape := _shape(batch, self.where)) is None or (self.engine and not self.engine.settled):
            return None
        kind = (shape, id(self.engine.run) if self.engine else 0, *(m.training for m in self.parts))
        if kind not in self.takes:
            self.seen[kind] = self.seen.get(kind, 0) + 1
            if self.seen[kind] > WARM and len(self.takes) < KINDS:
                self._record(kind, batch)
        return self.takes.get(kind)

    def _record(self, kind: Any, batch: Any) -> None:
        run = self.engine.run if self.engine else self.plain.objective
        pool = next((step.move.pool() for step in self.takes.values()), None)
        self.optimizer.follow_rates()
        try:
            with self._dice():
                self.takes[kind] = _Step(self.plain, cast(nn.Module, run), batch, self.where, pool)
        except RuntimeError as error:
            self.works = False
            self.takes.clear()
            self.optimizer.forget_rates()
            warnings.warn(
                "the steps of this training cannot be recorded on the accelerator and are called one by one "
                f"({(str(error).strip().splitlines() or [type(error).__name__])[0]})",
                stacklevel=2,
            )

    def _dice(self) -> contextlib.AbstractContextManager:
        return self.engine.dice if self.engine else contextlib.nullcontext()


class _Step:
    """The two halves of a step of one kind, and the batch that they read."""

    def __init__(self, plain: Plain, run: nn.Module, batch: Any, where: torch.device, pool: Any) -> None:
        self.batch = [t.clone() for t in _tensors(batch)]
        given = _like(batch, iter(self.batch))
        plain.optimizer.zero_grad(set_to_none=True)  # the gradients are to lie in the graph's own memory

        def look() -> tuple[Looked, Tensor]:
            found = plain.judge(cast(Tensor, plain.exchange.backward(run, given)))
            return found, torch.stack([t.to(found.loss.dtype) for t in found])

        self.first = Take(look, where, pool=pool)
        found, self.told = self.first.told
        self.move = Take(lambda: plain.move(found), where, pool=self.first.pool())

    def look(self, batch: Any) -> Looked:
        torch._foreach_copy_(self.batch, _tensors(batch))
        self.first.replay()
        return Looked(*self.told.clone().unbind())


def _tensors(batch: Any) -> list[Tensor]:
    """The tensors of a batch, one after another."""
    if isinstance(batch, Tensor):
        return [batch]
    return [t for part in batch for t in _tensors(part)] if isinstance(batch, tuple | list) else []


def _like(batch: Any, tensors: Any) -> Any:
    """The batch with other tensors in its places."""
    if isinstance(batch, Tensor):
        return next(tensors)
    return tuple(_like(part, tensors) for part in batch) if isinstance(batch, tuple | list) else batch


def _shape(batch: Any, where: torch.device) -> Any:
    """What two batches have in common that can be played by one record; ``None`` where there is none."""
    if isinstance(batch, Tensor):
        return (batch.shape, batch.dtype, batch.stride()) if batch.device == where and batch.numel() else None
    if isinstance(batch, tuple | list):
        parts = tuple(_shape(part, where) for part in batch)
        return None if None in parts else parts
    return None
