"""Cells of the bench: a fit each, in a process of its own, kept in a file of JSON lines."""

import contextlib
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.tables.entries import Entry

__all__ = ["KEY", "Cell", "build", "kept", "settled", "write"]

KEY = ("model", "table", "version", "limit", "clock", "seed", "data", "packages", "options", "build")
"""What a result hangs on: a cell that agrees in all of it with one in the file is not run again."""
_STOPPED = re.compile("early stopping|converged")
ONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
ONE |= {"TORCHINDUCTOR_COMPILE_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}


@dataclass(frozen=True)
class Cell:
    """A model, a version of a table, a time and a seed; ``data`` is the mark of the table's file."""

    entry: Entry
    folder: Path
    table: str
    version: str
    data: str
    limit: float
    clock: str
    seed: int

    def key(self) -> dict:
        """Return what the result hangs on, as plain data."""
        return {
            "model": self.entry.name,
            "table": self.table,
            "version": self.version,
            "limit": self.limit,
            "clock": self.clock,
            "seed": self.seed,
            "data": self.data,
            "packages": self.entry.versions(),
            "options": json.loads(json.dumps(self.entry.options)),
            "build": build() if self.entry.ours else "",
        }

    def run(self) -> dict:
        """Fit, and return the key and the figures; what goes wrong is an ``error`` among them."""
        return self.key() | self._fit() | {"at": datetime.datetime.now().isoformat(timespec="seconds")}

    def _fit(self) -> dict:
        if missing := self.entry.missing():
            return {"error": f"{', '.join(missing)} not installed"}
        asked = {name: getattr(self, name) for name in ("table", "version", "limit", "clock", "seed")}
        told = json.dumps(self.entry.told() | asked | {"folder": str(self.folder)})
        command = [sys.executable, "-m", "bench.tables.child", told]
        patience = 600 + 20 * self.limit  # by the wall, where the limit may be the processor's
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, env=os.environ | ONE, timeout=patience, check=False
            )
        except subprocess.TimeoutExpired:
            return {"error": f"ended by force after {patience:.0f} s"}
        if ended.returncode or not ended.stdout.strip():
            last = (ended.stderr.strip().splitlines() or [""])[-1].strip()
            return {"error": f"exit {ended.returncode}: {last}"[:200]}
        return json.loads(ended.stdout)


def settled(cell: Cell, results: Iterable[dict]) -> dict | None:
    """Return the result of a peer that stopped by itself in less time, as that of the cell: more time changes nothing.

    A fit that came near its limit may have been hurried by it, and does not count.
    """
    wanted = cell.key()
    for r in () if cell.entry.ours else results:
        alike = all(r[k] == wanted[k] for k in KEY if k != "limit") and "nll" in r
        if alike and r["limit"] < cell.limit and r["seconds"] < 0.9 * r["limit"] and _STOPPED.search(r["note"]):
            return r | {"limit": cell.limit, "note": f"{r['note']}; as in {r['limit']:g} s"}
    return None


def build() -> str:
    """Return the commit that last changed this library, and a mark of its files if they are others by now.

    ``""`` where there is no git.
    """
    source = Path(__file__).resolve().parents[2] / "src"

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(source), *words], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    try:
        commit, changed = git("log", "-1", "--format=%h", "--", ".").strip(), git("status", "--porcelain", "--", ".")
    except OSError:
        return ""
    if not changed:
        return commit
    files = b"".join(path.read_bytes() for path in sorted(source.rglob("*.py")))
    return f"{commit}+{hashlib.sha1(files).hexdigest()[:6]}"


def kept(file: Path) -> Iterator[dict]:
    """Return the results in a file; a line cut short by a kill is left out."""
    for line in file.read_text().splitlines() if file.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            yield json.loads(line)


def write(file: Path, result: dict) -> None:
    """Append a result, whole and on a line of its own even after a line cut short."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cut = file.exists() and file.read_bytes()[-1:] not in (b"", b"\n")
    with file.open("a") as out:
        out.write(("\n" if cut else "") + json.dumps(result) + "\n")
