"""The two programs of a flow, traced by ``torch.export``."""

import warnings

import torch
from torch import Tensor, nn

from realnvp.data.columns import Codec
from realnvp.export.coded import Coded
from realnvp.export.plain import plain
from realnvp.flow import Flow

__all__ = ["NAMES", "programs"]

NAMES = {"log_prob": ("x", ("log_prob",)), "sample": ("z", ("x", "log_prob"))}
"""What each program takes and what it returns; both take a ``context`` behind that where the flow has one."""


class _LogProb(nn.Module):
    def __init__(self, flow: Flow, code: Coded | None) -> None:
        super().__init__()
        self.flow, self.code = flow, code

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        return self._density(x, context)

    def _density(self, x: Tensor, context: Tensor | None) -> Tensor:
        if self.code is None:
            return self.flow.log_prob(x, context)

        def log_q(y: Tensor, times: int) -> Tensor:
            given = None if context is None else context[:, None].expand(-1, times, -1).flatten(0, 1)
            return self.flow.log_prob(y, given)

        return self.code.log_density(x, log_q)


class _Sample(_LogProb):
    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        x, log_prob = self.flow.push(z, context)
        if self.code is None:
            return x, log_prob
        x = self.code.inverse(x)
        return x, self._density(x, context)


def programs(
    flow: Flow, *, dtype: torch.dtype | None = None, rows: int | None = None, codec: Codec | None = None
) -> dict[str, torch.export.ExportedProgram]:
    """Return the flow as exported programs for any number of rows, or for ``rows`` of them, by name.

    ``"log_prob"``   ``x -> log q(x)``, nats
    ``"sample"``     ``z -> x, log q(x)`` for base noise ``z`` (of an ensemble: normal), ``Flow.push``'s results

    A context (n, C) goes behind. With the ``codec`` of a table (``model.codec_``) ``x`` is what the table holds, a text
    or a category the number of its place among the column's labels, and the density is that of ``score_samples``; a
    value that cannot occur has minus infinity. ``dtype`` is float64 for vectors, as the estimators compute, and float32
    for pictures.
    """
    wide = torch.float64 if len(flow.event_shape) == 1 else torch.float32
    dtype = wide if dtype is None else dtype
    made, n = plain(flow, dtype), 3 if rows is None else rows
    code = None if codec is None or codec.is_plain else Coded(codec)
    given = {"context": torch.zeros(n, flow.context, dtype=dtype)} if flow.context else {}
    found = {}
    for (name, (enters, _)), module in zip(NAMES.items(), (_LogProb, _Sample), strict=True):
        inputs = {enters: torch.full((n, *flow.event_shape), 0.5, dtype=dtype), **given}
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # the tracer speaks of its own inside
            shapes = {key: {0: torch.export.Dim("rows", min=1)} for key in inputs} if rows is None else None
            found[name] = torch.export.export(module(made, code).eval(), (), inputs, dynamic_shapes=shapes)
    return found
