"""Options and choices that several subcommands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from realnvp.cli.complete import awaited, runs

__all__ = [
    "Architecture",
    "Awaited",
    "BaseName",
    "BatchSize",
    "Bodies",
    "Bounds",
    "CheckpointEvery",
    "Compile",
    "DataDir",
    "Drop",
    "EngineName",
    "Force",
    "Kernel",
    "Kinds",
    "Layers",
    "LearningRate",
    "MaxSteps",
    "MaxTime",
    "Members",
    "Memory",
    "MemoryName",
    "Missing",
    "MissingName",
    "NoFigures",
    "Out",
    "PictureFlow",
    "Precision",
    "PrecisionName",
    "Quiet",
    "Resume",
    "Run",
    "RunOut",
    "Seed",
    "SkipBadFiles",
    "Split",
    "TensorBoardDir",
    "Threads",
    "Width",
]


class Kernel(str, Enum):
    """The kernels by name."""

    auto = "auto"
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


class MemoryName(str, Enum):
    """What training keeps for the gradient."""

    stored = "stored"
    constant = "constant"


class PrecisionName(str, Enum):
    """What the nets compute in while training."""

    auto = "auto"
    float32 = "float32"
    bf16 = "bf16"


class EngineName(str, Enum):
    """Who scores many files."""

    plain = "plain"
    ray = "ray"


class MissingName(str, Enum):
    """What is done with rows that have empty cells."""

    refuse = "refuse"
    marginalise = "marginalise"


Layers = Annotated[
    int | None,
    typer.Option(
        min=1, help="Number of couplings, of pictures in a scale; by default 4 of splines, 10 of affine maps."
    ),
]
Width = Annotated[
    int | None, typer.Option(min=1, help="Width of the hidden layers of each net; by default 64, of pictures 32.")
]
PictureFlow = Annotated[
    Architecture | None, typer.Option(help="Of pictures: glow (the default), real_nvp as published, or flat.")
]
Bodies = Annotated[
    str | None,
    typer.Option("--bodies", help="The features are like particles: their number,dimension. A potential may say."),
]
Kinds = Annotated[
    str, typer.Option(help="What columns are: auto, continuous, discrete or categorical, for all or as name=kind,….")
]
Drop = Annotated[str | None, typer.Option(help="Columns to leave out, such as ids, with commas between.")]
Bounds = Annotated[str | None, typer.Option(help="Where columns end: low:high for all or as name=low:high,….")]
Compile = Annotated[
    bool | None,
    typer.Option("--compile/--no-compile", help="Compile the training step, or not; by default where it pays."),
]
Memory = Annotated[MemoryName, typer.Option(help="constant: the memory of one coupling, half as long again or more.")]
Missing = Annotated[MissingName, typer.Option(help="Empty cells: refuse them, or learn from such rows as they are.")]
Precision = Annotated[PrecisionName, typer.Option(help="Of the nets, in training; auto: bf16 where wide and fast.")]
MaxSteps = Annotated[int | None, typer.Option(min=0, help="Most training steps; by default 3000, of pictures 5000.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Rows per step; by default 512, of pictures 32.")]
LearningRate = Annotated[float, typer.Option(help="Peak learning rate.")]
Members = Annotated[
    int | None, typer.Option(min=1, help="Flows of a table to train and mix; by default by the table's size.")
]
CheckpointEvery = Annotated[
    float | None, typer.Option(help="Seconds between checkpoints; by default none are written.")
]
Live = Annotated[bool, typer.Option("--live", help="Let realnvp serve RUN show the training while it goes on.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in --out, with the same options.")]
Threads = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Processor threads; by default 1 for narrow nets of tables.")
]
TensorBoardDir = Annotated[
    Path | None,
    typer.Option("--tensorboard", help="Folder to log the training into; needs the extra realnvp[tensorboard]."),
]
MaxTime = Annotated[float | None, typer.Option(help="Most seconds of training.")]
Seed = Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Same seed, same numbers.")]
SkipBadFiles = Annotated[
    bool, typer.Option("--skip-bad-files", help="Of many files: leave out and count those that cannot be read.")
]
RunOut = Annotated[Path | None, typer.Option(help="Run folder to write; by default runs/NAME.")]
NoFigures = Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")]
Run = Annotated[Path, typer.Argument(help="A folder that fit or boltzmann wrote.", autocompletion=runs)]
Awaited = Annotated[Path, typer.Argument(help="A folder that fit or boltzmann writes.", autocompletion=awaited)]
Out = Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .npy; sampled pictures: .png or .npy.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that exists.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no report; errors only.")]
DataDir = Annotated[
    Path | None, typer.Option(help="Folder of mnist, fashion_mnist or cifar10, else REALNVP_DATA or the network.")
]
