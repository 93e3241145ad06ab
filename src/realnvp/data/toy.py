"""Toy sets with known truth: exact samples, log densities and entropies, by name."""

from realnvp.data.laws.base import Toy
from realnvp.data.laws.curves import Moons, SwissRoll, TwoSpirals
from realnvp.data.laws.line import Exponential, Mixture, Normal
from realnvp.data.laws.plane import Checkerboard, EightGaussians, Pinwheel
from realnvp.data.laws.radial import Circles, Rings, Spirals
from realnvp.errors import InputError, nearest

__all__ = [
    "TOYS",
    "Checkerboard",
    "Circles",
    "EightGaussians",
    "Exponential",
    "Mixture",
    "Moons",
    "Normal",
    "Pinwheel",
    "Rings",
    "Spirals",
    "SwissRoll",
    "Toy",
    "TwoSpirals",
    "toy",
]

_ALL: tuple[Toy, ...] = (
    Moons(),
    Circles(),
    Rings(),
    Spirals(),
    TwoSpirals(),
    SwissRoll(),
    EightGaussians(),
    Checkerboard(),
    Pinwheel(),
    Normal(),
    Mixture(),
    Exponential(),
)
TOYS: dict[str, Toy] = {law.name: law for law in _ALL}
"""The toy sets by name, with their default parameters."""


def toy(name: str) -> Toy:
    """The toy set of that name, with its default parameters."""
    if name in TOYS:
        return TOYS[name]
    raise InputError(f"unknown toy data set {name!r}{nearest(name, TOYS)}")
