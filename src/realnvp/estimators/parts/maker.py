"""What makes the densities of a table: flows set from its data, and bases that have no flow before them."""

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from realnvp.bases import Mixture
from realnvp.estimators.parts.build import architecture, build, scalers, whole
from realnvp.estimators.parts.member import Member
from realnvp.estimators.parts.mixtures import Fit, mixture_base, plainer
from realnvp.estimators.parts.sample import Sample
from realnvp.estimators.parts.settings import Settings, budget
from realnvp.flow import Flow
from realnvp.train.world import here
from realnvp.transforms import Compose, SinhArcsinh

__all__ = ["Maker"]

_SEEN = 10_000
"""Rows that a mixture is begun from."""
_FEWER, _FEWEST = 10_000, 10
"""Below so many rows normals may know more than any flow; and where there are none to measure on."""
_BEFORE = 0.05
"""Share of the time in which sizes of mixtures are tried."""


class Maker:
    """Makes what a density is mixed of; the attributes are set by ``Crew``, in standardised units."""

    model: Any
    kept: Sample
    rows: list[Tensor]
    held: list[Tensor]
    plain: list[Tensor]
    kinds: list[Settings]
    few: int
    given: int
    seed: int
    measured: bool
    bend: SinhArcsinh | None
    scaler: Flow
    device: torch.device

    @property
    def row_weights(self) -> np.ndarray | None:
        """The weights of the held-out rows, if rows have any."""
        return self.held[self.given].double().cpu().numpy() if len(self.held) > self.given else None

    def _shape(self, plan: Settings, *, marginals: bool) -> dict:
        return architecture(plan, self.kept.arrays, marginals=marginals)

    def _begin(self, kind: int, place: int) -> Member:
        plan = self.kinds[kind]
        shape = self._shape(plan, marginals=self.bend is not None)
        core = build(shape, self.seed + place).to(self.device).eval()  # dropout's draws would be the user's
        if self.bend is not None:
            cast(Compose, core.transform)[0].load_state_dict(self.bend.state_dict())
        if plan.base == "mixture":
            z = core(*(a[:_SEEN] for a in self.plain[: self.given]))[0]
            core.base = mixture_base(z.detach(), shape["components"], self.seed + place).to(z)
        return self._whole(shape, core.train(), kind)

    def _whole(self, shape: dict, core: Flow, kind: int = -1) -> Member:
        """Put the scalers before it."""
        flow = whole(core).to(self.device)
        for mine, known in zip(scalers(flow), scalers(self.scaler), strict=True):
            mine.load_state_dict(known.state_dict())
        return Member(shape, core, flow, kind)

    def _plainer(self) -> list[Member]:
        """Normals without a flow before them, mixed and single, where they may count."""
        few = self.model.kernel == "auto" and self.few < (_FEWER if self.measured else _FEWEST)
        if not few or self.model.members == 1 or budget(self.model) < 1:
            return []
        seconds = self.model.max_time and _BEFORE * self.model.max_time
        rows, held = self.plain[: self.given], self.held[0] if self.measured else None
        found = here().first(lambda: plainer(rows, held, self.seed, seconds, self.row_weights))
        return [self._bare(core, again) for core, again in found]

    def _bare(self, core: Flow, again: Fit | None = None) -> Member:
        """A density that no flow trains."""
        shape = self._shape(self.kinds[0], marginals=False) | {"kernel": "none", "layers": 0, "base": "mixture"}
        components = len(cast(Mixture, core.base).logits)
        member = self._whole(shape | {"components": components}, core.to(self.held[0]))
        member.again = again
        return member

    def _of_all(self, member: Member) -> Flow:
        """Return the flow of a member; what has none to train learns from the rows held out as well."""
        if member.again is None or not self.measured or self.row_weights is not None:
            return member.flow
        again, rows = member.again, [torch.cat(both) for both in zip(self.plain, self.held, strict=False)]
        return self._bare(here().first(lambda: again(*rows[: self.given]))).flow
