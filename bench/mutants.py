"""Small faults planted in the code, one at a time: ``python -m bench.mutants`` tells which of them no test notices.

    python -m bench.mutants --sample 300              so many places, chosen by --seed, one fault in each
    python -m bench.mutants --folders kernels         all places of a folder

A fault is one of Cosmic Ray's: another operator, another comparison, a number more or less, a branch turned round, a
decorator or a loop left out. Faults in annotations are left out: they change no number. A fault is planted in a copy of
the project; the tests of its folder run first and, if they notice nothing, the wider ones. What runs five times
longer than without a fault is noticed too. ``--results`` keeps what was found, and goes on from there.
"""

import argparse
import ast
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.common import heading, table

__all__ = ["Fault", "faults", "main"]

ROOT = Path(__file__).resolve().parent.parent
WIDER = ["tests/laws/test_laws.py", "tests/laws/test_memory.py", "tests/test_flow.py", "tests/test_recipes.py"]
WIDER += [
    "tests/test_objectives.py",
    "tests/test_lattice.py",
    "tests/test_planted.py",
    "tests/estimators/test_density.py",
]
STAGES = {
    "kernels": [["tests/kernels"], WIDER],
    "transforms": [["tests/transforms"], WIDER],
    "measure": [["tests/measure"], ["tests/test_planted.py", "tests/estimators/test_boltzmann.py", "tests/report"]],
}


@dataclass(frozen=True)
class Fault:
    """An operator of Cosmic Ray at one place of a file."""

    path: str
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def folder(self) -> str:
        """Return the folder of the package that it is in."""
        return Path(self.path).parent.name

    @property
    def name(self) -> str:
        """Return what it is called in the results."""
        return f"{self.path}:{self.line}:{self.column} {self.operator} {self.occurrence}"


def faults(path: Path, root: Path) -> Iterator[Fault]:
    """Yield all that can be planted in a file, but for annotations."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    code, tree = get_ast_from_path(path), ast.parse(path.read_text())
    said = list(_annotations(tree))
    for name in sorted(operator_names()):
        kind = get_operator(name)
        if kind.arguments():
            continue
        places = (place for node in ast_nodes(code) for place in kind().mutation_positions(node))
        for occurrence, ((line, column), _) in enumerate(places):
            if not any(start <= (line, column) < stop for start, stop in said):
                yield Fault(str(path.relative_to(root)), name, occurrence, line, column)


def _annotations(tree: ast.AST) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for node in ast.walk(tree):
        for found in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if found is not None:
                yield (found.lineno, found.col_offset), (found.end_lineno or 0, found.end_col_offset or 0)


def _run(tests: Sequence[str], folder: Path, limit: float | None = None) -> bool:
    """Run tests in the copy; tell whether all passed in time."""
    about = os.environ | {"PYTHONPATH": os.pathsep.join(("src", ".")), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [sys.executable, "-m", "pytest", "-x", "-q", *tests]
    nowhere: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, cwd=folder, env=about, start_new_session=True, **nowhere) as process:
        try:
            return process.wait(limit) == 0
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return False


class _Trial:
    """A copy of the project in which faults are planted, and how long its tests take without one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.spent = folder, dict[str, float]()
        files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in files.splitlines():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)

    def limit(self, tests: Sequence[str]) -> float:
        """Return how long the tests may take; without a fault all must pass."""
        key = " ".join(tests)
        if key not in self.spent:
            start = time.monotonic()
            if not _run(tests, self.folder):
                sys.exit(f"without a fault these do not pass: {key}")
            self.spent[key] = time.monotonic() - start
        return 10 + 5 * self.spent[key]

    def noticed(self, fault: Fault) -> tuple[str, str]:
        """Return what became of a fault, and its line before and after."""
        from cosmic_ray.mutating import use_mutation
        from cosmic_ray.plugins import get_operator

        stages = [(tests, self.limit(tests)) for tests in STAGES[fault.folder]]
        operator = get_operator(fault.operator)()
        with use_mutation(self.folder / fault.path, operator, fault.occurrence) as (before, after):
            if after is None or after == before:
                return "none", ""
            words = _change(before.splitlines(), after.splitlines())
            for tests, limit in stages:
                if not _run(tests, self.folder, limit):
                    return "noticed", words
        return "missed", words


def _change(before: list[str], after: list[str]) -> str:
    changed = [(old.strip(), new.strip()) for old, new in zip(before, after, strict=False) if old != new]
    return " -> ".join(changed[0]) if changed else "a line less"


def main(given: Sequence[str] | None = None) -> None:
    """Plant, run and print the table and what was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("--folders", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--sample", type=int, default=0, help="how many places; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="a file that keeps what was found")
    options = parser.parse_args(given)
    kept = options.results
    known: dict[str, dict] = json.loads(kept.read_text()) if kept and kept.exists() else {}
    dice = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        trial, found, places = _Trial(Path(place)), Counter(), Counter()
        for fault in _chosen(trial.folder, options.folders, options.sample, dice, places):
            if fault.name not in known:
                outcome, words = trial.noticed(fault)
                known[fault.name] = asdict(fault) | {"outcome": outcome, "words": words}
                print(f"{outcome:8} {fault.name}  {words}", file=sys.stderr, flush=True)
                if kept:
                    kept.write_text(json.dumps(known, indent=1))
            found[fault.folder, known[fault.name]["outcome"]] += 1
    command = f"python -m bench.mutants --folders {' '.join(options.folders)} --sample {options.sample}"
    rows = list(_rows(options.folders, found, places))
    print(heading(command), "\n", table(("folder", "places", "faults planted", "noticed", "share"), rows), sep="\n")


def _rows(folders: Sequence[str], found: Counter, places: Counter) -> Iterator[tuple]:
    for folder in folders:
        noticed, missed = (found[folder, outcome] for outcome in ("noticed", "missed"))
        many = noticed + missed
        yield folder, places[folder], many, noticed, f"{noticed / many:.0%}" if many else "-"


def _chosen(root: Path, folders: Sequence[str], sample: int, dice: random.Random, places: Counter) -> list[Fault]:
    """Return one fault, by chance, for each of the places, or for so many of them."""
    by_place: dict[tuple, list[Fault]] = {}
    for folder in folders:
        for path in sorted((root / "src/realnvp" / folder).glob("*.py")):
            for fault in faults(path, root):
                by_place.setdefault((fault.path, fault.line, fault.column), []).append(fault)
    places.update(Path(path).parent.name for path, *_ in by_place)
    one = [dice.choice(found) for _, found in sorted(by_place.items())]
    return dice.sample(one, min(sample, len(one))) if sample else one


if __name__ == "__main__":
    main()
