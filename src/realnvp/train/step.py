"""A step of training as the device does it: the loss with its gradients, then the move."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from realnvp.train.base import GuardedOptimizer
from realnvp.train.exchange import Exchange

__all__ = ["Looked", "Plain", "Steps"]


class Looked(NamedTuple):
    """The loss, the norm of its gradients, and whether both are finite; on their device."""

    loss: Tensor
    norm: Tensor
    good: Tensor


class Steps(Protocol):
    """The two halves of a step; between them the guard decides."""

    def look(self, batch: Any) -> Looked | None:
        """Set the gradients of a batch's loss; ``None`` where there is no batch left."""

    def move(self, found: Looked) -> None:
        """Clip the gradients and let the optimiser step, unless what was found is not good."""


class Plain:
    """The steps, call by call."""

    def __init__(
        self,
        objective: nn.Module,
        optimizer: GuardedOptimizer | torch.optim.Optimizer,
        exchange: Exchange,
        params: Sequence[nn.Parameter],
        clip: float,
    ) -> None:
        self.objective, self.optimizer, self.exchange = objective, optimizer, exchange
        self.params, self.clip = params, clip

    def look(self, batch: Any) -> Looked | None:
        """Set the gradients of a batch's loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.exchange.backward(self.objective, batch)
        return None if loss is None else self.judge(loss)

    def judge(self, loss: Tensor) -> Looked:
        """Return what the gradients are like."""
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(self._grads())))
        return Looked(loss, norm, torch.isfinite(loss) & torch.isfinite(norm))

    def move(self, found: Looked) -> None:
        """Clip the gradients and let the optimiser step, unless what was found is not good."""
        if isinstance(self.optimizer, GuardedOptimizer):
            self.optimizer.guarded_step((found.norm / self.clip).clamp(min=1.0), ~found.good)
        elif found.good:
            torch._foreach_mul_(self._grads(), (self.clip / (found.norm + 1e-6)).clamp(max=1.0))
            self.optimizer.step()

    def _grads(self) -> list[Tensor]:
        return [p.grad for p in self.params if p.grad is not None]
