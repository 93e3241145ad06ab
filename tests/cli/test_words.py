"""Words that options and arguments hold: numbers of rows, one table."""

import numpy as np
import pytest
import typer

from realnvp.cli.parse import count


def test_more_rows_than_a_disk_can_hold_are_refused():
    with pytest.raises(typer.BadParameter, match="'1e21' rows are more than can be written: give at most 1e18"):
        count("1e21")


@pytest.mark.parametrize(("text", "n"), [("1", 1), ("1e6", 10**6), ("1_000", 1000), ("9007199254740993", 2**53 + 1)])
def test_a_number_of_rows_is_read_as_people_write_it(text, n):
    assert count(text) == n


@pytest.mark.parametrize("text", ["0", "-3", "2.5", "nan", "inf", "1e-3", "ten", ""])
def test_what_is_no_number_of_rows_gets_a_sentence(text):
    with pytest.raises(typer.BadParameter, match="is no number of rows: give a whole one of at least 1, such as 1000"):
        count(text)


def test_rows_are_counted_in_powers_of_ten(realnvp):
    small = ("--max-steps", 2, "--layers", 1, "--width", 4, "--no-figures")
    assert realnvp("fit", "moons", *small, "--out", "run")[0] == 0
    assert realnvp("sample", "run", "-n", "1e2", "--out", "new.npy")[0] == 0
    assert np.load("new.npy").shape == (100, 2)


@pytest.mark.parametrize("words", [("fit", "a.parquet", "b.parquet"), ("score", "run", "a.parquet", "b.parquet")])
def test_a_pattern_that_the_shell_took_apart_is_spoken_of(realnvp, words):
    code, _, err = realnvp(*words, "--out", "new")

    assert code == 2
    assert err.startswith("realnvp: one table is taken at a time, and 'b.parquet' is one too many: put a pattern")
    assert err.count("\n") == 1
