"""Scoring by Ray Data: the numbers of the plain engine, and every row once though workers are killed."""

import subprocess
import sys

import numpy as np
import pytest

from bench.scale.kills import scored
from bench.scale.stream import model, write

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    write(folder / "rows", 300_000, file=60_000, group=10_000)
    model(max_steps=5).fit_files(str(folder / "rows")).save(folder / "run")
    scored(folder / "run", folder / "rows", folder / "plain.npy", engine="plain")
    return folder


def test_a_killed_worker_loses_no_row_and_doubles_none(place):
    killed = scored(place / "run", place / "rows", place / "ray.npy", kills=2)

    assert killed == 2
    np.testing.assert_array_equal(np.load(place / "ray.npy"), np.load(place / "plain.npy"))


def test_what_a_worker_cannot_read_is_one_sentence_and_no_output(place):
    (place / "rows" / "z.parquet").write_bytes(b"")
    words = ["score", str(place / "run"), str(place / "rows"), "--out", str(place / "none"), "--engine", "ray"]
    code = "from realnvp.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "z.parquet cannot be read" in done.stderr
    assert not (place / "none").exists()
