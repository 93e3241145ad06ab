"""scikit-learn estimators: NumPy in, NumPy out."""

from realnvp.estimators.density import RealNVP

__all__ = ["RealNVP"]
