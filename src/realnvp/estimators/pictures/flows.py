"""Flows of pictures, described by plain data."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from realnvp.bases import Logistic, Normal
from realnvp.errors import InputError
from realnvp.estimators.parts.base import chosen, precision_of, seeded
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Kernel, Spline
from realnvp.recipes import flat_real_nvp, glow_step, image_real_nvp, noise_flow
from realnvp.transforms import Compose, Coupling, Logit

__all__ = [
    "ARCHITECTURES",
    "KERNELS",
    "architecture",
    "dequantiser",
    "image_flow",
    "rebuilt",
    "weights",
]

ARCHITECTURES = {"glow": (6, 32, 1), "real_nvp": (3, 32, 2), "flat": (6, 64, 1)}
"""The flows of pictures by name: couplings (of a kind, in each scale), width and blocks that ``"auto"`` means."""
KERNELS = {"glow": "spline", "real_nvp": "affine", "flat": "affine"}
"""What ``kernel="auto"`` means for each."""
_ALPHA = 0.05


def architecture(model: Any, event: Sequence[int], context: int, device: torch.device) -> dict:
    """Return the plain data that ``image_flow`` makes a flow of pictures (C, H, W) from, for these parameters."""
    layers, width, blocks = chosen("architecture", model.architecture, ARCHITECTURES)
    for name in ("scales", "blocks"):
        if model.architecture == "flat" and getattr(model, name) != "auto":
            raise InputError(f"architecture='flat' has no {name}: leave {name} out, or take another architecture")
    return {
        "shape": list(event),
        "context": context,
        "layers": layers if model.layers == "auto" else int(model.layers),
        "width": width if model.width == "auto" else int(model.width),
        "blocks": blocks if model.blocks == "auto" else int(model.blocks),
        "scales": None if model.scales == "auto" else int(model.scales),
        "architecture": model.architecture,
        "kernel": KERNELS[model.architecture] if model.kernel == "auto" else model.kernel,
        "base": model.base,
        "precision": precision_of(model.precision, device),
        "dequantisation": model.dequantisation,
    }


def image_flow(shape: dict, seed: int) -> Flow:
    """Build the flow that ``shape`` describes, of pictures with values in [0, 1]; first weights drawn from ``seed``.

    ``shape`` is plain data (JSON), the same that a run folder keeps: shape, context, architecture, scales, kernel,
    layers, width, blocks, base, precision, dequantisation.
    """
    event, width, layers = tuple(shape["shape"]), shape["width"], shape["layers"]
    if shape["architecture"] == "glow" and (event[1] % 2 or event[2] % 2):
        raise InputError(
            f"pictures of {event[1]} x {event[2]} do not halve evenly: pad or crop them, or take "
            "architecture='real_nvp' or architecture='flat'"
        )
    kernels: dict[str, Kernel] = {
        "additive": Additive(),
        "affine": Affine(),
        "spline": Chain((Affine(), Spline(8, 4.0))),
    }
    kernel = chosen("kernel", shape["kernel"], kernels)
    base = chosen("base", shape["base"], {"normal": Normal, "logistic": Logistic})(event)
    name = shape["architecture"]
    options = {"context": shape["context"], "base": base}
    with seeded(seed):
        if name == "flat":
            hidden = (width, 2 * width, 2 * width, width) if width <= 64 else (width,) * 4
            core = flat_real_nvp(event, layers=layers, hidden=hidden, kernel=kernel, **options)
        elif name == "real_nvp":
            core = image_real_nvp(
                event,
                scales=shape["scales"],
                hidden=width,
                blocks=shape["blocks"],
                checkers=layers,
                channels=layers,
                kernel=None if shape["kernel"] == "affine" else kernel,  # as published, with its learnt gain
                **options,
            )
        else:
            core = image_real_nvp(
                event,
                scales=shape["scales"],
                hidden=(width + 1) // 2,
                blocks=shape["blocks"],
                checkers=0,
                channels=layers,
                kernel=kernel,
                between=glow_step,
                **options,
            )
    return _computing(Flow(Compose(Logit(_ALPHA, event_dim=3), core.transform), core.base), shape)


def dequantiser(shape: dict, seed: int) -> Flow | None:
    """Build the flow of the noise where ``shape`` asks for one."""
    if not chosen("dequantisation", shape["dequantisation"], {"uniform": False, "variational": True}):
        return None
    with seeded(seed + 1):
        return _computing(noise_flow(shape["shape"], hidden=shape["width"]), shape)


def weights(flow: Flow, noise: Flow | None) -> dict[str, Tensor]:
    """Return the state of the flow, and under ``noise.`` that of the flow of the noise."""
    learnt = {} if noise is None else noise.state_dict()
    return {**flow.state_dict(), **{f"noise.{name}": value for name, value in learnt.items()}}


def rebuilt(shape: dict, state: Mapping[str, Tensor], device: torch.device) -> tuple[Flow, Flow | None]:
    """Return the two flows that ``shape`` describes, in evaluation mode, with the weights that ``weights`` gave."""
    flow, noise = image_flow(shape, 0), dequantiser(shape, 0)
    learnt = {name.removeprefix("noise."): v for name, v in state.items() if name.startswith("noise.")}
    flow.load_state_dict({name: v for name, v in state.items() if not name.startswith("noise.")})
    if noise is not None:
        noise.load_state_dict(learnt)
    for module in (flow, noise):
        if module is not None:
            module.to(device).eval()
    return flow, noise


def _computing(flow: Flow, shape: dict) -> Flow:
    """Let the conditioners compute in what ``shape`` says, whatever default dtype the user has set."""
    for module in flow.modules():
        if isinstance(module, Coupling):
            module.compute = torch.bfloat16 if shape["precision"] == "bf16" else None
    return flow.float()
