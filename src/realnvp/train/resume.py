"""Where a training stands, in one file, so that it can go on after whatever ended it."""

import hashlib
import json
import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from realnvp.errors import InputError
from realnvp.files import CHECKPOINT, check_folder, write_atomically
from realnvp.train.base import GuardedOptimizer
from realnvp.train.world import here

__all__ = [
    "CHECKPOINT",
    "Checkpoint",
    "Moments",
    "Saver",
    "Stateful",
    "Weights",
    "as_tensor",
    "from_tensor",
    "read_job",
    "read_note",
]


class Stateful(Protocol):
    """What a training needs again when it goes on: tensors by name."""

    def state(self) -> dict[str, Tensor]:
        """Return what ``restore`` takes."""

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Become what ``state`` was."""


class Checkpoint:
    """Writes where a training stands into ``folder`` every so often, whole or not at all; reads it to go on.

    Args:
        folder: where the file is, made if need be.
        every: seconds between two writings.
        resume: begin where the file says; there must be one.
        note: a word to whoever finds the file, such as how to go on from it; ``read_note`` gives it back.
    """

    def __init__(
        self, folder: str | os.PathLike, *, every: float = 300.0, resume: bool = False, note: str = ""
    ) -> None:
        self.path, self.every, self.resume, self.note = Path(folder) / CHECKPOINT, every, resume, note
        self.about: dict[str, Any] = {}
        self.job = ""  # the name under which an engine starts processes again
        self._last = time.monotonic()
        if not every > 0:
            raise InputError(f"a checkpoint is written every so many seconds, a positive number, got {every!r}")
        if resume and here().rank == 0 and not self.path.is_file():
            raise InputError(f"{self.path.parent} holds no {CHECKPOINT}: nothing can be resumed, fit without resume")

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._last >= self.every

    def wait(self) -> None:
        """Let the time to the next writing begin now."""
        self._last = time.monotonic()

    def write(self, tensors: Mapping[str, Tensor], facts: dict[str, Any]) -> None:
        """Write tensors and plain data, and what the training is ``about``."""
        from safetensors.torch import save

        kept = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        told = json.loads(json.dumps({"about": self.about, "facts": facts, "note": self.note}))
        told |= {"job": self.job} if self.job else {}
        told["sha256"] = _digest(kept, told)
        check_folder(self.path.parent)
        write_atomically(self.path, save(kept, metadata={"realnvp": json.dumps(told)}))
        self.wait()

    def read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what was written; refuse a damaged file, and one about something else.

        Of several processes the first reads it, and writes it.
        """
        return here().first(self._read)

    def _read(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                told = json.loads((file.metadata() or {})["realnvp"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            whole = told.pop("sha256") == _digest(tensors, told)
        except (SafetensorError, KeyError, ValueError, TypeError, RecursionError, OSError):
            whole = False
        for left in self.path.parent.glob(f".{CHECKPOINT}.*.tmp"):  # of a writing that was cut short
            left.unlink(missing_ok=True)
        if not whole:
            raise InputError(f"{self.path} is damaged: it cannot be resumed, fit without resume")
        about = json.loads(json.dumps(self.about))
        for name in sorted({*about, *told["about"]}):
            if name == "shard":
                _same_number(self.path, *(known.get(name, [0, 1])[1] for known in (told["about"], about)))
            if about.get(name) != told["about"].get(name):
                raise InputError(
                    f"{self.path} is of a training with {name} {told['about'].get(name)!r}, this one has "
                    f"{about.get(name)!r}: resume with the same data and options"
                )
        return tensors, told["facts"]


def _same_number(path: Path, before: int, now: int) -> None:
    """Refuse to let another number of processes go on: each has read its part of the rows."""
    if before != now:
        told = f"{before} process{'es' * (before != 1)}, here {'is' if now == 1 else 'are'} {now}"
        raise InputError(f"{path} is of a training by {told}: start as many (torchrun --nproc-per-node, on all hosts)")


def read_note(folder: str | os.PathLike) -> str:
    """Return the note of the checkpoint in a folder; none where there is no checkpoint or it cannot be read."""
    return _told(folder, "note")


def read_job(folder: str | os.PathLike) -> str:
    """Return the job that the checkpoint in a folder is of; none where it is of none or cannot be read."""
    return _told(folder, "job")


def _told(folder: str | os.PathLike, what: str) -> str:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(Path(folder) / CHECKPOINT, framework="pt") as file:
            return str(json.loads((file.metadata() or {})["realnvp"]).get(what, ""))
    except (OSError, SafetensorError, KeyError, ValueError):
        return ""


def _digest(tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def as_tensor(facts: object) -> Tensor:
    """Write plain data as a tensor of bytes."""
    return torch.frombuffer(bytearray(json.dumps(facts).encode()), dtype=torch.uint8)


def from_tensor(found: Tensor) -> Any:
    """Read what ``as_tensor`` wrote."""
    return json.loads(found.numpy().tobytes())


@dataclass(frozen=True)
class Weights:
    """The state of a module."""

    module: nn.Module

    def state(self) -> dict[str, Tensor]:
        """Return its parameters and buffers."""
        return self.module.state_dict()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Give it what ``state`` returned."""
        self.module.load_state_dict(state)


@dataclass(frozen=True)
class Moments:
    """The state of an optimiser."""

    optimizer: GuardedOptimizer

    def state(self) -> dict[str, Tensor]:
        """Return the moments of every parameter, by its number and their names."""
        found = self.optimizer.state_dict()["state"]
        return {f"{i}.{name}": value for i, kept in found.items() for name, value in kept.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Give it the moments that ``state`` returned."""
        found: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            number, _, name = key.partition(".")
            found.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({"state": found})


class Saver:
    """Writes all parts of a training into its checkpoint, and gives them back; without one it does nothing."""

    def __init__(self, checkpoint: Checkpoint | None, parts: Mapping[str, Stateful]) -> None:
        self.checkpoint, self.parts = checkpoint, parts

    def resume(self) -> int:
        """Give every part its state where there is one to resume; return the steps taken."""
        if self.checkpoint is None or not self.checkpoint.resume:
            return 0
        tensors, facts = self.checkpoint.read()
        for name, part in self.parts.items():
            part.restore({k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")})
        return int(facts["step"])

    def due(self) -> bool:
        """Whether it is time to write."""
        return self.checkpoint is not None and self.checkpoint.due()

    def write(self, step: int) -> None:
        """Write; of several processes each says where it stands, and the first writes."""
        if self.checkpoint is not None:
            states = {f"{part}/{name}": v for part, kept in self.parts.items() for name, v in kept.state().items()}
            if here().rank:
                return
            try:
                self.checkpoint.write(states, {"step": step})
            except InputError as error:  # a disk that is full now need not be so at the end
                warnings.warn(f"{error}; the training goes on without this checkpoint", stacklevel=3)
                self.checkpoint.wait()
