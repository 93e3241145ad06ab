"""Bijections with exact log-determinants: ``forward`` is the density direction, ``inverse`` the sampling one."""

from realnvp.transforms.base import Compose, Inverse, Transform
from realnvp.transforms.context import Embed, Regress
from realnvp.transforms.coupling import (
    CheckerboardCoupling,
    Coupling,
    EvenOdd,
    Halves,
    OrderedHalves,
    RandomHalves,
    Split,
)
from realnvp.transforms.frame import BodyFrame
from realnvp.transforms.lattice import FreeField
from realnvp.transforms.linear import LULinear, PositiveLinear, Whiten
from realnvp.transforms.marginal import SinhArcsinh
from realnvp.transforms.norm import ActNorm, BatchNorm, Standardise
from realnvp.transforms.permute import Flip, Permute, Shuffle
from realnvp.transforms.pointwise import Box, Logit, Probit
from realnvp.transforms.scale import Affine, Scale
from realnvp.transforms.squeeze import Flat, Part, Squeeze, Within

__all__ = [
    "ActNorm",
    "Affine",
    "BatchNorm",
    "BodyFrame",
    "Box",
    "CheckerboardCoupling",
    "Compose",
    "Coupling",
    "Embed",
    "EvenOdd",
    "Flat",
    "Flip",
    "FreeField",
    "Halves",
    "Inverse",
    "LULinear",
    "Logit",
    "OrderedHalves",
    "Part",
    "Permute",
    "PositiveLinear",
    "Probit",
    "RandomHalves",
    "Regress",
    "Scale",
    "Shuffle",
    "SinhArcsinh",
    "Split",
    "Squeeze",
    "Standardise",
    "Transform",
    "Whiten",
    "Within",
]
