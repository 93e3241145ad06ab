"""Flows in the hands of other libraries: ``torch.distributions`` and Pyro, ``sbi``, ArviZ, TensorBoard.

None of these is needed before its name here is used.
"""

from realnvp.interop.arviz import inference_data
from realnvp.interop.distribution import FlowDistribution
from realnvp.interop.posterior import density_estimator
from realnvp.interop.tensorboard import TensorBoard

__all__ = ["FlowDistribution", "TensorBoard", "density_estimator", "inference_data"]
