"""One fit in a process of its own: told by a line of JSON, it answers with one. ``bench.tables.cells`` starts it."""

import importlib
import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from bench.speed.crew import pin
from bench.tables.budget import Budget, processor, tell_ours_by
from bench.tables.rows import read

__all__ = ["main", "measure"]


def main() -> None:
    """Fit what the arguments say and print the figures."""
    told = json.loads(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answer
    if told["home"] == "flowjax":
        pin(1)  # XLA counts the cores it may use, whatever it is told
    if told["home"] == "ours":
        import torch

        torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(json.dumps(measure(told)), file=answers, flush=True)


def measure(told: dict) -> dict:
    """Fit, and measure on the test rows: nats per row and their standard error over rows, seconds, what was chosen."""
    fit = importlib.import_module(f"bench.tables.models.{told['home']}").fit
    rows, _ = read(Path(told["folder"]), told["table"], told["version"])
    if told["home"] == "ours":
        tell_ours_by(told["clock"])
    wall, cpu = time.monotonic(), processor()
    budget, shift, seen = Budget(told["limit"], told["clock"]), 0.0, rows
    if told["scaled"]:
        seen, shift = rows.standardised()
    fitted = fit(seen, budget, told["seed"], **told["options"])
    spent = {"seconds": budget.spent(), "wall": time.monotonic() - wall, "cpu": processor() - cpu}
    found = np.asarray(fitted.log_prob(seen.test), dtype=np.float64) + shift
    figures = {name: round(value, 2) for name, value in spent.items()} | {"note": fitted.note}
    if not np.isfinite(found).all():
        lost = int((~np.isfinite(found)).sum())
        return figures | {"error": f"{lost} of {len(found)} test rows have no finite log-density"}
    return figures | {"nll": -float(found.mean()), "row_error": float(found.std(ddof=1) / len(found) ** 0.5)}


if __name__ == "__main__":
    main()
