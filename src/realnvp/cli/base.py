"""What the subcommands share: words on the terminal."""

import contextlib
import functools
import itertools
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from realnvp.errors import InputError
from realnvp.files import CHECKPOINT, check_folder, claimed, on_disk

__all__ = [
    "counted",
    "figures",
    "interrupts",
    "logged",
    "noticed",
    "reserved",
    "say",
    "sentences",
    "spent",
    "use_threads",
    "why",
]


def say(text: str = "", *, quiet: bool = False) -> None:
    """Print a line, unless told to be quiet."""
    import typer

    if not quiet:
        typer.echo(text)


def figures(rows: Sequence[tuple[str, str, str]], *, quiet: bool = False) -> None:
    """Print a table of figures: what, how much, in which unit or why."""
    left, middle = (max(len(row[i]) for row in rows) for i in (0, 1))
    for what, much, unit in rows:
        say(f"{what:<{left}}   {much:>{middle}}   {unit}", quiet=quiet)


def noticed(columns: Sequence[dict], *, quiet: bool = False) -> None:
    """Say of each column that is not plain what it is taken for: the first twenty of them."""
    told = [column for column in columns if column["noticed"]]
    for column in told[:20]:
        say(f"column {column['name'] or repr('')}: {column['noticed']}", quiet=quiet)
    if len(told) > 20:
        say(f"and {len(told) - 20} more such columns: the run's config.json says which", quiet=quiet)


def counted(pieces: Iterable, total: int | None, what: str, *, quiet: bool = False) -> Iterator:
    """Pass pieces on under a progress bar that counts their rows; silent where stderr is not a terminal."""
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=what, unit=" rows", unit_scale=True, disable=quiet or not sys.stderr.isatty()) as bar:
        for piece in pieces:
            yield piece
            bar.update(len(piece))


def use_threads(wanted: int | None, width: int | str) -> None:
    """Set the number of processor threads; by default one for narrow nets, whose products are too small to share."""
    import torch

    if wanted or isinstance(width, str) or width <= 128:
        torch.set_num_threads(wanted or 1)


def logged(folder: Path | None) -> list | None:
    """Return the callbacks that log a training for TensorBoard, if a folder is named for it."""
    if folder is None:
        return None
    from realnvp.interop import TensorBoard

    return [TensorBoard(folder)]


def sentences(command: Callable[..., None]) -> Callable[..., None]:
    """Make a subcommand end in one sentence on stderr and exit code 2 whatever goes wrong.

    ``REALNVP_TRACEBACK=1`` in the environment shows the traceback instead.
    """

    @functools.wraps(command)
    def run(*args: object, **kwargs: object) -> None:
        try:
            with warnings.catch_warnings():
                warnings.showwarning = _warned
                _alone(command.__name__)
                command(*args, **kwargs)
        except KeyboardInterrupt:
            kept = kwargs.get("checkpoint_every") is not None or kwargs.get("resume")
            _fail(
                "interrupted: no more is saved than the last checkpoint, if any; realnvp info RUN says how to go on"
                if kept
                else "interrupted: nothing was saved; the same command begins anew"
            )
        except Exception as error:
            if os.environ.get("REALNVP_TRACEBACK"):
                raise
            _fail(_sentence(error, kwargs))

    return run


def _alone(command: str) -> None:
    """Refuse to do the work of one process in each of several; the first of them says so."""
    if command != "fit" and "TORCHELASTIC_RUN_ID" in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
        if os.environ.get("RANK") != "0":
            raise SystemExit(2)
        raise InputError(f"{command} runs in one process: start it without torchrun")


def _warned(message: Warning | str, *_: object, **__: object) -> None:
    """Show a warning as a sentence: the line of the library that it came from says nothing here."""
    sys.stderr.write(f"realnvp: {message}\n")


def _fail(sentence: str) -> None:
    rank = os.environ.get("RANK", "0") if "TORCHELASTIC_RUN_ID" in os.environ else "0"
    sys.stderr.write(f"realnvp: {'' if rank == '0' else f'process {rank}: '}{sentence}\n")
    raise SystemExit(2)


def _sentence(error: Exception, options: Iterable[str]) -> str:
    """Say in one line what went wrong; what is not the user's to mend says how to see more."""
    first = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, InputError):
        return _in_options(first, options)
    if isinstance(error, BrokenPipeError):
        return "the reader of the output closed it"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or first}"
    if isinstance(error, MemoryError) or "allocate memory" in first:
        return "there is not enough memory for this: use a smaller width, fewer layers, or fewer rows"
    return f"{first[:200]} ({type(error).__name__}; set REALNVP_TRACEBACK=1 to see where)"


def _in_options(sentence: str, options: Iterable[str]) -> str:
    """Say parameters as options of the command: ``max_time must`` as ``--max-time must``, ``a='b'`` as ``--a b``."""
    sentence = re.sub(r"\bkinds=\{'([^']+)': '(\w+)'\}", r"--kinds \1=\2", sentence)
    for option in ("missing", "kinds", *options):
        name = f"--{option.replace('_', '-')}"
        sentence = re.sub(rf"\b{option}='([^']+)'", rf"{name} \1", sentence)
        sentence = re.sub(rf"^{option} must", f"{name} must", sentence)
    if "drop" in options and (column := re.search(r"\bcolumn '([^']+)'", sentence)):
        drop = f"(--drop {shlex.quote(column[1])})"
        sentence = re.sub(r"\bleave (it|that column) out\b", lambda found: f"{found[0]} {drop}", sentence)
    sentence = re.sub(r"\bsay force\b", "say --force", sentence)
    sentence = re.sub(r"\bsay skip_bad_files=True\b", "say --skip-bad-files", sentence)
    return re.sub(r"\bwithout resume\b", "without --resume", sentence)


@contextlib.contextmanager
def reserved(name: str, out: Path | None, force: bool) -> Iterator[Path]:
    """Make the run folder before any work is done for it; take it away again if nothing came into it."""
    given = Path("runs") / name if out is None else out
    made = [place for place in given.parents if not place.exists()]
    folder = _named(out, force) if out is not None else _numbered(given)
    try:
        check_folder(folder)
        with claimed(folder):
            yield folder
    finally:
        with contextlib.suppress(OSError):
            for place in (folder, *made):
                place.rmdir()  # fails, as it should, where there is something in it


_SAVED, _TOLD = ("model.safetensors", "history.jsonl"), ("rows.safetensors", "report.html", "figures")
"""What a run's folder holds of the model, and what is written for its report."""


def _named(out: Path, force: bool) -> Path:
    if not out.name:
        raise InputError(f"--out {str(out)!r} names no folder of its own: give the run a name")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file: name a folder for the run")
    if (out / "config.json").exists() and not force:
        raise InputError(f"{out} holds a run already: choose another folder with --out, or replace it with --force")
    begun = (out / CHECKPOINT).exists()  # of a training that may go on, which has its own word to say
    names = _SAVED if begun else _SAVED + _TOLD
    if (taken := [name for name in names if (out / name).exists()]) and not force:
        raise InputError(f"{out} holds a {taken[0]} already: choose another folder with --out, or say --force")
    with on_disk(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def _numbered(first: Path) -> Path:
    """Make the first of NAME, NAME-2, … that is free; of two fits at once each gets its own."""
    with on_disk(first):
        first.parent.mkdir(exist_ok=True)
        for i in itertools.count(1):
            folder = first if i == 1 else first.with_name(f"{first.name}-{i}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                break
    return folder


@contextlib.contextmanager
def interrupts(model: object) -> Iterator[None]:
    """Let an interrupt end the training, not the command: the best model so far is saved."""
    try:
        yield
    except KeyboardInterrupt:
        if getattr(model, "stopped_by_", None) != "interrupt":
            raise


def spent(history: Sequence[dict], seconds: float, stopped_by: str) -> tuple[str, str, str]:
    """Say what a command's seconds went to; a training that was started again has some of before."""
    steps, trained = (history[-1][key] if history else 0 for key in ("step", "seconds"))
    rest = "the rest is measuring and drawing" if trained <= seconds else "of those some before it was started again"
    return "time", f"{seconds:.0f} s", f"{steps} steps in {trained:.0f} s, {why(stopped_by)}; {rest}"


def why(stopped_by: str) -> str:
    """Say in words what ended the training."""
    return {
        "max_steps": "all its steps",
        "max_time": "all its time",
        "early_stopping": "stopped early, the best weights kept",
        "interrupt": "interrupted, the best model so far is saved",
        "batches": "the data ended",
        "non_finite": "ended by a non-finite loss, the best weights kept",
    }.get(stopped_by, stopped_by)
