"""Potentials U(x) in kT, ``(*, D) -> (*)``, with their exact normalisers and reference samplers where they exist."""

from realnvp.potentials.base import Potential
from realnvp.potentials.lattice import Phi4
from realnvp.potentials.particles import DW4, LJ13
from realnvp.potentials.rezende import U1, U2, U3, U4
from realnvp.potentials.toy import DoubleWell, Funnel, ManyWell, Mixture40, MuellerBrown, Rings

__all__ = [
    "DW4",
    "LJ13",
    "POTENTIALS",
    "U1",
    "U2",
    "U3",
    "U4",
    "DoubleWell",
    "Funnel",
    "ManyWell",
    "Mixture40",
    "MuellerBrown",
    "Phi4",
    "Potential",
    "Rings",
]

POTENTIALS: dict[str, type[Potential]] = {
    kind.name: kind
    for kind in (U1, U2, U3, U4, DoubleWell, MuellerBrown, Funnel, Rings, Mixture40, ManyWell, Phi4, DW4, LJ13)
}
"""The named potentials, with their default parameters."""
