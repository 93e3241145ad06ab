"""What every way of exporting does: a folder that is free, a quiet converter, a trial on draws of the flow."""

import logging
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from realnvp.bases import Base, Logistic, Mixture, Normal, Uniform
from realnvp.data.columns import Codec
from realnvp.ensemble import Ensemble
from realnvp.errors import InputError
from realnvp.export.plain import plain
from realnvp.export.programs import NAMES
from realnvp.files import check_folder
from realnvp.flow import Flow
from realnvp.nets import Standard
from realnvp.transforms import Embed

__all__ = ["ABOUT", "differing", "free", "noise_from", "noise_of", "silence", "told"]

ABOUT = "flow.json"
"""The file beside the programs that describes them."""
_TRIED, _RUNS = 64, 16
"""Rows that are tried, and at most how often a program of fewer at a time is run for that."""
_CLOSE = {torch.float64: 1e-5, torch.float32: 1e-3}
"""How far a result may be, beside 1 and in nats; sums of thousands of pixels in float32 differ by their order."""


def free(folder: str | os.PathLike, names: Iterable[str], *, force: bool) -> Path:
    """Return the folder, which can be written to and holds none of the names, unless by ``force``."""
    folder = Path(folder)
    if not force and (taken := [name for name in (*names, ABOUT) if (folder / name).exists()]):
        raise InputError(f"{folder} holds a {taken[0]} already: choose another folder, or say force to replace it")
    check_folder(folder)
    return folder


@contextmanager
def silence(logger: str) -> Iterator[None]:
    """Keep a converter's own remarks from the terminal."""
    log = logging.getLogger(logger)
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


@torch.no_grad()
def differing(
    flow: Flow,
    dtype: torch.dtype,
    run: Callable[[str, dict[str, Tensor]], Sequence[Tensor]],
    rows: int | None = None,
    codec: Codec | None = None,
) -> list[str]:
    """Return which programs say other numbers than the flow on its draws; ``run`` takes a name and the inputs.

    Programs for ``rows`` at a time are run several times. Of a table's ``codec`` they are the numbers of the table, as
    it works them out itself.
    """
    exact, at_once = plain(flow, dtype), rows or _TRIED
    rows = at_once * min(_RUNS, -(-_TRIED // at_once))
    z = noise_of(flow).sample(rows, torch.Generator(next(flow.buffers(), torch.empty(0)).device).manual_seed(0))
    z = z.detach().cpu().to(dtype)
    given = {"context": _contexts(flow, rows).to(dtype)} if flow.context else {}
    x, log_prob = exact.push(z, *given.values())
    if codec is None or codec.is_plain:
        wanted = {"sample": (z, (x, log_prob)), "log_prob": (x, (exact.log_prob(x, *given.values()),))}
    else:
        table = codec.inverse(x.double().numpy())
        x = torch.from_numpy(table).to(dtype)

        def log_q(y: np.ndarray) -> np.ndarray:
            found: np.ndarray = exact.log_prob(torch.from_numpy(y).to(dtype), *given.values()).double().numpy()
            return found

        log_prob = torch.from_numpy(codec.log_density(table, log_q)).to(dtype)
        wanted = {"sample": (z, (x, log_prob)), "log_prob": (x, (log_prob,))}
    close = _CLOSE[dtype]
    return [
        name
        for name, (start, ends) in wanted.items()
        if not all(
            torch.allclose(got, end, close, close)
            for got, end in zip(_in_pieces(run, name, {NAMES[name][0]: start, **given}, at_once), ends, strict=True)
        )
    ]


def _in_pieces(
    run: Callable[[str, dict[str, Tensor]], Sequence[Tensor]], name: str, given: dict[str, Tensor], at_once: int
) -> list[Tensor]:
    """Run a program on so many rows at a time."""
    pieces = zip(*(v.split(at_once) for v in given.values()), strict=True)
    found = [run(name, dict(zip(given, piece, strict=True))) for piece in pieces]
    return [torch.cat(parts) for parts in zip(*found, strict=True)]


def _contexts(flow: Flow, rows: int) -> Tensor:
    """Return contexts like those that the flow was fitted to: far from them rounding could be all that it says."""
    made = torch.randn(rows, flow.context, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for part in flow.modules():
        if isinstance(part, Embed) and isinstance(part.net, Standard):
            return made * part.net.scale.cpu() + part.net.loc.cpu()
    return made


def noise_of(flow: Flow) -> Base:
    """Return what ``z`` is drawn from: of several flows, normal noise that says which."""
    return Normal(flow.event_shape).to(next(flow.buffers())) if isinstance(flow, Ensemble) else flow.base


def told(flow: Flow, dtype: torch.dtype, codec: Codec | None, notes: Mapping[str, object]) -> dict[str, object]:
    """Return what a file beside the programs says of them, and ``notes``: plain data."""
    labels = {} if codec is None else {c.name: c.words for c in codec.columns if c.words}
    notes = {**notes, **({"labels": labels} if labels else {})}
    shapes = {
        "event_shape": list(flow.event_shape),
        "context": flow.context,
        "dtype": str(dtype).removeprefix("torch."),
    }
    return {**shapes, "base": _law(noise_of(flow)), **notes}


def _law(base: Base) -> dict[str, object]:
    if not isinstance(base, Mixture):
        return {"name": type(base).__name__.lower(), **{k: v.tolist() for k, v in base.state_dict().items()}}
    weights = base.logits.detach().softmax(0)
    return {"name": "mixture", "weights": weights.tolist(), "loc": base.loc.tolist(), "root": base.root.tolist()}


def noise_from(about: Mapping[str, Any]) -> Base:
    """Return the base that ``told`` wrote down."""
    law, shape = {**about["base"]}, about["event_shape"]
    name, numbers = law.pop("name"), {key: torch.tensor(value) for key, value in law.items()}
    if name == "mixture":
        root = numbers["root"].double()
        return Mixture.of(numbers["weights"], numbers["loc"], root @ root.mT)
    if name == "uniform":
        return Uniform(numbers["low"], numbers["high"])
    base = {"normal": Normal, "logistic": Logistic}[name](shape)
    base.load_state_dict(numbers)
    return base
