"""Numbers of every size: a fit ends with a finite density, or says why not."""

import numpy as np
import pytest

from realnvp import RealNVP

QUICK = {"max_steps": 10, "layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu"}
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("kernel", ["affine", "spline", "additive"])
@pytest.mark.parametrize("offset", [1e-30, 1.0, -1e6, 1e30])
def test_a_relative_spread_of_a_millionth_of_a_millionth(kernel, offset):
    X = offset * (1 + 1e-12 * RNG.normal(size=(400, 2)))
    log_prob = RealNVP(kernel, kinds="continuous", **QUICK).fit(X).score_samples(X)

    assert np.isfinite(log_prob).all()
    assert log_prob.mean() == pytest.approx(-2 * np.log(1e-12 * abs(offset)) - np.log(2 * np.pi * np.e), abs=1.5)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12, 1e30])
@pytest.mark.parametrize("outlier", [None, 1e6])
def test_scales_and_an_outlier(scale, outlier):
    X = RNG.normal(size=(400, 2)) * scale
    if outlier is not None:
        X[7, 1] = outlier * scale
    model = RealNVP(**QUICK).fit(X)

    assert np.isfinite(model.score_samples(X)).all()
    assert np.isfinite(model.sample(200, random_state=0)).all()


@pytest.mark.parametrize("columns", [1, 2])
def test_two_rows_are_learnt_and_one_is_refused(columns):
    X = RNG.normal(size=(2, columns))

    assert np.isfinite(RealNVP(**QUICK).fit(X).score_samples(X)).all()
    with pytest.raises(ValueError, match=r"1 sample"):
        RealNVP(**QUICK).fit(X[:1])
