"""Learning from an energy: its coordinates, the population that explores it, and the lessons drawn from both."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import Tensor, nn

from realnvp.flow import Flow
from realnvp.mcmc import Energy, Population, Walkers, mala, smc, widest_start
from realnvp.objectives import ReverseKL
from realnvp.train.pool import Pool
from realnvp.transforms import Compose, Probit, Standardise, Transform

__all__ = ["Counted", "Lessons", "Within", "cooled", "explore", "outside", "relaxed"]


class Counted:
    """A potential that counts its evaluations; where it is not finite it is plus infinity."""

    def __init__(self, potential: Energy) -> None:
        self.potential, self.evaluations = potential, 0

    def __call__(self, x: Tensor) -> Tensor:
        """Energy of each row."""
        self.evaluations += len(x)
        u = self.potential(x)
        return torch.where(torch.isfinite(u), u, torch.inf)


class Within:
    """The energy in the coordinates ``z`` of ``x = t^-1(z)``: ``U(x) - log |det dx/dz|``."""

    def __init__(self, potential: Energy, transform: Transform) -> None:
        self.potential, self.transform = potential, transform

    def __call__(self, z: Tensor) -> Tensor:
        """Energy of each row."""
        x, ladj = self.transform.inverse(z)
        return self.potential(x) - ladj


def explore(
    potential: Energy, features: int, bounds: tuple | None, n: int, generator: torch.Generator
) -> tuple[Transform, Population]:
    """Lead a population from a wide start to the target; return the transform to its unbounded coordinates with it.

    On a box the start is uniform (normal in the coordinates of ``Probit``), in space it is a normal about zero as wide
    as ``widest_start`` says.
    """
    outer: Transform = Compose() if bounds is None else Probit(*_corners(bounds, features))
    energy = potential if bounds is None else Within(potential, outer)
    scale = widest_start(energy, features, generator) if bounds is None else 1.0
    constant = features * math.log(scale * math.sqrt(2 * math.pi))
    start = scale * torch.randn(n, features, generator=generator, dtype=torch.float32)
    return outer, smc(energy, start, lambda z: 0.5 * (z / scale).square().sum(-1) + constant, generator=generator)


def _corners(bounds: tuple, features: int) -> tuple[list[float], list[float]]:
    low, high = (torch.as_tensor(b, dtype=torch.float64).expand(features).tolist() for b in bounds)
    return low, high


def relaxed(energy: Energy, x: Tensor, scale: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Let points settle by ``steps`` Langevin steps, of a size that finds itself; ``scale`` (D,) is their spread."""
    size = 0.3
    walkers = Walkers.at(x, energy)
    for _ in range(steps):
        walkers = mala(energy, walkers, size, scale, generator)
        size *= math.exp(0.5 * (walkers.acceptance - 0.6))
    return walkers.x


def outside(outer: Transform, points: Tensor, *, fixed: bool = False) -> tuple[Compose, Tensor]:
    """Standardise the population's ``points`` behind ``outer``: the whole transform from data, and the points there.

    ``fixed`` leaves them as they are, where the flow itself must see the symmetries of the energy.
    """
    standard = Standardise(points.shape[1])
    return Compose(*([outer] if isinstance(outer, Probit) else []), standard), points if fixed else standard.calibrate(
        points
    )


class Lessons:
    """Batches for ``ForwardKL``: the population at first, then weighted draws of the flow as it learns.

    While the weights are too uneven to learn from (ESS below ``poor``) they are flattened, and Langevin chains, started
    from the flow's own weighted draws and from the population, find what the flow has not.
    """

    def __init__(
        self,
        flow: Flow,
        energy: Energy,
        points: Tensor,
        log_z: float,
        generator: torch.Generator,
        *,
        batch: int,
        progress: Callable[[int], float],
        fresh: int = 240,
        every: int = 8,
        warm: float = 0.15,
        poor: float = 0.5,
    ) -> None:
        self.flow, self.energy, self.generator = flow, energy, generator
        self.batch, self.progress, self.fresh, self.every = batch, progress, fresh, every
        self.warm, self.poor, self.log_z = warm, poor, log_z
        self.points, self.pool = points, Pool()
        self.found: dict[str, float] = {}
        self.point_energy = self._teach(points)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for step in itertools.count():
            if self.progress(step) < self.warm:
                yield self._of_points()
                continue
            if step % self.every == 0:
                self.look(self.flow, self.fresh)
            yield self.pool.draw(self.batch, self.generator)

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
        power = _power(kept, 0.1)
        level = self.log_z - float(_log_mean(power * kept)) if power < 1 else 0.0
        self.pool.add(z[good], power * kept + level, log_r[good])
        ess = 1 / float(kept.softmax(0).square().sum() * n)
        facts = {"ess": ess, "log_z": float(_log_mean(kept)) + math.log(len(kept) / n), "bound": -float(kept.mean())}
        return facts, float((kept - kept.median()).abs().clamp(max=5.0).mean()) + 5 * (n - len(kept)) / n

    def judge(self, objective: nn.Module, n: int = 350) -> float:
        """Evaluate for the training: the mean distance of the log weights from their median, each at most 5 nats.

        Of the flow's draws or of the population's points, whichever is more: a mode that the flow has lost shows only
        in the second.
        """
        flow = cast(Flow, objective.flow)
        facts, spread = self.look(flow, n)
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
        if found and found["ess"] < self.poor:
            self._walk()
        return found

    def _walk(self, steps: int = 10) -> None:
        """Run chains from an eighth of the population and as many weighted draws; they join the population."""
        n = len(self.points) // 8
        draws, log_w, _ = self.pool.draw(8 * n, self.generator)
        picked = torch.multinomial(log_w.softmax(0), n, replacement=True, generator=self.generator)
        order = torch.randperm(len(self.points), generator=self.generator)
        settled = torch.cat((self.points[order[:n]], draws[picked]))
        found = relaxed(self.energy, settled, self.points.std(0).clamp_min(1e-6), steps, self.generator)
        self.points = torch.cat((self.points[order[2 * n :]], found))
        self.point_energy = torch.cat((self.point_energy[order[2 * n :]], self._teach(found)))

    @torch.no_grad()
    def _teach(self, points: Tensor) -> Tensor:
        """Put points of the target into the pool, with the density that the population's normaliser gives them.

        Returns their energies.
        """
        u = self.energy(points)
        log_w = torch.where(torch.isfinite(u), self.log_z, -torch.inf)
        self.pool.add(points, log_w, -u - self.log_z)
        return u

    def noise(self) -> Tensor:
        """Draw a batch of base noise."""
        with torch.no_grad():
            return self.flow.base.sample(self.batch, self.generator)

    def _of_points(self) -> tuple[Tensor, Tensor, Tensor]:
        i = torch.randint(len(self.points), (self.batch,), generator=self.generator)
        flat = torch.zeros(self.batch, dtype=self.points.dtype)
        return self.points[i], flat, torch.full_like(flat, torch.inf)


def cooled(objective: ReverseKL, lessons: Lessons, hottest: float, until: float = 0.5) -> Iterator[Tensor]:
    """Batches of noise for ``ReverseKL``, which cools from ``hottest`` to 1 by half of the training."""
    for step in itertools.count():
        done = min(1.0, lessons.progress(step) / until)
        objective.temperature = 1 / (1 / hottest + (1 - 1 / hottest) * done)
        yield lessons.noise()


def _log_mean(log_w: Tensor) -> Tensor:
    return log_w.logsumexp(0) - math.log(len(log_w))


def _power(log_w: Tensor, least: float) -> float:
    """Largest power of the weights, at most 1, that keeps their effective size at ``least``."""

    def size(power: float) -> float:
        return 1 / float((power * log_w).softmax(0).square().sum() * len(log_w))

    low, high = 0.0, 1.0
    if size(high) >= least:
        return high
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if size(middle) >= least else (low, middle)
    return low
