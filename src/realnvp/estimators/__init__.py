"""scikit-learn estimators: NumPy in, NumPy out."""

from realnvp.estimators.boltzmann import BoltzmannGenerator
from realnvp.estimators.density import RealNVP

__all__ = ["BoltzmannGenerator", "RealNVP"]
