"""Markov chains over an energy: Langevin, Hamiltonian, sequential; none of them knows of flows."""

from realnvp.mcmc.base import Energy, Stride, Walkers, effective, leap, tempered
from realnvp.mcmc.hmc import Chains, hmc
from realnvp.mcmc.smc import Population, smc
from realnvp.mcmc.start import widest_start

__all__ = [
    "Chains",
    "Energy",
    "Population",
    "Stride",
    "Walkers",
    "effective",
    "hmc",
    "leap",
    "smc",
    "tempered",
    "widest_start",
]
