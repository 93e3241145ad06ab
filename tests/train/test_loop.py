"""The training loop: what reaches the weights, and what never does."""

import math
from itertools import islice, repeat

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from realnvp.objectives import MaxLikelihood
from realnvp.recipes import real_nvp
from realnvp.train.loop import Guard, Step, TrainingError, fit
from realnvp.train.optim import adamw
from realnvp.transforms import BatchNorm

BAD = torch.full((3,), math.nan)


class Distance(nn.Module):
    """Half the squared distance of the weights from the batch: its gradient is their difference."""

    def __init__(self, start=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.full((3,), start))

    def forward(self, batch):
        return 0.5 * (self.w - batch).square().sum()


class Steep(Distance):
    """A loss that is finite where its gradient is not."""

    def forward(self, batch):
        return super().forward(batch) + (0 * self.w.sum()).sqrt() if batch.sum() < 0 else super().forward(batch)


def sgd(objective, lr=0.1):
    return torch.optim.SGD(objective.parameters(), lr=lr)


def weights(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def run(objective, batches, optimizer=None, **options):
    """All the steps, and the weights after each."""
    steps, seen = [], []
    for step in fit(objective, batches, sgd(objective) if optimizer is None else optimizer, **options):
        steps.append(step)
        seen.append(weights(objective).clone())
    return steps, seen


def test_a_step_is_the_optimisers():
    objective = Distance(1.0)
    (step,), (w,) = run(objective, [torch.tensor([1.5, 1.0, 1.0])], clip=100.0)

    torch.testing.assert_close(w, torch.tensor([1.05, 1.0, 1.0]))
    assert isinstance(step, Step)
    assert (step.index, step.skipped, step.restored, step.rate) == (1, 0, 0, 0.1)
    assert step.loss.item() == pytest.approx(0.125)
    assert step.grad_norm.item() == pytest.approx(0.5)
    assert not step.loss.requires_grad


def test_it_learns_and_takes_a_step_per_batch():
    target = torch.tensor([1.0, -2.0, 3.0])
    steps, seen = run(Distance(), [target] * 200)

    torch.testing.assert_close(seen[-1], target, rtol=0, atol=1e-4)
    assert [s.index for s in steps] == list(range(1, 201))


def test_it_asks_for_no_batch_before_it_is_needed():
    asked = []
    steps = fit(Distance(), (asked.append(i) or torch.zeros(3) for i in range(9)), sgd(Distance()))

    assert asked == []

    next(steps)

    assert asked == [0]


def test_the_gradient_is_clipped_to_its_norm():
    objective = Distance()
    (step,), (w,) = run(objective, [torch.tensor([30.0, 40.0, 0.0])], clip=2.0)

    assert step.grad_norm.item() == pytest.approx(50)
    torch.testing.assert_close(w, 0.1 * 2.0 * torch.tensor([0.6, 0.8, 0.0]), rtol=1e-5, atol=0)


def test_parameters_that_need_no_gradient_are_left_out_of_the_norm():
    objective = Distance()
    objective.fixed = nn.Parameter(torch.ones(2), requires_grad=False)
    run(objective, [torch.ones(3)])

    assert objective.fixed.tolist() == [1, 1]


def test_the_schedule_is_asked_with_the_steps_taken_and_scales_every_rate():
    objective = Distance()
    objective.v = nn.Parameter(torch.zeros(1))
    groups = [{"params": [objective.w], "lr": 0.1}, {"params": [objective.v], "lr": 0.5}]
    optimizer, asked = torch.optim.SGD(groups), []
    steps = fit(objective, [torch.ones(3)] * 3, optimizer, schedule=lambda n: asked.append(n) or 1 / (n + 1))
    rates = [[step.rate, *(g["lr"] for g in optimizer.param_groups)] for step in steps]

    assert asked == [0, 1, 2]
    np.testing.assert_allclose(rates, [[0.1 / n, 0.1 / n, 0.5 / n] for n in (1, 2, 3)])


def test_the_rate_of_the_schedule_is_the_one_used():
    _, seen = run(Distance(), [torch.tensor([1.0, 0, 0])] * 2, schedule=lambda n: [1.0, 0.0][n])

    torch.testing.assert_close(seen[0], torch.tensor([0.1, 0, 0]))
    assert torch.equal(seen[1], seen[0])


def test_a_second_training_with_the_same_optimiser_begins_at_its_first_rate():
    objective = Distance()
    optimizer = sgd(objective, 0.2)
    run(objective, [torch.ones(3)] * 4, optimizer, schedule=lambda n: 0.5**n)
    steps, _ = run(objective, [torch.ones(3)] * 2, optimizer, schedule=lambda n: 0.5**n)

    assert [s.rate for s in steps] == pytest.approx([0.2, 0.1])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_never_reaches_the_weights(bad):
    steps, seen = run(Distance(), [torch.full((3,), bad if i % 3 == 1 else 1.0) for i in range(60)])

    assert all(torch.isfinite(w).all() for w in seen)
    assert all(torch.equal(seen[i], seen[i - 1]) for i in range(1, 60, 3))
    assert (steps[-1].skipped, steps[-1].restored) == (20, 0)
    assert [s.skipped for s in steps[:5]] == [0, 1, 1, 1, 2]


@pytest.mark.filterwarnings("error")
def test_a_gradient_that_is_not_finite_never_reaches_the_weights():
    steps, seen = run(Steep(), [torch.ones(3), -torch.ones(3), torch.ones(3)])

    assert torch.isfinite(steps[1].loss)
    assert not torch.isfinite(steps[1].grad_norm)
    assert torch.equal(seen[1], seen[0])
    assert steps[-1].skipped == 1
    assert torch.isfinite(seen[2]).all()


def test_the_optimisers_averages_never_see_a_bad_step():
    with_bad, without = Distance(), Distance()
    good = [torch.ones(3) * i for i in range(6)]
    run(with_bad, [*good[:3], BAD, BAD, *good[3:]], adamw(with_bad, 0.1))
    run(without, good, adamw(without, 0.1))

    assert torch.equal(weights(with_bad), weights(without))


def test_five_bad_steps_in_a_row_put_back_the_last_good_weights_and_halve_the_rate():
    objective = Distance()
    optimizer = adamw(objective, 0.01)
    steps, seen = run(objective, [torch.ones(3)] * 70 + [BAD] * 5 + [torch.ones(3)], optimizer)
    (back,) = [i for i, w in enumerate(seen[:70]) if torch.equal(w, seen[74])]

    assert 69 - 50 <= back < 69
    assert torch.equal(seen[73], seen[69])  # four are only skipped
    assert (steps[73].restored, steps[74].restored) == (0, 1)
    assert (steps[74].rate, steps[75].rate) == pytest.approx((0.01, 0.005))
    assert optimizer.state[objective.w]["step"].item() == 1  # its averages start anew


def test_four_bad_steps_and_a_good_one_restore_nothing():
    steps, _ = run(Distance(), ([BAD] * 4 + [torch.ones(3)]) * 30)

    assert (steps[-1].skipped, steps[-1].restored) == (120, 0)
    assert steps[-1].rate == 0.1


def test_a_training_that_never_comes_right_ends_in_an_error():
    objective, steps = Distance(2.0), []
    with pytest.raises(TrainingError, match=r"not finite in 40 steps.*1/256 of the learning rate.*lower lr"):
        steps.extend(fit(objective, repeat(BAD), sgd(objective)))

    assert objective.w.tolist() == [2.0] * 3


def test_good_stretches_between_failures_keep_it_going():
    batches = ([torch.ones(3)] * 50 + [BAD] * 5) * 12
    steps, seen = run(Distance(), batches)

    assert steps[-1].restored == 12
    assert torch.isfinite(seen[-1]).all()


def test_statistics_spoilt_by_a_bad_batch_are_put_back():
    torch.manual_seed(0)
    objective = MaxLikelihood(real_nvp(2, layers=2, hidden=(8,), between=BatchNorm))
    good = [torch.randn(32, 2) for _ in range(80)]
    norms = [m for m in objective.modules() if isinstance(m, BatchNorm)]
    batches = [*good[:60], torch.full((32, 2), math.nan), *good[60:], torch.full((32, 2), math.inf), good[0]]
    for step in fit(objective, batches, adamw(objective, 1e-3)):
        assert step.rate == 1e-3  # the batch was at fault, not the rate
        for norm in norms:
            assert torch.isfinite(norm.mean).all()
            assert torch.isfinite(norm.var).all()
        assert step.index in (61, 82) or torch.isfinite(step.loss)

    assert step.skipped == step.restored == 2
    assert all(torch.isfinite(p).all() for p in objective.parameters())


def test_the_same_seed_gives_the_same_numbers_bit_for_bit():
    def losses():
        torch.manual_seed(5)
        objective = MaxLikelihood(real_nvp(2, layers=3, hidden=(16,), between=BatchNorm))
        generator = torch.Generator().manual_seed(1)
        batches = (torch.randn(64, 2, generator=generator) for _ in repeat(None))
        steps = islice(fit(objective, batches, adamw(objective, 1e-2, weight_decay=0.1)), 30)
        return [s.loss.item() for s in steps], weights(objective)

    first, second = losses(), losses()

    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])


def test_a_guard_that_asks_seldom_comes_to_the_same():
    """As on an accelerator: bad steps are skipped at once, the counts and the restoration come up to a lag later."""
    batches = [torch.ones(3)] * 60 + [BAD] * 5 + [torch.ones(3)] * 31
    objective = Distance()
    optimizer = adamw(objective, 0.01)
    guard = Guard(objective, optimizer, lag=16)
    steps, seen = run(objective, batches, optimizer, guard=guard)

    assert all(torch.isfinite(w).all() for w in seen)
    assert [s.skipped for s in (steps[60], steps[-1])] == [0, 5]
    assert guard.state()["counts"][:2].tolist() == [5, 1]
    assert steps[-1].restored == 1
    assert steps[-1].rate == pytest.approx(0.005)


def test_the_state_of_a_guard_holds_what_it_has_not_yet_asked():
    objective = Distance()
    optimizer = adamw(objective, 0.01)
    guard = Guard(objective, optimizer, lag=16)
    run(objective, [torch.ones(3), BAD, torch.ones(3)], optimizer, guard=guard)

    assert guard.state()["counts"][0].item() == 1


def test_a_step_asks_nothing_of_the_device_but_through_the_guard():
    """Reading a number stops an accelerator: with a guard that waits, a step reads none."""

    class Reads(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.count += func is torch.ops.aten._local_scalar_dense.default
            return func(*args, **(kwargs or {}))

    objective = MaxLikelihood(real_nvp(2, layers=2, hidden=(8,)))
    optimizer = adamw(objective)
    guard = Guard(objective, optimizer, lag=1000)
    steps = fit(objective, repeat(torch.randn(16, 2)), optimizer, guard=guard)
    next(steps)
    with Reads() as reads:
        next(steps)
        next(steps)

    assert reads.count == 0
