"""A trained flow as machine code, by the compiler that torch has for exported programs."""

import copy
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from realnvp.bases import Base, Normal
from realnvp.data.columns import Codec
from realnvp.errors import InputError
from realnvp.export.programs import NAMES, programs
from realnvp.export.shared import ABOUT, differing, free, noise_from, noise_of, silence, told
from realnvp.files import write_together
from realnvp.flow import Flow

__all__ = ["Compiled", "compiled", "load_compiled"]

_FEW = 16
"""Up to so many rows at once products are written out in the code; of more, oneDNN's are faster."""


class Compiled:
    """A flow as machine code: its verbs, without gradients. ``compiled`` makes it, ``load_compiled`` reads it.

    ``x`` and ``z`` have shape ``(n, *event)``, a ``context`` ``(n, C)`` or ``(C,)``; densities are in nats.
    """

    def __init__(self, about: Mapping[str, Any], noise: Base, calls: Mapping[str, Callable[..., Any]]) -> None:
        self.event_shape, self.context = torch.Size(about["event_shape"]), about["context"]
        self.dtype: torch.dtype = getattr(torch, about["dtype"])
        self.rows: int | None = about["rows"]
        self._noise = copy.deepcopy(noise).cpu().to(self.dtype)
        numbers = self._noise.state_dict().values()
        self._standard = isinstance(self._noise, Normal) and not any(v.any() for v in numbers)  # location and scale
        self._calls = calls

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density of ``x`` in nats, shape ``(n,)``."""
        return self._run("log_prob", x, context)[0]

    def push(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Turn base noise ``z`` (of an ensemble: normal) into ``x`` and its log density."""
        x, log_prob = self._run("sample", z, context)
        return x, log_prob

    def sample(self, n: int = 1, context: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """Draw ``n`` points: ``(n, *event)``."""
        return self.sample_with_log_prob(n, context, generator=generator)[0]

    @torch.no_grad()
    def sample_with_log_prob(
        self, n: int = 1, context: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw ``n`` points and their log densities in one pass."""
        if self._standard:
            return self.push(torch.randn(n, *self.event_shape, generator=generator, dtype=self.dtype), context)
        return self.push(self._noise.sample(n, generator), context)

    def _run(self, name: str, x: Tensor, context: Tensor | None) -> Sequence[Tensor]:
        if x.shape[1:] != self.event_shape or self.rows not in (None, len(x)):
            shape = ("n" if self.rows is None else str(self.rows), *map(str, self.event_shape))
            raise ValueError(f"this code takes the shape ({', '.join(shape)}): got {tuple(x.shape)}")
        wanted = (None,) if not self.context else ((self.context,), (1, self.context), (len(x), self.context))
        if (None if context is None else tuple(context.shape)) not in wanted:
            given = "none" if context is None else f"an array of shape {tuple(context.shape)}"
            raise ValueError(f"this flow wants {self.context or 'no'} context features: got {given}")
        x = x.to(self.dtype)
        if not len(x):
            return (x, x.new_empty(0))[-len(NAMES[name][1]) :]
        inputs = {NAMES[name][0]: x.contiguous()}  # the code asks for no strides
        if context is not None:
            inputs["context"] = context.to(self.dtype).expand(len(x), self.context).contiguous()
        found = self._calls[name](**inputs)
        return found if isinstance(found, tuple | list) else (found,)


def compiled(
    flow: Flow,
    folder: str | os.PathLike | None = None,
    *,
    rows: int | None = None,
    dtype: torch.dtype = torch.float32,
    codec: Codec | None = None,
    force: bool = False,
    **notes: object,
) -> Compiled:
    """Compile the flow as it stands for this kind of processor: weights are constants, nothing is left to Python.

    For any number of rows, or for exactly ``rows`` at a time: code for ``rows=1`` answers at once. Compiling takes
    seconds to minutes and needs a C++ compiler. ``folder`` keeps ``log_prob.pt2``, ``sample.pt2`` and ``flow.json``,
    with ``notes`` (plain data), for ``load_compiled`` on machines of the same kind. Both are run on draws of the flow
    first. ``codec`` is as in ``programs``.

    Without realnvp ``torch._inductor.aoti_load_package`` loads each; what it is given must then be contiguous and of
    the dtype, which is checked only where the environment says ``AOTI_RUNTIME_CHECK_INPUTS=1``.
    """
    if rows is not None and rows < 1:
        raise InputError(f"rows must be 1 or more, or None for any number, got {rows}")
    folder = None if folder is None else free(folder, (f"{name}.pt2" for name in NAMES), force=force)
    made, about = programs(flow, dtype=dtype, rows=rows, codec=codec), told(flow, dtype, codec, {"rows": rows, **notes})
    with tempfile.TemporaryDirectory(prefix="realnvp-") as place:
        paths = {name: _compile(program, Path(place) / f"{name}.pt2", rows) for name, program in made.items()}
        calls = {name: torch._inductor.aoti_load_package(str(path)) for name, path in paths.items()}
        code = Compiled(about, noise_of(flow), calls)
        contents = {path.name: path.read_bytes() for path in paths.values()}

    def run(name: str, given: dict[str, Tensor]) -> Sequence[Tensor]:
        return code._run(name, given[NAMES[name][0]], given.get("context"))

    if wrong := differing(flow, dtype, run, rows, codec):
        raise InputError(f"the code of {wrong[0]} does not give the flow's numbers: report this")
    if folder is not None:
        contents[ABOUT] = (json.dumps(about, indent=2) + "\n").encode()
        write_together({folder / name: content for name, content in contents.items()})
    return code


def load_compiled(folder: str | os.PathLike) -> Compiled:
    """Read what ``compiled`` wrote into a folder.

    Its files are programs: load only those that you trust.
    """
    folder = Path(folder)
    names = {name: folder / f"{name}.pt2" for name in NAMES}
    if missing := [path for path in (*names.values(), folder / ABOUT) if not path.exists()]:
        raise InputError(f"{missing[0]} is not there: name the folder that realnvp export --compiled wrote")
    try:
        about = json.loads((folder / ABOUT).read_text())
        calls = {name: torch._inductor.aoti_load_package(str(path)) for name, path in names.items()}
        return Compiled(about, noise_from(about), calls)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{folder} cannot be loaded here ({reason[0][:200]}): export it again on this machine"
        ) from error


def _compile(program: torch.export.ExportedProgram, path: Path, rows: int | None) -> Path:
    few = {"max_autotune_gemm": True, "max_autotune_gemm_backends": "CPP"} if rows and rows <= _FEW else {}
    try:
        with silence("torch._inductor"):
            torch._inductor.aoti_compile_and_package(
                program, package_path=str(path), inductor_configs={"freezing": True, "cpp.dynamic_threads": True, **few}
            )
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"the flow could not be compiled ({reason[0][:200]}): is a C++ compiler installed?") from error
    return path
