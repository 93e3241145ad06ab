"""Flows of pictures, described by plain data."""

import torch

from realnvp.bases import Logistic, Normal
from realnvp.errors import InputError
from realnvp.estimators.parts.base import chosen, seeded
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Kernel, Spline
from realnvp.recipes import flat_real_nvp, glow_step, image_real_nvp, noise_flow
from realnvp.transforms import Compose, Coupling, Logit

__all__ = ["ARCHITECTURES", "KERNELS", "dequantiser", "image_flow"]

ARCHITECTURES = {"glow": (6, 32, 1), "real_nvp": (3, 32, 2), "flat": (6, 64, 1)}
"""The flows of pictures by name: couplings (of a kind, in each scale), width and blocks that ``"auto"`` means."""
KERNELS = {"glow": "spline", "real_nvp": "affine", "flat": "affine"}
"""What ``kernel="auto"`` means for each."""
_ALPHA = 0.05


def image_flow(shape: dict, seed: int) -> Flow:
    """Build the flow that ``shape`` describes, of pictures with values in [0, 1]; first weights drawn from ``seed``.

    ``shape`` is plain data (JSON), the same that a run folder keeps: shape, context, architecture, scales, kernel,
    layers, width, blocks, base, precision, dequantisation.
    """
    event, width, layers = tuple(shape["shape"]), shape["width"], shape["layers"]
    if shape["architecture"] == "glow" and (event[1] % 2 or event[2] % 2):
        raise InputError(
            f"pictures of {event[1]} x {event[2]} do not halve evenly: pad or crop them, or take "
            "architecture='real_nvp' or 'flat'"
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


def _computing(flow: Flow, shape: dict) -> Flow:
    """Let the conditioners compute in what ``shape`` says, whatever default dtype the user has set."""
    for module in flow.modules():
        if isinstance(module, Coupling):
            module.compute = torch.bfloat16 if shape["precision"] == "bf16" else None
    return flow.float()
