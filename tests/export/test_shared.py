"""What an export is tried on before it is kept."""

import numpy as np
import pytest
import torch

from realnvp import RealNVP, real_nvp
from realnvp.export.plain import plain
from realnvp.export.shared import differing


def _as_it_is(flow, dtype):
    """Run the flow itself in the place of its programs, in float64."""

    @torch.no_grad()
    def run(name, given):
        exact, (x, *context) = plain(flow, torch.float64), (v.double() for v in given.values())
        found = exact.push(x, *context) if name == "sample" else [exact.log_prob(x, *context)]
        return [v.to(dtype) for v in found]

    return run


def test_a_flow_is_tried_under_contexts_like_its_own():
    """Years lie hundreds of deviations from zero: what a flow says of the year 0 is rounding and no fault."""
    rng = np.random.default_rng(0)
    years = rng.uniform(2005, 2025, (1000, 1))
    X = np.hstack([np.sin(years), years / 5]) + rng.normal(size=(1000, 2))
    model = RealNVP(max_steps=200, width=32, random_state=0, verbose=False, device="cpu").fit(X, context=years)

    assert differing(model.flow_, torch.float32, _as_it_is(model.flow_, torch.float32)) == []


@pytest.mark.parametrize(("rows", "runs"), [(None, 1), (1, 16), (30, 3), (100, 1)])
def test_programs_of_few_rows_are_run_several_times(rows, runs):
    flow, seen = real_nvp(2, layers=1, hidden=(8,)), []

    def run(name, given):
        seen.append(len(next(iter(given.values()))))
        return _as_it_is(flow, torch.float64)(name, given)

    assert differing(flow, torch.float64, run, rows) == []
    assert seen == [rows or 64] * 2 * runs


def test_what_is_wrong_in_a_later_run_is_seen():
    flow, runs = real_nvp(2, layers=1, hidden=(8,)), []

    def run(name, given):
        runs.append(name)
        return [v + (runs.count(name) == 3) for v in _as_it_is(flow, torch.float64)(name, given)]

    assert differing(flow, torch.float64, run, 1) == ["sample", "log_prob"]
