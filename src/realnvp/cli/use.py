"""``realnvp sample``, ``score`` and ``info``: what is done with a run."""

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from realnvp.cli.base import counted, figures, measured_rows, say
from realnvp.data.table import iter_table, table_columns
from realnvp.data.write import TableWriter
from realnvp.errors import InputError, nearest
from realnvp.train.checkpoint import read_config

__all__ = ["info", "sample", "score"]


def sample(run: Path, out: Path, *, n: int, context: dict[str, float], seed: int, force: bool, quiet: bool) -> None:
    """Draw ``n`` rows of a run's model into a file."""
    from realnvp.estimators import RealNVP

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


def score(run: Path, data: Path, out: Path, *, force: bool, quiet: bool) -> None:
    """Write the log density of each row of ``data`` into a file."""
    from realnvp.estimators import RealNVP

    columns, given = _columns(run)
    pieces = iter_table(data, _matching(data, [*columns, *given]))
    writer = TableWriter(out, ["log_prob"], force=force)
    model = RealNVP.load(run)
    total, rows = 0.0, 0
    with writer:
        for piece in counted(_values(pieces), None, "scoring", quiet=quiet):
            X, C = np.split(piece, [len(columns)], axis=1)
            with warnings.catch_warnings():  # the columns were chosen by name above
                warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
                log_prob = model.score_samples(X, context=C if given else None)
            writer.write(log_prob[:, None])
            total, rows = total + float(log_prob.sum()), rows + len(log_prob)
    say(f"{rows:,} log densities in {out}: mean {total / rows:.4f} nats per row", quiet=quiet)


def info(run: Path, *, as_json: bool) -> None:
    """Print what a run folder holds."""
    config = read_config(run)
    if as_json:
        say(json.dumps(config, indent=2))
        return
    columns, given = _columns(run)
    shape, data = config["architecture"], config.get("data")
    layers = f"{shape['layers']} {shape['kernel']} couplings of width {shape['width']}, {shape['base']} base"
    say(f"run       {run}, format {config['format']}, written by realnvp {config['version']}")
    say(f"model     {layers}")
    say(f"columns   {', '.join(columns)}{' given ' * bool(given)}{', '.join(given)}")
    if data:
        say(f"data      {data['name']}, {data['rows']:,} rows to train on")
        say()
        figures(measured_rows(config["figures"], data["held_out_rows"]))


def _columns(run: Path) -> tuple[list[str], list[str]]:
    """Names of the columns that a run's model learnt, and of those it was conditioned on."""
    config = read_config(run)
    try:
        shape, data = config["architecture"], config.get("data", {})
        columns = data.get("columns") or config.get("columns") or [f"x{i}" for i in range(shape["features"])]
        given = data.get("context_columns") or [f"c{i}" for i in range(shape["context"])]
        whole = (len(columns), len(given)) == (shape["features"], shape["context"])
        whole = whole and config.get("columns") in (None, columns)
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


def _values(pieces: Iterator) -> Iterator[np.ndarray]:
    for piece in pieces:
        yield piece.values
