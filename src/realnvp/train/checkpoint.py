"""Run folders: ``config.json``, ``model.safetensors`` and ``history.jsonl``; no pickle, atomic writes."""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from realnvp.errors import InputError
from realnvp.files import CONFIG, HISTORY, MODEL, check_folder, write_together

__all__ = ["CONFIG", "FORMAT", "HISTORY", "MODEL", "read_config", "read_history", "read_run", "write_run"]

FORMAT = 1


def write_run(
    folder: str | os.PathLike,
    config: dict,
    state: dict[str, Tensor],
    history: Sequence[dict] = (),
    *,
    force: bool = False,
) -> Path:
    """Write a run folder and return its path; an existing run is replaced only with ``force``.

    ``config.json`` is written last, so a folder that has one is whole.
    """
    from safetensors.torch import save

    folder = Path(folder)
    if (folder / CONFIG).exists() and not force:
        raise InputError(f"{folder} holds a run already: choose another folder, or say force to replace it")
    check_folder(folder)
    weights = save({name: value.detach().cpu().contiguous() for name, value in state.items()})
    config = {"format": FORMAT, **config, "sha256": hashlib.sha256(weights).hexdigest()}
    records = "".join(json.dumps(_finite(record), default=_plain, allow_nan=False) + "\n" for record in history)
    described = json.dumps(_finite(config), indent=2, default=_plain, allow_nan=False) + "\n"
    contents = {MODEL: weights, HISTORY: records.encode(), CONFIG: described.encode()}
    write_together({folder / name: content for name, content in contents.items()})
    return folder


def _plain(value: object) -> object:
    """Turn NumPy's numbers into Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a run's config takes plain data, not {type(value).__name__}")


def _finite(value: object) -> object:
    """Turn numbers that JSON does not have into null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_config(folder: str | os.PathLike) -> dict:
    """Read and check ``config.json``."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"there is no run folder {folder}: name the folder that fit wrote")
    if not (folder / CONFIG).is_file():
        raise InputError(f"{folder} is not a run folder: it has no {CONFIG}")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{folder / CONFIG} is damaged ({error}): fit again, or take a copy of the run") from None
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise InputError(f"{folder / CONFIG} was not written by realnvp: it names no format")
    if config["format"] > FORMAT:
        raise InputError(
            f"{folder} has format {config['format']}, this realnvp reads up to {FORMAT}: install a newer version"
        )
    return config


def read_run(folder: str | os.PathLike) -> tuple[dict, dict[str, Tensor], list[dict]]:
    """Read ``config, state, history``; a changed or missing byte of the weights is an ``InputError``."""
    from safetensors.torch import load

    folder, config = Path(folder), read_config(folder)
    try:
        weights = (folder / MODEL).read_bytes()
    except FileNotFoundError:
        raise InputError(f"{folder} has no {MODEL}: the run is incomplete, fit again") from None
    if hashlib.sha256(weights).hexdigest() != config.get("sha256"):
        raise InputError(f"{folder / MODEL} is damaged: its checksum is not the one in {CONFIG}")
    return config, load(weights), read_history(folder)


def read_history(folder: str | os.PathLike) -> list[dict]:
    """Read the training's records; none where there is no such file."""
    path = Path(folder) / HISTORY
    if not path.is_file():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is damaged ({error}): fit again, or take a copy of the run") from None
