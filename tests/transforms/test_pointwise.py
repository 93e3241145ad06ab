"""Maps between the line and an interval, against formulas in many digits."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from realnvp.bases import Normal
from realnvp.errors import InputError
from realnvp.flow import Flow
from realnvp.transforms import Box, Logit

mpmath.mp.dps = 60
BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
quick = settings(max_examples=100, deadline=None, derandomize=True)
ALPHAS = pytest.mark.parametrize("alpha", [0.0, 1e-6, 0.05, 0.4])
BOXES = {"unit": (-1.0, 1.0), "bytes": (0.0, 255.0), "far": (0.1, 0.3), "wide": (-1e4, 1e6), "small": (-1e-4, 2e-5)}
boxes = pytest.mark.parametrize(("low", "high"), BOXES.values(), ids=BOXES)
anywhere = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, -0.0, 5e-324, 1e-45, 30.0, -30.0, 1e6, -1e6]))


def between(low, high, share, dtype):
    """A number in the closed interval, however the share of the way rounds."""
    low, high = torch.tensor(low, dtype=dtype), torch.tensor(high, dtype=dtype)
    return torch.minimum(torch.maximum(low + (high - low) * share, low), high)


@ALPHAS
@pytest.mark.parametrize("x", [1e-12, 1e-3, 0.3, 0.5, 0.9, 1 - 1e-9])
def test_logit_is_its_formula(alpha, x):
    u = alpha + (1 - 2 * mpmath.mpf(alpha)) * mpmath.mpf(x)
    z, ladj = Logit(alpha)(torch.tensor([x], dtype=torch.float64))

    assert z.item() == pytest.approx(float(mpmath.log(u / (1 - u))), rel=1e-7, abs=1e-12)
    assert ladj.item() == pytest.approx(float(mpmath.log((1 - 2 * alpha) / (u * (1 - u)))), rel=1e-8)


@ALPHAS
@pytest.mark.parametrize("z", [-700.0, -30.0, -2.0, 0.0, 1.5, 30.0, 700.0])
def test_ladj_of_the_sigmoid_is_exact_in_its_tails(alpha, z):
    m = mpmath.mpf(z)
    expected = -m - 2 * mpmath.log(1 + mpmath.exp(-m)) - mpmath.log(1 - 2 * mpmath.mpf(alpha))
    _, ladj = Logit(alpha).inverse(torch.tensor([z], dtype=torch.float64))

    assert ladj.item() == pytest.approx(float(expected), rel=1e-12, abs=1e-12)


@BOTH
def test_the_smallest_numbers_are_told_apart(dtype):
    x = torch.tensor([[1e-30], [1e-20], [1e-10], [1e-5]], dtype=dtype)
    z, ladj = Logit()(x)

    torch.testing.assert_close(Logit().inverse(z)[0], x, rtol=1e-4, atol=0)
    np.testing.assert_allclose(ladj, -np.log(x.numpy()[:, 0]), rtol=1e-5, atol=1e-4)


@BOTH
@pytest.mark.parametrize("t", [Logit(), Box(0.0, 1.0), Box(-1.0, 1.0)], ids=["logit", "box", "box about zero"])
def test_the_largest_numbers_below_the_edge_are_told_apart(t, dtype):
    high = torch.tensor([1.0], dtype=dtype)
    below = torch.nextafter(high, 0 * high)
    next_below = torch.nextafter(below, 0 * high)

    assert t(next_below)[0] < t(below)[0] <= t(high)[0] < math.inf
    assert t(next_below)[1] < t(below)[1] <= t(high)[1] < math.inf


@BOTH
@quick
@given(share=st.floats(0, 1), alpha=st.sampled_from([0.0, 0.05]))
def test_logit_stays_finite_on_its_domain_and_its_edges(dtype, share, alpha):
    z, ladj = Logit(alpha)(torch.tensor([share], dtype=dtype))

    assert torch.isfinite(z).all()
    assert torch.isfinite(ladj).all()


@BOTH
@quick
@given(z=anywhere, alpha=st.sampled_from([0.0, 0.05]))
def test_sigmoid_stays_finite_everywhere(dtype, z, alpha):
    x, ladj = Logit(alpha).inverse(torch.tensor([z], dtype=dtype))

    assert torch.isfinite(ladj).all()
    assert -alpha / (1 - 2 * alpha) - 1e-6 <= x.item() <= 1 + alpha / (1 - 2 * alpha) + 1e-6


@BOTH
@boxes
@quick
@given(share=st.floats(0, 1))
def test_box_stays_finite_in_the_box_and_on_its_edges(dtype, low, high, share):
    z, ladj = Box(low, high)(between(low, high, share, dtype).reshape(1))

    assert torch.isfinite(z).all()
    assert torch.isfinite(ladj).all()


@BOTH
@boxes
@quick
@given(z=anywhere)
def test_box_is_never_left_and_every_sample_has_a_density(dtype, low, high, z):
    t = Box(low, high)
    x, ladj = t.inverse(torch.tensor([z], dtype=dtype))
    again, down = t(x)

    assert torch.tensor(low, dtype=dtype) <= x.item() <= torch.tensor(high, dtype=dtype)
    assert torch.isfinite(ladj).all()
    assert torch.isfinite(again).all()
    assert torch.isfinite(down).all()


@BOTH
@pytest.mark.parametrize("z", [-1e6, -300.0, -30.0, -9.0, -1e-3, 0.0, 2.0, 30.0, 1e6])
def test_ladj_of_the_inverse_box_is_exact_where_tanh_rounds_to_one(dtype, z):
    m = mpmath.mpf(z)
    expected = mpmath.log(2.5) + 2 * (mpmath.log(2) - abs(m) - mpmath.log1p(mpmath.exp(-2 * abs(m))))
    x, ladj = Box(-2.0, 3.0).inverse(torch.tensor([z], dtype=dtype))

    assert ladj.item() == pytest.approx(float(expected), rel=4e-7 if dtype == torch.float32 else 1e-14, abs=1e-6)
    assert x.item() == pytest.approx(float(0.5 + 2.5 * mpmath.tanh(m)), rel=1e-6)


@BOTH
@pytest.mark.parametrize("x", [-1e30, -1.0, -1e-3, 1.001, 2.0, 1e30, math.inf, -math.inf])
@pytest.mark.parametrize("t", [Logit(), Logit(1e-4), Box(0.0, 1.0)], ids=["logit", "logit with alpha", "box"])
def test_outside_the_density_is_zero(t, x, dtype):
    flow = Flow(t, Normal(2)).to(dtype)
    inside_but_one = torch.tensor([[0.5, x], [x, x], [0.5, 0.5]], dtype=dtype)
    z, ladj = t(inside_but_one)

    assert ladj.tolist()[:2] == [-math.inf, -math.inf]
    assert not torch.isnan(z).any()
    assert flow.log_prob(inside_but_one).tolist()[:2] == [-math.inf, -math.inf]
    assert torch.isfinite(flow.log_prob(inside_but_one)[2])


@pytest.mark.parametrize("t", [Logit(), Logit(0.05), Box(-2.0, 3.0)], ids=["logit", "logit with alpha", "box"])
def test_the_density_on_the_interval_integrates_to_one(t):
    flow = Flow(t, Normal(1)).double()
    low, high = {0.0: (0, 1), 0.05: (-0.05 / 0.9, 0.95 / 0.9 + 0.1 / 0.9)}.get(getattr(t, "alpha", None), (-2, 3))

    def density(x):
        return flow.log_prob(torch.tensor([x], dtype=torch.float64)).exp().item()

    assert integrate.quad(density, low, high, limit=200)[0] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("t", [Logit(0.05), Box(-2.0, 3.0)], ids=["logit", "box"])
def test_a_sample_has_the_density_that_came_with_it(t):
    flow = Flow(t, Normal(2)).double()
    x, logs = flow.sample_with_log_prob(2000, generator=torch.Generator().manual_seed(0))

    torch.testing.assert_close(flow.log_prob(x), logs)


def test_each_channel_has_its_own_box():
    t = Box([0.0, -1.0], [1.0, 9.0], event_dim=3)
    x, ladj = t.inverse(torch.full((5, 2, 3, 4), 1e6))

    assert (x[:, 0] == 1).all()
    assert (x[:, 1] == 9).all()
    assert ladj.shape == (5,)


def test_a_cast_of_the_model_does_not_round_the_box_away():
    t = Box(1e9, 1e9 + 1).float()
    x = torch.tensor([[1e9 + 0.25]], dtype=torch.float64)

    torch.testing.assert_close(t.inverse(t(x)[0])[0], x, rtol=1e-15, atol=0)


def test_each_feature_has_its_own_box():
    t = Box([0.0, -1.0], [1.0, 9.0])
    x, _ = t.inverse(torch.tensor([[1e6, -1e6], [0.0, 0.0]]))

    assert x.tolist() == [[1.0, -1.0], [0.5, 4.0]]


@pytest.mark.parametrize("alpha", [-0.1, 0.5, 1.0, math.nan])
def test_a_senseless_alpha_is_refused(alpha):
    with pytest.raises(InputError, match="alpha"):
        Logit(alpha)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1.0), ([0, 0], [1, 0])])
def test_a_senseless_box_is_refused(low, high):
    with pytest.raises(InputError, match="low < high"):
        Box(low, high)
