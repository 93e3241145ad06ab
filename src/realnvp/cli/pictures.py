"""Pictures on the command line: ``realnvp fit``, ``sample``, ``score`` and ``info`` of a flow of pictures."""

import io
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realnvp.cli.base import counted, figures, interrupts, reserved, say, use_threads, why
from realnvp.data.images import IMAGE_SETS, ImageSet, image_set, read_images
from realnvp.data.pictures.files import read_folder, read_npy
from realnvp.data.write import TableWriter
from realnvp.errors import InputError
from realnvp.estimators import ImageRealNVP
from realnvp.files import write_atomically
from realnvp.measure import pixelwise_bits
from realnvp.report import draw_images, montage, png_bytes
from realnvp.train.checkpoint import read_config
from realnvp.train.resume import CHECKPOINT, Checkpoint

__all__ = ["Chosen", "fit", "holds_pictures", "sample", "score", "tell"]

_MEASURED = 2000
"""Held-out pictures that the figures are measured on: more change the third decimal."""
_PIECE = 1024
_EVERY = 300.0
"""Seconds between the checkpoints of a resumed training."""


def holds_pictures(data: str) -> bool:
    """Whether DATA names pictures: a set, a folder, or an array of bytes with three axes or more."""
    if data in IMAGE_SETS:
        return True
    path = Path(data)
    if path.is_dir():
        return not (path / "config.json").exists()
    if path.suffix != ".npy" or not path.is_file():
        return False
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
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
    force: bool
    quiet: bool


def fit(data: str, params: dict, chosen: Chosen) -> None:
    """Fit a flow of pictures and write its run folder."""
    started, quiet, by_label = time.monotonic(), chosen.quiet, chosen.by_label
    if chosen.threads:
        use_threads(chosen.threads, 0)
    if chosen.resume and chosen.out is None:
        raise InputError("--resume needs the run to go on with: name its folder with --out")
    seed = params["random_state"]
    source = image_set(data, chosen.data_dir) if data in IMAGE_SETS else read_images(Path(data), seed=seed)
    if by_label and source.train_labels is None:
        raise InputError(f"{data} has no labels: leave --by-label out")
    with reserved(source.name, chosen.out, chosen.force or chosen.resume) as folder:
        model = ImageRealNVP(**params, levels=source.levels)
        checkpoint = _checkpoint(folder, chosen)
        say(_opening(source, model, by_label), quiet=quiet)
        with interrupts(model):
            model.fit(source.train, context=source.train_labels if by_label else None, checkpoint=checkpoint)
        if checkpoint is None:
            (folder / CHECKPOINT).unlink(missing_ok=True)  # of a run that this one replaces
        say("measuring …", quiet=quiet)
        measured = _measure(model, source, by_label)
        _save(model, folder, source, measured, by_label, chosen.force or chosen.resume)
    say(f"drawing pictures into {folder / 'figures'} …", quiet=quiet)
    try:
        draw_images(folder / "figures", model, source.test, context=source.test_labels if by_label else None)
    except KeyboardInterrupt:
        say(f"interrupted while drawing: the model is safe in {folder}", quiet=quiet)
    steps, trained = (model.history_[-1][key] if model.history_ else 0 for key in ("step", "seconds"))
    spent = f"{steps} steps in {trained:.0f} s, {why(model.stopped_by_)}; the rest is measuring and drawing"
    say(quiet=quiet)
    figures([*_rows(measured), ("time", f"{time.monotonic() - started:.0f} s", spent)], quiet=quiet)
    given = f" --context label={model.classes_[0]}" if by_label else ""
    say(f"\nrun folder   {folder}", quiet=quiet)
    say(f"pictures     {folder / 'figures'}", quiet=quiet)
    say(f"next         realnvp sample {folder} -n 100{given} --out samples.png", quiet=quiet)


def _checkpoint(folder: Path, chosen: Chosen) -> Checkpoint | None:
    if not chosen.resume and chosen.checkpoint_every is None:
        return None
    return Checkpoint(folder, every=chosen.checkpoint_every or _EVERY, resume=chosen.resume)


def _opening(source: ImageSet, model: ImageRealNVP, by_label: bool) -> str:
    n, high, wide, *channels = source.train.shape
    shape = " x ".join(map(str, (high, wide, *channels)))
    given = " given their labels" if by_label else ""
    return (
        f"learning {source.name}: {n:,} pictures of {shape}, {source.levels} levels{given}; "
        f"{model.architecture} flow, {model.kernel} couplings, seed {model.random_state}"
    )


def _measure(model: ImageRealNVP, source: ImageSet, by_label: bool) -> dict:
    test = source.test[:_MEASURED]
    labels = source.test_labels[:_MEASURED] if by_label and source.test_labels is not None else None
    bits = model.bits_per_dim(test, labels)
    few = slice(min(len(test), 256))
    back = model.inverse_transform(
        model.transform(test[few], None if labels is None else labels[few]), None if labels is None else labels[few]
    )
    return {
        "bits_per_dim": bits.value,
        "bits_per_dim_error": bits.error,
        "measured": len(test),
        "pixelwise_bits": pixelwise_bits(source.train, test, source.levels).value,
        "uniform_bits": math.log2(source.levels),
        "returned": int((back == test[few]).reshape(len(back), -1).all(1).sum()),
        "sent": len(back),
    }


def _save(model: ImageRealNVP, folder: Path, source: ImageSet, measured: dict, by_label: bool, force: bool) -> None:
    data = {"name": source.name, "pictures": len(source.train), "held_out": len(source.test), "by_label": by_label}
    model.save(folder, force=force, data=data, figures=measured)


def _rows(found: dict) -> list[tuple[str, str, str]]:
    return [
        (
            "held-out bits/dim",
            f"{found['bits_per_dim']:.4f} ± {found['bits_per_dim_error']:.4f}",
            f"{found['measured']:,} pictures, 4 draws of the noise each",
        ),
        ("independent pixels", f"{found['pixelwise_bits']:.4f}", "bits/dim by a histogram for each: the line to beat"),
        ("random pictures", f"{found['uniform_bits']:.4f}", "bits/dim of uniformly random pixels"),
        ("round trip", f"{found['returned']} of {found['sent']}", "pictures came back from the latents to the bit"),
    ]


def sample(
    run: Path, out: Path, *, n: int, context: dict[str, float], temperature: float, seed: int, force: bool, quiet: bool
) -> None:
    """Draw pictures: a sheet (.png), or an array (.npy)."""
    kind = out.suffix.lower()
    if kind not in (".png", ".npy"):
        raise InputError(f"{out} is of unknown kind {out.suffix!r}: pictures go into a .png (a sheet) or a .npy file")
    if out.exists() and not force:
        raise InputError(f"{out} exists: choose another name, or replace it with --force")
    if kind == ".png" and n > 10_000:
        raise InputError(f"a sheet of {n:,} pictures is too large to look at: take a .npy file")
    model = ImageRealNVP.load(run)
    pieces = model.iter_samples(n, _label(model, context, run), temperature=temperature, random_state=seed)
    drawn = np.concatenate(list(counted(pieces, n, "sampling", quiet=quiet)))
    write_atomically(out, png_bytes(montage(drawn, levels=model.levels)) if kind == ".png" else _npy(drawn))
    say(f"{n:,} pictures in {out}", quiet=quiet)


def _label(model: ImageRealNVP, context: dict[str, float], run: Path) -> list | int | None:
    known = model.labels_
    if set(context) != ({"label"} if known.width else set()):
        wanted = "--context label=…" if known.width else "no --context"
        raise InputError(f"{run} was fitted {'given labels' if known.width else 'without labels'}: give {wanted}")
    return int(context["label"]) if known.width else None


def _npy(pictures: np.ndarray) -> bytes:
    target = io.BytesIO()
    np.save(target, pictures)
    return target.getvalue()


def score(run: Path, data: str, out: Path, *, data_dir: Path | None, force: bool, quiet: bool) -> None:
    """Write bits per dimension and log probability of each picture."""
    model = ImageRealNVP.load(run)
    labels = None
    if data in IMAGE_SETS:
        found = image_set(data, data_dir)
        images, labels = found.test, found.test_labels if model.labels_.width else None
    else:
        images = read_folder(Path(data))[0] if Path(data).is_dir() else read_npy(Path(data))
    if model.labels_.width and labels is None:
        raise InputError(f"{run} was fitted given labels, and {data} has none: score it in Python, with context=")
    writer = TableWriter(out, ["log_prob", "bits_per_dim"], force=force)
    total, size = 0.0, math.prod(model.architecture_["shape"]) * math.log(2)
    with writer:
        parts = [slice(at, at + _PIECE) for at in range(0, len(images), _PIECE)]
        pieces = counted((images[part] for part in parts), len(images), "scoring", quiet=quiet)
        for part, piece in zip(parts, pieces, strict=True):
            log_prob = model.score_samples(piece, None if labels is None else labels[part])
            writer.write(np.stack([log_prob, -log_prob / size], 1))
            total -= float(log_prob.sum()) / size
    say(f"{len(images):,} scores in {out}: mean {total / max(len(images), 1):.4f} bits/dim", quiet=quiet)


def tell(run: Path) -> None:
    """Print what a run of pictures holds."""
    config = read_config(run)
    shape, data = config["architecture"], config.get("data")
    channels, high, wide = shape["shape"]
    say(f"run       {run}, format {config['format']}, written by realnvp {config['version']}")
    say(
        f"model     {shape['architecture']} flow of pictures, {shape['layers']} {shape['kernel']} couplings a scale, "
        f"width {shape['width']}, {shape['base']} base"
    )
    say(f"pictures  {high} x {wide}, {channels} channel{'s' * (channels > 1)}")
    if config["classes"]:
        say(f"given     label: {', '.join(map(str, config['classes']))}")
    if data:
        say(f"data      {data['name']}, {data['pictures']:,} pictures to train on")
        say()
        figures(_rows(config["figures"]))
