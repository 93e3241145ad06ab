"""What the loop asks of an optimiser."""

from typing import Any, Protocol, runtime_checkable

from torch import Tensor

__all__ = ["GuardedOptimizer"]


@runtime_checkable
class GuardedOptimizer(Protocol):
    """An optimiser that clips and skips by itself, on the device, so that nobody waits for a number."""

    param_groups: list[dict[str, Any]]
    state: Any

    def guarded_step(self, shrink: Tensor, skip: Tensor) -> None:
        """Step with the gradients divided by ``shrink``; where ``skip`` is true nothing happens."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""

    def state_dict(self) -> dict[str, Any]:
        """Return what ``load_state_dict`` takes."""

    def load_state_dict(self, state: Any) -> None:
        """Become what ``state_dict`` told."""
