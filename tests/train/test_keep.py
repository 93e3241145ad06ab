"""The moving average of the weights, and the best ones seen."""

import math

import pytest
import torch
from torch import nn

from realnvp.train.keep import Average, Best


class Number(nn.Module):
    def __init__(self, value=0.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([value], dtype=torch.float64))
        self.register_buffer("seen", torch.tensor(value))
        self.register_buffer("count", torch.tensor(round(value) if math.isfinite(value) else 0))

    def set(self, value):
        self.w.data.fill_(value)
        self.seen.fill_(value)
        self.count.fill_(round(value))


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("decay", [0.5, 0.998])
def test_the_average_follows_the_decay_rule(decay, every):
    module = Number(3.0)
    average = Average(module, decay, every)
    slow = 3.0
    for n in range(1, 60):
        module.set(math.sin(n) + n)
        average.update()
        if n % every == 0:
            kept = min(decay, (1 + n) / (10 + n)) ** every
            slow = kept * slow + (1 - kept) * (math.sin(n) + n)

        assert average.module.w.item() == pytest.approx(slow, rel=1e-12)


def test_the_average_of_a_long_constant_is_that_constant():
    module = Number(9.0)
    average = Average(module)
    module.set(2.0)
    for _ in range(20_000):
        average.update()

    assert average.module.w.item() == pytest.approx(2.0)


def test_buffers_follow_the_module():
    module = Number(1.0)
    average = Average(module, every=2)
    module.set(7.0)
    average.update()

    assert average.module.seen.item() == 1.0

    average.update()

    assert (average.module.seen.item(), average.module.count.item()) == (7.0, 7)


def test_the_average_is_a_module_of_its_own_without_gradients():
    module = Number(1.0)
    average = Average(module, every=1)
    module.set(5.0)

    assert average.module.w.item() == 1.0
    assert not average.module.w.requires_grad
    assert module.w.requires_grad

    average.update()

    assert module.w.item() == 5.0


def test_the_best_is_kept_and_put_back():
    module = Number()
    best = Best(lambda m: (m.w.item() - 3) ** 2)
    found = []
    for value in (0.0, 2.5, 4.0, 9.0):
        module.set(value)
        found.append(best.offer(module))
    best.give(module)

    assert found == [9.0, 0.25, 1.0, 36.0]
    assert best.value == 0.25
    assert (module.w.item(), module.seen.item()) == (2.5, 2.5)


def test_the_better_of_those_offered_together_is_kept():
    best = Best(lambda m: m.w.item())
    target = Number(100.0)

    assert best.offer(Number(5.0), Number(2.0), Number(7.0)) == 2.0

    best.give(target)

    assert target.w.item() == 2.0


def test_what_is_kept_does_not_move_with_the_module():
    module = Number(1.0)
    best = Best(lambda m: m.w.item())
    best.offer(module)
    module.set(50.0)
    best.give(module)
    module.set(60.0)
    best.give(module)

    assert module.w.item() == 1.0


def test_the_first_of_equals_stays():
    best = Best(lambda m: 1.0)
    best.offer(Number(1.0))
    best.offer(Number(2.0))
    target = Number()
    best.give(target)

    assert target.w.item() == 1.0


def test_nan_never_wins():
    best = Best(lambda m: m.w.item())

    assert math.isnan(best.offer(Number(math.nan)))
    assert best.found is None
    assert best.offer(Number(math.nan), Number(4.0)) == 4.0

    module = Number(8.0)
    best.offer(Number(math.nan))
    best.give(module)

    assert module.w.item() == 4.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_where_none_was_finite_the_module_is_left_alone(value):
    best, module = Best(lambda m: value), Number(8.0)
    best.offer(Number(1.0))
    best.give(module)

    assert module.w.item() == 8.0
