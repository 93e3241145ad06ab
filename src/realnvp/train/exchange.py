"""What several processes that train together make of their gradients and batch statistics: those of all rows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch._compile import _disable_dynamo

__all__ = ["Exchange", "Exchanged", "pooled"]


class Exchange:
    """The gradients of one step; of a single process its own."""

    def __init__(self, params: Sequence[nn.Parameter]) -> None:
        self.params = params

    def deal(self, batches: Iterable) -> Iterable:
        """Return the batches of a training."""
        return batches

    def backward(self, objective: nn.Module, batch: Any) -> Tensor | None:
        """Set the gradients of the batch's loss and return it; ``None`` where no rank has rows."""
        loss: Tensor = objective(batch)
        loss.backward()
        return loss.detach()


class Exchanged(Exchange):
    """Gradients of the mean loss over the rows of all ranks: ``sum_r n_r g_r / sum_r n_r``, in one all-reduce.

    A rank whose rows have run out, or whose share of a batch is empty, takes part with zeros until no rank has any.
    """

    def __init__(self, params: Sequence[nn.Parameter], total: Callable[[Tensor], Tensor]) -> None:
        super().__init__(params)
        self.total, self.over = total, False
        self.used = [True for _ in self.params]

    def deal(self, batches: Iterable) -> Iterator:
        """Yield the batches, then ``None`` until all ranks have dealt theirs."""
        yield from batches
        while not self.over:
            yield None

    def backward(self, objective: nn.Module, batch: Any) -> Tensor | None:
        """Set the gradients that one process would have of all ranks' rows, and return their mean loss."""
        rows = 0 if batch is None else _rows(batch)
        loss = objective(batch) if rows else self.params[0].new_zeros(())
        if rows:
            (loss * rows).backward()
            self.used = [p.grad is not None for p in self.params]  # the others stay without
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.params]
        ends = loss.detach().reshape(1) * rows, loss.new_tensor([float(rows)])
        flat = self.total(torch.cat([*(g.reshape(-1) for g in grads), *ends]))
        if batch is None and not flat[-1]:
            self.over = True
            return None
        flat = flat[:-1] / flat[-1]
        parts = flat.split([g.numel() for g in grads] + [1])
        for p, g, used in zip(self.params, parts, self.used, strict=False):
            p.grad = g.view_as(p).to(p.dtype) if used else None
        return flat[-1]


@_disable_dynamo
def pooled(total: Callable[[Tensor], Tensor], mean: Tensor, var: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Return mean and variance over the rows of all ranks, given those over this rank's, with their gradients.

    ``total`` adds a tensor up over the ranks, in place.
    """
    n = mean.new_tensor([float(rows)])
    many = total(n.clone())
    middle = cast(Tensor, _Sum.apply(total, n * mean)) / many
    spread = cast(Tensor, _Sum.apply(total, n * (var + (mean - middle).square()))) / many
    return middle, spread


class _Sum(torch.autograd.Function):
    """The sum over the ranks; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, total: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        ctx.total = total
        return total(x.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, _Sum.apply(ctx.total, grad)


def _rows(batch: Any) -> int:
    return len(batch) if isinstance(batch, Tensor) else len(batch[0])
