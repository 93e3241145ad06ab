"""Base distributions: ``log_prob(z)`` and ``sample(n)``."""

from realnvp.bases.base import Base, Slices
from realnvp.bases.logistic import Logistic
from realnvp.bases.mixture import Mixture
from realnvp.bases.normal import Normal
from realnvp.bases.uniform import Uniform

__all__ = ["Base", "Logistic", "Mixture", "Normal", "Slices", "Uniform"]
