"""What a run keeps for its report: some rows, and what cannot be found again from the model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from realnvp.errors import InputError
from realnvp.files import unreadable, write_atomically

__all__ = ["ROWS", "Kept", "few", "read_kept", "write_kept"]

ROWS = "rows.safetensors"
_NUMBERS = 200_000
"""At most so many numbers are kept of training and of held-out rows, each."""


@dataclass(frozen=True)
class Kept:
    """Arrays by name, and plain data about them."""

    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)


def few(n: int, numbers: int, most: int) -> np.ndarray:
    """Indices of at most ``most`` of n rows of so many numbers, in order, drawn without favour."""
    count = max(2, min(most, _NUMBERS // max(1, numbers)))
    return np.arange(n) if n <= count else np.sort(np.random.default_rng(0).choice(n, count, replace=False))


def write_kept(folder: Path, kept: Kept) -> Path:
    """Write ``rows.safetensors`` into a run folder: numbers and JSON, nothing that can be executed."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in kept.arrays.items()}
    notes = {"notes": json.dumps(dict(kept.notes)), "sha256": _digest(arrays)}
    return write_atomically(folder / ROWS, save(arrays, notes))


def _digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the checksum of arrays."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        found.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode() + arrays[name].tobytes())
    return found.hexdigest()


def read_kept(folder: Path) -> Kept:
    """Read what a run kept; nothing of a run that kept none."""
    from safetensors import SafetensorError, safe_open

    path = folder / ROWS
    if not path.is_file():
        return Kept()
    try:
        with safe_open(path, "numpy") as file:
            told = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
            if told.get("sha256", found := _digest(arrays)) != found:
                raise ValueError("its checksum is not the one in it")
            return Kept(arrays, json.loads(told.get("notes", "{}")))
    except OSError as error:
        raise unreadable(path, error) from None
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}): take it away, and the report draws samples instead") from None
