"""What a ``BoltzmannGenerator`` is going to do, each ``"auto"`` settled, and what does not go together refused."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from realnvp.errors import InputError
from realnvp.estimators.parts.base import LAYERS, WIDE, check_params, chosen, precision_of
from realnvp.estimators.parts.particles import bodies_of
from realnvp.mcmc import Energy
from realnvp.potentials import Phi4
from realnvp.transforms import Compose, Probit

__all__ = ["Plan", "architecture_of", "plan"]

_LATTICE = {"layers": 3, "width": 16, "batch_size": 256, "lr": 1e-2}
_ELSE = {"width": 64, "batch_size": 512, "lr": 3e-3}
_LEAST = {"forward": 2, "both": 4, "reverse": 1}
"""Points per step: the weights of a single one say nothing."""


@dataclass(frozen=True)
class Plan:
    """Kernel, objective and sizes of a training; ``free`` where the objective was left to us."""

    kernel: str
    objective: str
    free: bool
    path_gradient: bool
    base: str
    layers: int
    width: int
    batch_size: int
    lr: float
    precision: str = "float32"
    bodies: tuple[int, int] | None = None

    @property
    def hottest(self) -> float:
        """Temperature at which a reverse training starts; a lattice field has one mode, or two that are alike."""
        return 20.0 if self.objective == "reverse" and self.kernel != "lattice" else 1.0


def plan(model: Any, potential: Energy, features: int, *, slope: bool) -> Plan:
    """Settle the parameters of ``model``; ``slope`` says whether the potential has a gradient."""
    check_params(model, ("layers", "width", "batch_size", "lr"))
    chosen("objective", model.objective, dict.fromkeys(("auto", *_LEAST)))
    chosen("kernel", model.kernel, dict.fromkeys(("auto", *LAYERS, "lattice")))
    chosen("base", model.base, dict.fromkeys(("normal", "logistic")))
    if model.path_gradient not in (True, False, "auto"):
        raise InputError(f"path_gradient must be True, False or 'auto', got {model.path_gradient!r}")
    field = isinstance(potential, Phi4) and potential.side % 2 == 0 and slope and model.base == "normal"
    kernel = model.kernel if model.kernel != "auto" else "lattice" if field else "spline"
    if kernel == "lattice":
        _check_lattice(features, model.base)
    bounded = model.bounds is not None or getattr(potential, "bounds", None) is not None
    bodies = bodies_of(model.bodies, potential, features, bounded=bounded, kernel=kernel)
    if bodies and model.base != "normal":
        raise InputError(f"bodies have a normal base, got base={model.base!r}: leave it out")
    usual = "reverse" if kernel == "lattice" else "forward" if features <= 2 else "both"
    objective = model.objective if model.objective != "auto" else usual if slope else "forward"
    if objective != "forward" and not slope:
        raise InputError(f"objective {objective!r} needs the potential's gradient: pass gradient=, or use 'forward'")
    auto = _LATTICE if kernel == "lattice" else {"layers": LAYERS[kernel]} | _ELSE
    asked = {name: getattr(model, name) for name in auto}
    sizes = {name: usual if asked[name] == "auto" else asked[name] for name, usual in auto.items()}
    if sizes["batch_size"] < _LEAST[objective]:
        raise InputError(f"batch_size must be at least {_LEAST[objective]} for objective {objective!r}")
    narrow = model.precision == "auto" and sizes["width"] < WIDE
    precision = precision_of(model.precision, torch.device("cpu"))  # where the training runs
    return Plan(
        kernel=kernel,
        objective=objective,
        free=model.objective == "auto",
        path_gradient=objective == "both" if model.path_gradient == "auto" else bool(model.path_gradient),
        base=model.base,
        layers=int(sizes["layers"]),
        width=int(sizes["width"]),
        batch_size=int(sizes["batch_size"]),
        lr=float(sizes["lr"]),
        precision="float32" if narrow else precision,
        bodies=bodies,
    )


def _check_lattice(features: int, base: str) -> None:
    side = math.isqrt(features)
    if side * side != features or side % 2:
        raise InputError(
            f"kernel 'lattice' is for fields on a square lattice of even side, not for {features} features"
        )
    if base != "normal":
        raise InputError(f"the lattice flow has a normal base, got base={base!r}: leave it out")


@torch.no_grad()
def architecture_of(settled: Plan, outer: Compose, points: Tensor, energy: Energy) -> dict:
    """Return the plain data that ``energy_flow`` and ``framed`` make a flow from."""
    box = outer[0] if len(outer) and isinstance(outer[0], Probit) else None
    lattice, few = settled.kernel == "lattice", points[:64]
    return {
        "features": points.shape[1],
        "bounds": None if box is None else [box.low.tolist(), box.high.tolist()],
        **{name: getattr(settled, name) for name in ("kernel", "layers", "width", "base", "precision")},
        "bodies": settled.bodies,
        "reach": 1.25 * float(points.abs().max()) if lattice else None,
        "odd": lattice and torch.allclose(energy(few), energy(-few), rtol=1e-4, atol=1e-3),
    }
