"""The two programs of a flow, traced by ``torch.export``."""

import warnings

import torch
from torch import Tensor, nn

from realnvp.export.plain import plain
from realnvp.flow import Flow

__all__ = ["NAMES", "programs"]

NAMES = {"log_prob": ("x", ("log_prob",)), "sample": ("z", ("x", "log_prob"))}
"""What each program takes and what it returns; both take a ``context`` behind that where the flow has one."""


class _LogProb(nn.Module):
    def __init__(self, flow: Flow) -> None:
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self.flow.log_prob(x, context)


class _Sample(_LogProb):
    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return self.flow.push(z, context)


def programs(
    flow: Flow, *, dtype: torch.dtype | None = None, rows: int | None = None
) -> dict[str, torch.export.ExportedProgram]:
    """Return the flow as exported programs for any number of rows, or for ``rows`` of them, by name.

    ``"log_prob"``   ``x -> log q(x)``, nats
    ``"sample"``     ``z -> x, log q(x)`` for base noise ``z`` (of an ensemble: normal), ``Flow.push``'s results

    A context (n, C) goes behind. ``dtype`` is float64 for vectors, as the estimators compute, and float32 for pictures.
    """
    wide = torch.float64 if len(flow.event_shape) == 1 else torch.float32
    dtype = wide if dtype is None else dtype
    made, n = plain(flow, dtype), 3 if rows is None else rows
    given = {"context": torch.zeros(n, flow.context, dtype=dtype)} if flow.context else {}
    found = {}
    for (name, (enters, _)), module in zip(NAMES.items(), (_LogProb, _Sample), strict=True):
        inputs = {enters: torch.full((n, *flow.event_shape), 0.5, dtype=dtype), **given}
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer speaks of its own inside
            shapes = {key: {0: torch.export.Dim("rows", min=1)} for key in inputs} if rows is None else None
            found[name] = torch.export.export(module(made).eval(), (), inputs, dynamic_shapes=shapes)
    return found
