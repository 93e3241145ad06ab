"""Fake models with exact densities."""

import math

import numpy as np
import pytest


class Gaussian:
    """x = A z + b with z standard normal; a model and the truth at once."""

    def __init__(self, features, seed=0):
        rng = np.random.default_rng(seed)
        self.a = np.eye(features) + 0.4 * np.tril(rng.standard_normal((features, features)), -1)
        self.b = np.arange(features, dtype=float)
        self.log_det = float(np.linalg.slogdet(self.a)[1])
        self.entropy = features / 2 * math.log(2 * math.pi * math.e) + self.log_det
        self.history_ = [
            {"step": 10 * (i + 1), "seconds": 0.1 * i, "train": v, "held_out": v + 0.1, "best": v + 0.1}
            for i, v in enumerate((900.0, 4.0, 3.2, 3.0, 2.9, 2.8, 2.75, 2.7, 2.72, 2.71))
        ]

    def score_samples(self, X):
        Z = self.transform(X)
        return -(Z**2).sum(axis=1) / 2 - Z.shape[1] / 2 * math.log(2 * math.pi) - self.log_det

    def log_prob(self, X):
        return self.score_samples(X)

    def sample(self, n, random_state):
        return self.inverse_transform(np.random.default_rng(random_state).standard_normal((n, len(self.b))))

    def transform(self, X):
        return np.linalg.solve(self.a, (np.asarray(X) - self.b).T).T

    def inverse_transform(self, Z):
        return np.asarray(Z) @ self.a.T + self.b


class Shifted:
    """A conditional model: the Gaussian moved by its context; it refuses to be called without one."""

    def __init__(self, features):
        self.flow, self.history_, self.asked = Gaussian(features), [], []

    def score_samples(self, X, *, context):
        self.asked.append(context)
        return self.flow.score_samples(X - context)

    def sample(self, n, *, random_state, context):
        assert len(context) == n
        return self.flow.sample(n, random_state) + context

    def transform(self, X, *, context):
        assert len(context) == len(X)
        return self.flow.transform(X - context)

    def inverse_transform(self, Z, *, context):
        return self.flow.inverse_transform(Z) + context


@pytest.fixture
def gaussian():
    return Gaussian


@pytest.fixture
def shifted():
    return Shifted


@pytest.fixture
def ax():
    from matplotlib.figure import Figure

    return Figure().subplots()
