"""``realnvp fit``: read, learn, measure, save, draw, and say what came of it."""

import shlex
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from realnvp.cli.after import then
from realnvp.cli.base import figures, interrupts, noticed, say, spent, use_threads
from realnvp.cli.baselines import baselines
from realnvp.cli.figures import measured_rows
from realnvp.cli.live import live
from realnvp.cli.report import PAGE, keep_rows, provenance, write_page
from realnvp.cli.resume import check_resume, say_how
from realnvp.cli.source import HELD_OUT, Source, read_source
from realnvp.cli.world import keeping, place, spoken, started_again, together
from realnvp.data.columns import check_edges, edges_of, kinds_of
from realnvp.estimators.density import AUTO, RealNVP
from realnvp.estimators.parts.base import check_params
from realnvp.estimators.parts.columns import holed_codec, laws_of
from realnvp.files import CHECKPOINT
from realnvp.measure import mean_nll, truth_gap
from realnvp.measure.base import plain_arrays
from realnvp.report import draw_run, in_numbers
from realnvp.train.world import World
from realnvp.words import in_words, many

__all__ = ["run"]


@dataclass(frozen=True)
class Choices:
    """What the user chose beside the model's parameters."""

    columns: list[str]
    context: list[str]
    drop: list[str]
    rows: int | None
    skip_bad_files: bool
    threads: int | None
    out: Path | None
    checkpoint_every: float | None
    resume: bool
    draws: bool
    live: bool
    force: bool
    quiet: bool


def run(data: str, params: dict, chosen: Choices) -> None:
    """Fit a model to ``data`` and write its run folder; of several processes the first writes and speaks."""
    started = time.monotonic()
    with ExitStack() as stack:
        with together() as world:
            quiet = chosen.quiet or world.rank > 0
            model = RealNVP(**params | spoken(world, quiet=quiet))
            source = _read(data, model, chosen)
            again = started_again(world, chosen.out)
            chosen = replace(chosen, quiet=quiet)
            named = place(world, source.name, chosen.out, force=chosen.force or chosen.resume)
            folder = stack.enter_context(named)
            _learn(world, model, source, folder, chosen, stack, again=again)
        if world.rank:
            return
        _name(model, source)
        noticed(model.columns_, quiet=quiet)
        _save(model, folder, source, {}, chosen.force or chosen.resume)  # whatever comes, the training is safe
        _keep(folder, source, model)
        try:
            measured = _measure(model, source)
        except KeyboardInterrupt:
            say(f"interrupted while measuring: the model is safe in {folder}", quiet=quiet)
            then("info", folder, quiet=quiet)
            return
        _save(model, folder, source, measured, force=True)
    if chosen.draws:
        say(f"drawing pictures into {folder / 'figures'} …", quiet=quiet)
        try:
            _draw(model, folder, source)
        except KeyboardInterrupt:
            say(f"interrupted while drawing: the model is safe in {folder}", quiet=quiet)
    page = write_page(folder, quiet=True)
    _close(model, folder, source, measured, time.monotonic() - started, chosen, page=page)


def _read(data: str, model: RealNVP, chosen: Choices) -> Source:
    """Check what was chosen, and read the rows to learn from and to measure on."""
    check_params(model, AUTO)
    use_threads(chosen.threads, model.width)
    check_resume(resume=chosen.resume, out=chosen.out)
    told: dict = {"seed": model.random_state, "missing": model.missing, "kinds": model.kinds, "drop": chosen.drop}
    told["skip_bad_files"] = chosen.skip_bad_files
    source = read_source(data, chosen.columns, chosen.context, chosen.rows, **told)
    _by_number(model, source)
    return source


def _learn(
    world: World, model: RealNVP, source: Source, folder: Path, chosen: Choices, until: ExitStack, *, again: bool
) -> None:
    """Train the model, keeping a checkpoint if one is wanted; what shows it live is shown ``until`` there is a run."""
    told: dict = {"every": chosen.checkpoint_every, "resume": chosen.resume, "force": chosen.force}
    checkpoint = keeping(world, folder, chosen.out, again=again, **told)
    say(_opening(source, model), quiet=chosen.quiet)
    watch = live(world, model, folder, partial(_store, source), wanted=chosen.live, quiet=chosen.quiet)
    until.enter_context(watch)
    with interrupts(model), _told_by_name():
        source.fit(model, checkpoint)
    if checkpoint is None and not world.rank:
        (folder / CHECKPOINT).unlink(missing_ok=True)  # of a run that this one replaces


def _by_number(model: RealNVP, source: Source) -> None:
    """Turn what is said of columns by name into numbers, and say by name what a fit of the array would warn of."""
    names = source.columns
    kinds, edges = kinds_of(model.kinds, names), edges_of(model.bounds, names)
    for j, name in enumerate(names):
        if j in source.labels_of:
            continue
        check_edges(source.train[:, j], name, edges[j])
    if isinstance(model.kinds, dict):
        model.kinds = dict(enumerate(kinds))
    if isinstance(model.bounds, dict):
        model.bounds = {j: (pair.low, pair.high) for j, pair in enumerate(edges)}
    laws = laws_of(source.train, names, kinds, source.labels_of)
    if laws.laws and np.isnan(rows := laws.independent(source.train)).any():
        about = laws.others(names), laws.others(kinds), laws.others(edges)
        holed_codec(rows, *about, laws.renumbered(source.labels_of))


@contextmanager
def _told_by_name() -> Iterator[None]:
    """Silence what a fit of the array says of its columns: it was said under their names when they were read."""
    with warnings.catch_warnings():
        told = "(.* from others, |columns .* are nearly copies|a table with missing values .* grid)"
        warnings.filterwarnings("ignore", told, UserWarning)
        yield


def _opening(source: Source, model: RealNVP) -> str:
    given = f" given {', '.join(source.context_columns)}" if source.context_columns else ""
    kernel = "couplings chosen by the table's size" if model.kernel == "auto" else f"{model.kernel} couplings"
    rows, columns = many(source.rows, "row"), f"{many(len(source.columns), 'column')}{given}"
    rows += f" in {source.facts['files']:,} files" if source.facts else ""
    return f"learning {source.name}: {rows} of {columns}; {kernel}, {model.base} base, seed {model.random_state}"


def _name(model: RealNVP, source: Source) -> None:
    """Give the columns their names: the fit saw an array."""
    model.codec_ = model.codec_.renamed(model.laws_.others(source.columns))


def _store(source: Source, model: RealNVP, folder: Path) -> None:
    """Save a model that is still in training."""
    _name(model, source)
    _save(model, folder, source, {}, force=True)
    _keep(folder, source, model)


def _measure(model: RealNVP, source: Source) -> dict[str, Any]:
    """Return the figures of the run, in nats."""
    with plain_arrays():
        log_prob = model.score_samples(source.met, context=source.held_context)
        can = _known(model, source.held_out)
        met, given = source.some(can), None if source.held_context is None else source.held_context[can]
        back = source.in_numbers(model.inverse_transform(model.transform(met, context=given), context=given))
    nll = mean_nll(log_prob)
    found: dict[str, Any] = {"held_out_nll": nll.value, "held_out_nll_error": nll.error}
    if source.truth is not None:
        gap = truth_gap(source.truth.log_prob(source.held_out), log_prob)
        found |= {"entropy": source.truth.entropy, "gap": gap.value, "gap_error": gap.error}
    train, held_out = (model.laws_.independent(rows) for rows in (source.train, source.held_out))
    found |= baselines(model, log_prob, train, held_out, source.context, source.held_context)
    return found | {"round_trip_error": float(np.abs(back - source.held_out[can]).max(initial=0.0))}


def _known(model: RealNVP, rows: np.ndarray) -> np.ndarray:
    """Return the places of rows whose values came in the training where only those can be: others have no latents."""
    return np.flatnonzero(model.codec_.holds(model.laws_.independent(rows)).all(axis=1))


def _save(model: RealNVP, folder: Path, source: Source, measured: dict, force: bool) -> None:
    data = {
        "name": source.name,
        "rows": source.rows,
        "held_out_rows": len(source.held_out),
        "columns": source.columns,
        "context_columns": list(source.context_columns),
        **source.facts,
    }
    names = {} if source.truth else {"columns": source.columns}
    model.save(folder, force=force, data=data, figures=measured, **provenance(), **names)


def _keep(folder: Path, source: Source, model: RealNVP) -> None:
    """Keep some rows for the report, without gaps."""
    whole, known = np.flatnonzero(~np.isnan(source.train).any(axis=1)), _known(model, source.held_out)
    about = (source.train, source.at, source.context, source.train_labels)
    held = (source.held_out, source.held_at, source.held_context, source.labels)
    parts: dict[str, tuple] = {
        name: tuple(None if a is None else a[at] for a in rows)
        for name, rows, at in (("train", about, whole), ("held_out", held, known))
    }
    kept = {}
    for name, (x, at, context, labels) in parts.items():
        kept[name] = {"x": x, "at": np.arange(len(x)) if at is None else at, "context": context, "labels": labels}
    notes = {"rows": ["training row", "held-out row"] if source.truth else ["row (training)", "row (held out)"]}
    classes = (
        {} if source.labels is None else {"classes": [f"part {i + 1}" for i in range(int(source.labels.max()) + 1)]}
    )
    keep_rows(folder, kept, notes | classes)


def _draw(model: RealNVP, folder: Path, source: Source) -> None:
    known = {
        "marginals": bool(model.architecture_.get("marginals")),
        "members": 1,
        "callbacks": None,
    }  # what took a trial to find out
    params = {**model.get_params(), **known, "max_steps": 0, "verbose": False}
    with _told_by_name():
        before = RealNVP(**params).fit(source.learnt, context=source.context)
    _name(before, source)
    draw_run(
        folder / "figures",
        in_numbers(model),
        model.laws_.independent(source.held_out),
        labels=source.labels,
        truth=source.truth,
        before=in_numbers(before),
        names=model.laws_.others(source.columns),
        context=source.held_context,
        reference=_base_draws(model) if model.base != "normal" else None,
    )


def _base_draws(model: RealNVP) -> np.ndarray:
    """Draws of the base, to compare latent coordinates with."""
    base = model.flow_.base
    generator = torch.Generator(next(model.flow_.buffers()).device).manual_seed(0)
    return base.sample(HELD_OUT, generator).detach().cpu().numpy()


def _close(
    model: RealNVP, folder: Path, source: Source, measured: dict, seconds: float, chosen: Choices, *, page: bool
) -> None:
    """Say what came of it and what to run next."""
    quiet = chosen.quiet
    rows = [
        *measured_rows(measured, len(source.held_out)),
        ("model", "", in_words(model.architecture_)),
        spent(model.history_, seconds, model.stopped_by_),
    ]
    say(quiet=quiet)
    figures(rows, quiet=quiet)
    middle = [] if source.context is None else np.median(source.context, axis=0)
    pairs = (f"{name}={value:.4g}" for name, value in zip(source.context_columns, middle, strict=True))
    given = ",".join(f'"{pair}"' if "," in pair else pair for pair in pairs)
    say(f"\nrun folder   {folder}", quiet=quiet)
    if chosen.draws:
        say(f"pictures     {folder / 'figures'}", quiet=quiet)
    if page:
        say(f"report       {folder / PAGE}", quiet=quiet)
    if model.stopped_by_ == "interrupt":
        say_how(folder, quiet=quiet)
    option = f" --context {shlex.quote(given)}" if given else ""
    say(f"next         realnvp sample {folder} -n 1000{option} --out samples.csv", quiet=quiet)
