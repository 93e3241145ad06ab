"""Verbs recorded on an accelerator."""

import pytest
import torch

from realnvp import InputError, export, real_nvp

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")


def some(dtype=torch.float32, context=0):
    torch.manual_seed(0)
    flow = real_nvp(3, layers=3, hidden=(8,), context=context).to(dtype)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return flow


@on_a_card
@pytest.mark.parametrize("rows", [1, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("compiled", [False, True])
def test_recorded_verbs_are_those_of_the_flow(rows, dtype, compiled):
    flow = some(dtype).cuda()
    graphs = export.recorded(flow, rows, compiled=compiled)
    for _ in range(3):
        x, z = (torch.randn(rows, 3, device="cuda", dtype=dtype) for _ in range(2))
        torch.testing.assert_close(graphs.log_prob(x), flow.log_prob(x), rtol=1e-4, atol=1e-4)
        for ours, theirs in zip(graphs.push(z), flow.push(z), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
        drawn, log_q = graphs.sample_with_log_prob()
        torch.testing.assert_close(log_q, flow.log_prob(drawn), rtol=1e-4, atol=1e-4)
        assert not torch.equal(graphs.sample(), drawn)


@on_a_card
def test_draws_follow_torchs_seed_and_what_was_told_stays():
    graphs = export.recorded(some().cuda(), 16)
    torch.cuda.manual_seed(3)
    first, other = graphs.sample(), graphs.sample()
    kept = first.clone()
    torch.cuda.manual_seed(3)

    assert torch.equal(graphs.sample(), first)
    assert torch.equal(first, kept)
    assert not torch.equal(first, other)


@on_a_card
def test_points_that_want_gradients_leave_nothing_behind():
    graphs = export.recorded(some().cuda(), 16)
    x = torch.randn(16, 3, device="cuda", requires_grad=True)

    assert not graphs.log_prob(x).requires_grad
    assert not graphs.push(x)[0].requires_grad
    assert not graphs._x.requires_grad


@on_a_card
def test_another_shape_is_refused():
    graphs = export.recorded(some().cuda(), 16)
    with pytest.raises(ValueError, match=r"take the shape \(16, 3\): got \(4, 3\)"):
        graphs.log_prob(torch.zeros(4, 3, device="cuda"))


def test_a_flow_on_the_processor_is_told_where_to_go():
    with pytest.raises(InputError, match=r"this one is on cpu: flow.to\('cuda'\)"):
        export.recorded(some(), 4)


@on_a_card
@pytest.mark.parametrize(("context", "rows", "sentence"), [(0, 0, "rows must be 1"), (2, 4, "with a context")])
def test_what_cannot_be_recorded_is_refused(context, rows, sentence):
    with pytest.raises(InputError, match=sentence):
        export.recorded(some(context=context).cuda(), rows)
