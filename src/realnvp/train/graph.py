"""Steps of training recorded on an accelerator and played again: all their kernels in two launches."""

import contextlib
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from realnvp.train.engine import Engine
from realnvp.train.optim import AdamW
from realnvp.train.step import Looked, Plain
from realnvp.train.world import here

__all__ = ["KINDS", "WARM", "Graphs", "devices", "record", "recordable"]

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
    return says and one and isinstance(optimizer, AdamW) and here().size == 1


def devices(module: nn.Module) -> set[torch.device]:
    """Where the parameters and buffers of a module are."""
    return {t.device for t in (*module.parameters(), *module.buffers())}


def record(call: Callable[[], Tensor | None], where: torch.device, pool: Any) -> tuple[torch.cuda.CUDAGraph, Any]:
    """Record the kernels of a call as a graph whose memory is of ``pool``; return it with what the call returned."""
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
    try:
        with torch.cuda.device(where), torch.cuda.graph(graph, pool=pool):
            told = call()
    except BaseException:
        torch.cuda.set_stream(stream)  # a recording that fails may leave its own in place
        raise
    return graph, told


class Graphs:
    """``Plain`` steps, of which those of a kind that has come before are recorded as CUDA graphs and played again.

    A small flow's step is hundreds of kernels of microseconds, and calling them one by one takes longer than running
    them. The kernels are the same, and so are the numbers up to rounding. What cannot be recorded (a batch on
    another device, an operation that asks the host) is stepped call by call.
    """

    def __init__(self, plain: Plain) -> None:
        self.plain, self.optimizer = plain, cast(AdamW, plain.optimizer)
        self.parts, self.where = list(plain.objective.modules()), next(iter(devices(plain.objective)))
        self.seen: dict[Any, int] = {}
        self.takes: dict[Any, _Take] = {}
        self.pool: Any = None
        self.works = True
        self.now: _Take | None = None

    def look(self, batch: Any) -> Looked | None:
        """Set the gradients of a batch's loss."""
        self.now = self._take(batch) if self.works else None
        if self.now is None:
            return self.plain.look(batch)
        with self._dice():
            return self.now.look(batch)

    def move(self, found: Looked) -> None:
        """Clip the gradients and let the optimiser step, unless what was found is not good."""
        if self.takes or self.now:
            self.optimizer.follow_rates()
        if self.now is None:
            self.plain.move(found)
        else:
            self.now.move.replay()

    def _take(self, batch: Any) -> "_Take | None":
        """What is recorded of batches of this kind; a kind that has come often enough is recorded now."""
        engine = self.plain.objective
        if (shape := _shape(batch, self.where)) is None or (isinstance(engine, Engine) and not engine.settled):
            return None
        kind = (shape, id(engine.run) if isinstance(engine, Engine) else 0, *(m.training for m in self.parts))
        if kind in self.takes:
            return self.takes[kind]
        self.seen[kind] = self.seen.get(kind, 0) + 1
        if self.seen[kind] <= WARM or len(self.takes) >= KINDS or not self.optimizer.state:
            return None
        try:
            self.optimizer.follow_rates()
            with self._dice():
                self.takes[kind] = _Take(self.plain, batch, self.pool)
        except Exception:  # torch has many words for an operation that cannot be recorded
            self.works = False
            self.optimizer.forget_rates()
            return None
        self.pool = self.takes[kind].pool
        return self.takes[kind]

    def _dice(self) -> contextlib.AbstractContextManager:
        engine = self.plain.objective
        return engine.dice if isinstance(engine, Engine) else contextlib.nullcontext()


class _Take:
    """Two graphs of steps of one kind, and the batch that they read."""

    def __init__(self, plain: Plain, batch: Any, pool: Any) -> None:
        run = plain.objective.run if isinstance(plain.objective, Engine) else plain.objective
        self.batch = [t.clone() for t in _tensors(batch)]
        given = _like(batch, iter(self.batch))
        plain.optimizer.zero_grad(set_to_none=True)  # the gradients are to lie in the graph's own memory
        found: list[Looked] = []

        def look() -> Tensor:
            loss = plain.exchange.backward(cast(nn.Module, run), given)
            found[:] = [plain.judge(cast(Tensor, loss))]
            return torch.stack([t.to(found[0].loss.dtype) for t in found[0]])

        where = self.batch[0].device
        self.first, self.told = record(look, where, pool)
        self.pool = self.first.pool()
        self.move, _ = record(lambda: plain.move(found[0]), where, self.pool)

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
