"""The lessons a flow over an energy learns from: points of the target, its own weighted draws, noise."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from realnvp.estimators.parts.explore import Within, relaxed
from realnvp.flow import Flow
from realnvp.mcmc import effective, tempered
from realnvp.objectives import BothKL, ForwardKL, ReverseKL
from realnvp.shapes import spread
from realnvp.train.pool import Pool

__all__ = ["Lessons"]


class Lessons:
    """What a flow learns an energy from: the population at first, then weighted draws of its own, or base noise.

    ``pooled`` keeps the weighted draws, for ``ForwardKL``: in one or two dimensions ``lots`` of them, 32 to 64. While
    the weights are too uneven to learn from (ESS below ``poor``) they are flattened, and chains, started from the
    flow's own weighted draws and from the population, find what the flow has not.
    """

    def __init__(
        self,
        flow: Flow,
        energy: Within,
        points: Tensor,
        log_z: float,
        generator: torch.Generator,
        *,
        batch: int,
        progress: Callable[[int], float],
        pooled: bool = True,
        lots: int = 64,
        every: int = 8,
        warm: float = 0.15,
        poor: float = 0.5,
    ) -> None:
        self.flow, self.energy, self.generator = flow, energy, generator
        self.batch, self.progress, self.every = batch, progress, every
        self.pooled = pooled
        self.warm, self.poor, self.log_z = warm, poor, log_z
        self.fine = points.shape[1] <= 2
        self.fresh, self.steps = (200, 1) if self.fine else (220, 5)
        self.points = self._shuffled(points) if self.fine else points
        self.pool = Pool(min(64, max(32, lots)) if self.fine else 32)  # in many dimensions old lots tell little
        self.found: dict[str, float] = {}
        self.begun = 0.0
        with torch.no_grad():
            self.point_energy = self.energy(self.points)
        self._teach()

    def course(self, name: str, *, hottest: float, path_gradient: bool) -> tuple[nn.Module, Iterable]:
        """Return the objective of that name, ``"forward"``, ``"both"`` or ``"reverse"``, and its batches."""
        if name == "forward":
            return ForwardKL(self.flow, reverse=1.0), self.forward()
        if name == "both":
            return BothKL(self.flow, self.energy, path_gradient=path_gradient), self.both()
        cooling = Within(self.energy.potential, self.energy.transform)  # the judgement keeps its own, at 1
        return ReverseKL(self.flow, cooling, path_gradient=path_gradient), self.reverse(cooling, hottest)

    def forward(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Batches for ``ForwardKL``: the population for a while, then weighted draws."""
        for step in itertools.count():
            yield self._of_points(self.batch) if self._warms(step) else self._of_pool(step, self.batch)

    def both(self) -> Iterator[tuple[tuple[Tensor, Tensor, Tensor], Tensor | None]]:
        """Batches for ``BothKL``: the population for a while, then weighted draws and noise, half a batch of each."""
        for step in itertools.count():
            if self._warms(step):
                yield self._of_points(self.batch), None
            else:
                yield self._of_pool(step, self.batch - self.batch // 2), self.noise(max(1, self.batch // 2))

    def reverse(self, energy: Within, hottest: float, until: float = 0.5) -> Iterator[Tensor]:
        """Batches for ``ReverseKL`` of an energy that cools from ``hottest`` to 1 by half of the training."""
        for step in itertools.count():
            done = min(1.0, self.progress(step) / until)
            energy.temperature = 1 / (1 / hottest + (1 - 1 / hottest) * done)
            yield self.noise(self.batch)

    @torch.no_grad()
    def look(self, flow: Flow, n: int) -> tuple[dict[str, float], float]:
        """Draw from the flow, put the draws into the pool; return what their weights say, and their spread in nats."""
        flow.eval()
        z, log_r = flow.sample_with_log_prob(n, generator=self.generator)
        flow.train()
        log_w = -self.energy(z) - log_r
        good = torch.isfinite(log_w)
        kept = log_w[good]
        if not len(kept):
            return {"ess": 0.0, "log_z": math.nan, "bound": math.inf}, math.inf
        if self.pooled:
            power = tempered(kept, 0.1)
            level = self.log_z - float(_log_mean(power * kept)) if power < 1 else 0.0
            self.pool.add(z[good], power * kept + level, log_r[good])
        facts = {
            "ess": effective(kept) * len(kept) / n,
            "log_z": float(_log_mean(kept)) + math.log(len(kept) / n),
            "bound": -float(kept.mean()),
        }
        return facts, float((kept - kept.median()).abs().clamp(max=5.0).mean()) + 5 * (n - len(kept)) / n

    def judge(self, objective: nn.Module) -> float:
        """Evaluate for the training: the mean distance of the log weights from their median, each at most 5 nats.

        Of the flow's draws or of the population's points, whichever is more: a mode that the flow has lost shows only
        in the second.
        """
        flow = cast(Flow, objective.flow)
        facts, spread = self.look(flow, 350 if self.points.shape[1] <= 2 else 1000)
        spread = max(spread, self._missed(flow))
        if not self.found or spread <= self.found["spread"]:
            self.found = {**facts, "spread": spread}
        return spread

    @torch.no_grad()
    def _missed(self, flow: Flow, most: int = 500) -> float:
        points, u = self.points[:most], self.point_energy[:most]
        flow.eval()
        log_w = -u - flow.log_prob(points)
        flow.train()
        return float((log_w - log_w.median()).abs().clamp(max=5.0).mean())

    def facts(self) -> dict[str, float]:
        """What the last judgement found, the better of the two; then, if the flow is poor, send out the chains."""
        found, self.found = self.found, {}
        found.pop("spread", None)
        if self.pooled and found and found["ess"] < self.poor:
            self._walk()
        return found

    def _walk(self, moves: int = 10) -> None:
        """Run chains from an eighth of the population and as many weighted draws; they join the population."""
        n = len(self.points) // 8
        draws, log_w, _ = self.pool.draw(8 * n, self.generator)
        picked = torch.multinomial(log_w.softmax(0), n, replacement=True, generator=self.generator)
        order = torch.randperm(len(self.points), generator=self.generator)
        settled = torch.cat((self.points[order[:n]], draws[picked]))
        found = relaxed(self.energy, settled, moves, self.generator, scale=spread(self.points), steps=self.steps).x
        self.points = torch.cat((found, self.points[order[2 * n :]]))
        with torch.no_grad():
            self.point_energy = torch.cat((self.energy(found), self.point_energy[order[2 * n :]]))
        self._teach(self.done)

    def _teach(self, done: float = 0.0) -> None:
        """Hold the population in the pool, with the density that its normaliser gives it.

        Where the flow gives it that density too it teaches nothing, however the points are spread; where the flow has
        lost a place it pulls. The points are always the same, and in one or two dimensions the flow is fine enough to
        bend towards them in between: there fewer and fewer are held as the training goes on.
        """
        self.done = done if self.fine else 0.0
        many = max(1, round(len(self.points) * (1.0 - min(self.done, 1.0))))
        u = self.point_energy[:many]
        if self.pooled:
            log_w = torch.where(torch.isfinite(u), self.log_z, -torch.inf)
            self.pool.hold(self.points[:many], log_w, -u - self.log_z)

    def _shuffled(self, points: Tensor) -> Tensor:
        return points[torch.randperm(len(points), generator=self.generator)]

    def noise(self, n: int) -> Tensor:
        """Draw base noise."""
        with torch.no_grad():
            return self.flow.base.sample(n, self.generator)

    def _warms(self, step: int) -> bool:
        """Whether the training is at its beginning; the time that the population took does not count."""
        if step == 0:
            self.begun = self.progress(0)
        return self.progress(step) < self.begun + self.warm * (1 - self.begun)

    def _of_pool(self, step: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
        if step % self.every == 0:
            self._teach(self.progress(step))
            self.look(self.flow, self.fresh)
        return self.pool.draw(n, self.generator)

    def _of_points(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        i = torch.randint(len(self.points), (n,), generator=self.generator)
        flat = torch.zeros(n, dtype=self.points.dtype)
        return self.points[i], flat, torch.full_like(flat, torch.inf)


def _log_mean(log_w: Tensor) -> Tensor:
    return log_w.logsumexp(0) - math.log(len(log_w))
