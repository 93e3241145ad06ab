"""Rows that need not fit in memory: time and peak memory of reading, training, scoring and drawing them.

    python -m bench.scale stream                                  1e5, 1e6, 1e7 and 5e7 rows of 10 columns
    python -m bench.scale stream --rows 1e5 1e6 --folder /tmp/x

The rows are draws of a normal whose columns depend on each other, float32, 500,000 to a file in row groups of 250,000.
Each figure is of a process of its own, with one thread. ``read`` is pyarrow alone, the limit; ``survey`` the pass
before the training; ``train`` one pass over all rows by ``RealNVP.fit_files``, its survey not counted in its seconds
but in its memory; ``score`` and ``sample`` are the commands, Parquet to Parquet. All files are deleted at the end.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.common import Clock, clocked, heading, table

__all__ = ["COLUMNS", "draw", "main", "model", "write"]

COLUMNS, _FILE, _GROUP = 10, 500_000, 250_000
JOBS = ("read", "survey", "train", "score", "sample")
FLOW = {"kernel": "affine", "layers": 4, "width": 32, "members": 1, "marginals": False, "dropout": 0.0}
BATCH = 8192


def draw(rows: int, start: int = 0) -> np.ndarray:
    """Draw rows (n, 10), float32; those that begin at ``start`` are always the same."""
    mix = np.random.default_rng(1).normal(size=(COLUMNS, COLUMNS)) * 0.4 + np.eye(COLUMNS)
    return (np.random.default_rng([0, start]).normal(size=(rows, COLUMNS)) @ mix).astype(np.float32)


def write(folder: Path, rows: int, file: int = _FILE, group: int = _GROUP) -> Path:
    """Write so many rows into files."""
    import pyarrow as pa
    from pyarrow import parquet

    folder.mkdir(parents=True)
    for start in range(0, rows, file):
        x = draw(min(file, rows - start), start)
        columns = pa.table({f"f{j}": x[:, j] for j in range(COLUMNS)})
        parquet.write_table(columns, folder / f"part{start // file:04}.parquet", row_group_size=group)
    return folder


def model(**more: object) -> object:
    """Return the flow that is trained; it never ends before its steps are taken."""
    from realnvp import RealNVP

    told = {"batch_size": BATCH, "early_stopping": False, "verbose": False, "random_state": 0, "compile": False}
    return RealNVP(**FLOW, **told | more)


@dataclass(frozen=True)
class _Job:
    """Where the rows are, where the run is, and how many rows."""

    data: Path
    run: Path
    rows: int


def _read(at: _Job) -> Clock:
    from pyarrow import parquet

    with clocked() as clock:
        seen = 0
        for path in sorted(at.data.glob("*.parquet")):
            with parquet.ParquetFile(path) as file:
                seen += sum(len(batch) for batch in file.iter_batches(use_threads=False))
    assert seen == at.rows
    return clock


def _survey(at: _Job) -> Clock:
    from realnvp.data.many import ManyFiles, survey

    with clocked() as clock:
        assert survey(ManyFiles.open(str(at.data)), 0).count == at.rows
    return clock


def _train(at: _Job) -> Clock:
    from realnvp.data.many import ManyFiles, survey

    found = survey(ManyFiles.open(str(at.data)), 0)
    with clocked() as clock:
        model(max_steps=-(-at.rows // BATCH)).fit_files(found).save(at.run, force=True)
    return clock


def _score(at: _Job) -> Clock:
    return _command("score", str(at.run), str(at.data), "--out", f"{at.run}/scores.parquet")


def _sample(at: _Job) -> Clock:
    return _command("sample", str(at.run), "-n", str(at.rows), "--out", f"{at.run}/draws.parquet")


def _command(*words: str) -> Clock:
    """Run the command in this process, imports not counted."""
    import realnvp.estimators  # noqa: F401
    from realnvp.cli import main as command

    sys.argv = ["realnvp", *words, "--quiet", "--force"]
    with clocked() as clock:
        try:
            command()
        except SystemExit as ended:
            if ended.code:
                raise
    return clock


def child(job: str, data: Path, run: Path, rows: int) -> dict:
    """Do one job in this process; its seconds, and the peak of its memory in MiB."""
    if job != "read":
        import torch

        torch.set_num_threads(1)
    does = {"read": _read, "survey": _survey, "train": _train, "score": _score, "sample": _sample}[job]
    clock = does(_Job(data, run, rows))
    return {"wall": clock.wall, "cpu": clock.cpu, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _measured(job: str, data: Path, run: Path, rows: int) -> dict:
    words = [sys.executable, "-m", "bench.scale", "stream", "--child", job, "--rows", str(rows), "--folder", str(data)]
    done = subprocess.run([*words, "--run", str(run)], check=True, capture_output=True, text=True)
    found: dict = json.loads(done.stdout.splitlines()[-1])
    return found


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale stream", description=__doc__)
    parser.add_argument("--rows", type=float, nargs="+", default=[1e5, 1e6, 1e7, 5e7], help="how many")
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), help="which")
    parser.add_argument("--folder", type=Path, help="where the rows are written for a while (the system's own)")
    parser.add_argument("--child", choices=JOBS, help=argparse.SUPPRESS)
    parser.add_argument("--run", type=Path, help=argparse.SUPPRESS)
    options, _ = parser.parse_known_args(given)
    if options.child:
        print(json.dumps(child(options.child, options.folder, options.run, int(options.rows[0]))))
        return
    lines = []
    for rows in map(int, options.rows):
        place = Path(tempfile.mkdtemp(prefix="realnvp-scale-", dir=options.folder))
        try:
            data = write(place / "rows", rows)
            for job in options.jobs:
                found = _measured(job, data, place / "run", rows)
                seconds = (f"{found[clock]:.1f}" for clock in ("wall", "cpu"))
                lines.append((f"{rows:,}", job, *seconds, f"{rows / found['cpu']:,.0f}", f"{found['peak']:.0f}"))
                print("  ", *lines[-1], flush=True)
        finally:
            shutil.rmtree(place)
    print(f"{heading('python -m bench.scale stream')}\n")
    print(table(["rows", "", "seconds", "of the processor", "rows a second of it", "peak (MiB)"], lines), flush=True)
