"""What is done with a run of pictures: ``realnvp sample``, ``score`` and ``info``."""

import math
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from realnvp.cli.after import then, to_draw
from realnvp.cli.base import counted, figures, say, why
from realnvp.cli.figures import picture_rows
from realnvp.cli.resume import tell_how
from realnvp.cli.summary import Summary
from realnvp.data.images import IMAGE_SETS, image_set, read_images
from realnvp.data.pictures.files import Folder, read_folder, read_npy
from realnvp.data.write import TableWriter, new_file
from realnvp.errors import InputError
from realnvp.estimators import ImageRealNVP
from realnvp.report import montage, png_bytes
from realnvp.train.checkpoint import read_config
from realnvp.words import many

__all__ = ["sample", "score", "tell"]


def sample(
    run: Path, out: Path, *, n: int, context: dict[str, str], temperature: float, seed: int, force: bool, quiet: bool
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
    if kind == ".npy" and not context:
        then("score", run, out, "--summary", quiet=quiet)
    else:  # the other form: numbers to work on, or a sheet to look at
        given = ["--context", *(f"{name}={value}" for name, value in context.items())] if context else []
        as_other = out.with_suffix(".npy" if kind == ".png" else ".png")
        then("sample", run, "-n", n if kind == ".png" else min(n, 100), *given, "--out", as_other, quiet=quiet)


def _label(model: ImageRealNVP, context: dict[str, str], run: Path) -> int | str | None:
    known = model.labels_
    if known.width and not known.classes:
        raise InputError(f"{run} was fitted given features, not labels: sample it in Python, with context=")
    if set(context) != ({"label"} if known.width else set()):
        wanted = "--context label=…" if known.width else "no --context"
        raise InputError(f"{run} was fitted {'given labels' if known.width else 'without labels'}: give {wanted}")
    if not known.width:
        return None
    told = context["label"]
    found = [label for label in known.classes if str(label) == told]
    if not found:
        raise InputError(f"label {told} is none of {run}: {', '.join(map(str, known.classes))}")
    return found[0]


def score(
    run: Path,
    data: str,
    out: Path | None,
    *,
    split: str | None,
    data_dir: Path | None,
    summary: bool,
    as_json: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Write bits per dimension and log probability of each picture, or print what they are together, or both."""
    model = ImageRealNVP.load(run)
    found, what = _chosen(run, data, split, data_dir)
    labels = None
    if model.labels_.width:
        labels = _known(model, run, data, found.labels)
    writer = None if out is None else TableWriter(out, ["log_prob", "bits_per_dim"], force=force)
    with writer or nullcontext():
        log_prob = model.score_samples(found.pictures, labels)
        bits = -log_prob / (math.prod(model.architecture_["shape"]) * math.log(2))
        if writer is not None:
            writer.write(np.stack([log_prob, bits], 1))
    if out is not None:
        say(f"{len(bits):,} scores in {out}: mean {bits.mean():.4f} bits/dim, {what}", quiet=quiet or as_json)
    if summary:
        _tell_summary(log_prob, bits, run, (data, what), as_json=as_json)
    then(*to_draw(run), quiet=quiet or as_json)


def _tell_summary(log_prob: np.ndarray, bits: np.ndarray, run: Path, data: tuple[str, str], *, as_json: bool) -> None:
    nats, by_dim = Summary(of="pictures"), Summary("bits per dimension", "bits/dim", "pictures")
    nats.add(log_prob)
    by_dim.add(bits)
    if as_json:
        nats.tell(run, data[0], as_json=True, which=data[1], bits_per_dim=by_dim.found())
    else:
        by_dim.tell(run, f"{data[0]} ({data[1]})", as_json=False)


def _chosen(run: Path, data: str, split: str | None, data_dir: Path | None) -> tuple[Folder, str]:
    """Return the pictures that ``split`` names, and which they are in words.

    Of a set the held-out ones are meant where nothing is said, of the user's own files all, in their order.
    """
    if data not in IMAGE_SETS:
        path = Path(data)
        if split in (None, "all"):
            found = read_folder(path) if path.is_dir() else Folder(read_npy(path), [])
            return found, "all pictures in the order of the file" + "s' names" * path.is_dir()
        source, told = read_images(path, seed=read_config(run)["params"]["random_state"]), read_config(run).get("data")
        if not told or (told["pictures"], told["held_out"]) != (len(source.train), len(source.test)):
            raise InputError(
                f"{data} is not what {run} was fitted to: which were held out is not known, use --split all"
            )
    else:
        source = image_set(data, data_dir)
    held, train = Folder(source.test, [], source.test_labels), Folder(source.train, [], source.train_labels)
    if split == "all":
        labels = None if train.labels is None or held.labels is None else np.concatenate([train.labels, held.labels])
        both = Folder(np.concatenate([train.pictures, held.pictures]), [], labels)
        return both, f"all pictures of {data}: those to train on, then those held out"
    if split == "train":
        return train, f"the pictures of {data} to train on"
    return held, f"the held-out pictures of {data} (--split train or all for others)"


def _known(model: ImageRealNVP, run: Path, data: str, labels: np.ndarray | None) -> list:
    """Return labels as the model knows them: folders are named by words, also where its labels were numbers."""
    if labels is None:
        raise InputError(f"{run} was fitted given labels, and {data} has none: score it in Python, with context=")
    known = {str(label): label for label in model.labels_.classes}
    return [known.get(str(label), label) for label in labels.tolist()]


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
    say(f"pictures  {high} x {wide}, {many(channels, 'channel')}")
    say(f"training  {why(config['stopped_by'])}")
    tell_how(run, config)
    if config["classes"]:
        say(f"given     label: {', '.join(map(str, config['classes']))}")
    if data:
        say(f"data      {data['name']}, {data['pictures']:,} pictures to train on\n")
        if "figures" in config:
            figures(picture_rows(config["figures"], data["held_out"]))
