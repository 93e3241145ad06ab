"""Coupling flows: exact, normalised densities that sample in one pass."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from realnvp import bases, data, export, interop, kernels, mcmc, measure, nets, potentials, transforms
    from realnvp.errors import InputError
    from realnvp.estimators import BoltzmannGenerator, ImageRealNVP, RealNVP
    from realnvp.flow import Flow
    from realnvp.memory import constant_memory
    from realnvp.objectives import ForwardKL, MaxLikelihood, ReverseKL
    from realnvp.recipes import image_real_nvp, lattice_flow, nice, real_nvp, spline_flow

__version__ = "0.1.0"

__all__ = [
    "BoltzmannGenerator",
    "Flow",
    "ForwardKL",
    "ImageRealNVP",
    "InputError",
    "MaxLikelihood",
    "RealNVP",
    "ReverseKL",
    "bases",
    "constant_memory",
    "data",
    "export",
    "image_real_nvp",
    "interop",
    "kernels",
    "lattice_flow",
    "mcmc",
    "measure",
    "nets",
    "nice",
    "potentials",
    "real_nvp",
    "spline_flow",
    "transforms",
]

_HOMES = {
    "BoltzmannGenerator": "estimators",
    "Flow": "flow",
    "ForwardKL": "objectives",
    "ImageRealNVP": "estimators",
    "InputError": "errors",
    "MaxLikelihood": "objectives",
    "RealNVP": "estimators",
    "ReverseKL": "objectives",
    "constant_memory": "memory",
    "image_real_nvp": "recipes",
    "lattice_flow": "recipes",
    "nice": "recipes",
    "real_nvp": "recipes",
    "spline_flow": "recipes",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that ``import realnvp`` and the command start at once."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"realnvp.{_HOMES[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"realnvp.{name}")
    raise AttributeError(f"module 'realnvp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
