"""Markov chains over an energy: Langevin, Hamiltonian, sequential; none of them knows of flows."""

from realnvp.mcmc.base import Energy, Walkers, mala
from realnvp.mcmc.hmc import Chains, hmc
from realnvp.mcmc.smc import Population, smc
from realnvp.mcmc.start import widest_start

__all__ = ["Chains", "Energy", "Population", "Walkers", "hmc", "mala", "smc", "widest_start"]
