"""``realnvp report`` and the page that ``fit`` and ``boltzmann`` end with."""

import contextlib
import platform
import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.cli.after import then, to_draw, typed
from realnvp.cli.base import say
from realnvp.errors import InputError
from realnvp.files import write_atomically
from realnvp.report.kept import Kept, few, read_kept, write_kept

__all__ = ["PAGE", "keep_draws", "keep_rows", "page_of", "provenance", "report", "write_page"]

PAGE = "report.html"
_KEPT, _DRAWS, _EXACT = 2000, 4000, 1000


def report(run: Path, *, out: Path | None, force: bool, quiet: bool) -> None:
    """Write the page of a saved run anew."""
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {out} is no name of a page: end it in .html")
    target = run / PAGE if out is None else out
    if out is not None and out.exists() and not force:
        raise InputError(f"{out} exists already: choose another file with --out, or replace it with --force")
    from realnvp.train.checkpoint import rebuilding

    with rebuilding(run):
        page = page_of(run)
    write_atomically(target, page.encode())
    say(f"report       {target}, {len(page.encode()) / 1e6:.1f} MB: open it in a browser", quiet=quiet)
    then(*to_draw(run), quiet=quiet)


def write_page(run: Path, *, quiet: bool) -> bool:
    """Write the page of a run that has just been saved, say whether it is; whatever goes wrong, the run is whole."""
    try:
        report(run, out=None, force=True, quiet=quiet)
    except KeyboardInterrupt:
        say(f"interrupted while reporting: the model is safe in {run}", quiet=quiet)
    except Exception as failed:
        error = failed.__cause__ or failed  # of a run that has just been written: it is not the run's fault
        told = (str(error).splitlines() or [""])[0]
        why = told if isinstance(error, InputError) else f"{type(error).__name__}: {told}"
        warnings.warn(f"{run / PAGE} was not written ({why}); the run is whole", stacklevel=2)
    else:
        return True
    return False


def provenance() -> dict[str, Any]:
    """Return what a run's config says of how it was made: the command, and the versions."""
    names = ("torch", "numpy", "scipy", "scikit-learn")
    versions = {name: metadata.version(name) for name in names}
    versions |= {"python": platform.python_version(), "machine": f"{platform.system()} {platform.machine()}"}
    return {"command": shlex.join(typed()), "versions": versions}


def keep_rows(run: Path, parts: Mapping[str, Mapping[str, np.ndarray | None]], notes: Mapping[str, Any]) -> None:
    """Keep some rows of the parts ``train`` and ``held_out``: each has ``x``, ``at`` and what else is known."""
    arrays: dict[str, np.ndarray] = {}
    for name, part in parts.items():
        whole = {key: value for key, value in part.items() if value is not None}
        x = whole.pop("x")
        picked = few(len(x), int(np.prod(x.shape[1:])), _KEPT)
        arrays[name] = x[picked]
        arrays |= {f"{name}_{key}": value[picked] for key, value in whole.items()}
    write_kept(run, Kept(arrays, {**notes, "model": _model(run)}))


def keep_draws(run: Path, model: Any) -> None:
    """Keep weighted draws of an energy's flow in its run, and exact samples: later it need not be at hand."""
    features = model.n_features_in_
    x, log_w = model.log_weights(max(500, min(_DRAWS, 400_000 // features)), random_state=0)
    kept = few(len(x), features, _KEPT)
    arrays = {"draws": x[kept], "log_weights": log_w[kept]}
    if features > 2:  # pairs of columns are shown beside exact ones
        with contextlib.suppress(InputError):  # of a flow too poor to be corrected there are none
            exact = model.sample(_EXACT, corrected=True, random_state=0)
            arrays["exact"] = exact[few(len(exact), features, _EXACT)]
    write_kept(run, Kept(arrays, {"model": _model(run)}))


def page_of(run: Path, named: Path | None = None) -> str:
    """Return the page of a run, drawn anew; its commands call the run ``named``, if that is another."""
    from realnvp.measure.base import plain_arrays
    from realnvp.report import energy_page, picture_page, table_page
    from realnvp.train.checkpoint import read_config

    config, kept = read_config(run), read_kept(run)
    config["next"] = shlex.join(["realnvp", *to_draw(run, named)])
    if kept.notes.get("model") != config["sha256"]:  # of a run that this one has replaced
        kept = Kept()
    kind = config.get("kind")
    with plain_arrays(), _quiet_numbers():
        if kind == "images":
            return _of_pictures(run, kept, config, picture_page)
        if kind == "boltzmann":
            return _of_energy(run, kept, config, energy_page)
        return _of_table(run, kept, config, table_page)


def _model(run: Path) -> str:
    """Return the checksum of the model that rows are kept beside."""
    from realnvp.train.checkpoint import read_config

    return str(read_config(run)["sha256"])


def _of_table(run: Path, kept: Kept, config: dict, page: Callable[..., str]) -> str:
    from realnvp.data.toy import TOYS
    from realnvp.estimators import RealNVP

    data = config.get("data") or {}
    truth = TOYS.get(data.get("name", "")) if config.get("columns") is None else None
    return page(RealNVP.load(run, device="cpu"), kept, config, truth)


def _of_energy(run: Path, kept: Kept, config: dict, page: Callable[..., str]) -> str:
    import torch

    from realnvp.estimators import BoltzmannGenerator

    model = BoltzmannGenerator.load(run)
    potential = model.potential_

    def log_target(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            values: np.ndarray = -potential(torch.as_tensor(x)).numpy()  # type: ignore[misc]
        return values

    return page(model, kept, config, None if potential is None else log_target)


def _of_pictures(run: Path, kept: Kept, config: dict, page: Callable[..., str]) -> str:
    from realnvp.estimators import ImageRealNVP

    model = ImageRealNVP.load(run, device="cpu")

    def context(labels: np.ndarray) -> np.ndarray:
        read = model.labels_.read(list(labels), len(labels))
        found: np.ndarray = np.asarray(read)
        return found

    return page(model, kept, config, context if model.labels_.width else None)


@contextlib.contextmanager
def _quiet_numbers() -> Iterator[None]:
    """Far-out points overflow on their way, and are not drawn."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        yield
