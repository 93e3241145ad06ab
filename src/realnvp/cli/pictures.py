"""``realnvp fit`` of pictures: read, learn, measure, save, draw, and say what came of it."""

import math
import shlex
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from realnvp.cli.after import then
from realnvp.cli.base import figures, interrupts, say, spent, use_threads
from realnvp.cli.figures import picture_rows
from realnvp.cli.live import live
from realnvp.cli.report import PAGE, keep_rows, provenance, write_page
from realnvp.cli.resume import check_resume, say_how
from realnvp.cli.world import keeping, place, spoken, started_again, together
from realnvp.data.images import IMAGE_SETS, ImageSet, image_set, read_images
from realnvp.data.sources.places import has_tables
from realnvp.errors import InputError
from realnvp.estimators import ImageRealNVP
from realnvp.estimators.pictures.flows import KERNELS
from realnvp.files import CHECKPOINT
from realnvp.measure import pixelwise_bits
from realnvp.report import IMAGE_FILES, draw_images
from realnvp.train.world import World

__all__ = ["Chosen", "fit", "holds_pictures"]

_DRAWS = 4
"""Draws of the noise for each held-out picture; one where all of them have more than ``_MANY`` numbers."""
_MANY = 2000 * 3 * 32 * 32
_DRAWING = 120.0
"""Seconds that the figures may take; a tenth of the training if that is more."""


def holds_pictures(data: str) -> bool:
    """Whether DATA names pictures: a set, a folder that holds no tables, or an array with three axes or more."""
    if data in IMAGE_SETS:
        return True
    path = Path(data)
    if path.is_dir():
        return not has_tables(path)
    if path.suffix != ".npy" or not path.is_file():
        return False
    try:
        found = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, OSError, EOFError):
        return False
    return found.ndim >= 3


@dataclass(frozen=True)
class Chosen:
    """What the user chose beside the model's parameters."""

    data_dir: Path | None
    by_label: bool
    threads: int | None
    out: Path | None
    checkpoint_every: float | None
    resume: bool
    draws: bool
    live: bool
    force: bool
    quiet: bool


def fit(data: str, params: dict, chosen: Chosen) -> None:
    """Fit a flow of pictures and write its run folder; of several processes the first writes and speaks."""
    started, by_label = time.monotonic(), chosen.by_label
    if chosen.threads:
        use_threads(chosen.threads, 0)
    check_resume(resume=chosen.resume, out=chosen.out)
    with ExitStack() as stack:
        with together() as world:
            quiet = chosen.quiet or world.rank > 0
            source = world.led(partial(_source, data, chosen, params["random_state"]))
            again = started_again(world, chosen.out)
            chosen = replace(chosen, quiet=quiet)
            named = place(world, source.name, chosen.out, force=chosen.force or chosen.resume)
            folder = stack.enter_context(named)
            model = ImageRealNVP(**params | spoken(world, quiet=quiet), levels=source.levels)
            _learn(world, model, source, folder, chosen, stack, again=again)
        if world.rank:
            return
        _save(model, folder, source, by_label, force=chosen.force or chosen.resume)
        say("measuring …", quiet=quiet)
        try:
            measured = _measure(model, source, by_label)
        except KeyboardInterrupt:
            say(f"interrupted while measuring: the model is safe in {folder}", quiet=quiet)
            then("info", folder, quiet=quiet)
            return
        _save(model, folder, source, by_label, force=True, figures=measured)
        _keep(folder, source)
    if chosen.draws:
        _draw(folder / "figures", model, source, by_label, quiet)
    page = write_page(folder, quiet=True)
    say(quiet=quiet)
    took = spent(model.history_, time.monotonic() - started, model.stopped_by_)
    figures([*picture_rows(measured, len(source.test)), took], quiet=quiet)
    given = f" --context {_pair(model.classes_[0])}" if by_label else ""
    say(f"\nrun folder   {folder}", quiet=quiet)
    if chosen.draws:
        say(f"pictures     {folder / 'figures'}", quiet=quiet)
    if page:
        say(f"report       {folder / PAGE}", quiet=quiet)
    if model.stopped_by_ == "interrupt":
        say_how(folder, quiet=quiet)
    say(f"next         realnvp sample {folder} -n 100{given} --out samples.png", quiet=quiet)


def _learn(
    world: World, model: ImageRealNVP, source: ImageSet, folder: Path, chosen: Chosen, until: ExitStack, *, again: bool
) -> None:
    """Train the model, keeping a checkpoint if one is wanted; what shows it live is shown ``until`` there is a run."""
    told: dict = {"every": chosen.checkpoint_every, "resume": chosen.resume, "force": chosen.force}
    checkpoint = keeping(world, folder, chosen.out, again=again, **told)
    say(_opening(source, model, chosen.by_label), quiet=chosen.quiet)
    store = partial(_store, source, chosen.by_label)
    until.enter_context(live(world, model, folder, store, wanted=chosen.live, quiet=chosen.quiet))
    with interrupts(model):
        model.fit(source.train, context=source.train_labels if chosen.by_label else None, checkpoint=checkpoint)
    if checkpoint is None and not world.rank:
        (folder / CHECKPOINT).unlink(missing_ok=True)  # of a run that this one replaces


def _source(data: str, chosen: Chosen, seed: int) -> ImageSet:
    """Read what there is to learn from, and refuse now what would be noticed only after the training."""
    path, out = Path(data), chosen.out
    if out is not None and path.is_dir() and out.resolve() == path.resolve():
        raise InputError(f"--out {out} is the folder of the pictures: give the run one of its own, such as {out}/run")
    source = image_set(data, chosen.data_dir) if data in IMAGE_SETS else read_images(path, seed=seed)
    if not chosen.by_label:
        return source
    if source.train_labels is None or source.test_labels is None:
        raise InputError(
            f"{data} has no labels: leave --by-label out, or give a folder of folders, one for each class's pictures"
        )
    if new := sorted(set(source.test_labels.tolist()) - set(source.train_labels.tolist())):
        raise InputError(f"{data} has pictures of the label {new[0]} to measure on and none to learn from: add some")
    return source


def _keep(folder: Path, source: ImageSet) -> None:
    """Keep some pictures for the report, with their labels where there are any."""
    labels = (source.train_labels, source.test_labels)
    classes = [] if labels[0] is None or labels[1] is None else sorted({*labels[0].tolist(), *labels[1].tolist()})
    codes = [np.array([classes.index(label) for label in part]) if classes else None for part in map(_listed, labels)]
    parts = {"train": (source.train, codes[0]), "held_out": (source.test, codes[1])}
    kept = {name: {"x": x, "at": np.arange(len(x)), "labels": code} for name, (x, code) in parts.items()}
    keep_rows(folder, kept, {"classes": classes})


def _listed(labels: np.ndarray | None) -> list:
    return [] if labels is None else labels.tolist()


def _draw(folder: Path, model: ImageRealNVP, source: ImageSet, by_label: bool, quiet: bool) -> None:
    """Draw the figures that there is time for, and name the others."""
    say(f"drawing pictures into {folder} …", quiet=quiet)
    spent = model.history_[-1]["seconds"] if model.history_ else 0.0
    seconds = max(_DRAWING, spent / 10)
    context = source.test_labels if by_label else None
    try:
        drawn = draw_images(folder, model, source.test, context=context, max_time=seconds)
    except KeyboardInterrupt:
        say(f"interrupted while drawing: the model is safe in {folder.parent}", quiet=quiet)
        return
    if missing := sorted(IMAGE_FILES - {path.name for path in drawn}):
        say(f"not drawn, for want of pictures or of time ({seconds:.0f} s): {', '.join(missing)}", quiet=quiet)


def _pair(label: object) -> str:
    return shlex.quote(f"label={label}")


def _opening(source: ImageSet, model: ImageRealNVP, by_label: bool) -> str:
    n, high, wide, *channels = source.train.shape
    shape = " x ".join(map(str, (high, wide, *channels)))
    given = " given their labels" if by_label else ""
    kernel = KERNELS[model.architecture] if model.kernel == "auto" else model.kernel
    return (
        f"learning {source.name}: {n:,} pictures of {shape}, {source.levels} levels{given}; "
        f"{model.architecture} flow, {kernel} couplings, seed {model.random_state}"
    )


def _measure(model: ImageRealNVP, source: ImageSet, by_label: bool) -> dict:
    test, labels = source.test, source.test_labels if by_label else None
    draws = _DRAWS if test.size <= _MANY else 1
    bits = model.bits_per_dim(test, labels, draws=draws)
    few = slice(max(8, min(256, 256 * 3 * 32 * 32 // test[0].size)))
    given = None if labels is None else labels[few]
    back = model.inverse_transform(model.transform(test[few], given), given)
    return {
        "bits_per_dim": bits.value,
        "bits_per_dim_error": bits.error,
        "draws": draws,
        "pixelwise_bits": pixelwise_bits(source.train, test, source.levels).value,
        "uniform_bits": math.log2(source.levels),
        "returned": int((back == test[few]).reshape(len(back), -1).all(1).sum()),
        "sent": len(back),
    }


def _store(source: ImageSet, by_label: bool, model: ImageRealNVP, folder: Path) -> None:
    """Save a model that is still in training."""
    _save(model, folder, source, by_label, force=True)
    _keep(folder, source)


def _save(
    model: ImageRealNVP, folder: Path, source: ImageSet, by_label: bool, *, force: bool, **figures: object
) -> None:
    data = {"name": source.name, "pictures": len(source.train), "held_out": len(source.test), "by_label": by_label}
    model.save(folder, force=force, data=data, **provenance(), **figures)
