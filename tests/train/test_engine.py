"""When the training step is compiled, and that nothing else changes by it."""

import pytest
import torch
from torch import nn

from realnvp.nets import mlp
from realnvp.objectives import MaxLikelihood
from realnvp.recipes import real_nvp
from realnvp.session import Limits, train
from realnvp.train import engine
from realnvp.train.engine import Engine
from realnvp.transforms import BatchNorm


@pytest.fixture
def traced(monkeypatch):
    """Let ``torch.compile`` trace without making machine code; return how often it was asked."""
    asked, compile_ = [], torch.compile

    def traced_only(module, **options):
        asked.append(module)
        return compile_(module, backend="eager", **options)

    monkeypatch.setattr(torch, "compile", traced_only)
    return asked


def flow_and_batches(between=None):
    torch.manual_seed(0)
    flow = real_nvp(2, layers=2, hidden=(8,), between=between)
    return MaxLikelihood(flow), [torch.randn(16, 2) for _ in range(80)]


def trained(compiled, between=None, steps=80):
    objective, batches = flow_and_batches(between)
    records = []
    train(
        objective,
        batches,
        lambda m: float(m(batches[0]).detach()),
        limits=Limits(max_steps=steps),
        compiled=compiled,
        callbacks=[lambda r: records.append(r)],
    )
    return torch.cat([p.detach().flatten() for p in objective.parameters()]), records


@pytest.mark.parametrize("between", [None, BatchNorm])
def test_a_compiled_training_gives_the_weights_of_an_ordinary_one(traced, between):
    plain, compiled = (trained(choice, between)[0] for choice in (False, True))

    assert len(traced) == 1
    torch.testing.assert_close(compiled, plain, rtol=1e-4, atol=1e-5)


def test_a_short_training_is_not_compiled_and_a_long_one_is(traced, monkeypatch):
    trained("auto")
    assert not traced

    monkeypatch.setattr(engine, "COST", 0.0)
    trained("auto")
    assert len(traced) == 1


def test_the_decision_falls_once(traced, monkeypatch):
    asked = []
    made = Engine(flow_and_batches()[0], "auto", left=lambda pace: asked.append(pace) or 1.0, waited=lambda s: None)
    for batch in flow_and_batches()[1]:
        made(batch)

    assert len(asked) == 1
    assert 0 < asked[0] < 1
    assert not traced


def test_without_a_compiler_it_goes_on_and_says_so(monkeypatch):
    def broken(module, **options):
        def run(batch):
            raise RuntimeError("no C++ compiler here\nand more")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    with pytest.warns(UserWarning, match=r"could not be compiled and runs as it is \(no C\+\+ compiler here\)"):
        weights, _ = trained(True)

    assert torch.equal(weights, trained(False)[0])


def test_a_batch_of_another_kind_is_tried_first_as_well(monkeypatch):
    class Narrow(nn.Sequential):
        def forward(self, batch):
            if isinstance(batch, tuple):
                raise RuntimeError("no such kind\nand more")
            return super().forward(batch)

    monkeypatch.setattr(torch, "compile", Narrow)
    objective, (x, *_) = flow_and_batches()
    made = Engine(objective, True, left=lambda pace: 0.0, waited=lambda s: None)
    before = made(x)
    assert isinstance(made.run, Narrow)
    with pytest.warns(UserWarning, match=r"could not be compiled and runs as it is \(no such kind\)"):
        after = made((x, None))

    assert made.run is objective
    assert torch.equal(before, after)


def test_what_the_objective_raises_is_not_the_compilers(monkeypatch):
    class Broken(nn.Linear):
        def forward(self, batch):
            if batch.isnan().any():
                raise ValueError("no number")
            return super().forward(batch).mean()

    monkeypatch.setattr(torch, "compile", nn.Sequential)
    made = Engine(Broken(2, 1), True, left=lambda pace: 0.0, waited=lambda s: None)
    made(torch.ones(3, 2))
    with pytest.raises(ValueError, match="no number"):
        made(torch.full((3, 2), torch.nan))


def test_the_clock_stands_still_while_it_compiles(monkeypatch):
    told = []
    made = Engine(flow_and_batches()[0], True, left=lambda pace: 0.0, waited=told.append)
    monkeypatch.setattr(torch, "compile", lambda module, **options: module)
    for batch in flow_and_batches()[1][:3]:
        made(batch)

    assert len(told) == 1
    assert told[0] > 0


def test_a_training_that_goes_on_keeps_to_what_was_settled(traced, monkeypatch):
    objective, batches = flow_and_batches()
    first = Engine(objective, "auto", left=lambda pace: 1e9, waited=lambda s: None)
    for batch in batches[: engine.PILOT]:
        first(batch)
    second = Engine(objective, "auto", left=lambda pace: 0.0, waited=lambda s: None)
    second.restore(first.state())
    second(batches[0])

    assert len(traced) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
def test_it_compiles_on_an_accelerator():
    objective, batches = flow_and_batches()
    made = Engine(objective.cuda(), True, left=lambda pace: 0.0, waited=lambda s: None)

    torch.testing.assert_close(made(batches[0].cuda()), objective(batches[0].cuda()))


def test_its_parameters_are_those_of_the_objective():
    objective = nn.Linear(2, 1)
    made = Engine(objective, False, left=lambda pace: 0.0, waited=lambda s: None)

    assert [id(p) for p in made.parameters()] == [id(p) for p in objective.parameters()]


def test_dropout_goes_on_though_the_state_is_of_another_device():
    """A training that was kept on one device has no draws of the other: those begin from the seed."""
    flow = real_nvp(2, layers=2, net=mlp((8,), dropout=0.5))
    one = Engine(MaxLikelihood(flow), False, left=float, waited=float)
    kept = one.state()
    other = Engine(MaxLikelihood(flow), False, left=float, waited=float, seed=3)
    other.dice.states["cuda:0"] = torch.ones(3)
    other.restore(kept)

    assert torch.equal(other.dice.states["cpu"], one.dice.states["cpu"])
    assert torch.equal(other.dice.states["cuda:0"], torch.ones(3))
