"""Steps of training recorded on an accelerator, beside the same called one by one: only where there is one."""

import copy

import pytest
import torch
from steps import flow_of, steps_of

from realnvp.memory import constant_memory
from realnvp.objectives import MaxLikelihood
from realnvp.session import Limits, train
from realnvp.train import adamw, fit, graph, loop

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")


def both(monkeypatch, flow, batches, **options):
    """Return the steps recorded, the same call by call, and how many kinds were recorded."""
    taken, take = [], graph._Step.__init__

    def watched(self, *args):
        take(self, *args)
        taken.append(self)

    monkeypatch.setattr(graph._Step, "__init__", watched)
    played = steps_of(copy.deepcopy(flow), batches, **options)
    monkeypatch.setattr(loop, "recordable", lambda *_: False)
    return played, steps_of(copy.deepcopy(flow), batches, **options), len(taken)


@on_a_card
@pytest.mark.parametrize("kind", ["table", "picture"])
def test_a_recorded_training_is_the_one_call_by_call(monkeypatch, kind):
    torch.manual_seed(1)
    flow = flow_of(kind)
    batches = [torch.randn(32, *flow.event_shape) for _ in range(15)]
    rate = lambda n: 1 - n / 15  # noqa: E731 - what is recorded must follow the rate
    (told, weights), (expected, others), kinds = both(monkeypatch, flow, batches, schedule=rate)

    assert kinds == 1
    torch.testing.assert_close(torch.tensor(told), torch.tensor(expected), rtol=1e-3, atol=1e-3)
    for ours, theirs in zip(weights, others, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=2e-3)


@on_a_card
def test_batches_of_other_sizes_are_recorded_beside(monkeypatch):
    torch.manual_seed(1)
    batches = [torch.randn(32 if i % 3 else 7, 4) for i in range(40)]
    (told, _), (expected, _), kinds = both(monkeypatch, flow_of("table"), batches)

    assert kinds == 2
    torch.testing.assert_close(torch.tensor(told), torch.tensor(expected), rtol=1e-3, atol=1e-3)


@on_a_card
@pytest.mark.parametrize("lag", [1, 4])
def test_a_batch_that_is_not_finite_is_skipped_and_a_row_of_them_puts_the_good_weights_back(monkeypatch, lag):
    torch.manual_seed(1)
    batches = [torch.randn(32, 4) for _ in range(60)]
    for i in (10, *range(30, 36)):
        batches[i] = torch.full((32, 4), torch.nan)
    flow = flow_of("table")
    (told, weights), (expected, others), _ = both(monkeypatch, flow, batches, lag=lag)

    assert told[-1][2:] == expected[-1][2:] == (7, 1)
    assert all(w.isfinite().all() for w in weights)
    for ours, theirs in zip(weights, others, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=2e-3, atol=2e-3)


@on_a_card
def test_dropout_draws_anew_each_step_and_from_the_seed():
    def trained(seed):
        flow = flow_of("dropout").cuda()
        batch = torch.ones(64, 4, device="cuda")
        losses = []
        objective = MaxLikelihood(flow)
        torch.cuda.manual_seed(5)
        before = torch.cuda.get_rng_state()
        with torch.no_grad():
            for p in flow.parameters():
                p.add_(0.1)
        train(
            objective,
            [batch] * 40,
            lambda m: 0.0,
            limits=Limits(max_steps=40),
            lr=1e-9,
            seed=seed,
            callbacks=[lambda r: losses.append(r.train)],
        )
        assert torch.equal(torch.cuda.get_rng_state(), before)
        return losses

    first, again, other = trained(0), trained(0), trained(1)
    assert first == pytest.approx(again, rel=1e-4)
    assert len({round(v, 6) for v in first}) > len(first) // 2
    assert first != pytest.approx(other, rel=1e-4)


@on_a_card
def test_an_objective_that_asks_the_host_goes_on_call_by_call():
    class Asks(MaxLikelihood):
        recordable = True

        def forward(self, batch):
            loss = super().forward(batch)
            return loss * 2 if loss.item() > 1e9 else loss

    torch.manual_seed(1)
    objective = Asks(flow_of("table")).cuda()
    batches = [torch.randn(32, 4, device="cuda") for _ in range(20)]
    with pytest.warns(UserWarning, match="called one by one"):
        losses = [step.loss.item() for step in fit(objective, batches, adamw(objective, 1e-2))]

    assert len(losses) == 20
    assert losses[-1] < losses[0]
    assert torch.randn(3, device="cuda").isfinite().all()  # the card draws and records as ever
    assert len(steps_of(flow_of("dropout"), batches)[0]) == 20


@on_a_card
def test_a_training_in_constant_memory_is_recorded_too(monkeypatch):
    torch.manual_seed(1)
    flow = constant_memory(flow_of("table"))
    (told, _), (expected, _), kinds = both(monkeypatch, flow, [torch.randn(32, 4) for _ in range(15)])

    assert kinds == 1
    torch.testing.assert_close(torch.tensor(told), torch.tensor(expected), rtol=1e-3, atol=1e-3)
