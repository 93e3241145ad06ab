"""Kernels of an accelerator, recorded and played again: CUDA graphs."""

import functools
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import nn

__all__ = ["Take", "devices"]

Told = TypeVar("Told")


class Take(Generic[Told]):
    """The kernels of a call, recorded on the device ``where``; ``replay`` runs them all by one launch.

    ``told`` is what the call returned: tensors that each replay writes anew. Calling it ``warm`` times first makes what
    is made on first use. Takes that share a ``pool`` of memory write over each other's, but
    for the tensors that are still held.
    """

    def __init__(self, call: Callable[[], Told], where: torch.device, *, pool: Any = None, warm: int = 0) -> None:
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(where):
            before, side = torch.cuda.current_stream(), _stream(where)
            try:
                side.wait_stream(before)
                with torch.cuda.stream(side):
                    for _ in range(warm):
                        call()
                before.wait_stream(side)
                with torch.cuda.graph(self.graph, pool=pool, stream=side, capture_error_mode="thread_local"):
                    self.told = call()
            finally:
                torch.cuda.set_stream(before)  # a recording that fails may leave its own in place

    def replay(self) -> None:
        """Run the kernels."""
        self.graph.replay()

    def pool(self) -> Any:
        """Return the memory that another take may share."""
        return self.graph.pool()


@functools.cache
def _stream(where: torch.device) -> torch.cuda.Stream:
    """The stream on which all takes of a device are recorded: torch's own is of the device that came first."""
    return torch.cuda.Stream(where)


def devices(module: nn.Module) -> set[torch.device]:
    """Where the parameters and buffers of a module are."""
    return {t.device for t in (*module.parameters(), *module.buffers())}
