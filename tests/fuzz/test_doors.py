"""Things thrown at every door, the same ones every time; ``python -m bench.fuzz`` throws more."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.fuzz import DOORS

TRIES = {
    "fits an array": 120,
    "asks a model": 200,
    "fits pictures": 80,
    "learns a potential": 25,
    "reads a file": 120,
    "loads a run": 120,
    "runs the command": 25,
}


@pytest.mark.parametrize("name", DOORS)
def test_a_door_gives_a_result_or_a_sentence(name):
    @settings(
        derandomize=True,
        max_examples=TRIES[name],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    @given(st.integers(0, 2**32))
    def thrown(seed):
        DOORS[name](random.Random(seed))

    thrown()
