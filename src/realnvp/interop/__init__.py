"""Flows in the hands of other libraries: ``torch.distributions`` and Pyro, ``sbi``, ArviZ, TensorBoard.

None of these is needed before its name here is used.
"""

from realnvp.interop.distribution import FlowDistribution

__all__ = ["FlowDistribution"]
