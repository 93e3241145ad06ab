"""Kernels of senseless parameters."""

import math

import pytest

from realnvp.errors import InputError
from realnvp.kernels import Affine, Chain, Spline, TanhAffine


@pytest.mark.parametrize(
    "make",
    [
        lambda: Affine(0),
        lambda: Affine(-1.0),
        lambda: Affine(math.nan),
        lambda: Affine(math.inf),
        lambda: TanhAffine(0.5),
        lambda: TanhAffine(math.nan),
        lambda: Spline(bound=math.inf),
        lambda: Spline(1),
        lambda: Spline(bound=0),
        lambda: Spline(floor=1.0),
        lambda: Spline(floor=0.0),
        lambda: Spline(slope=0.0),
        lambda: Chain(()),
    ],
)
def test_senseless_parameters_are_refused(make):
    with pytest.raises(InputError, match=r"bound|at least one kernel|finite and at least 1"):
        make()
