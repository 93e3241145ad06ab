import torch
from torch import nn

from realnvp.train.dice import Dice


def net(p=0.5):
    return nn.Sequential(nn.Linear(4, 4), nn.Dropout(p))


def test_draws_are_its_own_and_nobody_sees_them():
    one, two = Dice(net(), 3), Dice(net(), 3)
    torch.manual_seed(7)
    before, x = torch.get_rng_state(), torch.ones(100)
    with one:
        first = torch.rand_like(x)
    with two:
        same = torch.rand_like(x)
    with one:
        second = torch.rand_like(x)

    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, same)
    assert not torch.equal(first, second)


def test_states_go_on_where_they_were():
    one, two = Dice(net(), 3), Dice(net(), 4)
    with one:
        torch.rand(5)
    two.states = {name: state.clone() for name, state in one.states.items()}
    with one:
        first = torch.rand(5)
    with two:
        same = torch.rand(5)

    assert torch.equal(first, same)


def test_without_dropout_torch_draws_as_it_would():
    dice = Dice(net(0.0), 3)
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    with dice:
        found = torch.rand(3)

    assert torch.equal(found, wanted)
    assert not dice.states
