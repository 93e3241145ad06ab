"""Doors of the library that things are thrown at: arrays, models, pictures, potentials, files, runs."""

import contextlib
import copy
import io
import json
import random
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.fuzz_base import answer
from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.data.table import read_table
from realnvp.train.checkpoint import _digest

__all__ = [
    "array",
    "asks_a_model",
    "content",
    "damaged",
    "fits_an_array",
    "fits_pictures",
    "learns_a_potential",
    "loads_a_run",
    "reads_a_file",
]

TINY = {"layers": 1, "width": 4, "max_steps": 2, "verbose": False, "device": "cpu", "random_state": 0}
DTYPES = ["f8", "f8", "f8", "f4", "f2", "i8", "i1", "u1", "u8", "?", "c16", "O", "U3", "M8[s]"]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e30, 1e-30]
VALUES = [None, True, -1, 0, 1, 2**31, 10**30, 1e308, float("nan"), "", "x", "affine", [], [1, 2], {}, {"a": 1}, [[[]]]]


def array(r: random.Random, axes: int | None = None) -> np.ndarray:
    """Draw an array of any shape, dtype and scale, with numbers in it that are none."""
    shape = [
        r.choice([0, 1, 2, 3, 5, 12, 40]) for _ in range(r.choice([0, 1, 2, 2, 2, 2, 3]) if axes is None else axes)
    ]
    if len(shape) == 2 and r.random() < 0.05:
        shape[1] = 3000
    rng = np.random.default_rng(r.randrange(2**32))
    values = rng.normal(size=shape) * 10.0 ** r.uniform(-30, 30) + 10.0 ** r.uniform(-30, 30) * r.choice([0, 0, 1])
    if values.ndim == 2 and values.shape[1] and r.random() < 0.2:
        values[:, r.randrange(values.shape[1])] = r.choice(SPECIAL)
    if values.size and r.random() < 0.3:
        values.flat[r.randrange(values.size)] = r.choice(SPECIAL)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(values.astype(r.choice(DTYPES), order=r.choice("CF")))


def _sane(r: random.Random, rows: int) -> np.ndarray:
    """Draw an array that there is something to learn from."""
    values = np.random.default_rng(r.randrange(2**32)).normal(size=(rows, r.choice([1, 2, 3])))
    return values * 10.0 ** r.choice([-30, -10, 0, 10, 30]) + 10.0 ** r.choice([-30, 0, 8])


def _frame(r: random.Random, X: np.ndarray) -> Any:
    """Put an array into a data frame under names of all kinds."""
    import pandas as pd

    names = r.choice([[f"c{j}" for j in range(X.shape[1])], list(range(X.shape[1])), ["a"] * X.shape[1]])
    names = [r.choice([*names, None, 1.5, ("a", 1)]) for _ in names] if r.random() < 0.2 else names
    frame = pd.DataFrame(X, columns=names)
    kinds = ["string", "Float64", "object", *["category"] * (X.dtype != np.float16)]  # pandas has none of float16
    with contextlib.suppress(TypeError, ValueError):
        return frame.astype(r.choice(kinds)) if r.random() < 0.2 else frame
    return frame


def fits_an_array(r: random.Random) -> str:
    """Fit a table, score it, and go there and back."""
    X = array(r) if r.random() < 0.6 else _sane(r, r.choice([1, 2, 3, 12, 40]))
    context = r.choice([array(r), _sane(r, len(X))]) if r.random() < 0.2 and X.ndim else None
    X = _frame(r, X) if X.ndim == 2 and r.random() < 0.2 else X
    kernel, base = r.choice(["affine", "spline", "additive"]), r.choice(["normal", "mixture"])
    model = RealNVP(kernel, base=base, batch_size=r.choice([1, 64]), **TINY)
    if said := answer(lambda: model.fit(X, context=context)):
        return said
    given = {} if context is None else {"context": context}
    answer(lambda: model.score_samples(X, **given))
    answer(lambda: model.inverse_transform(model.transform(X, **given), **given))
    weights = torch.cat([v.double().flatten() for v in model.flow_.state_dict().values()])
    assert torch.isfinite(weights).all(), "a weight that is not a number"
    return ""


_fitted: dict[str, Any] = {}


def fitted(name: str) -> Any:
    """Return a small model, the same every time."""
    if not _fitted:
        rng = np.random.default_rng(0)
        X = rng.normal(size=(60, 3))
        _fitted["table"] = RealNVP(**TINY).fit(X)
        _fitted["given"] = RealNVP(**TINY).fit(X[:, :2], context=X[:, 2:])
        images = rng.integers(0, 5, (20, 4, 4))
        _fitted["pictures"] = ImageRealNVP(**TINY, levels=5).fit(images)
        _fitted["labelled"] = ImageRealNVP(**TINY, levels=5).fit(images, context=np.arange(20) % 3)
    return _fitted[name]


def asks_a_model(r: random.Random) -> str:
    """Call a method of a fitted model with anything."""
    name = r.choice(["table", "given", "pictures", "labelled"])
    model, pictures = fitted(name), name in ("pictures", "labelled")
    anything = [None, 0, -1, 2.5, "x", [], [[1.0], [1.0, 2.0]], {}, np.nan, 10**19]
    given = {} if r.random() < 0.5 else {"context": r.choice([*anything, array(r), [0.5], [1], np.arange(3)])}
    points = r.choice([lambda: array(r), lambda: array(r, 3), lambda: r.choice(anything)])()
    if isinstance(points, np.ndarray) and r.random() < 0.5:
        points = np.random.default_rng(0).integers(0, 5, (3, 4, 4)) if pictures else np.zeros((3, r.choice([2, 3])))
    methods = ["score_samples", "transform", "inverse_transform", "sample"]
    methods += ["interpolate", "inpaint", "bits_per_dim"] if pictures else ["score"]
    method = r.choice(methods)
    if method == "sample":
        n = r.choice([0, 1, 3, -1, 2.5, None, "x", True])
        return answer(lambda: model.sample(n, random_state=r.choice([0, -1, None, "x", 2**70]), **given))
    if method == "interpolate":
        return answer(lambda: model.interpolate(points, points, r.choice([0, 2, 3, "x"]), **given))
    if method == "inpaint":
        mask = r.choice([np.ones((4, 4), bool), array(r), None, True])
        return answer(lambda: model.inpaint(points, mask, steps=r.choice([1, 0, -1]), **given))
    return answer(lambda: getattr(model, method)(points, **given))


def fits_pictures(r: random.Random) -> str:
    """Fit arrays as pictures."""
    k = array(r, r.choice([2, 3, 3, 4, 4, 5]))
    if r.random() < 0.6:
        shape = [r.choice([0, 1, 2, 5, 12]), *(r.choice([1, 2, 3, 4, 6, 8]) for _ in range(r.choice([2, 2, 3])))]
        k = np.random.default_rng(0).integers(0, r.choice([1, 2, 5, 256, 300]), shape)
    levels = r.choice([2, 5, 256, 256, 0, 1, 2.5, None, 10**6])
    name = r.choice(["glow", "real_nvp", "flat", "nothing"])
    model = ImageRealNVP(**TINY, levels=levels, architecture=name, scales=r.choice(["auto", 1, 2, 9]))
    context = r.choice([None, None, np.arange(len(k)) if k.ndim else 0, array(r)])
    return answer(lambda: model.fit(k, context=context)) or answer(lambda: model.sample(2, random_state=0))


def learns_a_potential(r: random.Random) -> str:
    """Learn from functions that give the wrong thing."""
    features = r.choice([1, 2, 3])
    late = r.choice([0, 0, 5])
    calls = iter(range(10**9))
    wrong = r.choice(
        [
            lambda x: x,
            lambda x: x.sum(),
            lambda x: x.square().sum(1).numpy() if not x.requires_grad else x.square().sum(1).detach().numpy(),
            lambda _: None,
            lambda x: torch.full(x.shape[:1], r.choice(SPECIAL[:3])),
            lambda x: torch.where(x[:, 0] > 0, torch.nan, x.square().sum(1)),
            lambda x: torch.where(x[:, 0] > 0, torch.inf, x.square().sum(1)),
            lambda x: -x.square().sum(1),
            lambda x: x.square().sum(1).sqrt().log(),
            lambda x: x.square().sum(1) * 1e30,
            lambda x: x.square().sum(1).int(),
            lambda x: x.square().sum(1).to(torch.complex64),
            lambda x: x[:-1].square().sum(1),
            lambda _: 1 / 0,
            lambda _: {}["mine"],
            lambda x: x.square().sum(1),
        ]
    )
    bounds = r.choice([None, None, (-4, 4), (4, -4), (0, np.inf), "x", 3, ([0] * 9, [1] * 9)])
    model = BoltzmannGenerator(features, bounds, particles=16, max_steps=2, width=4, layers=1, verbose=False)

    def potential(x: torch.Tensor) -> Any:
        return wrong(x) if next(calls) >= late else x.square().sum(1)

    return answer(lambda: model.fit(potential))


def reads_a_file(r: random.Random) -> str:
    """Read tables that are damaged, cut short, of another kind, or bombs."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "table" + r.choice([".csv", ".csv.gz", ".parquet", ".npy", ".npz", ".txt", ""]))
        path.write_bytes(content(r, path.suffix))
        return answer(lambda: read_table(path).values)


def content(r: random.Random, suffix: str) -> bytes:
    """Return what a file of that suffix may hold, good or bad."""
    file, X = io.BytesIO(), array(r)
    kind = suffix if r.random() < 0.8 else r.choice([".csv", ".npy", ".npz"])
    if kind == ".npy":
        np.save(file, X, allow_pickle=True)
    elif kind == ".npz":
        np.savez_compressed(file, **{name: array(r) for name in r.choice([["X"], ["a", "b"], ["x.y", ""], []])})
    elif kind == ".parquet" and X.ndim == 2 and X.dtype.kind in "fiub":
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({f"c{j}": np.ascontiguousarray(X[:, j]) for j in range(X.shape[1])}), file)
    else:
        words = ["a", "1", "2.5", "", "nan", "inf", '"', ",", ";", "\t", "é", "\ufeff", "1e999", "true", "\x00", "\r"]
        rows = [",".join(r.choice(words) for _ in range(r.choice([1, 2, 2, 3]))) for _ in range(r.randrange(12))]
        file.write("\n".join(rows).encode(r.choice(["utf-8", "utf-16", "utf-8", "utf-32"])))
    content = bytearray(file.getvalue())
    for _ in range(r.choice([0, 0, 1, 5])):
        if content:
            content[r.randrange(len(content))] = r.randrange(256)
    return bytes(content[: r.choice([len(content), len(content), r.randrange(len(content) + 1)])])


RUNS = Path(__file__).parent.parent / "tests" / "data" / "runs"
LOADERS = {"table": RealNVP, "spline": RealNVP, "energy": BoltzmannGenerator, "pictures": ImageRealNVP}


def damaged(r: random.Random, run: Path) -> None:
    """Copy a run and change something of it."""
    source = RUNS / f"1-{r.choice(list(LOADERS))}"
    run.mkdir()
    for path in source.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    path = run / r.choice(["config.json", "config.json", "config.json", "model.safetensors", "history.jsonl"])
    if path.suffix == ".json" and r.random() < 0.8:
        config = json.loads(path.read_text())
        for _ in range(r.choice([1, 1, 2])):
            _change(r, config)
        config["config_sha256"] = _digest(config)
        path.write_text(json.dumps(config))
        return
    content = bytearray(path.read_bytes())
    content[r.randrange(len(content))] = r.randrange(256)
    path.write_bytes(content[: r.choice([len(content), r.randrange(len(content))])])


def _change(r: random.Random, node: Any) -> None:
    """Give some place in a tree of plain data another value."""
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = r.choice(keys)
        if isinstance(node[key], dict | list) and node[key] and r.random() < 0.8:
            node = node[key]
            continue
        if r.random() < 0.2 and isinstance(node, dict):
            del node[key]
        else:
            node[key] = copy.deepcopy(r.choice(VALUES))
        return


def loads_a_run(r: random.Random) -> str:
    """Load a damaged run."""
    with tempfile.TemporaryDirectory() as place:
        damaged(r, run := Path(place, "run"))
        loader = r.choice(list(LOADERS.values()))
        return answer(lambda: loader.load(run) and None)
