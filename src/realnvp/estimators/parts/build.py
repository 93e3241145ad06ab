"""Architectures written as plain data, and the flows built from them."""

import math
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch

from realnvp.bases import Base, Logistic, Mixture, Normal
from realnvp.ensemble import Ensemble
from realnvp.estimators.parts.base import chosen, seeded
from realnvp.estimators.parts.particles import Unordered
from realnvp.estimators.parts.settings import MANY_COLUMNS, Settings
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
    Permute,
    Probit,
    Regress,
    SinhArcsinh,
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
    "rebuild",
    "scalers",
    "whole",
]

KERNELS: dict[str, Callable[..., Flow]] = {"additive": nice, "affine": real_nvp, "spline": spline_flow}
BASES: dict[str, Callable[..., Base]] = {"logistic": Logistic, "mixture": Mixture, "normal": Normal}
_GAIN, _GAIN_OF_MANY = 2.0, 1.4
"""Of the nets' first weights: nearer than torch's to what keeps a signal's size between layers (He et al., 2015). From
48 columns on less: 2 cost 0.3 nats there."""
_MIXED = 512
"""Columns up to which couplings are mixed by products of triangles; a step of those costs their number to the third
power, and in more than this many columns is little else."""
_REACH = 6.0
"""How far out, in standard deviations, the splines of an energy act: beyond it lies 1e-6 of a logistic base."""
PRECISIONS = {"float32": None, "bf16": torch.bfloat16}


def architecture(settled: Settings, arrays: Sequence[np.ndarray], *, marginals: bool) -> dict:
    """Return the plain data that ``build`` makes a flow from, for these settings and this data (and context)."""
    return {
        "features": arrays[0].shape[1],
        "context": arrays[1].shape[1] if len(arrays) > 1 else 0,
        "components": min(8, len(arrays[0]) // 2),
        "marginals": marginals,
        "activation": "silu",
        **({"mixing": "permutation"} if arrays[0].shape[1] > _MIXED else {}),
        **{name: getattr(settled, name) for name in ("kernel", "layers", "width", "base", "dropout", "precision")},
    }


def build(shape: dict, seed: int) -> Flow:
    """Build the flow that ``shape`` describes, its first weights drawn from ``seed``.

    ``shape`` is plain data (JSON), the same that a run folder keeps: features, context, kernel (``"none"`` leaves the
    base alone, around a line in the context), layers, width, base, components, precision, dropout, activation, and
    whether each column is bent first (``marginals``). From 513 columns on ``mixing`` is by permutations.
    """
    make = chosen("base", shape["base"], BASES)
    features = shape["features"]
    with seeded(seed):
        base = make(features, *((shape["components"],) if shape["base"] == "mixture" else ()))
        flow = _bare(shape, base) if shape["kernel"] == "none" else _coupled(shape, base)
    if shape.get("marginals"):
        flow = Flow(Compose(SinhArcsinh(features), *cast(Compose, flow.transform)), base)
    return _computing(flow, shape["precision"])


def _bare(shape: dict, base: Base) -> Flow:
    return Flow(Compose(*[Regress(shape["features"], shape["context"])] * bool(shape["context"])), base)


def _coupled(shape: dict, base: Base) -> Flow:
    recipe = chosen("kernel", shape["kernel"], KERNELS)
    act, dropout = shape.get("activation", "relu"), shape.get("dropout", 0.0)
    gain = _GAIN if shape["features"] < MANY_COLUMNS else _GAIN_OF_MANY
    mixing = _shuffled if shape.get("mixing") == "permutation" else LULinear
    return recipe(
        shape["features"],
        context=shape["context"],
        layers=shape["layers"],
        net=mlp((shape["width"], shape["width"]), act=act, dropout=dropout, gain=gain),
        between=mixing if shape["features"] > 1 else None,
        base=base,
    )


def _shuffled(features: int) -> Permute:
    return Permute(torch.randperm(features))


def rebuild(shape: dict) -> Flow:
    """Build what a run folder's ``architecture`` describes, in the units of the data: a flow, or several as one."""
    if "members" not in shape:
        return whole(build(shape, 0))
    members = [whole(build(member, 0)) for member in shape["members"]]
    return Ensemble(members, torch.zeros(len(members)))


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


def framed(shape: dict, core: Flow) -> Flow:
    """Put the box, if there is one, and what ``outside`` puts behind it, before ``core``."""
    if shape.get("bodies"):
        return core
    parts: list[Transform] = [] if shape["bounds"] is None else [Probit(*shape["bounds"])]
    if shape["kernel"] != "lattice":
        parts.append((Standardise if parts else Whiten)(shape["features"]))
    return Flow(Compose(*parts, core.transform), core.base)
