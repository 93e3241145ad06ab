"""A flow as ONNX files, tried against the flow itself before they get their names."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import torch

from realnvp.data.columns import Codec
from realnvp.errors import InputError
from realnvp.export.programs import NAMES, programs
from realnvp.export.shared import ABOUT, differing, free, silence, told
from realnvp.files import write_together
from realnvp.flow import Flow

__all__ = ["onnx"]


def onnx(
    flow: Flow,
    folder: str | os.PathLike,
    *,
    dtype: torch.dtype | None = None,
    codec: Codec | None = None,
    force: bool = False,
    **notes: object,
) -> Path:
    """Write ``log_prob.onnx`` (x -> log q(x)) and ``sample.onnx`` (base noise z -> x, log q(x)) and return the folder.

    Both take any number of rows, and a ``context`` (n, C) where the flow has one. ``flow.json`` says names, shapes,
    dtype and what the noise is, with ``notes`` (plain data). Both are run on draws of the flow first: what differs from
    it is not written. ``dtype`` and ``codec`` are as in ``programs``. Needs the extra: ``pip install 'realnvp[onnx]'``.
    """
    runtime = _runtime()
    folder = free(folder, (f"{name}.onnx" for name in NAMES), force=force)
    made = programs(flow, dtype=dtype, codec=codec)
    wide = _dtype(made)
    contents = {folder / f"{name}.onnx": _converted(program, name) for name, program in made.items()}
    try:
        sessions = {path.stem: runtime.InferenceSession(content) for path, content in contents.items()}
    except Exception as error:
        reason = str(error).strip().splitlines()[-1][-100:]
        raise InputError(
            f"onnxruntime cannot run this flow ({reason}): use torch.export, realnvp.export.programs"
        ) from error

    def run(name: str, given: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        found = sessions[name].run(None, {key: value.numpy() for key, value in given.items()})
        return [torch.from_numpy(value) for value in found]

    if wrong := differing(flow, wide, run, codec=codec):
        raise InputError(f"{wrong[0]}.onnx does not give the flow's numbers: nothing was written, report this")
    about = json.dumps(told(flow, wide, codec, notes), indent=2) + "\n"
    write_together({**contents, folder / ABOUT: about.encode()})
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
        with silence("torch.onnx"):
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
