"""The library's own random numbers."""

import numpy as np
import pytest

from realnvp.chance import own
from realnvp.estimators.parts.filling import streams_by_content, streams_by_number


def _first(rng):
    return float(rng.random())


@pytest.mark.parametrize("seed", [0, 3, 0x5EA1])
def test_no_plain_seed_gives_the_same_numbers(seed):
    """NumPy takes ``[s, 0]`` for ``s``: a zero at the end must not be all that tells the library's from the user's."""
    mine = {_first(np.random.default_rng(s)) for s in (0, 3, 0x5EA1, [3, 0], [0x5EA1, 3], [3, 0x5EA1])}
    streams = [
        own(seed),
        own([seed, 0]),
        *streams_by_number(seed, [0, 1]),
        *streams_by_content(seed, np.zeros((1, 1)), None),
    ]

    assert not mine & set(map(_first, streams))


def test_streams_differ_by_each_of_their_numbers():
    found = [_first(own(seed)) for seed in (0, 1, [0, 0], [0, 1], [1, 0], [0, 0, 0], [2**70, 1])]

    assert len(set(found)) == 7
    assert _first(own([1, 2])) == _first(own(np.array([1, 2])))
