"""The contract of a potential, and exact sums and draws on grids."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from realnvp.errors import InputError

__all__ = ["FAR", "Array", "Line", "Planar", "Potential", "Seed", "bounded_exp"]

Array = NDArray[np.float64]
Seed = int | np.random.Generator | None
FAR = 1e6
"""Coordinates beyond this are pulled back linearly, so that no power of them overflows."""


@dataclass(frozen=True)
class Potential(ABC):
    """An energy ``U(x) = -log p(x) - log Z`` in kT, ``(*, D) -> (*)``; its fields are its parameters.

    Far out the energy is large and finite, and so is its gradient: beyond ``FAR`` it grows by ``|x| - FAR`` in each
    coordinate.
    """

    name: ClassVar[str]

    def __call__(self, x: Tensor) -> Tensor:
        """Energy of each row, in kT."""
        if x.dim() == 0 or x.shape[-1] != self.features:
            raise InputError(f"{self.name} takes points of shape (*, {self.features}), got {tuple(x.shape)}")
        near = x.clamp(-FAR, FAR)
        return self.energy(near) + (x - near).abs().sum(-1)

    @abstractmethod
    def energy(self, x: Tensor) -> Tensor:
        """Energy of rows within ``FAR`` of zero."""

    @property
    @abstractmethod
    def features(self) -> int:
        """Dimension D of a point."""

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The box the potential lives on, ``None`` for all of space."""
        return None

    @property
    def bodies(self) -> tuple[int, int] | None:
        """``(n, dim)`` if the features are ``n`` like particles, and turns, mirrors and new names change no energy."""
        return None

    @property
    def log_normalizer(self) -> float | None:
        """``log Z = log integral exp(-U)`` in nats, by a closed form or a grid; ``None`` where neither exists."""
        return None

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` independent reference points, ``(n, D)``; not every potential can."""
        raise InputError(f"{self.name} has no reference sampler: run realnvp.mcmc.hmc on it")


class Planar(Potential):
    """A potential of the plane whose mass lies in a region: normaliser and draws come from a grid of cells."""

    cells: ClassVar[int] = 2000

    @property
    def features(self) -> int:
        """Two."""
        return 2

    @property
    @abstractmethod
    def region(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Corners ``(low, high)`` of the region that holds the mass."""

    @property
    def log_normalizer(self) -> float:
        """``log Z`` by the midpoint rule over the region."""
        return self._grid[1]

    def sample(self, n: int, seed: Seed = None) -> Array:
        """Draw ``n`` points: a cell by its mass, a point of it at random."""
        rng, (low, _), size = np.random.default_rng(seed), self.region, self._size
        cell = np.searchsorted(self._grid[0], rng.random(n), side="right")
        corner = np.stack(np.divmod(cell, self.cells), 1)
        drawn: Array = np.asarray(low) + (corner + rng.random((n, 2))) * size
        return drawn

    @property
    def _size(self) -> Array:
        low, high = np.asarray(self.region)
        size: Array = (high - low) / self.cells
        return size

    @cached_property
    def _grid(self) -> tuple[Array, float]:
        """Cumulative mass of the cells, and ``log Z``."""
        (low, _), size = self.region, self._size
        axes = [torch.as_tensor(low[i] + (np.arange(self.cells) + 0.5) * size[i]) for i in range(2)]
        rows = [self(torch.cartesian_prod(axis, axes[1])) for axis in axes[0].split(100)]
        log_mass = -torch.cat(rows)
        total = log_mass.logsumexp(0)
        mass = (log_mass - total).exp().cumsum(0)
        return (mass / mass[-1]).numpy(), float(total + np.log(size).sum())


class Line:
    """A density on an interval, known up to its constant: normaliser and draws from a fine grid."""

    def __init__(self, energy: Callable[[Tensor], Tensor], low: float, high: float, cells: int = 100_000) -> None:
        self.low, self.size = low, (high - low) / cells
        middle = torch.as_tensor(low + (np.arange(cells) + 0.5) * self.size)
        log_mass = -energy(middle)
        total = log_mass.logsumexp(0)
        self.log_normalizer = float(total) + float(np.log(self.size))
        self.mass = (log_mass - total).exp().cumsum(0).numpy()

    def sample(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Draw points."""
        cell = np.searchsorted(self.mass / self.mass[-1], rng.random(shape), side="right")
        drawn: Array = self.low + (cell + rng.random(shape)) * self.size
        return drawn


def bounded_exp(x: Tensor, most: float = 40.0) -> Tensor:
    """``exp(x)`` up to ``x = most``, its tangent beyond: finite, with a finite gradient."""
    near = x.clamp(max=most)
    return near.exp() * (1 + (x - near))
