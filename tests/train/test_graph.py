"""Steps of training recorded and played again: when, and that nothing else changes by it; tapes stand for graphs."""

import copy

import pytest
import torch
from steps import flow_of, steps_of
from torch import nn

from realnvp.objectives import BothKL, MaxLikelihood, ReverseKL
from realnvp.session import Limits, train
from realnvp.train import adamw, fit, graph, loop
from realnvp.train.graph import recordable


class Tape:
    """In place of a recording: calls the same again, on the tensors that were there, as an accelerator would."""

    def __init__(self, call, optimizer, plays, looks):
        self.call, self.optimizer, self.plays, self.looks = call, optimizer, plays, looks
        self.params = [p for group in optimizer.param_groups for p in group["params"]]
        with torch.random.fork_rng(devices=[]):  # nothing is drawn while it is recorded, and nothing moved
            self.told = call() if looks else None
        self.bound = self.now()

    def now(self):
        return [p.grad for p in self.params], dict(self.optimizer.state), list(self.optimizer.rates)

    def put(self, grads, state, rates):
        for p, grad in zip(self.params, grads, strict=True):
            p.grad = grad
        self.optimizer.state, self.optimizer.rates = state, rates

    def pool(self):
        return "pool"

    def replay(self):
        self.plays.append(self)
        now = self.now()
        self.put(*self.bound)
        self.optimizer.follow_rates = lambda: None  # what is recorded reads the rates that somebody else has written
        if self.looks:
            torch._foreach_zero_(self.bound[0])
        found = self.call()
        if self.looks:
            for ours, new in zip((*self.told[0], self.told[1]), (*found[0], found[1]), strict=True):
                ours.copy_(new)
        del self.optimizer.follow_rates
        self.put(*now)


@pytest.fixture
def taped(monkeypatch):
    """Let the processor take part with tapes; return what was played."""
    plays, recorded, optimizers = [], [], []

    def take(call, where, *, pool):
        recorded.append(call)
        return Tape(call, optimizers[-1], plays, len(recorded) % 2 == 1)  # a look and its move in turn

    monkeypatch.setattr(graph, "Take", take)
    monkeypatch.setattr(loop, "recordable", lambda _, optimizer: optimizers.append(optimizer) or True)
    return plays


def both_taped(taped, batches, monkeypatch, **options):
    flow = flow_of("table")
    played = steps_of(copy.deepcopy(flow), batches, "cpu", **options)
    monkeypatch.setattr(loop, "recordable", lambda *_: False)
    return played, steps_of(flow, batches, "cpu", **options)


def test_kinds_are_played_once_they_have_come_often_and_rates_are_followed(taped, monkeypatch):
    torch.manual_seed(1)
    batches = [torch.randn(32 if i % 3 else 7, 4) for i in range(30)]
    options = {"schedule": lambda n: 1 - n / 30}
    (told, weights), (expected, others) = both_taped(taped, batches, monkeypatch, **options)

    assert len(taped) == 2 * (30 - 2 * graph.WARM)
    torch.testing.assert_close(torch.tensor(told), torch.tensor(expected), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(weights, others, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lag", [1, 4, 16])
@pytest.mark.parametrize("sizes", [(32,), (32, 7)])
def test_played_steps_are_skipped_and_put_back_like_others(taped, monkeypatch, lag, sizes):
    torch.manual_seed(1)
    batches = [torch.randn(sizes[i % len(sizes)], 4) for i in range(60)]
    for i in (10, *range(30, 36)):
        batches[i].fill_(torch.nan)
    (told, weights), (expected, others) = both_taped(taped, batches, monkeypatch, lag=lag)

    assert told[-1][2:] == expected[-1][2:] == (7, 1)
    torch.testing.assert_close(weights, others, rtol=1e-4, atol=1e-5)
    assert len(taped) == 2 * (60 - 3 * len(sizes))  # all but the first, also after the moments were forgotten


def test_what_cannot_be_recorded_goes_on_call_by_call(taped, monkeypatch):
    def refuses(*_, **__):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(graph, "Take", refuses)
    torch.manual_seed(1)
    with pytest.warns(UserWarning, match=r"called one by one \(operation not permitted when stream is capturing\)"):
        (told, weights), (expected, others) = both_taped(taped, [torch.randn(32, 4)] * 10, monkeypatch)

    assert not taped
    assert told == expected
    assert all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


def test_only_so_many_kinds_are_kept(taped, monkeypatch):
    monkeypatch.setattr(graph, "KINDS", 2)
    torch.manual_seed(1)
    batches = [torch.randn(4 + i % 4, 4) for i in range(40)]
    (told, _), (expected, _) = both_taped(taped, batches, monkeypatch)

    assert len(taped) == 2 * 2 * (10 - graph.WARM)
    torch.testing.assert_close(torch.tensor(told), torch.tensor(expected), rtol=1e-4, atol=1e-5)


def test_a_whole_training_by_the_engine_is_played_once_it_is_settled(taped, monkeypatch):
    def trained():
        torch.manual_seed(1)
        objective = MaxLikelihood(flow_of("dropout"))
        batches = [torch.randn(32, 4) for _ in range(60)]
        better = map(float, range(0, -1000, -1))
        train(objective, batches, lambda m: next(better), limits=Limits(max_steps=60), compiled="auto", seed=3)
        return list(objective.state_dict().values())

    played = trained()
    monkeypatch.setattr(loop, "recordable", lambda *_: False)
    expected = trained()

    assert len(taped) == 2 * (60 - 30 - graph.WARM)
    torch.testing.assert_close(played, expected, rtol=1e-4, atol=1e-5)


def test_a_processor_records_nothing():
    objective = MaxLikelihood(flow_of("table"))

    assert not recordable(objective, adamw(objective))


def test_an_objective_that_calls_a_users_potential_is_not_recorded():
    assert "recordable" not in vars(ReverseKL)


@pytest.mark.parametrize("kind", [ReverseKL, BothKL])
def test_nor_is_it_on_an_accelerator(monkeypatch, kind):
    monkeypatch.setattr(graph, "devices", lambda _: {torch.device("cuda", 0)})
    objective = kind(flow_of("table"), lambda x: x.square().sum(-1))

    assert not recordable(objective, adamw(objective))


def test_after_a_recorded_training_its_optimiser_goes_by_the_rates_of_its_groups(taped):
    torch.manual_seed(1)
    objective = MaxLikelihood(flow_of("table"))
    optimizer = adamw(objective, 1e-2)
    list(fit(objective, [torch.randn(32, 4) for _ in range(10)], optimizer))
    before = [p.detach().clone() for p in objective.parameters()]
    assert taped

    for group in optimizer.param_groups:
        group["lr"] = 0.0
    objective(torch.randn(32, 4)).backward()
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, objective.parameters(), strict=True))


def test_a_class_says_for_itself_that_it_is_recordable(monkeypatch):
    class Changing(MaxLikelihood):
        """What it does may change with Python's numbers."""

    class Card:
        """A device by name alone."""

        type = "cuda"

    monkeypatch.setattr(graph, "devices", lambda _: {Card()})
    ours, derived = (kind(flow_of("table")) for kind in (MaxLikelihood, Changing))

    assert recordable(ours, adamw(ours))
    wrapped = nn.Module()
    wrapped._orig_mod = ours  # as torch.compile does
    assert recordable(wrapped, adamw(ours))
    assert not recordable(derived, adamw(derived))


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
    here = torch.device("cpu")
    assert graph._shape(given, here) is None
    assert graph._shape((a, (b,)), here) == graph._shape((a + 1, [b]), here)
    assert graph._shape(a, here) != graph._shape(a.double(), here)
    assert graph._shape(a, torch.device("meta")) is None
    assert graph._shape(a[:0], here) is None
