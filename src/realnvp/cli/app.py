"""The subcommands and their options."""

from typing import Annotated

import typer

import realnvp
from realnvp.cli import complete
from realnvp.cli.base import logged, sentences
from realnvp.cli.draws import sample, score
from realnvp.cli.options import (
    BaseName,
    BatchSize,
    Bodies,
    Bounds,
    CheckpointEvery,
    Compile,
    DataDir,
    Drop,
    Force,
    Kernel,
    Kinds,
    Layers,
    LearningRate,
    Live,
    MaxSteps,
    MaxTime,
    Members,
    Memory,
    MemoryName,
    Missing,
    MissingName,
    NoFigures,
    PictureFlow,
    Precision,
    PrecisionName,
    Quiet,
    Resume,
    RunOut,
    Seed,
    SkipBadFiles,
    TensorBoardDir,
    Threads,
    Width,
)
from realnvp.cli.parse import bodies, box, columns_are, names, one
from realnvp.cli.runs import export, impute, info, report, serve
from realnvp.errors import InputError

__all__ = ["app"]

_MORE = {"allow_extra_args": True}
"""Words after the last argument are spoken of by the command: a pattern that the shell has taken apart leaves some."""

app = typer.Typer(
    name="realnvp",
    help="Coupling flows: learn an exact density from data, score with it, sample from it in one pass.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


@app.command(context_settings=_MORE)
@sentences
def fit(
    more: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            help="A toy set (moons, …), a table (.csv .tsv .parquet .npy .npz; of many .parquet files the folder, a "
            "glob in quotes or an address), digits, mnist, fashion_mnist, cifar10, or pictures (a folder, or .npy of "
            "bytes).",
            autocompletion=complete.of(complete.DATA),
        ),
    ],
    kernel: Annotated[
        Kernel | None, typer.Option(help="Affine is Real NVP, additive is NICE; by default by the table's size.")
    ] = None,
    base: Annotated[BaseName, typer.Option(help="Base distribution.")] = BaseName.normal,
    layers: Layers = None,
    width: Width = None,
    columns: Annotated[str | None, typer.Option(help="Columns to learn, by name, with commas between.")] = None,
    context: Annotated[str | None, typer.Option(help="Columns to condition on, with commas between.")] = None,
    drop: Drop = None,
    kinds: Kinds = "auto",
    bounds: Bounds = None,
    rows: Annotated[int | None, typer.Option(min=100, help="Rows to draw of a toy set; by default 10,000.")] = None,
    architecture: PictureFlow = None,
    by_label: Annotated[bool, typer.Option("--by-label", help="Of pictures: learn them given their labels.")] = False,
    flips: Annotated[bool, typer.Option("--flips", help="Of pictures: turn half of them left to right.")] = False,
    variational: Annotated[
        bool, typer.Option("--variational", help="Of pictures: learn the noise too; a tighter bound, more time.")
    ] = False,
    data_dir: DataDir = None,
    max_steps: MaxSteps = None,
    max_time: MaxTime = None,
    batch_size: BatchSize = None,
    lr: LearningRate = 3e-3,
    members: Members = None,
    compiled: Compile = None,
    memory: Memory = MemoryName.stored,
    precision: Precision = PrecisionName.auto,
    missing: Missing = MissingName.refuse,
    seed: Seed = 0,
    threads: Threads = None,
    skip_bad_files: SkipBadFiles = False,
    out: RunOut = None,
    checkpoint_every: CheckpointEvery = None,
    resume: Resume = False,
    tensorboard: TensorBoardDir = None,
    no_figures: NoFigures = False,
    live: Live = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn a density and write a run folder.

    The folder holds the model, the history of its training and its pictures.
    """
    from realnvp.cli.pictures import holds_pictures

    one(more.args)
    params: dict[str, object] = {
        "kernel": None if kernel is None else kernel.value,
        "base": base.value,
        "layers": layers or "auto",
        "width": width,
        "max_steps": max_steps,
        "max_time": max_time,
        "batch_size": batch_size,
        "lr": lr,
        "compile": compiled,
        "memory": memory.value,
        "precision": precision.value,
        "random_state": seed,
        "verbose": not quiet,
        "callbacks": logged(tensorboard),
    }
    params = {name: value for name, value in params.items() if value is not None}
    if holds_pictures(data):
        from realnvp.cli.pictures import Chosen
        from realnvp.cli.pictures import fit as learn

        of_tables = {
            "columns": columns,
            "context": context,
            "drop": drop,
            "rows": rows,
            "members": members,
            "bounds": bounds,
            "skip-bad-files": skip_bad_files,
        }
        of_tables |= {"kinds": kinds != "auto", "missing": missing != MissingName.refuse}
        if wrong := [name for name, value in of_tables.items() if value]:
            raise InputError(f"{data} holds pictures, and --{wrong[0]} is for tables: leave it out")
        params |= {"flips": flips, "dequantisation": "variational" if variational else "uniform"}
        params |= {} if architecture is None else {"architecture": architecture.value}
        chosen = Chosen(data_dir, by_label, threads, out, checkpoint_every, resume, not no_figures, live, force, quiet)
        learn(data, params, chosen)
        return
    from realnvp.cli.fit import Choices, run

    given: dict[str, object] = {"architecture": architecture, "by-label": by_label, "flips": flips}
    given |= {"variational": variational, "data-dir": data_dir}
    if wrong := [f"--{name}" for name, value in given.items() if value]:
        raise InputError(f"{data} holds no pictures, and {wrong[0]} is for those: leave it out")
    further = {"members": members or "auto", "missing": missing.value, **columns_are(kinds, bounds)}
    rest = (rows, skip_bad_files, threads, out, checkpoint_every, resume, not no_figures, live, force, quiet)
    run(data, params | further, Choices(names(columns), names(context), names(drop), *rest))


@app.command()
@sentences
def boltzmann(
    potential: Annotated[
        str,
        typer.Argument(
            help="A potential's name (u1, phi4, …), or package.module:function.",
            autocompletion=complete.of(complete.POTENTIALS),
        ),
    ],
    n_features: Annotated[int | None, typer.Option(min=1, help="Dimension, where the potential does not say.")] = None,
    bounds: Annotated[str | None, typer.Option(help="Box the potential lives on: low,high.")] = None,
    particles: Bodies = None,
    kernel: Annotated[
        str,
        typer.Option(help="auto, spline, affine, additive or lattice.", autocompletion=complete.of(complete.KERNELS)),
    ] = "auto",
    layers: Annotated[int | None, typer.Option(min=1, help="Number of couplings; by default 4 of splines.")] = None,
    width: Annotated[
        int | None, typer.Option(min=1, help="Width of the hidden layers of each net; by default 64, on a lattice 16.")
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            help="auto, forward (keeps all modes), reverse or both.",
            autocompletion=complete.of(complete.OBJECTIVES),
        ),
    ] = "auto",
    max_steps: Annotated[int, typer.Option(min=0, help="Most training steps.")] = 3000,
    max_time: MaxTime = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Points per step; by default 512, on a lattice 256.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate; by default 3e-3, on a lattice 1e-2.")] = None,
    compiled: Compile = None,
    memory: Memory = MemoryName.stored,
    precision: Precision = PrecisionName.auto,
    seed: Seed = 0,
    threads: Threads = None,
    out: RunOut = None,
    tensorboard: TensorBoardDir = None,
    no_figures: NoFigures = False,
    live: Live = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Learn to sample from an energy, in kT, and write a run folder.

    The folder holds the model, the history of its training and its pictures.
    """
    from realnvp.cli.boltzmann import run

    params = {
        "n_features": n_features,
        "bounds": box(bounds),
        "bodies": bodies(particles),
        "kernel": kernel,
        "layers": layers or "auto",
        "width": width or "auto",
        "objective": objective,
        "max_steps": max_steps,
        "max_time": max_time,
        "batch_size": batch_size or "auto",
        "lr": "auto" if lr is None else lr,
        "compile": "auto" if compiled is None else compiled,
        "memory": memory.value,
        "precision": precision.value,
        "random_state": seed,
        "verbose": not quiet,
        "callbacks": logged(tensorboard),
    }
    run(potential, params, threads=threads, out=out, draws=not no_figures, live=live, force=force, quiet=quiet)


app.command()(sample)
app.command(context_settings=_MORE)(score)
app.command()(info)
app.command()(export)
app.command()(impute)
app.command()(report)
app.command()(serve)
