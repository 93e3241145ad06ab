"""Who does the work on pieces of a large table: this process, or Ray Data on as many machines as it has."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from realnvp.errors import InputError

__all__ = ["ENGINES", "Scored"]

_BLOCKS = 1000
"""Tasks that work is cut into, at most."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Log densities of rows, which of the rows have gaps, which hold only values that the fit saw, and what to say."""

    log_prob: np.ndarray
    holed: np.ndarray
    known: np.ndarray
    told: str = ""

    def __len__(self) -> int:
        return len(self.log_prob)


Work = Callable[[int], Iterator[Scored]]
"""Scores the rows of a job, by its number."""


def _plain(work: Work, rows: Sequence[int]) -> Iterator[tuple[int, Scored]]:
    """Do one job after another."""
    for job in range(len(rows)):
        for scored in work(job):
            yield job, scored


def _ray(work: Work, rows: Sequence[int]) -> Iterator[tuple[int, Scored]]:
    """Let Ray Data do the jobs, again where a worker died, and take what comes of them in order.

    Each job must give as many rows as it has, once: anything else is an error, and no result.
    """
    with _cluster() as ray, _sentence(ray):
        context = ray.data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.raise_original_map_exception = True
        jobs = ray.data.from_items(
            [{"job": job} for job in range(len(rows))], override_num_blocks=min(len(rows), _BLOCKS)
        )
        done = jobs.map_batches(_Done(work), batch_size=1, batch_format="numpy")  # a lost one is done again
        counts, last = np.zeros(len(rows), np.int64), 0
        for batch in done.iter_batches(batch_size=None, batch_format="numpy"):
            for job, scored in _jobs(batch):
                if job < last:
                    raise RuntimeError(f"Ray gave job {job} after job {last}: nothing is written")
                counts[job], last = counts[job] + len(scored), job
                yield job, scored
        if (counts != rows).any():
            job = int(np.flatnonzero(counts != rows)[0])
            raise RuntimeError(f"Ray gave {counts[job]} rows of job {job}, which has {rows[job]}: nothing is written")


@dataclass(frozen=True)
class _Done:
    """What a worker does with a job, as columns of one length."""

    work: Work

    def __call__(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        parts = [(int(job), scored) for job in batch["job"] for scored in self.work(int(job))]
        told = [np.array([s.told, *[""] * (len(s) - 1)], dtype=object) for _, s in parts]
        return {
            "job": np.concatenate([np.full(len(s), job) for job, s in parts]),
            "log_prob": np.concatenate([s.log_prob for _, s in parts]),
            "holed": np.concatenate([s.holed for _, s in parts]),
            "known": np.concatenate([s.known for _, s in parts]),
            "told": np.concatenate(told),
        }


def _jobs(batch: Mapping[str, np.ndarray]) -> Iterator[tuple[int, Scored]]:
    """Part a block into its jobs, which follow one another."""
    job = batch["job"]
    cuts = [0, *(np.flatnonzero(np.diff(job)) + 1), len(job)]
    for start, stop in pairwise(cuts):
        at = slice(int(start), int(stop))
        told = next((str(t) for t in batch["told"][at] if t), "")
        yield int(job[at][0]), Scored(batch["log_prob"][at], batch["holed"][at], batch["known"][at], told)


@contextmanager
def _sentence(ray: Any) -> Iterator[None]:
    """Raise the sentence that a worker raised, not the pages around it."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause: BaseException | None = error
        while cause is not None and type(cause) is not InputError:
            cause = getattr(cause, "cause", None) or cause.__cause__
        raise (error if cause is None else cause) from None


@contextmanager
def _cluster() -> Iterator[Any]:
    """Join the cluster that ``RAY_ADDRESS`` names, else start one on this machine and end it again."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # says nothing to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what will be its default
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError("--engine ray needs Ray: pip install 'realnvp[ray]', or leave --engine out") from error
    if ray.is_initialized():
        yield ray
        return
    where: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "include_dashboard": False}
    for name in ("ray", "ray.data"):  # it says what it is about to do, and what went wrong on many lines
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ray.init(**where, log_to_driver=False, logging_level=logging.CRITICAL)
    try:
        yield ray
    finally:
        ray.shutdown()


ENGINES: dict[str, Callable[[Work, Sequence[int]], Iterator[tuple[int, Scored]]]] = {"plain": _plain, "ray": _ray}
