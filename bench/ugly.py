"""Ugly tables, by name, and what comes of each: a density and samples of its kind, or a sentence.

``python -m bench.ugly`` fits each table on nine tenths of its rows and looks at the rest: the held-out NLL (of discrete
columns a mass) must be finite, samples finite and of their columns' kinds, and nothing but a sentence may be raised.
"""

import argparse
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from bench.common import heading, table
from realnvp import InputError, RealNVP

__all__ = ["TABLES", "outcome", "told"]

N = 2000
Make = Callable[[np.random.Generator], Any]


def _beside(make: Make) -> Make:
    """Put a normal column beside a column, its mean moved by the ranks of the other."""

    def made(rng: np.random.Generator) -> np.ndarray:
        x = np.asarray(make(rng), dtype=float)
        return np.stack([x, rng.normal(size=len(x)) + x.argsort().argsort() / len(x)], 1)

    return made


def _framed(make: Make) -> Make:
    """Put a normal column beside a column, in a data frame."""
    return lambda rng: pd.DataFrame({"x": make(rng), "y": rng.normal(size=N)})


def _with(value: float) -> Make:
    """Put one such value in a normal table."""

    def made(rng: np.random.Generator) -> np.ndarray:
        X = rng.normal(size=(N, 2))
        X[3, 1] = value
        return X

    return made


def _collinear(rng: np.random.Generator) -> np.ndarray:
    X = rng.normal(size=(N, 2))
    return np.column_stack((X, X.sum(1)))


def _mixed(rng: np.random.Generator) -> pd.DataFrame:
    whole = rng.poisson(4, N)
    made = {"whole": whole, "real": rng.normal(whole), "flag": whole > 4, "text": rng.choice(["a", "b"], N)}
    return pd.DataFrame(made | {"group": pd.Categorical(rng.choice(["low", "high"], N), ["low", "high"], ordered=True)})


def _copies(rng: np.random.Generator) -> np.ndarray:
    X = rng.normal(size=(N, 2))
    X[:400] = np.repeat(X[:4], 100, axis=0)
    return X


def _holed(make: Make) -> Make:
    """Take a fifth of the cells out, and leave a cell in each row."""

    def made(rng: np.random.Generator) -> Any:
        table = pd.DataFrame(make(rng))
        gaps = rng.random(table.shape) < 0.2
        gaps[gaps.all(1), 0] = False
        types = {name: float for name in table.columns if table[name].dtype.kind in "iu"}
        return table.astype(types).mask(gaps)

    return made


TABLES: dict[str, Make] = {
    "plain normal": lambda rng: rng.normal(size=(N, 2)),
    "counts": _beside(lambda rng: rng.poisson(3, N)),
    "wide whole numbers": _beside(lambda rng: np.round(rng.normal(0, 1000, N))),
    "counts over decades": _beside(lambda rng: np.floor(rng.lognormal(4, 2, N))),
    "few values": _beside(lambda rng: rng.choice([1.0, 2, 5, 10, 100], N)),
    "zero and one": _beside(lambda rng: rng.integers(0, 2, N)),
    "all columns discrete": lambda rng: rng.poisson(2, (N, 4)).astype(float),
    "booleans in a frame": _framed(lambda rng: rng.random(N) < 0.2),
    "text in a frame": _framed(lambda rng: rng.choice(["red", "green", "blue"], N)),
    "categories of a frame": _framed(lambda rng: pd.Categorical(rng.choice(list("abc"), N), list("cbad"))),
    "mixed frame": _mixed,
    "objects that are numbers": _framed(lambda _: pd.Series([1, 2.5, 3, 4] * (N // 4), dtype=object)),
    "nullable whole numbers": _framed(lambda rng: pd.array(rng.poisson(3, N), dtype="Int64")),
    "empty strings": _framed(lambda rng: rng.choice(["", "a", "b"], N)),
    "unicode names and values": lambda rng: pd.DataFrame(
        {"größe": rng.normal(size=N), "色": rng.choice(["赤", "青"], N)}
    ),
    "one value in 60 %": _beside(lambda rng: np.where(rng.random(N) < 0.6, 1.5, rng.normal(size=N))),
    "zeros and decades": _beside(lambda rng: np.where(rng.random(N) < 0.6, 0, rng.lognormal(0, 3, N))),
    "two decimals": lambda rng: np.round(rng.normal(size=(N, 2)), 2),
    "positive over decades": lambda rng: rng.lognormal(0, 4, (N, 2)),
    "exponential": lambda rng: rng.exponential(size=(N, 2)),
    "between 0 and 1, rows at both": lambda rng: rng.normal(0.5, 0.5, (N, 2)).clip(0, 1),
    "between 0 and 1": lambda rng: rng.random((N, 2)),
    "cauchy": lambda rng: rng.standard_cauchy((N, 2)),
    "t with 2 degrees": lambda rng: rng.standard_t(2, (N, 2)),
    "far outliers": lambda rng: np.concatenate((rng.normal(size=(N - 3, 2)), [[1e9, 0], [0, -1e12], [1e6, 1e6]])),
    "copies of four rows": _copies,
    "all rows twice": lambda rng: np.repeat(rng.normal(size=(N // 2, 2)), 2, axis=0),
    "ten rows, 200 times": lambda rng: np.repeat(rng.normal(size=(10, 2)), 200, axis=0),
    "scales of 1e30 and 1e-30": lambda rng: rng.normal(size=(N, 2)) * [1e30, 1e-30],
    "far from zero": lambda rng: rng.normal(size=(N, 2)) + 1e9,
    "single precision": lambda rng: rng.normal(size=(N, 2)).astype(np.float32),
    "one column": lambda rng: rng.normal(size=(N, 1)),
    "collinear": _collinear,
    "a column twice": lambda rng: np.repeat(rng.normal(size=(N, 1)), 2, axis=1),
    "two rows": lambda rng: rng.normal(size=(2, 2)),
    "more columns than rows": lambda rng: rng.normal(size=(10, 20)),
    "constant column": lambda rng: np.column_stack((rng.normal(size=N), np.full(N, 3.0))),
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "a missing text": _framed(lambda rng: [None, *rng.choice(["a", "b"], N - 1)]),
    "gaps in plain numbers": _holed(lambda rng: rng.normal(size=(N, 3))),
    "gaps in counts and decades": _holed(lambda rng: np.stack((rng.poisson(3, N), rng.lognormal(0, 3, N)), 1)),
    "gaps in text and numbers": _holed(_mixed),
    "dates": _framed(lambda _: pd.date_range("2020-01-01", periods=N)),
    "durations": _framed(lambda _: pd.to_timedelta(np.arange(N), unit="s")),
    "names of people": _framed(lambda _: [f"name {i}" for i in range(N)]),
    "lists in a column": _framed(lambda _: [[1, 2]] * N),
    "complex numbers": lambda rng: rng.normal(size=(N, 2)) + 1j,
    "a name twice": lambda rng: pd.DataFrame(rng.normal(size=(N, 2)), columns=["a", "a"]),
    "no rows": lambda _: np.empty((0, 2)),
    "no columns": lambda _: np.empty((N, 0)),
}


def told(name: str) -> dict[str, Any]:
    """Return what a fit of a table has to be told beside its rows."""
    return {"missing": "marginalise"} if name.startswith("gaps in") else {}


def outcome(make: Make, **params: object) -> tuple[str, str]:
    """Return what came of a table in a word (``learnt``, ``refused`` or what went wrong), and the figures or why."""
    X = make(np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(len(X))
    held = len(X) // 10
    rows = X.iloc if isinstance(X, pd.DataFrame) else X
    train, test = rows[order[held:]], rows[order[: max(held, 1)]]
    model = RealNVP(verbose=False, random_state=0, **params)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            score = model.fit(train).score_samples(test)
            drawn = model.sample(1000, random_state=0)
    except InputError as error:
        return "refused", str(error)
    except ValueError as error:  # scikit-learn's words for what no estimator takes
        return "refused", str(error).split("\n")[0]
    except Exception as error:
        return "ERROR", f"{type(error).__name__}: {error}"
    if wrong := _wrong(np.asarray(score), drawn, X):
        return "WRONG", wrong
    kinds = ", ".join(sorted({c["kind"] + (" (coded)" if c["warp"] else "") for c in model.columns_}))
    warned = f"; {said[0].message}" if said else ""
    return "learnt", f"NLL {-np.mean(score):.2f}; {kinds}{warned}"


def _wrong(score: np.ndarray, drawn: Any, X: Any) -> str:
    """Say what is wrong with densities or samples."""
    if not np.isfinite(score).all():
        return f"{np.count_nonzero(~np.isfinite(score))} of {len(score)} densities are not finite"
    columns = range(X.shape[1])
    frames = [pd.DataFrame(np.asarray(t)) if not isinstance(t, pd.DataFrame) else t for t in (drawn, X)]
    for j in columns:
        new, old = (f.iloc[:, j] for f in frames)
        try:
            a, b = (np.asarray(v, dtype=float) for v in (new, old))
        except (ValueError, TypeError):
            if not set(new) <= set(old.dropna()):
                return f"column {j} holds values that it cannot"
            continue
        if not np.isfinite(a).all():
            return f"samples of column {j} are not finite"
        b = b[~np.isnan(b)]
        if (b == np.round(b)).all() and not (a == np.round(a)).all():
            return f"column {j} holds whole numbers, its samples do not"
        if b.min() >= 0 and (b == 0).any() and a.min() < 0:
            return f"column {j} does not go below 0, its samples do"
    return ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300, help="training steps of each fit")
    parser.add_argument("--kernel", default="affine")
    parser.add_argument("--only", default="", help="tables whose name holds this")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print(heading(f"python -m bench.ugly --steps {chosen.steps} --kernel {chosen.kernel}"), end="\n\n")
    rows = []
    for name, make in TABLES.items():
        if chosen.only in name:
            started = time.perf_counter()
            word, why = outcome(make, max_steps=chosen.steps, kernel=chosen.kernel, **told(name))
            rows.append((name, word, why, f"{time.perf_counter() - started:.1f}"))
    print(table(("table", "outcome", "figures, or the sentence", "seconds"), rows))
    words = [row[1] for row in rows]
    print(f"\n{words.count('learnt')} learnt, {words.count('refused')} refused, {len(words)} in all")


if __name__ == "__main__":
    main()
