"""Run folders: ``config.json``, ``model.safetensors`` and ``history.jsonl``; no pickle, atomic writes."""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from realnvp.errors import InputError
from realnvp.files import CONFIG, HISTORY, MODEL, check_folder, on_disk, recovered, unreadable, write_together

__all__ = ["CONFIG", "FORMAT", "HISTORY", "MODEL", "read_config", "read_history", "read_run", "rebuilding", "write_run"]

FORMAT = 1
_SEAL = "config_sha256"
_PARTS = {"params": dict, "data": dict, "figures": dict, "kinds": list, "laws": list}


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

    if not os.fspath(folder):
        raise InputError("a run is a folder of its own, and '' names none: say which, such as 'runs/moons'")
    folder = Path(folder)
    with on_disk(folder):
        there = (folder / CONFIG).exists()
    if there and not force:
        raise InputError(f"{folder} holds a run already: choose another folder, or say force to replace it")
    check_folder(folder)
    weights = save({name: value.detach().cpu().contiguous() for name, value in state.items()})
    records = "".join(json.dumps(_finite(record), default=_plain, allow_nan=False) + "\n" for record in history)
    config = {"format": FORMAT, **config, "sha256": hashlib.sha256(weights).hexdigest()}
    config["history_sha256"] = hashlib.sha256(records.encode()).hexdigest()
    config = json.loads(json.dumps(_finite(config), default=_plain, allow_nan=False))
    described = json.dumps(config | {_SEAL: _digest(config)}, indent=2) + "\n"
    contents = {MODEL: weights, HISTORY: records.encode(), CONFIG: described.encode()}
    write_together({folder / name: content for name, content in contents.items()})
    return folder


def _digest(config: Mapping[str, Any]) -> str:
    """Return the checksum of a config but for the one in it."""
    rest = {key: value for key, value in config.items() if key != _SEAL}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


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
    if not (folder / CONFIG).is_file() and not recovered(folder):
        raise InputError(f"{folder} is not a run folder: it has no {CONFIG}")
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise _damaged(folder / CONFIG, error) from None
    version = config.get("format") if isinstance(config, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InputError(f"{folder / CONFIG} was not written by realnvp: it names no format")
    if version > FORMAT:
        raise InputError(
            f"{folder} has format {str(version)[:20]}, this realnvp reads up to {FORMAT}: install a newer version"
        )
    if config.get(_SEAL, seal := _digest(config)) != seal:
        raise _damaged(folder / CONFIG, ValueError("it was changed after it was written"))
    for name, kind in _PARTS.items():
        if not isinstance(config.get(name), kind | None):
            raise _damaged(folder / CONFIG, ValueError(f"its {name!r} is no {kind.__name__}"))
    return config


def read_run(folder: str | os.PathLike) -> tuple[dict, dict[str, Tensor], list[dict]]:
    """Read ``config, state, history``; a changed or missing byte of the weights is an ``InputError``."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    folder, config = Path(folder), read_config(folder)
    if not (folder / MODEL).is_file():
        raise InputError(f"{folder} has no {MODEL}: the run is incomplete, fit again")
    try:
        weights = (folder / MODEL).read_bytes()
        if hashlib.sha256(weights).hexdigest() != config.get("sha256"):
            raise InputError(f"{folder / MODEL} is damaged: its checksum is not the one in {CONFIG}")
        state = load(weights)
    except (SafetensorError, OSError, KeyError) as error:
        raise _damaged(folder / MODEL, error) from None
    if not _fits(config.get("architecture"), state):
        raise _unlike(folder)
    history = read_history(folder)
    if history and _changed(folder / HISTORY, config.get("history_sha256")):
        raise _damaged(folder / HISTORY, ValueError(f"its checksum is not the one in {CONFIG}"))
    return config, state, history


def _changed(path: Path, checksum: object) -> bool:
    """Whether a file is another than the one that was summed up, if that was."""
    return checksum is not None and hashlib.sha256(path.read_bytes()).hexdigest() != checksum


def _fits(shape: object, state: Mapping[str, Tensor]) -> bool:
    """Whether the numbers of an architecture could be those of these weights: else building it could take for ever."""
    if not isinstance(shape, dict):
        return shape is None  # its absence is found when the model is built
    total = sum(value.numel() for value in state.values())
    most = dict.fromkeys(("layers", "blocks", "scales"), len(state))
    root = total if shape.get("kernel") == "lattice" else 2 * math.isqrt(total) + 1  # there are square matrices
    most |= dict.fromkeys(("width", "features"), root) | {"context": total}
    event, bodies = shape.get("shape", []), shape.get("bodies") or []
    alone = shape.get("features") == 1 or event == [1, 1, 1] or bodies[:1] == [2]  # nothing for a net to look at
    if shape.get("layers") == 0 or (alone and not shape.get("context")):
        del most["width"]  # without couplings there are no nets, nor in one of a column that is given nothing
    if shape.get("base") == "mixture" or shape.get("kernel") == "none":  # else they are not made
        most["components"] = total // max(features, 1) if isinstance(features := shape.get("features"), int) else 0
    if shape.get("mixing") == "permutation" and isinstance(width := shape.get("width"), int):
        most["features"] = 2 * total // max(width, 1)  # no square matrix is as wide as the rows
    for sizes in (event, bodies):
        if not isinstance(sizes, list) or not all(isinstance(n, int) and 0 < n <= total for n in sizes):
            return False
    if (event and (math.prod(event) > total or event[0] > 4 * root)) or math.prod(bodies) > total:
        return False
    numbers = ((shape.get(name), top) for name, top in most.items())
    return all(value is None or (isinstance(value, int) and 0 <= value <= top) for value, top in numbers)


@contextmanager
def rebuilding(folder: str | os.PathLike) -> Iterator[None]:
    """Say of anything that fails while a run's config is made use of that the run is damaged."""
    try:
        yield
    except (InputError, OSError):
        raise
    except Exception as error:
        raise _unlike(folder) from error


def _unlike(folder: str | os.PathLike) -> InputError:
    return InputError(f"{folder}/{CONFIG} does not describe the model beside it: it is damaged")


def _damaged(path: Path, error: Exception) -> InputError:
    if isinstance(error, OSError):
        return unreadable(path, error)
    reason = (str(error).splitlines() or [type(error).__name__])[0][:100]
    return InputError(f"{path} is damaged ({reason}): fit again, or take a copy of the run")


def read_history(folder: str | os.PathLike) -> list[dict]:
    """Read the training's records; none where there is no such file."""
    path = Path(folder) / HISTORY
    if not path.is_file():
        return []
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, RecursionError, OSError) as error:
        raise _damaged(path, error) from None
    if not all(isinstance(record, dict) for record in records):
        raise _damaged(path, ValueError("not every line is a record"))
    return records
