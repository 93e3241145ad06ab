"""Numbers about a trained flow, each with its unit."""

from realnvp.measure.base import Estimate
from realnvp.measure.between import kl, mutual_information
from realnvp.measure.checks import round_trip_error
from realnvp.measure.density import (
    gaussian_density,
    gaussian_nll,
    mean_nll,
    mixture_density,
    mixture_nll,
    pixelwise_bits,
    truth_gap,
)
from realnvp.measure.latent import latent_normality, pit, uniformity
from realnvp.measure.samples import c2st
from realnvp.measure.weights import autocorrelation_time, ess, log_normalizer, metropolis, pareto_k, weighted_mean

__all__ = [
    "Estimate",
    "autocorrelation_time",
    "c2st",
    "ess",
    "gaussian_density",
    "gaussian_nll",
    "kl",
    "latent_normality",
    "log_normalizer",
    "mean_nll",
    "metropolis",
    "mixture_density",
    "mixture_nll",
    "mutual_information",
    "pareto_k",
    "pit",
    "pixelwise_bits",
    "round_trip_error",
    "truth_gap",
    "uniformity",
    "weighted_mean",
]
