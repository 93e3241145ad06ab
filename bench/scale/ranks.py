"""One of the processes that ``bench.scale.world`` measures: it takes steps when told to, and says what came of it."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from realnvp import MaxLikelihood, real_nvp, spline_flow
from realnvp.data.batches import Deck, shuffled
from realnvp.flow import Flow
from realnvp.nets import mlp
from realnvp.train import adamw, fit, joined
from realnvp.train.world import World
from realnvp.transforms import LULinear

__all__ = ["WORKS", "Work", "main"]

ROWS, COLUMNS = 20_000, 10


@dataclass(frozen=True)
class Work:
    """A flow to train and the rows of a step, those of all processes together."""

    kernel: str
    layers: int
    width: int
    batch: int

    def flow(self) -> Flow:
        """Build the flow."""
        recipe = {"spline": spline_flow, "affine": real_nvp}[self.kernel]
        return recipe(COLUMNS, layers=self.layers, net=mlp((self.width, self.width), act="silu"), between=LULinear)

    def __str__(self) -> str:
        return f"{self.layers} {self.kernel} couplings of width {self.width}, {self.batch:,} rows"


WORKS = {
    "default": Work("spline", 4, 64, 512),
    "large batch": Work("spline", 4, 64, 4096),
    "wide": Work("affine", 8, 256, 4096),
}


def rows(dtype: torch.dtype) -> Tensor:
    """Draw a mixture of three normals."""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(ROWS, COLUMNS, generator=generator, dtype=torch.float64)
    part = torch.randint(3, (ROWS, 1), generator=generator)
    return (z * (0.3 + 0.2 * part) + part * torch.linspace(-1, 1, COLUMNS, dtype=torch.float64)).to(dtype)


def turned(batches: Iterable[Tensor]) -> Iterator[Tensor]:
    """Turn each batch around: the same rows, other roundings."""
    return (batch.flip(0) for batch in batches)


def training(world: World, work: Work, dtype: torch.dtype, *, turn: bool) -> Iterator[float]:
    """Yield the loss of each step, that of all processes' rows."""
    torch.manual_seed(0)
    objective = MaxLikelihood(work.flow().to(dtype))
    batches = shuffled([rows(dtype)], work.batch, Deck(ROWS, torch.Generator().manual_seed(0)))
    world.spread(objective)
    steps = fit(objective, world.shared(turned(batches) if turn else batches), adamw(objective))
    for step in steps:
        yield float(step.loss)


def main() -> None:
    """Read a number of steps from each line, take them, and write losses, wall and processor seconds."""
    name, kind, turn = sys.argv[1:4]
    torch.set_num_threads(1)
    with joined() as world:
        losses = training(world, WORKS[name], getattr(torch, kind), turn=turn == "turned")
        for line in sys.stdin:
            wall, cpu = time.perf_counter(), time.process_time()
            found = [next(losses) for _ in range(int(line))]
            spent = [time.perf_counter() - wall, time.process_time() - cpu]
            print(json.dumps({"losses": found, "wall": spent[0], "cpu": spent[1]}), flush=True)
        losses.close()


if __name__ == "__main__":
    main()
