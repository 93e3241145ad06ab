"""Functions that build a flow."""

from realnvp.recipes.base import Layer, couplings
from realnvp.recipes.images import batch_norm, flat_real_nvp, glow_step, image_real_nvp, noise_flow
from realnvp.recipes.lattice import lattice_flow
from realnvp.recipes.tables import nice, real_nvp, spline_flow

__all__ = [
    "Layer",
    "batch_norm",
    "couplings",
    "flat_real_nvp",
    "glow_step",
    "image_real_nvp",
    "lattice_flow",
    "nice",
    "noise_flow",
    "real_nvp",
    "spline_flow",
]
