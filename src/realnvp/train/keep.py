"""What a training keeps: an average of the weights, and the best weights seen."""

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

__all__ = ["Average", "Best"]


class Average:
    """An exponential moving average of a module's parameters; buffers follow the module.

    The memory grows with the steps seen, ``(1 + n) / (10 + n)`` up to ``decay``, and is brought up to date every
    ``every`` steps.
    """

    def __init__(self, module: nn.Module, decay: float = 0.998, every: int = 4) -> None:
        self.source, self.decay, self.every, self.steps = module, decay, every, 0
        self.module = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def update(self) -> None:
        """Count a step of the module, and follow it."""
        self.steps += 1
        if self.steps % self.every:
            return
        weight = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps)) ** self.every
        torch._foreach_lerp_(list(self.module.parameters()), list(self.source.parameters()), weight)
        for kept, seen in zip(self.module.buffers(), self.source.buffers(), strict=True):
            kept.copy_(seen)

    def state(self) -> dict[str, Tensor]:
        """Return the average and the number of steps it has seen."""
        return {"steps": torch.tensor(self.steps), **{f"at.{k}": v for k, v in self.module.state_dict().items()}}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.steps = int(state["steps"])
        self.module.load_state_dict(_under("at.", state))


def _under(prefix: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}


class Best:
    """The best of the modules offered, by the lowest value of ``evaluate``."""

    def __init__(self, evaluate: Callable[[nn.Module], float]) -> None:
        self.evaluate, self.value = evaluate, math.inf
        self.found: dict[str, Tensor] | None = None

    def offer(self, *modules: nn.Module) -> float:
        """Evaluate the modules, keep a copy of the best if it beats all before it, and return its value."""
        values = [self.evaluate(m) for m in modules]
        found = min(values, key=lambda v: math.inf if math.isnan(v) else v)
        if found < self.value:
            self.value = found
            winner = modules[values.index(found)]
            self.found = {k: v.detach().clone() for k, v in winner.state_dict().items()}
        return found

    def give(self, module: nn.Module) -> None:
        """Give the best weights to ``module``; where none was ever finite, leave it alone."""
        if self.found is not None:
            module.load_state_dict(self.found)

    def state(self) -> dict[str, Tensor]:
        """Return the lowest value and the weights that have it."""
        found = {f"at.{k}": v for k, v in (self.found or {}).items()}
        return {"value": torch.tensor(self.value, dtype=torch.float64), **found}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take what ``state`` returned."""
        self.value, self.found = float(state["value"]), _under("at.", state) or None
