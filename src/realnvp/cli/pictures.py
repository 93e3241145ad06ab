"""Pictures on the command line: ``realnvp fit``, ``sample``, ``score`` and ``info`` of a flow of pictures."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realnvp.cli.base import counted, figures, interrupts, reserved, say, use_threads, why
from realnvp.data.images import IMAGE_SETS, ImageSet, image_set, read_images
from realnvp.data.pictures.files import read_folder, read_npy
from realnvp.data.write import TableWriter, new_file
from realnvp.errors import InputError
from realnvp.estimators import ImageRealNVP
from realnvp.estimators.pictures.flows import KERNELS
from realnvp.measure import pixelwise_bits
from realnvp.report import draw_images, montage, png_bytes
from realnvp.train.checkpoint import read_config
from realnvp.train.resume import CHECKPOINT, Checkpoint

__all__ = ["Chosen", "fit", "holds_pictures", "sample", "score", "tell"]

_DRAWS = 4
"""Draws of the noise for each held-out picture; one where there are more than 2,000."""
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
        _save(model, folder, source, by_label, force=chosen.force or chosen.resume)
        say("measuring …", quiet=quiet)
        try:
            measured = _measure(model, source, by_label)
        except KeyboardInterrupt:
            say(f"interrupted while measuring: the model is safe in {folder}", quiet=quiet)
            return
        _save(model, folder, source, by_label, force=True, figures=measured)
    say(f"drawing pictures into {folder / 'figures'} …", quiet=quiet)
    try:
        draw_images(folder / "figures", model, source.test, context=source.test_labels if by_label else None)
    except KeyboardInterrupt:
        say(f"interrupted while drawing: the model is safe in {folder}", quiet=quiet)
    steps, trained = (model.history_[-1][key] if model.history_ else 0 for key in ("step", "seconds"))
    spent = f"{steps} steps in {trained:.0f} s, {why(model.stopped_by_)}; the rest is measuring and drawing"
    say(quiet=quiet)
    figures([*_rows(measured, len(source.test)), ("time", f"{time.monotonic() - started:.0f} s", spent)], quiet=quiet)
    given = f" --context label={model.classes_[0]}" if by_label else ""
    say(f"\nrun folder   {folder}", quiet=quiet)
    say(f"pictures     {folder / 'figures'}", quiet=quiet)
    say(f"next         realnvp sample {folder} -n 100{given} --out samples.png", quiet=quiet)


def _checkpoint(folder: Path, chosen: Chosen) -> Checkpoint | None:
    if (folder / CHECKPOINT).exists() and not (chosen.resume or chosen.force):
        raise InputError(f"{folder} holds a {CHECKPOINT}: go on from it with --resume, or begin anew with --force")
    if not chosen.resume and chosen.checkpoint_every is None:
        return None
    return Checkpoint(folder, every=chosen.checkpoint_every or _EVERY, resume=chosen.resume)


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
    draws = _DRAWS if len(test) <= 2000 else 1
    bits = model.bits_per_dim(test, labels, draws=draws)
    few = slice(256)
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


def _save(
    model: ImageRealNVP, folder: Path, source: ImageSet, by_label: bool, *, force: bool, **figures: object
) -> None:
    data = {"name": source.name, "pictures": len(source.train), "held_out": len(source.test), "by_label": by_label}
    model.save(folder, force=force, data=data, **figures)


def _rows(found: dict, pictures: int) -> list[tuple[str, str, str]]:
    error = math.nan if found["bits_per_dim_error"] is None else found["bits_per_dim_error"]  # of a single picture
    draws = f"{found['draws']} draw{'s' * (found['draws'] > 1)}"
    return [
        (
            "held-out bits/dim",
            f"{found['bits_per_dim']:.4f} ± {error:.4f}",
            f"{pictures:,} pictures, {draws} of the noise each",
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
    if kind == ".png" and n > 10_000:
        raise InputError(f"a sheet of {n:,} pictures is too large to look at: take a .npy file")
    model = ImageRealNVP.load(run)
    label = _label(model, context, run)
    with new_file(out, force=force) as file:
        drawn = model.iter_samples(n, label, temperature=temperature, random_state=seed)
        pieces = counted(drawn, n, "sampling", quiet=quiet)
        if kind == ".png":
            file.write(png_bytes(montage(np.concatenate(list(pieces)), levels=model.levels)))
        else:
            shape = {"descr": "|u1", "fortran_order": False, "shape": (n, *model.picture_shape)}
            np.lib.format.write_array_header_1_0(file, shape)
            for piece in pieces:
                file.write(piece.tobytes())
    say(f"{n:,} pictures in {out}", quiet=quiet)


def _label(model: ImageRealNVP, context: dict[str, float], run: Path) -> int | str | None:
    known = model.labels_
    if known.width and not known.classes:
        raise InputError(f"{run} was fitted given features, not labels: sample it in Python, with context=")
    if set(context) != ({"label"} if known.width else set()):
        wanted = "--context label=…" if known.width else "no --context"
        raise InputError(f"{run} was fitted {'given labels' if known.width else 'without labels'}: give {wanted}")
    if not known.width:
        return None
    told = f"{context['label']:g}"
    found = [label for label in known.classes if str(label) == told]
    if not found:
        raise InputError(f"label {told} is none of {run}: {', '.join(map(str, known.classes))}")
    return found[0]


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
    with writer:
        log_prob = model.score_samples(images, labels)
        bits = -log_prob / (math.prod(model.architecture_["shape"]) * math.log(2))
        writer.write(np.stack([log_prob, bits], 1))
    say(f"{len(images):,} scores in {out}: mean {bits.mean():.4f} bits/dim", quiet=quiet)


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
        say(f"data      {data['name']}, {data['pictures']:,} pictures to train on\n")
        if "figures" in config:
            figures(_rows(config["figures"], data["held_out"]))
