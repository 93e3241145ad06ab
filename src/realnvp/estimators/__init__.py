"""scikit-learn estimators: NumPy in, NumPy out."""

from realnvp.estimators.boltzmann import BoltzmannGenerator
from realnvp.estimators.density import RealNVP
from realnvp.estimators.images import ImageRealNVP

__all__ = ["BoltzmannGenerator", "ImageRealNVP", "RealNVP"]
