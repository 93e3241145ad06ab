"""The results in words: who is first on each table, by how much."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import mean, median, stdev

from bench.common import table
from bench.tables.entries import ENTRIES

__all__ = ["Line", "lines", "report"]

KEPT = 1.1
"""A time counts as kept when no more than a tenth more was spent."""


@dataclass(frozen=True)
class Line:
    """A model on a table: nats per row on the test rows, each seed, and how the fits went."""

    model: str
    results: list[dict]

    @property
    def found(self) -> list[float]:
        """Test nats of each seed; empty if one failed: a mean over the others would flatter it."""
        return [r["nll"] for r in self.results] if all("nll" in r for r in self.results) else []

    @property
    def nll(self) -> float:
        """Their mean."""
        return mean(self.found) if self.found else math.inf

    @property
    def error(self) -> float:
        """Its standard error over seeds: zero for a model that takes none, not known from one seed."""
        if not ENTRIES[self.results[0]["model"]].seeded:
            return 0.0
        return stdev(self.found) / len(self.found) ** 0.5 if len(self.found) > 1 else math.nan

    def near(self, first: "Line") -> bool:
        """Whether it is no more than a standard error of the difference behind."""
        return self.nll - first.nll <= math.hypot(self.error, first.error)

    def told(self) -> str:
        """Return mean ± standard error, or what went wrong."""
        if not self.found:
            failed = [r["error"] for r in self.results if "error" in r]
            return f"{len(failed)} of {len(self.results)} failed: {failed[0]}"
        return f"{self.nll:.3f}" + (f" ± {self.error:.3f}" if self.error > 0 else "")

    def kept(self) -> str:
        """Say whether the time was kept, and by how much not."""
        shares = [r["seconds"] / r["limit"] for r in self.results if "seconds" in r]
        return "" if not shares else "yes" if max(shares) <= KEPT else f"no, {max(shares):.1f} times"


def lines(results: Iterable[dict], *, builds: bool = False) -> list[Line]:
    """Return a line for each model, best first: its latest version, or by ``builds`` all; the latest of each seed."""
    latest: dict[str, dict[str, dict[int, dict]]] = {}
    for result in results:
        one = repr([result[name] for name in ("build", "packages", "options", "data")])  # versions do not mix
        known = latest.setdefault(result["model"], {})
        known[one] = known.pop(one, {}) | {result["seed"]: result}  # the last is the latest
    shown = ((model, list(known.values())[0 if builds else -1 :]) for model, known in latest.items())
    found = [Line(model, list(seeds.values())) for model, versions in shown for seeds in versions]
    return sorted(found, key=lambda line: line.nll)


def report(results: Iterable[dict], *, builds: bool = False) -> str:
    """Lay out every table that is in the results, and all of them in one view."""
    parts, view = [], []
    known = [r for r in results if r["model"] in ENTRIES]

    def place(result: dict) -> tuple:
        return result["clock"], result["limit"], result["version"], result["table"]

    for (clock, limit, version, name), group in groupby(sorted(known, key=place), key=place):
        of = lines(group, builds=builds)
        title = name if version == "plain" else f"{name}, {version}"
        by = "" if clock == "wall" else " of the processor"
        parts.append(f"**{title}, {limit:g} s{by}**\n\n{_one(of)}\n\n{_first(of)}")
        view.append((title, f"{limit:g} s{by}", of))
    if not parts:
        return "no results"
    return "\n\n".join([*parts, "**Test nats per row in one view**", _view(view)])


def _one(of: list[Line]) -> str:
    """Lay out one table."""
    best, rows = of[0].nll, []
    for line in of:
        spent = [r for r in line.results if "wall" in r]
        builds = {r["build"] for r in line.results} - {""}
        rows.append(
            [
                " ".join([line.model, *(f"({build})" for build in builds)]),
                line.told(),
                f"{line.nll - best:+.3f}" if line.found else "",
                len(line.results),
                f"{median(r['wall'] for r in spent):.0f} ({median(r['cpu'] for r in spent):.0f})" if spent else "",
                line.kept(),
                next((r["note"] for r in line.results if r.get("note")), ""),
            ]
        )
    columns = ["", "test nats per row", "behind", "fits", "wall (cpu) s of a fit", "time kept", "the first fit"]
    return table(columns, rows)


def _first(of: list[Line]) -> str:
    """Say who is first, and who is as good."""
    first, *others = of
    if not first.found:
        return "None could be measured."
    near = [line.model for line in others if line.found and line.near(first)]
    unknown = [line.model for line in of if line.found and line.error != line.error]
    words = [f"First: {first.model}" + (f"; within one standard error: {', '.join(near)}." if near else ".")]
    if unknown:
        words.append(f"One seed, so that no error is known: {', '.join(unknown)}.")
    return " ".join(words)


def _view(view: list[tuple[str, str, list[Line]]]) -> str:
    """Lay out all tables, a column for each model, the first of each and who is as good in bold."""
    models = [name for name in ENTRIES if any(line.model == name for _, _, of in view for line in of)]
    rows = []
    for title, limit, of in view:
        by = {line.model: line for line in reversed(of)}  # of several versions the best
        row = [title, limit]
        for model in models:
            line = by.get(model)
            text = f"{line.nll:.3f}" if line and line.found else "failed" if line else ""
            bold = line is not None and line.found and line.near(of[0])
            row.append(f"**{text}**" if bold else text)
        rows.append(row)
    return table(["table", "time", *models], rows)
