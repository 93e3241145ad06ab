"""Numbers about a trained flow, each with its unit."""

from realnvp.measure.checks import round_trip_error
from realnvp.measure.density import Estimate, gaussian_nll, mean_nll, truth_gap

__all__ = ["Estimate", "gaussian_nll", "mean_nll", "round_trip_error", "truth_gap"]
