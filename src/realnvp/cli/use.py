"""``realnvp sample``, ``score``, ``impute`` and ``info``: what is done with a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from realnvp.cli.after import knows_energy, own_energy, then, to_draw
from realnvp.cli.base import counted, figures, noticed, say, why
from realnvp.cli.figures import energy_rows, measured_rows
from realnvp.cli.pieces import gaps, held_by, parted, pieces, read_as, unknown_rows, unseen
from realnvp.cli.resume import tell_how
from realnvp.cli.scores import Scorer, score_files, score_pieces
from realnvp.cli.which import check_run
from realnvp.data.collinear import Laws
from realnvp.data.many import ManyFiles
from realnvp.data.sources.places import is_many
from realnvp.data.table import table_columns
from realnvp.data.write import TableWriter
from realnvp.errors import InputError, nearest
from realnvp.measure.base import plain_arrays
from realnvp.train.checkpoint import read_config, rebuilding
from realnvp.words import in_words

if TYPE_CHECKING:
    from realnvp.estimators import BoltzmannGenerator

__all__ = ["impute", "info", "kind_of", "sample", "score"]

_MOST = 10_000_000
"""Columns that no run has: a damaged one may say so."""


def kind_of(run: Path) -> str:
    """Return what a run learnt: a density, an energy (boltzmann), images."""
    check_run(run)
    return str(read_config(run).get("kind"))


def sample(
    run: Path,
    out: Path,
    *,
    n: int,
    context: dict[str, float],
    corrected: bool,
    potential: str | None,
    seed: int,
    force: bool,
    quiet: bool,
) -> None:
    """Draw ``n`` rows of a run's model into a file."""
    from realnvp.estimators import RealNVP

    if read_config(run).get("kind") == "boltzmann":
        _sample_energy(run, out, n=n, corrected=corrected, potential=potential, seed=seed, force=force, quiet=quiet)
        return
    if potential:
        raise InputError(f"{run} learnt a density from samples: --potential is for runs of an energy, leave it out")
    if corrected:
        raise InputError(f"{run} learnt a density from samples: --corrected is for runs of an energy, leave it out")
    columns, given = _columns(run)
    if unknown := [name for name in context if name not in given]:
        raise InputError(f"{run} was not fitted given {unknown[0]!r}{nearest(unknown[0], given) if given else ''}")
    if set(context) != set(given):
        wanted = f"--context {','.join(f'{name}=…' for name in given)}" if given else "no --context"
        raise InputError(f"{run} was fitted with {', '.join(given) or 'no context'}: give {wanted}")
    writer = TableWriter(out, columns, force=force)
    model = RealNVP.load(run)
    values = [context[name] for name in given] or None
    with writer:
        for piece in counted(model.iter_samples(n, values, random_state=seed), n, "sampling", quiet=quiet):
            writer.write(piece)
    say(f"{n:,} rows of {', '.join(columns)} in {out}", quiet=quiet)
    if not given:  # else the file lacks what the rows were drawn given
        then("score", run, out, "--summary", quiet=quiet)


def _sample_energy(
    run: Path, out: Path, *, n: int, corrected: bool, potential: str | None, seed: int, force: bool, quiet: bool
) -> None:
    """Draw rows of a run that learnt an energy; corrected ones are the states of chains."""
    from realnvp.cli.potential import named_potential
    from realnvp.estimators import BoltzmannGenerator

    config = read_config(run)
    if potential and (config.get("potential") or not corrected):
        why = (
            "knows the energy that it learnt" if config.get("potential") else "is asked its energy for --corrected only"
        )
        raise InputError(f"{run} {why}: leave --potential out")
    if corrected and not potential and not knows_energy(config):
        raise InputError(
            f"{run} was learnt from a function that is in no file: leave --corrected out, or in Python "
            f"BoltzmannGenerator.load({str(run)!r}, potential).sample({n}, corrected=True)"
        )
    if corrected and not potential and (own := own_energy(config)):
        # a run may be a stranger's: whose code is run the user says, not the run
        raise InputError(
            f"{run} says that it learnt {own}, which is code: to have it run from this folder, say --potential {own}"
        )
    model = BoltzmannGenerator.load(run, None if potential is None else named_potential(potential))
    writer = TableWriter(out, _columns(run)[0], force=force)
    pieces = model.iter_samples(n, corrected=corrected, random_state=seed)
    with writer:
        for piece in counted(pieces, n, "sampling", quiet=quiet):
            writer.write(piece)
    how = f" (corrected, acceptance {model.acceptance_:.2f}{_local(model)})" if corrected else ""
    say(f"{n:,} rows{how} in {out}", quiet=quiet)
    then("score", run, out, "--summary", quiet=quiet)


def _local(model: "BoltzmannGenerator") -> str:
    """Say how many local moves were accepted, if the chains made any."""
    rate: float = model.local_acceptance_
    return f"; of the local moves {rate:.2f}" if rate == rate else ""


def score(
    run: Path,
    data: str,
    out: Path | None,
    *,
    summary: bool,
    as_json: bool,
    engine: str = "plain",
    skip_bad_files: bool = False,
    force: bool,
    quiet: bool,
) -> None:
    """Write the log density of each row of ``data`` into a file, or a folder, or print what they are together."""
    from realnvp.estimators import BoltzmannGenerator, RealNVP

    _apart(out, data)
    columns, given = _columns(run)
    config = read_config(run)
    with rebuilding(run):
        missing, labels = config["params"].get("missing", "refuse"), held_by(config)
    advice = ", or fit with --missing marginalise"
    many = is_many(data) or (engine != "plain" and data.lower().endswith(".parquet"))
    if not many and (engine != "plain" or skip_bad_files):
        option = "--skip-bad-files" if skip_bad_files else f"--engine {engine}"
        raise InputError(f"{data} is not of Parquet files: leave {option} out")
    if many:
        files = ManyFiles.open(data, columns, context=given, skip_bad_files=skip_bad_files)
        files = files.as_told(read_as([*columns, *given], labels))
    else:
        read = pieces(Path(data), _matching(Path(data), [*columns, *given]), labels, missing=missing, advice=advice)
    model: Any = (BoltzmannGenerator if config.get("kind") == "boltzmann" else RealNVP).load(run)
    scorer = Scorer(model, len(columns), bool(given), labels)
    if many:
        told: dict[str, Any] = {"engine": engine, "missing": missing, "advice": advice}
        found = score_files(scorer, files, out, **told, force=force, quiet=quiet or as_json)
    else:
        found = score_pieces(scorer, data, read, out, force=force, quiet=quiet or as_json)
    if summary:
        found.tell(run, data, as_json=as_json)
    if summary and out is not None:
        then(*to_draw(run), quiet=quiet or as_json)
    else:
        other = ["--out", "scores.csv"] if summary else ["--summary"]
        other += ["--skip-bad-files"] * skip_bad_files + ["--engine", engine] * (engine != "plain")
        then("score", run, data, *other, quiet=quiet or as_json)


def _apart(out: Path | None, data: str | Path) -> None:
    """Refuse to write over what is read, even by --force: half of it would be gone before it was read."""
    if out is not None and out.is_file() and Path(data).exists() and out.samefile(data):
        raise InputError(f"{out} is the data itself, which would be lost: choose another --out")


def impute(run: Path, data: Path, out: Path, *, seed: int, force: bool, quiet: bool) -> None:
    """Write the run's columns of ``data``, empty cells filled by draws given the rest of their rows."""
    from realnvp.estimators import RealNVP

    _apart(out, data)
    columns, given = _columns(run)
    with rebuilding(run):
        labels = held_by(read_config(run))
    read = pieces(data, _matching(data, [*columns, *given]), labels, missing="marginalise")
    writer = TableWriter(out, columns, force=force)
    model, seeds = RealNVP.load(run), np.random.default_rng(seed)
    cells, rows = 0, 0
    with writer:
        for piece in counted(read, None, "filling in", quiet=quiet):
            X, C = parted(piece, len(columns))
            if unknown_rows(piece, labels).any():
                raise unseen(data, piece, labels, rows)
            with plain_arrays():
                writer.write(model.impute(X, **({"context": C} if given else {}), random_state=seeds))
            cells, rows = cells + int(gaps(X, labels).sum()), rows + len(X)
    say(f"{cells:,} empty cells of {rows:,} rows filled in {out}", quiet=quiet)
    if not given:
        then("score", run, out, "--summary", quiet=quiet)


def info(run: Path, *, as_json: bool) -> None:
    """Print what a run folder holds."""
    config = read_config(run)
    if as_json:
        say(json.dumps(config, indent=2))
        return
    columns, given = _columns(run)
    shape, data = config["architecture"], config.get("data")
    if config.get("kind") == "boltzmann":
        _tell_energy(run, config)
        return
    say(f"run       {run}, format {config['format']}, written by realnvp {config['version']}")
    say(f"model     {in_words(shape)}")
    say(f"columns   {', '.join(columns)}{' given ' * bool(given)}{', '.join(given)}")
    for law in Laws.of(config.get("laws")).laws:
        say(f"law       {law.told(columns)}")
    noticed(config.get("kinds") or [])
    say(f"training  {why(config['stopped_by'])}")
    tell_how(run, config)
    if data:
        say(f"data      {data['name']}, {data['rows']:,} rows to train on")
        say()
        figures(measured_rows(config["figures"], data["held_out_rows"]))


def _tell_energy(run: Path, config: dict) -> None:
    shape, found, data = config["architecture"], config["found"], config.get("data") or {}
    say(f"run       {run}, format {config['format']}, written by realnvp {config['version']}")
    say(f"model     {shape['layers']} {shape['kernel']} couplings of width {shape['width']}, {shape['base']} base")
    say(f"energy    {data.get('name', 'a function')}, {shape['features']} features")
    say(f"training  {why(config['stopped_by'])}")
    say()
    figures(energy_rows(found, data.get("log_normalizer")))


def _columns(run: Path) -> tuple[list[str], list[str]]:
    """Names of the columns that a run's model learnt, and of those it was conditioned on."""
    config = read_config(run)
    try:
        shape, data = config["architecture"], config.get("data", {})
        features = shape["features"] + len(config.get("laws") or [])
        if max(features, shape.get("context", 0)) > _MOST:
            raise TypeError  # before they are named one by one
        columns = data.get("columns") or config.get("columns") or [f"x{i}" for i in range(features)]
        given = data.get("context_columns") or [f"c{i}" for i in range(shape.get("context", 0))]
        whole = (len(columns), len(given)) == (features, shape.get("context", 0))
        whole = whole and config.get("columns") in (None, columns)
        whole = whole and all(isinstance(name, str) for name in (*columns, *given))
    except (KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise InputError(f"{run}/config.json does not describe its model as fit wrote it: it is damaged, fit again")
    return columns, given


def _matching(data: Path, wanted: Sequence[str]) -> list[str]:
    """Return the columns to read: those of the names wanted, or by position where an array has no names."""
    names = table_columns(data)
    nameless = all(name == f"x{i}" for i, name in enumerate(names))
    if nameless and not set(wanted) <= set(names):
        if len(names) != len(wanted):
            raise InputError(
                f"{data} has {len(names)} columns without names, the run {len(wanted)}: {', '.join(wanted)}"
            )
        return list(names)
    return list(wanted)
