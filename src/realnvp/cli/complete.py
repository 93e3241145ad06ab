"""What the shell completes beside options: names, written down here so that what they name need not be imported."""

from collections.abc import Callable
from glob import escape, glob
from os.path import dirname

__all__ = ["DATA", "KERNELS", "OBJECTIVES", "POTENTIALS", "awaited", "of", "runs"]

_DATA = """moons circles rings spirals two_spirals swiss_roll eight_gaussians checkerboard pinwheel normal mixture
exponential digits mnist fashion_mnist cifar10"""
_POTENTIALS = "u1 u2 u3 u4 double_well mueller_brown funnel rings mixture40 many_well phi4 dw4 lj13"
DATA = tuple(_DATA.split())
"""Toy sets and picture sets."""
POTENTIALS = tuple(_POTENTIALS.split())
"""Energies."""
KERNELS = ("auto", "spline", "affine", "additive", "lattice")
"""Kernels of an energy's flow."""
OBJECTIVES = ("auto", "forward", "reverse", "both")
"""What an energy is learnt by."""


def of(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return what completes one of ``names``; where none fits, the shell goes on with files."""

    def completed(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return completed


def runs(incomplete: str) -> list[str]:
    """Complete a run: a folder that begins so, or one in a folder that does, as those in ``runs`` do."""
    return _holding(incomplete, "config.json")


def awaited(incomplete: str) -> list[str]:
    """Complete a run, or the folder of a training that goes on and is shown."""
    return sorted({*_holding(incomplete, "config.json"), *_holding(incomplete, ".live")})


def _holding(incomplete: str, name: str) -> list[str]:
    found = (glob(f"{escape(incomplete)}{rest}/{name}") for rest in ("*", "*/*"))
    return sorted({dirname(held) for all_held in found for held in all_held})
