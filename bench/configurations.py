"""Random configurations, some of them absurd: ``python -m bench.configurations [HOW_MANY]`` prints a table.

Each learns a tiny set for a few steps. What must never be: a weight that is no number, an exception that is not a
sentence about the input, a density or a draw that is no number where the training says it went well.
"""

import math
import random
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from realnvp import BoltzmannGenerator, InputError, RealNVP, data
from realnvp.potentials import POTENTIALS

__all__ = ["Found", "configuration", "tried"]

_STEPS, _ROWS, _SECONDS = 30, 300, 10.0


@dataclass(frozen=True)
class Found:
    """What came of a configuration: ``outcome`` in words, and how far the held-out figure fell, in nats."""

    outcome: str
    fell: float = math.nan
    skipped: int = 0


def configuration(random_: random.Random) -> dict[str, Any]:
    """Draw one: what to learn, and the estimator's parameters."""
    objective = random_.choice(["likelihood", "likelihood", "likelihood", "reverse", "forward"])
    params = {
        "kernel": random_.choice(["additive", "affine", "spline"]),
        "layers": random_.choice([1, 2, 4, 8, 16, 32, 64]),
        "width": random_.choice([1, 4, 16, 64, 128, 256]),
        "base": random_.choice(["normal", "logistic"]),
        "lr": 10 ** random_.uniform(-4, -1),
        "batch_size": random_.choice([1, 16, 128]),
        "random_state": random_.randrange(10**6),
    }
    params |= {"precision": random_.choice(["float32", "bf16"]), "memory": random_.choice(["stored", "constant"])}
    if objective == "likelihood":
        params["base"] = random_.choice(["normal", "logistic", "mixture"])
        what = random_.choice(["moons", "cauchy rows", "far away", "nearly a line", "one column", "six columns"])
    else:
        params |= {"objective": objective, "particles": random_.choice([16, 64])}
        what = random_.choice(["u1", "u2", "double_well", "rings", "funnel"])
    return {"objective": objective, "what": what, "params": params}


def tried(drawn: dict[str, Any]) -> Found:
    """Learn it, and look at every number that comes out."""
    params = drawn["params"] | {"max_steps": _STEPS, "max_time": _SECONDS, "verbose": False, "device": "cpu"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if drawn["objective"] == "likelihood":
                X = _rows(drawn["what"], params["random_state"])
                model: Any = RealNVP(**params).fit(X)
            else:
                model = BoltzmannGenerator(**params).fit(POTENTIALS[drawn["what"]]())
                X = model.sample(50, random_state=0)
            return _looked(model, X)
    except InputError as error:
        return Found(f"a sentence: {str(error).split('(')[0][:60]}")
    except RuntimeError as error:
        if type(error).__name__ == "TrainingError":
            return Found("a sentence: the loss was never finite")
        return Found(f"WRONG: {type(error).__name__} {str(error)[:80]}")
    except Exception as error:
        return Found(f"WRONG: {type(error).__name__} {str(error)[:80]}")


def _looked(model: Any, X: np.ndarray) -> Found:
    state = model.flow_.state_dict()
    if bad := [name for name, value in state.items() if not bool(torch.isfinite(value.double()).all())]:
        return Found(f"WRONG: {bad[0]} is not finite")
    history = [record["held_out"] for record in model.history_]
    skipped = model.history_[-1]["skipped"] if model.history_ else 0
    drawn, scores = model.sample(50, random_state=0), model.score_samples(X)
    if not np.isfinite(scores).all():
        return Found("WRONG: a density of the data is not finite")
    if not np.isfinite(drawn).all():
        return Found("WRONG: a draw is not finite")
    fell = history[0] - min(history) if history and np.isfinite(history[0]) else math.nan
    return Found(model.stopped_by_, fell, skipped)


def _rows(what: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if what == "moons":
        return data.toy("moons").sample(_ROWS, seed)
    if what == "cauchy rows":
        return rng.standard_cauchy((_ROWS, 2))
    if what == "far away":
        return 1e9 + rng.normal(size=(_ROWS, 2))
    if what == "nearly a line":
        return rng.normal(size=(_ROWS, 1)) * [1.0, 2.0, 3.0] + 1e-6 * rng.normal(size=(_ROWS, 3))
    return rng.normal(size=(_ROWS, 1 if what == "one column" else 6)) ** 3


def main(many: int = 300) -> None:
    """Print how often each outcome was met, and each that must not be."""
    torch.set_num_threads(1)
    random_, counts, wrong, began = random.Random(0), Counter(), [], time.monotonic()
    skipped: Counter = Counter()
    for number in range(many):
        drawn = configuration(random_)
        found = tried(drawn)
        counts[drawn["objective"], found.outcome] += 1
        skipped[drawn["objective"]] += found.skipped
        if found.outcome.startswith("WRONG"):
            wrong.append(f"{number}: {found.outcome}: {drawn}")
            print(wrong[-1], file=sys.stderr, flush=True)
    print("| objective | outcome | configurations |\n|---|---|---|")
    for (objective, outcome), count in sorted(counts.items()):
        print(f"| {objective} | {outcome} | {count} |")
    print(
        f"\n{many} configurations in {time.monotonic() - began:.0f} s, {len(wrong)} wrong; steps skipped as not finite:"
    )
    print(", ".join(f"{skipped[name]} ({name})" for name in sorted({name for name, _ in counts})))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
