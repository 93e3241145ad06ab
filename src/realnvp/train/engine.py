"""Compilation of the training step, by the library's own care."""

import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from realnvp.train.dice import Dice
from realnvp.train.world import here

__all__ = ["COST", "PILOT", "SAVES", "Engine"]

PILOT = 30
"""Steps after which it is known how long a step takes."""
COST = 0.75
"""Seconds that compiling takes for each of the objective's parameters, roughly: a minute or two for a usual flow."""
SAVES = 0.2
"""The least share of the training that compiled steps save, roughly."""


class Engine(nn.Module):
    """An objective that is compiled where that pays.

    ``choice`` is ``True`` (before the first step), ``False``, or ``"auto"``: after ``PILOT`` steps, if at their pace so
    much is ``left`` that compiling is repaid, by ``COST`` and ``SAVES``. The first compiled batch of each kind is tried
    outside the training, so that a machine without a compiler goes on without, and says so; how long that took is told
    to ``waited``. Compiled code is kept by torch between processes.

    Args:
        objective: ``objective(batch) -> scalar``.
        choice: when to compile.
        left: how many seconds of training are left, given the seconds of a step.
        waited: is told how long the compilation took.
        seed: of the draws of dropout, which leave torch's own generators as they were.
    """

    def __init__(
        self,
        objective: nn.Module,
        choice: bool | str,
        *,
        left: Callable[[float], float],
        waited: Callable[[float], None],
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.objective, self.choice, self.left, self.waited = objective, choice, left, waited
        self.run: Callable[[Any], Tensor] = objective
        self.steps, self.begun = 0, 0.0
        self.settled, self.compiles = choice is False, False
        self.tried: set[Any] = set()
        self.dice = Dice(objective, seed)

    def forward(self, batch: Any) -> Tensor:
        """Return ``objective(batch)``."""
        self.steps += 1
        if not self.settled and self._pays():
            self.settled = self.compiles = True
        if self.compiles and (kind := _kind(batch)) not in self.tried:
            self.tried.add(kind)
            self._compile(batch)
        with self.dice:
            return self.run(batch)

    def state(self) -> dict[str, Tensor]:
        """Return whether the step is compiled, and whether that is settled."""
        settled = torch.tensor([self.settled, self.run is not self.objective, self.steps])
        return {"settled": settled, **self.dice.states}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned: a training that was compiled is compiled again with its next batch."""
        settled, compiled, steps = state["settled"].tolist()
        known = {name: state[name] for name in self.dice.states if name in state}  # it may go on on another device
        self.dice.states |= known
        self.steps = steps if settled else 0  # the clock of the pilot did not go on: it is run again
        if self.choice == "auto" and settled:
            self.choice, self.settled = bool(compiled), not compiled

    def _pays(self) -> bool:
        if self.choice is True:
            return True
        if self.steps == PILOT // 3:  # the first steps are slower
            self.begun = here().clock()  # the same on all ranks, which then decide alike
        if self.steps < PILOT:
            return False
        pace = (here().clock() - self.begun) / (PILOT - PILOT // 3)
        self.settled = SAVES * self.left(pace) < COST * sum(1 for _ in self.objective.parameters())
        return not self.settled

    def _compile(self, batch: Any) -> None:
        """Compile, try it on the batch, and forget what came of that."""
        began = time.monotonic()
        kept = {name: value.clone() for name, value in self.objective.named_buffers()}
        params = [p for p in self.objective.parameters() if p.requires_grad]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler speaks of its own inside
                compiled = torch.compile(self.objective) if self.run is self.objective else self.run
                with torch.random.fork_rng(self.dice.cards):
                    torch.autograd.grad(compiled(batch), params, allow_unused=True)
            self.run = compiled
        except Exception as error:
            self.run, self.compiles = self.objective, False
            reason = str(error).strip().split("\n")[0]
            warnings.warn(
                f"the training step could not be compiled and runs as it is ({reason}): install a C++ compiler, or "
                "say compile=False",
                stacklevel=2,
            )
        with torch.no_grad():
            for name, value in self.objective.named_buffers():
                value.copy_(kept[name])  # running statistics have seen the batch once too often
        self.waited(time.monotonic() - began)


def _kind(batch: Any) -> Any:
    """What a batch is made of: the compiler makes code for each kind."""
    return tuple(map(_kind, batch)) if isinstance(batch, tuple | list) else type(batch)
