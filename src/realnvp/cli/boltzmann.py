"""``realnvp boltzmann``: learn an energy, measure, save, draw, and say what came of it."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from realnvp.cli.base import figures, interrupts, reserved, say, spent, use_threads
from realnvp.cli.figures import energy_rows
from realnvp.cli.live import live as watching
from realnvp.cli.potential import named_potential
from realnvp.cli.report import PAGE, keep_draws, provenance, write_page
from realnvp.errors import InputError
from realnvp.estimators import BoltzmannGenerator
from realnvp.files import CHECKPOINT
from realnvp.report import draw_energy
from realnvp.train.world import World

__all__ = ["run"]


def run(
    name: str,
    params: dict,
    *,
    threads: int | None,
    out: Path | None,
    draws: bool,
    live: bool,
    force: bool,
    quiet: bool,
) -> None:
    """Fit a model to a potential and write its run folder."""
    started = time.monotonic()
    use_threads(threads, 64 if params["width"] == "auto" else params["width"])
    potential = named_potential(name)
    model = BoltzmannGenerator(**params)
    with reserved(name.replace(":", ".").split(".")[-1], out, force) as folder:
        if (folder / CHECKPOINT).exists() and not force:
            raise InputError(f"{folder} holds the {CHECKPOINT} of a training: choose another folder, or say --force")
        say(f"learning the energy {name}, seed {model.random_state}", quiet=quiet)
        exact = getattr(potential, "log_normalizer", None)
        data = {"name": name, "log_normalizer": exact}
        store = partial(_store, data)
        with watching(World(), model, folder, store, wanted=live, quiet=quiet):
            with interrupts(model):
                model.fit(potential)
            _store(data, model, folder, force=force)
            (folder / CHECKPOINT).unlink(missing_ok=True)  # of a run that this one replaces
    if draws:
        say(f"drawing pictures into {folder / 'figures'} …", quiet=quiet)
        try:
            draw_energy(
                folder / "figures", model, _log_target(potential), log_z=exact, bounds=model.architecture_["bounds"]
            )
        except KeyboardInterrupt:
            say(f"interrupted while drawing: the model is safe in {folder}", quiet=quiet)
    page = write_page(folder, quiet=True)
    say(quiet=quiet)
    took = spent(model.history_, time.monotonic() - started, model.stopped_by_)
    figures([*energy_rows(vars(model), exact, getattr(model, "acceptance_", None)), took], quiet=quiet)
    say(f"\nrun folder   {folder}", quiet=quiet)
    if draws:
        say(f"pictures     {folder / 'figures'}", quiet=quiet)
    if page:
        say(f"report       {folder / PAGE}", quiet=quiet)
    more = f" --potential {name}" if ":" in name else ""
    say(f"next         realnvp sample {folder} -n 1000 --corrected{more} --out samples.csv", quiet=quiet)


def _store(data: dict, model: BoltzmannGenerator, folder: Path, *, force: bool = True) -> None:
    """Save a model and what its page shows of it."""
    model.save(folder, force=force, data=data, **provenance())
    keep_draws(folder, model)


def _log_target(potential: Callable) -> Callable[[np.ndarray], np.ndarray]:
    def log_target(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            values: np.ndarray = -potential(torch.as_tensor(x)).numpy()
        return values

    return log_target
