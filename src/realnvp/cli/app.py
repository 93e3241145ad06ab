"""The subcommands and their options."""

import csv
import math
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

import realnvp
from realnvp.cli.base import sentences
from realnvp.errors import InputError

__all__ = ["app"]

app = typer.Typer(
    name="realnvp",
    help="Coupling flows: learn an exact density from data, score with it, sample from it in one pass.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Kernel(str, Enum):
    """The kernels by name."""

    additive = "additive"
    affine = "affine"
    spline = "spline"


class BaseName(str, Enum):
    """The bases by name."""

    logistic = "logistic"
    mixture = "mixture"
    normal = "normal"


Run = Annotated[Path, typer.Argument(help="A folder that fit wrote.")]
Out = Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .npy.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no report; errors only.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"realnvp {realnvp.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
@sentences
def fit(
    data: Annotated[str, typer.Argument(help="A toy set's name (moons, …), or a .csv .parquet .npy .npz file.")],
    kernel: Annotated[Kernel, typer.Option(help="Affine is Real NVP, additive is NICE.")] = Kernel.affine,
    base: Annotated[BaseName, typer.Option(help="Base distribution.")] = BaseName.normal,
    layers: Annotated[int | None, typer.Option(min=1, help="Number of couplings; by default 10, 4 of splines.")] = None,
    width: Annotated[int, typer.Option(min=1, help="Width of the two hidden layers of each net.")] = 64,
    columns: Annotated[str | None, typer.Option(help="Columns to learn, by name, with commas between.")] = None,
    context: Annotated[str | None, typer.Option(help="Columns to condition on, with commas between.")] = None,
    rows: Annotated[int | None, typer.Option(min=100, help="Rows to draw of a toy set; by default 10,000.")] = None,
    max_steps: Annotated[int, typer.Option(min=0, help="Most training steps.")] = 3000,
    max_time: Annotated[float | None, typer.Option(help="Most seconds of training.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Rows per step.")] = 512,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 3e-3,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same numbers.")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processor threads; by default 1 for narrow nets.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to write; by default runs/NAME.")] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn a density and write a run folder.

    The folder holds the model, the history of its training and its pictures.
    """
    from realnvp.cli.fit import Choices, run

    params = {
        "kernel": kernel.value,
        "base": base.value,
        "layers": layers or "auto",
        "width": width,
        "max_steps": max_steps,
        "max_time": max_time,
        "batch_size": batch_size,
        "lr": lr,
        "random_state": seed,
        "verbose": not quiet,
    }
    chosen = Choices(_names(columns), _names(context), rows, threads, out, force, quiet)
    run(data, params, chosen)


@app.command()
@sentences
def boltzmann(
    potential: Annotated[str, typer.Argument(help="A potential's name (u1, phi4, …), or package.module:function.")],
    n_features: Annotated[int | None, typer.Option(min=1, help="Dimension, where the potential does not say.")] = None,
    bounds: Annotated[str | None, typer.Option(help="Box the potential lives on: low,high.")] = None,
    kernel: Annotated[str, typer.Option(help="auto, spline, affine, additive or lattice.")] = "auto",
    layers: Annotated[int | None, typer.Option(min=1, help="Number of couplings; by default 4 of splines.")] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help="Width of the hidden layers of each net; by default 64, on a lattice 16.")
    ] = None,
    objective: Annotated[str, typer.Option(help="auto, forward (keeps all modes), reverse or both.")] = "auto",
    max_steps: Annotated[int, typer.Option(min=0, help="Most training steps.")] = 3000,
    max_time: Annotated[float | None, typer.Option(help="Most seconds of training.")] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Points per step; by default 512, on a lattice 256.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate; by default 3e-3, on a lattice 1e-2.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same numbers.")] = 0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=1024, help="Processor threads; by default 1 for narrow nets.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder to write; by default runs/NAME.")] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn to sample from an energy, in kT, and write a run folder.

    The folder holds the model, the history of its training and its pictures.
    """
    from realnvp.cli.boltzmann import run

    params = {
        "n_features": n_features,
        "bounds": _box(bounds),
        "kernel": kernel,
        "layers": layers or "auto",
        "width": width or "auto",
        "objective": objective,
        "max_steps": max_steps,
        "max_time": max_time,
        "batch_size": batch_size or "auto",
        "lr": "auto" if lr is None else lr,
        "random_state": seed,
        "verbose": not quiet,
    }
    run(potential, params, threads=threads, out=out, force=force, quiet=quiet)


@app.command()
@sentences
def sample(
    run: Run,
    out: Out,
    n: Annotated[int, typer.Option("-n", "--number", min=1, help="How many rows to draw.")] = 1000,
    context: Annotated[
        str | None, typer.Option(help="Values to condition on: name=number, with commas between.")
    ] = None,
    corrected: Annotated[bool, typer.Option("--corrected", help="Of an energy: exact samples, by Metropolis.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same rows.")] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw rows from a run's model.

    They carry the column names it learnt, and are written in a stream: any number of them fits.
    """
    from realnvp.cli.use import sample as draw

    draw(run, out, n=n, context=_values(context), corrected=corrected, seed=seed, force=force, quiet=quiet)


@app.command()
@sentences
def score(
    run: Run,
    data: Annotated[Path, typer.Argument(help="A .csv .parquet .npy .npz file with the run's columns.")],
    out: Out,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the log density of each row, in nats.

    Reading and writing are streams: a file of any length fits.
    """
    from realnvp.cli.use import score as assess

    assess(run, data, out, force=force, quiet=quiet)


@app.command()
@sentences
def info(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Print the run's config.json.")] = False,
) -> None:
    """Say what a run folder holds: data, model, figures."""
    from realnvp.cli.use import info as tell

    tell(run, as_json=json)


def _box(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    values = [_number(part.strip(), text, "--bounds takes low,high") for part in text.split(",")]
    if len(values) != 2:
        raise InputError(f"--bounds takes low,high, not {text!r}")
    return values[0], values[1]


def _names(text: str | None) -> list[str]:
    """Take names apart at the commas; quotes keep one in a name, as in a CSV file."""
    if text is None:
        return []
    try:
        names = [name.strip() for name in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        names = []
    if not names or not all(names):
        raise InputError(f"{text!r} names no columns: write them with commas between")
    return names


def _values(text: str | None) -> dict[str, float]:
    found: dict[str, float] = {}
    for item in _names(text):
        name, _, value = (part.strip() for part in item.rpartition("="))
        if name in found:
            raise InputError(f"--context gives {name!r} twice: give it once")
        found[name] = _number(value, item)
    return found


def _number(value: str, item: str, wanted: str = "--context takes name=number") -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{wanted} with finite numbers, not {item!r}")
    return number
