"""Options and choices that several subcommands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "Architecture",
    "BaseName",
    "DataDir",
    "Force",
    "Kernel",
    "MaxTime",
    "NoFigures",
    "Out",
    "Quiet",
    "Run",
    "RunOut",
    "Seed",
    "Split",
]


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


class Architecture(str, Enum):
    """The flows of pictures by name."""

    glow = "glow"
    real_nvp = "real_nvp"
    flat = "flat"


class Split(str, Enum):
    """Which pictures of those that a run was fitted to."""

    held_out = "held-out"
    train = "train"
    all = "all"


MaxTime = Annotated[float | None, typer.Option(help="Most seconds of training.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same numbers.")]
RunOut = Annotated[Path | None, typer.Option(help="Run folder to write; by default runs/NAME.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
Run = Annotated[Path, typer.Argument(help="A folder that fit wrote.")]
Out = Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .npy; sampled pictures: .png or .npy.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no report; errors only.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of mnist, fashion_mnist or cifar10, else REALNVP_DATA or the network.")
]
