"""Laws of known density, mean and covariance on the line and in the plane."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from _common import draws
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

from realnvp.data.toy import Exponential, Mixture, Normal, Toy


@dataclass
class Law:
    draw: Callable[[int], torch.Tensor]
    log_prob: Callable[[np.ndarray], np.ndarray]
    mean: list
    covariance: list


def line(law: Toy, mean: float, variance: float) -> Law:
    return Law(draws(law), law.log_prob, [mean], [[variance]])


def plane(weights: list, means: list, covariance: list) -> Law:
    """A mixture of normals that share a covariance."""
    w, m, c = (torch.tensor(v) for v in (weights, means, covariance))
    law = MixtureSameFamily(Categorical(w), MultivariateNormal(m, c))
    mean = w @ m
    total = c + (m - mean).T @ torch.diag(w) @ (m - mean)
    return Law(
        lambda n: law.sample((n,)), lambda x: law.log_prob(torch.as_tensor(x)).numpy(), mean.tolist(), total.tolist()
    )


LAWS = {
    "normal": line(Normal(mean=1.0, std=0.5), 1.0, 0.25),
    "mixture": line(Mixture(weights=(0.4, 0.6), means=(-2.0, 1.5), stds=(0.5, 1.0)), 0.1, 3.64),
    "exponential": line(Exponential(rate=1.0), 1.0, 1.0),
    "2-D normal": plane([1.0], [[1.0, -0.5]], [[1.0, 0.6], [0.6, 0.8]]),
    "three blobs": plane([0.3, 0.3, 0.4], [[-2.0, -1.0], [2.0, -1.0], [0.0, 2.0]], [[0.3, 0.1], [0.1, 0.3]]),
}
