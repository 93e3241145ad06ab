"""What a training keeps: an average of the weights, and the best weights seen."""

import copy
import math
from collections.abc import Callable

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
        for mean, now in zip(self.module.parameters(), self.source.parameters(), strict=True):
            mean.lerp_(now, weight)
        for kept, seen in zip(self.module.buffers(), self.source.buffers(), strict=True):
            kept.copy_(seen)


class Best:
    """The best of the modules offered, by the lowest value of ``evaluate``."""

    def __init__(self, evaluate: Callable[[nn.Module], float]) -> None:
        self.evaluate, self.value = evaluate, math.inf
        self.state: dict[str, Tensor] | None = None

    def offer(self, *modules: nn.Module) -> float:
        """Evaluate the modules, keep a copy of the best if it beats all before it, and return its value."""
        values = [self.evaluate(m) for m in modules]
        found = min(values, key=lambda v: math.inf if math.isnan(v) else v)
        if found < self.value:
            self.value = found
            winner = modules[values.index(found)]
            self.state = {k: v.detach().clone() for k, v in winner.state_dict().items()}
        return found

    def restore(self, module: nn.Module) -> None:
        """Give the best weights to ``module``; where none was ever finite, leave it alone."""
        if self.state is not None:
            module.load_state_dict(self.state)
