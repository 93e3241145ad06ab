"""``realnvp sample`` and ``score``: rows drawn from a run, and densities of rows."""

from pathlib import Path
from typing import Annotated

import typer

from realnvp.cli.base import sentences
from realnvp.cli.options import DataDir, EngineName, Force, Out, Quiet, Run, SkipBadFiles, Split
from realnvp.cli.parse import count, one, values, words
from realnvp.errors import InputError

__all__ = ["sample", "score"]


@sentences
def sample(
    run: Run,
    out: Out,
    n: Annotated[int, typer.Option("-n", "--number", parser=count, help="How many rows to draw.")] = 1000,
    context: Annotated[
        str | None,
        typer.Option(help="Values to condition on: name=number, with commas between; of pictures label=LABEL."),
    ] = None,
    corrected: Annotated[bool, typer.Option("--corrected", help="Of an energy: exact samples, by Metropolis.")] = False,
    potential: Annotated[
        str | None,
        typer.Option(help="Of an energy of your own, for --corrected: package.module:function, whose code is run."),
    ] = None,
    temperature: Annotated[
        float, typer.Option(min=0, help="Of pictures: scale of the noise; below 1 likelier, fewer kinds.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same rows.")] = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw rows from a run's model.

    They carry the column names it learnt, and are written in a stream: any number of them fits. Pictures become a
    sheet (.png) or an array (.npy).
    """
    from realnvp.cli.use import kind_of
    from realnvp.cli.use import sample as draw

    if kind_of(run) == "images":
        from realnvp.cli.pictures_use import sample as paint

        if corrected or potential:
            option = "--corrected" if corrected else "--potential"
            raise InputError(f"{run} learnt pictures: {option} is for runs of an energy, leave it out")
        paint(run, out, n=n, context=words(context), temperature=temperature, seed=seed, force=force, quiet=quiet)
        return
    if temperature != 1:
        raise InputError(f"{run} did not learn pictures: --temperature is for those, leave it out")
    told: dict = {"seed": seed, "force": force, "quiet": quiet}
    draw(run, out, n=n, context=values(context), corrected=corrected, potential=potential, **told)


@sentences
def score(
    more: typer.Context,
    run: Run,
    data: Annotated[
        str,
        typer.Argument(
            help="A .csv .parquet .npy .npz file with the run's columns, many .parquet files (their folder, a glob in "
            "quotes or an address), or pictures as fit takes them."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: .csv, .parquet or .npy; of many files also a folder, without ending; not needed by "
            "--summary."
        ),
    ] = None,
    summary: Annotated[bool, typer.Option("--summary", help="Print mean, standard error and quantiles.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object, and nothing else.")] = False,
    engine: Annotated[
        EngineName, typer.Option(help="Of many files: this process, or Ray Data; needs the extra realnvp[ray].")
    ] = EngineName.plain,
    skip_bad_files: SkipBadFiles = False,
    split: Annotated[
        Split | None,
        typer.Option(help="Of pictures: held-out (of a named set the default), train, or all (of files the default)."),
    ] = None,
    data_dir: DataDir = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write the log density of each row, in nats; of each picture also bits per dimension.

    Reading and writing tables are streams: files of any length fit. Rows are in the order of the files' names; a folder
    gets a file for each that was read. Ray joins the cluster of RAY_ADDRESS, or starts on this machine.
    """
    from realnvp.cli.use import kind_of
    from realnvp.cli.use import score as assess

    one(more.args)
    told = {"summary": summary or json, "as_json": json, "force": force, "quiet": quiet}
    if out is None and not (summary or json):
        raise InputError("say where the log densities go, --out FILE, or ask for what they are together by --summary")
    if kind_of(run) == "images":
        from realnvp.cli.pictures_use import score as weigh

        part = None if split is None else split.value
        if engine != EngineName.plain or skip_bad_files:
            raise InputError(f"{run} learnt pictures: --engine and --skip-bad-files are for tables, leave them out")
        weigh(run, data, out, split=part, data_dir=data_dir, **told)
        return
    if split is not None:
        raise InputError(f"{run} did not learn pictures: --split is for those, leave it out")
    assess(run, data, out, engine=engine.value, skip_bad_files=skip_bad_files, **told)
