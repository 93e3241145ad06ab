"""What comes back from Ray is counted and kept in order, whatever Ray does."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest

from realnvp.cli import engines
from realnvp.cli.engines import ENGINES, Scored


def work(job):
    """Two rows of job 0, three of job 1, ..."""
    rows = np.full(job + 2, float(job))
    yield Scored(rows, rows < 0, rows == rows, told=f"job {job}")


class Blocks:
    """A data set of jobs that comes back as ``order`` says."""

    def __init__(self, jobs, order):
        self.jobs, self.order = jobs, order

    def map_batches(self, done, **_):
        self.done = done
        return self

    def iter_batches(self, **_):
        for jobs in self.order:
            yield self.done({"job": np.array(jobs)})


@pytest.fixture
def ray(monkeypatch):
    """Let Ray give back the blocks of jobs that it is told to."""

    def set_up(order):
        context = SimpleNamespace(execution_options=SimpleNamespace())
        data = SimpleNamespace(
            DataContext=SimpleNamespace(get_current=lambda: context),
            from_items=lambda jobs, **_: Blocks(jobs, order),
        )
        fake = SimpleNamespace(data=data, exceptions=SimpleNamespace(RayError=ConnectionError))
        monkeypatch.setattr(engines, "_cluster", lambda: contextlib.nullcontext(fake))

    return set_up


def test_what_comes_in_order_is_what_the_plain_engine_gives(ray):
    ray([[0, 1], [2]])
    by = {name: list(ENGINES[name](work, [2, 3, 4])) for name in ("plain", "ray")}

    assert [job for job, _ in by["ray"]] == [job for job, _ in by["plain"]] == [0, 1, 2]
    for (_, one), (_, other) in zip(by["plain"], by["ray"], strict=True):
        np.testing.assert_array_equal(one.log_prob, other.log_prob)
        assert one.told == other.told


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([[0], [2], [1]], "Ray gave job 1 after job 2: nothing is written"),
        ([[0], [1]], "Ray gave 0 rows of job 2, which has 4: nothing is written"),
        ([[0], [1], [1], [2]], "Ray gave 6 rows of job 1, which has 3: nothing is written"),
    ],
    ids=["order", "lost", "doubled"],
)
def test_a_job_out_of_order_lost_or_doubled_ends_the_scoring(ray, order, words):
    ray(order)
    with pytest.raises(RuntimeError, match=words):
        list(ENGINES["ray"](work, [2, 3, 4]))
