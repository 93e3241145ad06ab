"""The optimiser and the schedule."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from realnvp.recipes import real_nvp
from realnvp.train.optim import adamw, warm_cosine
from realnvp.transforms import LULinear


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    factor = warm_cosine(10)

    assert [factor(n, 0.0) for n in (0, 4, 9, 50)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert [factor(100, p) for p in (0.0, 0.25, 0.5, 0.75, 1.0)] == pytest.approx(
        [1.0, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125), 0.0]
    )
    assert factor(4, 0.5) == pytest.approx(0.25)


def test_the_rate_ends_at_the_floor_and_stays_there():
    factor = warm_cosine(0, floor=0.1)

    assert factor(0, 0.0) == 1.0
    assert factor(0, 0.5) == pytest.approx(0.55)
    assert factor(7, 1.0) == factor(7, 1.5) == pytest.approx(0.1)


def test_the_rate_never_rises_once_it_is_warm_nor_turns_negative():
    factor = warm_cosine(5)
    rates = [factor(n, n / 100) for n in range(5, 130)]

    assert all(a >= b >= 0 for a, b in pairwise(rates))


def test_weight_decay_acts_on_matrices_only():
    flow = real_nvp(3, hidden=(8,))
    groups = adamw(flow, 0.01, weight_decay=0.2).param_groups

    assert {p.dim() for p in groups[0]["params"]} == {2}
    assert {p.dim() for p in groups[1]["params"]} == {1}
    assert [g["weight_decay"] for g in groups] == [0.2, 0.0]
    assert all(g["lr"] == 0.01 for g in groups)
    assert sum(len(g["params"]) for g in groups) == len(list(flow.parameters()))


def test_an_undriven_matrix_decays_and_a_vector_does_not():
    module = nn.Linear(2, 2)
    before = [p.detach().clone() for p in module.parameters()]
    for p in module.parameters():
        p.grad = torch.zeros_like(p)
    adamw(module, 0.1, weight_decay=0.5).step()

    torch.testing.assert_close(module.weight.detach(), before[0] * (1 - 0.1 * 0.5))
    assert torch.equal(module.bias.detach(), before[1])


def test_parameters_that_are_no_weights_of_a_net_never_decay():
    module = nn.Sequential(LULinear(3), nn.Conv2d(2, 2, 1))
    groups = adamw(module, weight_decay=0.2).param_groups

    assert [id(p) for p in groups[0]["params"]] == [id(module[1].weight)]
    assert {id(p) for p in module[0].parameters()} <= {id(p) for p in groups[1]["params"]}


def test_without_a_progress_the_steps_are_counted():
    factor = warm_cosine(10, steps=200)

    assert [factor(n) for n in (20, 100, 150, 200, 300)] == [factor(n, n / 200) for n in (20, 100, 150, 200, 300)]
    assert factor(200) == pytest.approx(0)


def test_frozen_parameters_and_missing_kinds_are_left_out():
    module = nn.Linear(2, 2, bias=False)
    both = nn.Sequential(module, nn.Linear(2, 2).requires_grad_(False))

    assert [len(g["params"]) for g in adamw(both).param_groups] == [1]
