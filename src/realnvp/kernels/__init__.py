"""Elementwise bijections whose parameters are handed in."""

from realnvp.kernels.additive import Additive
from realnvp.kernels.affine import Affine, TanhAffine
from realnvp.kernels.base import Kernel
from realnvp.kernels.chain import Chain
from realnvp.kernels.spline import Odd, Spline

__all__ = ["Additive", "Affine", "Chain", "Kernel", "Odd", "Spline", "TanhAffine"]
