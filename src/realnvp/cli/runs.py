"""``realnvp info``, ``export``, ``impute``, ``report``, ``serve``: what is done with a run beside drawing, scoring."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from realnvp.cli.after import then, to_draw
from realnvp.cli.base import say, sentences
from realnvp.cli.options import Awaited, Force, Out, Quiet, Run, Seed
from realnvp.errors import InputError

if TYPE_CHECKING:
    from realnvp.data.columns import Codec
    from realnvp.flow import Flow

__all__ = ["export", "impute", "info", "report", "serve"]


@sentences
def info(
    run: Run,
    json: Annotated[bool, typer.Option("--json", help="Print the run's config.json.")] = False,
) -> None:
    """Say what a run folder holds: data, model, figures."""
    from realnvp.cli.use import info as tell
    from realnvp.cli.use import kind_of
    from realnvp.train.checkpoint import rebuilding

    with rebuilding(run):
        if kind_of(run) == "images" and not json:
            from realnvp.cli.pictures_use import tell as describe

            describe(run)
        else:
            tell(run, as_json=json)
    if not json:
        say()
        then(*to_draw(run))


@sentences
def export(
    run: Run,
    as_onnx: Annotated[bool, typer.Option("--onnx", help="Write ONNX files; needs the extra realnvp[onnx].")] = False,
    as_code: Annotated[
        bool, typer.Option("--compiled", help="Write machine code for processors like this one; needs a C++ compiler.")
    ] = False,
    rows: Annotated[
        int | None, typer.Option(min=1, help="With --compiled: for exactly so many rows at a time; 1 answers soonest.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write into; by default onnx or code in the run.")] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a run's flow as files for other runtimes.

    log_prob.onnx (or .pt2) gives log densities of x, sample.onnx (or .pt2) turns base noise into draws; flow.json
    describes both.
    """
    from realnvp.cli.use import kind_of
    from realnvp.export import compiled, onnx

    if as_onnx == as_code:
        raise InputError("say in which form to export: realnvp export RUN --onnx, or --compiled")
    if rows and not as_code:
        raise InputError("--rows goes with --compiled: an ONNX file takes any number of rows")
    kind, form = kind_of(run), "pt2" if as_code else "onnx"
    folder = run / ("code" if as_code else "onnx") if out is None else out
    notes = _notes(run, kind)
    flow, codec = _model(run, kind)
    if as_code:
        compiled(flow, folder, rows=rows, codec=codec, force=force, **notes)
    else:
        onnx(flow, folder, codec=codec, force=force, **notes)
    entries = ", context" * bool(flow.context)
    say(f"log_prob.{form}   x{entries} -> log_prob, nats", quiet=quiet)
    say(f"sample.{form}     z{entries} -> x, log_prob, for noise z as flow.json says", quiet=quiet)
    say(f"in {folder}; both were run, and give the numbers of the run", quiet=quiet)
    if as_code:
        say(f"next   in Python: realnvp.export.load_compiled('{folder}').log_prob(x)", quiet=quiet)
    else:
        say(f"next   in Python: onnxruntime.InferenceSession('{folder / 'log_prob.onnx'}').run(None, …)", quiet=quiet)


def _notes(run: Path, kind: str) -> dict[str, Any]:
    """What is told of a run beside its programs."""
    from realnvp.data.collinear import Laws
    from realnvp.train.checkpoint import read_config, rebuilding

    config = read_config(run)
    data = config.get("data") or {}
    columns = data.get("columns") or config.get("columns")
    with rebuilding(run):
        laws = Laws.of(config.get("laws"))  # columns that follow from others are no part of the flow
        notes: dict[str, Any] = {"kind": kind, "columns": columns and laws.others(columns)}
        notes |= {"levels": config["params"].get("levels")}  # of pictures: x = (k + u) / levels
    notes |= {"context_columns": data.get("context_columns"), "classes": config.get("classes")}
    return {name: value for name, value in notes.items() if value}


@sentences
def impute(
    run: Run,
    data: Annotated[Path, typer.Argument(help="A .csv .parquet .npy .npz file with the run's columns.")],
    out: Out,
    seed: Seed = 0,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fill the empty cells of a table by draws given the rest of their rows.

    Other seeds give other draws. The run's columns are written, in a stream.
    """
    from realnvp.cli.use import impute as complete
    from realnvp.cli.use import kind_of

    if (kind := kind_of(run)) != "density":
        raise InputError(f"{run} is of kind {kind!r}: impute takes a run that fit wrote for a table")
    complete(run, data, out, seed=seed, force=force, quiet=quiet)


@sentences
def report(
    run: Run,
    out: Annotated[Path | None, typer.Option(help="File to write; by default report.html in the run.")] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Write a run's report anew: one page that opens from disk, in any browser.

    It holds the verdict, the flow explorer, the charts and how the run was made; fit and boltzmann end with it.
    """
    from realnvp.cli.report import report as write
    from realnvp.cli.use import kind_of

    kind_of(run)
    write(run, out=out, force=force, quiet=quiet)


@sentences
def serve(
    run: Awaited,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any that is free.")] = 8642,
    quiet: Quiet = False,
) -> None:
    """Show a run's report on 127.0.0.1, and a training while it goes on.

    The training has to be begun with --live; a folder that is not there yet is waited for. Nobody but this machine can
    see the page.
    """
    from realnvp.cli.serve import serve as show

    show(run, port=port, quiet=quiet)


def _model(run: Path, kind: str) -> tuple["Flow", "Codec | None"]:
    """Return the flow of a run, and of a table the code of its columns."""
    from realnvp.estimators import BoltzmannGenerator, ImageRealNVP, RealNVP

    if kind == "images":
        return ImageRealNVP.load(run, device="cpu").flow_, None
    if kind == "boltzmann":
        return BoltzmannGenerator.load(run).flow_, None
    model = RealNVP.load(run, device="cpu")
    return model.flow_, model.codec_
