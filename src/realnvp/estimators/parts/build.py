"""Architectures written as plain data, and the flows built from them."""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from realnvp.bases import Base, Logistic, Mixture, Normal
from realnvp.estimators.parts.base import LAYERS, WIDE, chosen, precision_of, seeded
from realnvp.estimators.parts.particles import Unordered
from realnvp.flow import Flow
from realnvp.kernels import Additive, Affine, Chain, Kernel, Spline
from realnvp.nets import Standard, mlp, waves
from realnvp.recipes import couplings, lattice_flow, nice, real_nvp, spline_flow
from realnvp.transforms import (
    BodyFrame,
    Compose,
    Coupling,
    Embed,
    LULinear,
    Part,
    Probit,
    Standardise,
    Transform,
    Whiten,
)

__all__ = [
    "BASES",
    "KERNELS",
    "PRECISIONS",
    "architecture",
    "build",
    "energy_flow",
    "framed",
    "mixture_base",
    "scalers",
    "whole",
]

KERNELS: dict[str, Callable[..., Flow]] = {"additive": nice, "affine": real_nvp, "spline": spline_flow}
BASES: dict[str, Callable[..., Base]] = {"logistic": Logistic, "mixture": Mixture, "normal": Normal}
_REACH = 6.0
"""How far out, in standard deviations, the splines of an energy act: beyond it lies 1e-6 of a logistic base."""
PRECISIONS = {"float32": None, "bf16": torch.bfloat16}


def architecture(model: Any, arrays: Sequence[np.ndarray], device: torch.device) -> dict:
    """Return the plain data that ``build`` makes a flow from, for these parameters and this data (and context)."""
    narrow = model.precision == "auto" and model.width < WIDE
    return {
        "features": arrays[0].shape[1],
        "context": arrays[1].shape[1] if len(arrays) > 1 else 0,
        "components": min(8, len(arrays[0]) // 2),
        "layers": LAYERS.get(model.kernel, 0) if model.layers == "auto" else int(model.layers),
        "width": int(model.width),
        "precision": "float32" if narrow else precision_of(model.precision, device),
        **{name: getattr(model, name) for name in ("kernel", "base")},
    }


def build(shape: dict, seed: int) -> Flow:
    """Build the flow that ``shape`` describes, its first weights drawn from ``seed``.

    ``shape`` is plain data (JSON), the same that a run folder keeps: features, context, kernel, layers, width,
    base, components, precision.
    """
    recipe = chosen("kernel", shape["kernel"], KERNELS)
    make = chosen("base", shape["base"], BASES)
    features, width = shape["features"], shape["width"]
    parts = (shape["components"],) if shape["base"] == "mixture" else ()
    with seeded(seed):
        flow = recipe(
            features,
            context=shape["context"],
            layers=shape["layers"],
            hidden=(width, width),
            between=LULinear if features > 1 else None,
            base=make(features, *parts),
        )
    return _computing(flow, shape["precision"])


def _computing(flow: Flow, precision: str) -> Flow:
    """Tell the couplings what their nets compute in while training."""
    dtype = chosen("precision", precision, PRECISIONS)
    for module in flow.modules():
        if isinstance(module, Coupling):
            module.compute = dtype
    return flow.float()  # whatever default dtype the user has set


def energy_flow(shape: dict, seed: int) -> Flow:
    """Build the flow that a ``BoltzmannGenerator`` trains, from the plain data of ``architecture_of``.

    In one or two dimensions the conditioners see waves and the splines are fine: energies there have narrow wells. In
    more the coordinates are mixed between couplings. ``reach`` is how far from zero a field comes,
    ``odd`` whether its energy keeps its value where it changes sign. Of ``bodies`` only the shape is moved.
    """
    return _computing(_over_energy(shape, seed), shape.get("precision", "float32"))


def _over_energy(shape: dict, seed: int) -> Flow:
    features, width = shape["features"], shape["width"]
    if shape["kernel"] == "lattice":
        side = math.isqrt(features)
        with seeded(seed):
            return lattice_flow(side, layers=shape["layers"], width=width, bound=shape["reach"], odd=shape["odd"])
    bodies = shape.get("bodies")
    moved = BodyFrame(*bodies).shapes if bodies else features
    small = features <= 2
    kernels: dict[str, Kernel] = {
        "additive": Additive(),
        "affine": Affine(),
        "spline": Spline(32, _REACH, floor=0.005, slope=6.0) if small else Chain((Affine(), Spline(8, _REACH))),
    }
    plain = mlp((width, width))
    with seeded(seed):
        chain = couplings(
            moved,
            chosen("kernel", shape["kernel"], kernels),
            layers=shape["layers"],
            net=waves(plain, reach=_REACH) if small else plain,
            between=None if small else LULinear,
        )
        base = chosen("base", shape["base"], {"normal": Normal, "logistic": Logistic})(features)
        if shape["base"] == "logistic":
            base.log_scale.fill_(0.5 * math.log(3) - math.log(math.pi))  # variance 1, as the population has
        if bodies:
            return Unordered(Compose(BodyFrame(*bodies), Standardise(features), Part(Compose(*chain), moved)), base)
        return Flow(Compose(*chain), base)


def whole(core: Flow) -> Flow:
    """Put the standardisation of the data, and of the context, before ``core``; parameters are shared."""
    (features,) = core.event_shape
    transform: Transform = Compose(Standardise(features), core.transform)
    if core.context:
        transform = Embed(transform, Standard(core.context), core.context)
    return Flow(transform, core.base)


def scalers(flow: Flow) -> list[Standardise | Standard]:
    """Return the scaler of the data and, if there is one, that of the context, of a flow that ``whole`` made."""
    if isinstance(flow.transform, Embed):
        return [flow.transform.transform[0], flow.transform.net]  # type: ignore[index, list-item]
    return [flow.transform[0]]  # type: ignore[index]


def mixture_base(z: Tensor, components: int, seed: int) -> Mixture:
    """Fit a Gaussian mixture to ``z``: a flow that starts at the identity then starts as good as the mixture."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a start need not have converged
        found = GaussianMixture(components, reg_covar=1e-4, random_state=seed % 2**32).fit(
            z[:20_000].double().cpu().numpy()
        )
    return Mixture.from_sklearn(found)


def framed(shape: dict, core: Flow) -> Flow:
    """Put the box, if there is one, and what ``outside`` puts behind it, before ``core``."""
    if shape.get("bodies"):
        return core
    parts: list[Transform] = [] if shape["bounds"] is None else [Probit(*shape["bounds"])]
    if shape["kernel"] != "lattice":
        parts.append((Standardise if parts else Whiten)(shape["features"]))
    return Flow(Compose(*parts, core.transform), core.base)
