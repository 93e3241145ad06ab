"""A flow as ONNX files, tried against the flow itself before they get their names."""

import importlib
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from realnvp.bases import Base, Mixture, Normal
from realnvp.ensemble import Ensemble
from realnvp.errors import InputError
from realnvp.export.plain import plain
from realnvp.export.programs import NAMES, programs
from realnvp.files import check_folder, write_together
from realnvp.flow import Flow

__all__ = ["onnx"]

_ABOUT = "flow.json"
_TRIED = 64
_CLOSE = {torch.float64: 1e-5, torch.float32: 1e-3}
"""How far a file may be from the flow, beside 1 and in nats; float32 sums of thousands of pixels differ by order."""


def onnx(
    flow: Flow,
    folder: str | os.PathLike,
    *,
    dtype: torch.dtype | None = None,
    force: bool = False,
    **notes: object,
) -> Path:
    """Write ``log_prob.onnx`` (x -> log q(x)) and ``sample.onnx`` (base noise z -> x, log q(x)) and return the folder.

    Both take any number of rows, and a ``context`` (n, C) where the flow has one. ``flow.json`` says names, shapes,
    dtype and what the noise is, with ``notes`` (plain data). Both are run on draws of the flow first: what differs from
    it is not written. ``dtype`` as in ``programs``. Needs the extra: ``pip install 'realnvp[onnx]'``.
    """
    folder, runtime = Path(folder), _runtime()
    names = [f"{name}.onnx" for name in NAMES]
    if not force and (taken := [name for name in (*names, _ABOUT) if (folder / name).exists()]):
        raise InputError(f"{folder} holds a {taken[0]} already: choose another folder, or say force to replace it")
    check_folder(folder)
    made = programs(flow, dtype=dtype)
    wide = _dtype(made)
    contents = {folder / f"{name}.onnx": _converted(program, name) for name, program in made.items()}
    try:
        sessions = {path.stem: runtime.InferenceSession(content) for path, content in contents.items()}
    except Exception as error:
        reason = str(error).strip().splitlines()[-1][-100:]
        raise InputError(
            f"onnxruntime cannot run this flow ({reason}): use torch.export, realnvp.export.programs"
        ) from error
    _try(flow, wide, sessions)
    told = {"event_shape": list(flow.event_shape), "context": flow.context, "dtype": str(wide).removeprefix("torch.")}
    told |= {"base": _noise(flow), **notes}
    write_together({**contents, folder / _ABOUT: (json.dumps(told, indent=2) + "\n").encode()})
    return folder


def _runtime() -> Any:
    try:
        return [importlib.import_module(name) for name in ("onnx", "onnxscript", "onnxruntime")][-1]
    except ImportError as error:
        raise InputError(f"ONNX needs {error.name}, which is not installed: pip install 'realnvp[onnx]'") from None


def _dtype(made: dict[str, torch.export.ExportedProgram]) -> torch.dtype:
    (_, kwargs) = made["log_prob"].example_inputs
    found: torch.dtype = kwargs["x"].dtype
    return found


def _converted(program: torch.export.ExportedProgram, name: str) -> bytes:
    """Return the program as the bytes of an ONNX file."""
    enters, leaves = NAMES[name]
    try:
        with _silence():
            # unoptimised: the converter's own rules take small constants for zero
            found = torch.onnx.export(program, dynamo=True, verbose=False, output_names=list(leaves), optimize=False)
            content: bytes = _tidied(found.model_proto).SerializeToString()  # type: ignore[union-attr]
    except Exception as error:
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{name}({enters}) of this flow cannot be written as ONNX ({reason[-1][:200]})") from error
    return content


def _tidied(model: Any) -> Any:
    """Inline the functions, name the types that casts go to, and leave out where on this machine the code lies."""
    import onnx
    from onnx.inliner import inline_local_functions

    model = onnx.shape_inference.infer_shapes(inline_local_functions(model))
    graph = model.graph
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.input, *graph.output)}
    kinds |= {v.name: v.data_type for v in graph.initializer}
    for node in graph.node:
        if node.op_type == "CastLike" and (kind := kinds.get(node.input[1])):
            node.op_type = "Cast"
            node.attribute.append(onnx.helper.make_attribute("to", kind))
            del node.input[1:]
    for part in (model, graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.checker.check_model(model)
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the converter's own remarks from the terminal."""
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(before)


@torch.no_grad()
def _try(flow: Flow, dtype: torch.dtype, sessions: dict[str, Any]) -> None:
    """Run both files on draws of the flow; where one says other numbers, refuse it."""
    exact = plain(flow, dtype)
    z = _base(flow).sample(_TRIED, torch.Generator(next(flow.buffers(), torch.empty(0)).device).manual_seed(0))
    z = z.detach().cpu().to(dtype)
    given = {"context": torch.zeros(_TRIED, flow.context, dtype=dtype)} if flow.context else {}
    x, log_prob = exact.push(z, *given.values())
    wanted = {"sample": (z, (x, log_prob)), "log_prob": (x, (exact.log_prob(x, *given.values()),))}
    for name, (start, ends) in wanted.items():
        values = {NAMES[name][0]: start, **given}
        found = sessions[name].run(None, {key: value.numpy() for key, value in values.items()})
        for got, end in zip(found, ends, strict=True):
            if not np.allclose(got, end.numpy(), rtol=_CLOSE[dtype], atol=_CLOSE[dtype]):
                raise InputError(f"{name}.onnx does not give the flow's numbers: nothing was written, report this")


def _base(flow: Flow) -> Base:
    """What ``z`` is drawn from: of several flows, normal noise that says which."""
    return Normal(flow.event_shape).to(next(flow.buffers())) if isinstance(flow, Ensemble) else flow.base


def _noise(flow: Flow) -> dict[str, object]:
    """Say what ``z`` is drawn from."""
    base = _base(flow)
    if not isinstance(base, Mixture):
        return {"name": type(base).__name__.lower(), **{k: v.tolist() for k, v in base.state_dict().items()}}
    weights = base.logits.detach().softmax(0)
    return {"name": "mixture", "weights": weights.tolist(), "loc": base.loc.tolist(), "root": base.root.tolist()}
