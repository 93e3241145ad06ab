"""Corrected chains: the flow's draws as proposals, and Hamiltonian moves between them where few are accepted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from realnvp.estimators.parts.explore import Within
from realnvp.mcmc import Energy, Stride, Walkers, leap
from realnvp.measure.weights import metropolis
from realnvp.transforms import Transform

__all__ = ["BURN", "FEW", "LOCAL", "LocalMoves", "States", "independent", "mixed"]

FEW = 0.3
"""Below this share of proposals accepted, chains move locally too."""
LOCAL = 3
"""How many such moves follow each proposal."""
BURN = 150
"""_Proposals, each with its local moves, before the first state that is kept: the size of the moves finds itself."""
_LEAPFROG = 8
_Array = NDArray[np.float64]
_Proposals = Iterator[tuple[_Array, _Array]]


class States(NamedTuple):
    """States ``x`` (steps, chains, D) of the chains, their log weights, the shares of proposals and moves accepted."""

    x: _Array
    log_w: _Array
    accepted: float
    moved: float


@dataclass
class LocalMoves:
    """Moves of the chains by the potential alone, in the coordinates behind ``box``, where no side is in the way."""

    potential: Energy
    log_prob: Callable[[Tensor], Tensor]
    box: Transform
    scale: Tensor
    generator: torch.Generator
    number: int = LOCAL

    def __post_init__(self) -> None:
        self.energy = Within(lambda x: _finite(self.potential(x)), self.box)
        self.stride = Stride(0.2, 0.8, gain=0.2)

    @torch.inference_mode(False)
    @torch.no_grad()
    def __call__(self, x: _Array, *, learn: bool) -> tuple[_Array, _Array, float]:
        """Move each of the points; return them, their log weights under the flow, and the share of moves accepted."""
        z, _ = self.box(torch.as_tensor(x, device=self.scale.device))
        walkers, moved = Walkers.at(z, self.energy), 0.0
        for _ in range(self.number):
            walkers = leap(
                self.energy, walkers, self.stride.size, self.scale, steps=_LEAPFROG, generator=self.generator
            )
            moved += walkers.acceptance / self.number
            if learn:
                self.stride.learn(walkers.acceptance)
        at, _ = self.box.inverse(walkers.x)
        log_w = -self.potential(at).detach() - self.log_prob(at)
        return at.cpu().numpy(), torch.where(torch.isnan(log_w), -torch.inf, log_w).cpu().numpy(), moved


def independent(x: _Array, log_w: _Array, proposals: _Proposals, rng: np.random.Generator) -> Iterator[States]:
    """Run chains from ``x`` (chains, D) over proposals that come in pieces of whole steps."""
    chains = len(x)
    for fresh, fresh_w in proposals:
        there = np.concatenate((x[None], fresh.reshape(-1, chains, fresh.shape[1])))
        weights = np.concatenate((log_w[None], fresh_w.reshape(-1, chains)))
        path, rate = metropolis(weights, rng)
        states = np.take_along_axis(there, path[..., None], 0)[1:]
        weights = np.take_along_axis(weights, path, 0)[1:]
        x, log_w = states[-1], weights[-1]
        yield States(states, weights, rate, np.nan)


def mixed(
    x: _Array, log_w: _Array, proposals: _Proposals, rng: np.random.Generator, local: LocalMoves, burn: int
) -> Iterator[States]:
    """Run chains that take or leave a proposal, then move locally: either leaves the target as it is.

    In the first ``burn`` steps the size of the local moves is still looked for.
    """
    chains, step = len(x), 0
    for fresh, fresh_w in proposals:
        states, weights, accepted, moved = [], [], 0.0, 0.0
        for proposal, proposal_w in zip(
            fresh.reshape(-1, chains, fresh.shape[1]), fresh_w.reshape(-1, chains), strict=True
        ):
            taken = np.log(rng.random(chains)) < proposal_w - log_w
            x, log_w, rate = local(np.where(taken[:, None], proposal, x), learn=step < burn)
            states.append(x)
            weights.append(log_w)
            accepted, moved, step = accepted + taken.mean(), moved + rate, step + 1
        yield States(np.stack(states), np.stack(weights), accepted / len(states), moved / len(states))


def _finite(u: Tensor) -> Tensor:
    return torch.where(torch.isfinite(u), u, torch.inf)
