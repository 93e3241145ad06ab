"""A fitted flow as the proposal, and as the start, of emcee's chains."""

import emcee
import numpy as np
import pytest

from realnvp import RealNVP

CENTRES = np.array([[-3.0, 0.0], [3.0, 0.0]])
WEIGHTS = np.array([0.3, 0.7])


def log_target(x):
    """Two wells far apart, of unequal mass: no walker crosses by itself."""
    each = -0.5 * np.square((x[:, None] - CENTRES) / 0.4).sum(-1) + np.log(WEIGHTS)
    return np.logaddexp.reduce(each, 1)


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)  # a rough pilot sample: both wells are known, their masses are not, and it is wide
    pilot = CENTRES[rng.integers(2, size=1000)] + 0.6 * rng.normal(size=(1000, 2))
    return RealNVP("spline", layers=3, width=16, max_steps=300, members=1, random_state=0, verbose=False).fit(pilot)


def share(chain):
    return (chain[..., 0] > 0).mean()


def test_proposals_of_the_flow_find_the_masses_of_the_wells(fitted):
    def propose(x, rng):
        new = fitted.sample(len(x), random_state=rng)
        return new, fitted.score_samples(x) - fitted.score_samples(new)

    start = fitted.sample(32, random_state=1)
    chains = emcee.EnsembleSampler(32, 2, log_target, vectorize=True, moves=emcee.moves.MHMove(propose))
    chains.random_state = np.random.RandomState(0).get_state()
    chains.run_mcmc(start, 150)
    late = chains.get_chain(discard=30)

    assert 0.2 < chains.acceptance_fraction.mean() < 0.9
    assert abs(share(late) - 0.7) < 0.06
    assert abs(late[late[..., 0] > 0][:, 1].std() - 0.4) < 0.04


def test_weights_of_the_flow_find_them_too(fitted):
    x = fitted.sample(5000, random_state=2)
    log_w = log_target(x) - fitted.score_samples(x)
    w = np.exp(log_w - log_w.max())

    assert abs((w * (x[:, 0] > 0)).sum() / w.sum() - 0.7) < 0.04
    assert abs(np.log(np.exp(log_w).mean()) - np.log(2 * np.pi * 0.4**2)) < 0.06  # the normaliser
