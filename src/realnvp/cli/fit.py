"""``realnvp fit``: read, learn, measure, save, draw, and say what came of it."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from realnvp.cli.base import figures, measured_rows, say, use_threads
from realnvp.data.table import check_columns, read_table, table_columns
from realnvp.data.toy import TOYS, Toy
from realnvp.errors import InputError
from realnvp.estimators import RealNVP
from realnvp.measure import gaussian_nll, mean_nll, truth_gap
from realnvp.report import draw_run

__all__ = ["run"]

HELD_OUT = 20_000
"""Fresh rows of a toy set that the figures are measured on."""


@dataclass
class Source:
    """What there is to learn from: training rows, rows to measure on, and what is known of them."""

    name: str
    columns: list[str]
    train: np.ndarray
    held_out: np.ndarray
    context: np.ndarray | None = None
    held_context: np.ndarray | None = None
    context_columns: tuple[str, ...] = ()
    labels: np.ndarray | None = None
    truth: Toy | None = None


@dataclass(frozen=True)
class Choices:
    """What the user chose beside the model's parameters."""

    columns: list[str]
    context: list[str]
    rows: int
    threads: int | None
    out: Path | None
    force: bool
    quiet: bool


def run(data: str, params: dict, chosen: Choices) -> None:
    """Fit a model to ``data`` and write its run folder."""
    started, quiet = time.monotonic(), chosen.quiet
    use_threads(chosen.threads, params["width"])
    folder = _folder(data, chosen.out, chosen.force)
    source = _source(data, chosen, params["random_state"])
    model = RealNVP(**params)
    say(_opening(source, model), quiet=quiet)
    with _interrupts(model):
        model.fit(source.train, context=source.context)
    measured = _measure(model, source)
    _save(model, folder, source, measured, chosen.force)
    say(f"drawing pictures into {folder / 'figures'} …", quiet=quiet)
    _draw(model, folder, source)
    _close(model, folder, source, measured, time.monotonic() - started, quiet)


def _folder(data: str, out: Path | None, force: bool) -> Path:
    """Return the run folder; without a name, the first of runs/NAME, runs/NAME-2, … that is free."""
    if out is not None:
        if (out / "config.json").exists() and not force:
            raise InputError(f"{out} holds a run already: choose another folder with --out, or replace it with --force")
        return out
    first = Path("runs") / Path(data).stem
    return next(
        path
        for path in (first if i == 1 else first.with_name(f"{first.name}-{i}") for i in range(1, 10_000))
        if not path.exists()
    )


def _source(data: str, chosen: Choices, seed: int) -> Source:
    if data not in TOYS:
        return _table(data, chosen.columns, chosen.context, seed)
    if chosen.columns or chosen.context:
        raise InputError(f"the toy set {data!r} is learnt whole: leave --columns and --context out")
    return _toy(data, chosen.rows, seed)


def _toy(name: str, rows: int, seed: int) -> Source:
    law = TOYS[name]
    held_out, labels = law.sample_with_labels(HELD_OUT, seed + 10_000)
    return Source(
        name,
        [f"x{i}" for i in range(law.features)],
        law.sample(rows, seed),
        held_out,
        labels=labels if law.classes > 1 else None,
        truth=law,
    )


def _table(data: str, columns: list[str], context: list[str], seed: int) -> Source:
    path = Path(data)
    if not path.suffix and not path.exists():
        raise InputError(_unknown(data))
    if path.is_dir():
        raise InputError(f"{data} is a folder: name one file in it (.csv, .parquet, .npy or .npz)")
    if both := [name for name in columns if name in context]:
        raise InputError(f"column {both[0]!r} is named both in --columns and in --context: name it once")
    names = columns or [name for name in table_columns(path) if name not in context]
    if not names:
        raise InputError("every column is in --context: leave at least one to learn")
    values = read_table(path, [*names, *context]).values
    check_columns(values[:, : len(names)], names)
    order = np.random.default_rng(seed).permutation(len(values))
    test = order[: min(len(values) // 10, HELD_OUT)]
    train = order[len(test) :]
    split = len(names)
    return Source(
        path.stem,
        names,
        values[train, :split],
        values[test if len(test) else train, :split],
        context=values[train, split:] if context else None,
        held_context=values[test if len(test) else train, split:] if context else None,
        context_columns=tuple(context),
    )


def _unknown(name: str) -> str:
    near = get_close_matches(name, TOYS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown data {name!r}: {hint}Name a file, or a toy set: {', '.join(TOYS)}"


def _opening(source: Source, model: RealNVP) -> str:
    given = f" given {', '.join(source.context_columns)}" if source.context_columns else ""
    return (
        f"learning {source.name}: {len(source.train):,} rows of {len(source.columns)} columns{given}; "
        f"{model.kernel} couplings of width {model.width}, {model.base} base, seed {model.random_state}"
    )


@contextlib.contextmanager
def _interrupts(model: RealNVP) -> Iterator[None]:
    """Let an interrupt end the training, not the command: the best model so far is saved."""
    try:
        yield
    except KeyboardInterrupt:
        if getattr(model, "stopped_by_", None) != "interrupt":
            raise


def _measure(model: RealNVP, source: Source) -> dict[str, float]:
    """Return the figures of the run, in nats."""
    log_prob = model.score_samples(source.held_out, context=source.held_context)
    nll, gauss = mean_nll(log_prob), gaussian_nll(source.train, source.held_out)
    found = {"held_out_nll": nll.value, "held_out_nll_error": nll.error, "gaussian_nll": gauss.value}
    if source.truth is not None:
        gap = truth_gap(source.truth.log_prob(source.held_out), log_prob)
        found |= {"entropy": source.truth.entropy, "gap": gap.value, "gap_error": gap.error}
    Z = model.transform(source.held_out, context=source.held_context)
    back = model.inverse_transform(Z, context=source.held_context)
    return found | {"round_trip_error": float(np.abs(back - source.held_out).max())}


def _save(model: RealNVP, folder: Path, source: Source, measured: dict, force: bool) -> None:
    data = {
        "name": source.name,
        "rows": len(source.train),
        "held_out_rows": len(source.held_out),
        "columns": source.columns,
        "context_columns": list(source.context_columns),
    }
    model.save(folder, force=force, data=data, figures=measured)


def _draw(model: RealNVP, folder: Path, source: Source) -> None:
    params = {**model.get_params(), "max_steps": 0, "verbose": False}
    before = RealNVP(**params).fit(source.train, context=source.context)
    draw_run(
        folder / "figures",
        model,
        source.held_out,
        labels=source.labels,
        truth=source.truth,
        before=before,
        names=source.columns,
        context=source.held_context,
        reference=model.flow_.base.sample(HELD_OUT).detach().numpy() if model.base != "normal" else None,
    )


def _close(model: RealNVP, folder: Path, source: Source, measured: dict, seconds: float, quiet: bool) -> None:
    """Say what came of it and what to run next."""
    steps = model.history_[-1]["step"] if model.history_ else 0
    rows = [
        *measured_rows(measured, len(source.held_out)),
        ("time", f"{seconds:.0f} s", f"{steps} steps, {_why(model)}"),
    ]
    say(quiet=quiet)
    figures(rows, quiet=quiet)
    given = ",".join(f"{name}=0" for name in source.context_columns)
    say(f"\nrun folder   {folder}", quiet=quiet)
    say(f"pictures     {folder / 'figures'}", quiet=quiet)
    say(
        f"next         realnvp sample {folder} -n 1000{f' --context {given}' * bool(given)} --out samples.csv",
        quiet=quiet,
    )


def _why(model: RealNVP) -> str:
    """Say in words what ended the training."""
    return {
        "max_steps": "all of max_steps",
        "max_time": "all of max_time",
        "early_stopping": "stopped early, the best weights kept",
        "interrupt": "interrupted, the best model so far is saved",
        "non_finite": "ended by a non-finite loss, the best weights kept",
    }.get(model.stopped_by_, model.stopped_by_)
