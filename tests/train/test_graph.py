"""Steps of training recorded on an accelerator: the same numbers, and what cannot be recorded goes on as it is."""

import copy

import pytest
import torch
from torch import nn

from realnvp.nets import mlp
from realnvp.objectives import MaxLikelihood, ReverseKL
from realnvp.recipes import image_real_nvp, real_nvp
from realnvp.session import Limits, train
from realnvp.train import adamw, fit, graph, loop
from realnvp.train.graph import recordable
from realnvp.train.loop import Guard

on_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")


def flow_of(kind):
    torch.manual_seed(0)
    if kind == "picture":
        return image_real_nvp((1, 8, 8), hidden=4, blocks=1)
    if kind == "dropout":
        return real_nvp(4, layers=2, net=mlp((8,), dropout=0.5))
    return real_nvp(4, layers=2, hidden=(8,))


def steps_of(flow, batches, device="cuda", lag=None, **options):
    objective = MaxLikelihood(flow).to(device).train()
    optimizer = adamw(objective, 1e-2)
    options["guard"] = Guard(objective, optimizer, lag=lag)
    told = [
        (step.loss.item(), step.grad_norm.item(), step.skipped, step.restored)
        for step in fit(objective, [b.to(device) for b in batches], optimizer, **options)
    ]
    return told, [p.detach().cpu() for p in objective.state_dict().values()]


def both(monkeypatch, flow, batches, **options):
    """Return the steps recorded, the same call by call, and how many kinds were recorded."""
    taken, take = [], graph._Take.__init__

    def watched(self, *args):
        take(self, *args)
        taken.append(self)

    monkeypatch.setattr(graph._Take, "__init__", watched)
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
def test_a_batch_that_is_not_finite_is_skipped_and_a_row_of_them_puts_the_good_weights_back(monkeypatch):
    torch.manual_seed(1)
    batches = [torch.randn(32, 4) for _ in range(60)]
    for i in (10, *range(30, 36)):
        batches[i] = torch.full((32, 4), torch.nan)
    flow = flow_of("table")
    (told, weights), (expected, others), _ = both(monkeypatch, flow, batches, lag=1)

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
        def forward(self, batch):
            loss = super().forward(batch)
            return loss * 2 if loss.item() > 1e9 else loss

    torch.manual_seed(1)
    objective = Asks(flow_of("table")).cuda()
    batches = [torch.randn(32, 4, device="cuda") for _ in range(20)]
    losses = [step.loss.item() for step in fit(objective, batches, adamw(objective, 1e-2))]

    assert len(losses) == 20
    assert losses[-1] < losses[0]


def test_a_processor_records_nothing():
    objective = MaxLikelihood(flow_of("table"))

    assert not recordable(objective, adamw(objective))


def test_an_objective_that_calls_a_users_potential_is_not_recorded():
    assert not getattr(ReverseKL, "recordable", False)


def test_rates_in_a_tensor_are_the_rates():
    def moved(follows):
        torch.manual_seed(0)
        layer = nn.Linear(3, 2)
        optimizer = adamw(layer, 1e-2, weight_decay=0.1)
        for i in range(5):
            optimizer.zero_grad()
            layer(torch.ones(4, 3)).square().sum().backward()
            for group in optimizer.param_groups:
                group["lr"] = 1e-2 / (1 + i)
            if follows:
                optimizer.follow_rates()
            optimizer.guarded_step(torch.ones(()), torch.tensor(False))
        return layer.weight.detach()

    torch.testing.assert_close(moved(True), moved(False), rtol=1e-6, atol=1e-7)


def test_a_batch_is_known_by_its_shape_and_put_together_again():
    a, b = torch.ones(2, 3), torch.zeros(2)
    given = (a, (b, None))

    assert graph._tensors(given)[0] is a
    assert graph._like(given, iter([b, a])) == (b, (a, None))
    assert graph._shape(a) is None
    assert graph._shape(given) is None
