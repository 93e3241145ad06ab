"""Every ugly table is learnt, its samples of its kind, or refused in a sentence."""

import pytest

from bench.ugly import TABLES, outcome, told

REFUSED = {
    "more columns than rows": "too few rows",
    "constant column": "column 'x1' is constant",
    "NaN": "NaN",
    "infinity": "infinity",
    "a missing text": "NaN",
    "dates": "column 'x' holds dates",
    "durations": "column 'x' holds dates",
    "names of people": "1,800 different texts in 1,800 rows",
    "lists in a column": "column 'x' holds objects of type list",
    "complex numbers": "Complex data not supported",
    "a name twice": "more than one column 'a'",
    "no rows": "0 sample",
    "no columns": "0 feature",
}


@pytest.mark.parametrize("name", TABLES)
def test_an_ugly_table_is_learnt_or_refused_in_a_sentence(name):
    word, why = outcome(TABLES[name], max_steps=20, layers=2, width=8, device="cpu", **told(name))

    assert word == ("refused" if name in REFUSED else "learnt"), why
    assert REFUSED.get(name, "") in why
