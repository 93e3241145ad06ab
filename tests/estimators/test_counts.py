"""How many may be asked for."""

import pytest

from realnvp import InputError
from realnvp.estimators.parts.base import count_of


@pytest.mark.parametrize("n", [1, 10**18])
def test_a_number_of_rows(n):
    assert count_of(n) == n


@pytest.mark.parametrize(
    ("n", "sentence"), [(0, "at least 1, got 0"), (True, "whole number"), (10**21, "at most 1,000,0")]
)
def test_what_is_no_number_of_rows_gets_a_sentence(n, sentence):
    with pytest.raises(InputError, match=sentence):
        count_of(n)
