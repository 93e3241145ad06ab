"""Conditioners: nets that decide a kernel's parameters."""

from realnvp.nets.base import Constant, KeepsDouble, LearntLast, NetFactory, Separate, learnt_last
from realnvp.nets.conv import Conv, ResidualConv, conv, residual_conv
from realnvp.nets.lattice import Sublattice, checkerboard, sublattice
from realnvp.nets.mlp import MLP, mlp
from realnvp.nets.resnet import ResidualMLP, residual_mlp
from realnvp.nets.standard import Standard
from realnvp.nets.waves import Waves, waves

__all__ = [
    "MLP",
    "Constant",
    "Conv",
    "KeepsDouble",
    "LearntLast",
    "NetFactory",
    "ResidualConv",
    "ResidualMLP",
    "Separate",
    "Standard",
    "Sublattice",
    "Waves",
    "checkerboard",
    "conv",
    "learnt_last",
    "mlp",
    "residual_conv",
    "residual_mlp",
    "sublattice",
    "waves",
]
