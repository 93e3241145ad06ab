"""Random numbers that are the library's own."""

from collections.abc import Sequence

import numpy as np

__all__ = ["own"]

_OWN = 0x5EA1


def own(seed: int | Sequence[int] = 0) -> np.random.Generator:
    """Return a generator whose numbers no plain seed gives.

    Rows that a user drew by ``default_rng(0)`` would meet the very numbers that they were made of in noise drawn by it
    too, and then it would be no noise beside them.
    """
    key = (seed,) if isinstance(seed, int | np.integer) else seed
    return np.random.default_rng(np.random.SeedSequence(_OWN, spawn_key=tuple(map(int, key))))  # [s, 0] is not [s]
