"""Numbers about a trained flow, each with its unit."""

from realnvp.measure.base import Estimate
from realnvp.measure.checks import round_trip_error
from realnvp.measure.density import gaussian_nll, mean_nll, pixelwise_bits, truth_gap
from realnvp.measure.weights import autocorrelation_time, ess, log_normalizer, metropolis, pareto_k, weighted_mean

__all__ = [
    "Estimate",
    "autocorrelation_time",
    "ess",
    "gaussian_nll",
    "log_normalizer",
    "mean_nll",
    "metropolis",
    "pareto_k",
    "pixelwise_bits",
    "round_trip_error",
    "truth_gap",
    "weighted_mean",
]
