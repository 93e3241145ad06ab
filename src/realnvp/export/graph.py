"""A trained flow on an accelerator as CUDA graphs: each verb is one launch."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.record import Take, devices

__all__ = ["Recorded", "recorded"]


class Recorded:
    """The verbs of a flow for a fixed number of rows, without gradients, as ``recorded`` made them.

    ``x`` and ``z`` have shape ``(rows, *event)``, densities shape ``(rows,)``, in nats. Draws come from the device's
    own generator of torch. The graphs read the flow's parameters where they lie: training it further in place shows.
    """

    def __init__(self, flow: Flow, rows: int, dtype: torch.dtype, device: torch.device, compiled: bool) -> None:
        self.rows, self.event_shape = rows, flow.event_shape
        shape = rows, *flow.event_shape

        def wrap(verb: Callable) -> Callable:
            return torch.compile(verb, fullgraph=True) if compiled else verb

        base, log_prob, push = flow.base, wrap(flow.log_prob), wrap(flow.push)
        self._x, self._z = (torch.zeros(shape, dtype=dtype, device=device) for _ in range(2))
        with torch.no_grad():
            self._score = Take(lambda: (log_prob(self._x),), device, warm=3)
            self._push = Take(lambda: push(self._z), device, warm=3)
            self._draw = Take(lambda: push(base.sample(rows)), device, warm=3)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log density of ``x`` in nats."""
        self._x.copy_(self._checked(x))
        return _played(self._score)[0]

    def push(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Turn base noise ``z`` into ``x`` and its log density."""
        self._z.copy_(self._checked(z))
        x, log_q = _played(self._push)
        return x, log_q

    def sample(self) -> Tensor:
        """Draw ``rows`` points."""
        return _played(self._draw)[0]

    def sample_with_log_prob(self) -> tuple[Tensor, Tensor]:
        """Draw ``rows`` points and their log densities in one pass."""
        x, log_q = _played(self._draw)
        return x, log_q

    def _checked(self, x: Tensor) -> Tensor:
        if x.shape != self._x.shape:
            raise ValueError(f"these graphs take the shape {tuple(self._x.shape)}: got {tuple(x.shape)}")
        return x.detach()


def _played(take: Take) -> list[Tensor]:
    """What the call returns now; the next one writes over its own tensors."""
    take.replay()
    return [t.clone() for t in take.told]


def recorded(flow: Flow, rows: int, *, compiled: bool = False) -> Recorded:
    """Record the verbs of a flow that lies on an accelerator, in evaluation mode, for exactly ``rows`` rows at a time.

    A small flow is hundreds of kernels of microseconds, and calling them one by one takes longer than running them.
    ``compiled`` lets torch's compiler fuse the kernels first, which takes up to minutes. What is recorded lasts for the
    process and is not saved: see ``compiled`` for machine code that is.
    """
    where = devices(flow)
    if len(where) != 1 or (device := next(iter(where))).type != "cuda":
        told = " and ".join(sorted(map(str, where))) or "nowhere"
        raise InputError(f"only a flow on one CUDA device can be recorded, this one is on {told}: flow.to('cuda')")
    if rows < 1:
        raise InputError(f"rows must be 1 or more, got {rows}")
    if flow.context:
        raise InputError("a flow with a context cannot be recorded: call it as it is, or see export.compiled")
    widths = [t.dtype for t in (*flow.parameters(), *flow.buffers()) if t.is_floating_point()]
    was = flow.training
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the compiler speaks of its own inside
            return Recorded(flow.eval(), rows, widths[0], device, compiled)
    finally:
        flow.train(was)
