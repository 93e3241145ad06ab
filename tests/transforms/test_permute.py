"""Permutations."""

import pytest
import torch

from realnvp.errors import InputError
from realnvp.transforms import Flip, Permute, Shuffle


def test_permute_takes_the_features_in_the_order_given():
    x = torch.tensor([[10.0, 11, 12]])

    assert Permute([2, 0, 1])(x)[0].tolist() == [[12.0, 10, 11]]
    assert Permute([2, 0, 1]).inverse(x)[0].tolist() == [[11.0, 12, 10]]
    assert Permute(torch.tensor([1, 0, 2]))(x)[0].tolist() == [[11.0, 10, 12]]


def test_channels_are_permuted_whole():
    x = torch.randn(2, 3, 4, 5)

    assert torch.equal(Permute([2, 0, 1], event_dim=3)(x)[0], x[:, [2, 0, 1]])
    assert torch.equal(Flip(event_dim=3)(x)[0], x[:, [2, 1, 0]])


def test_flip_reverses_and_undoes_itself():
    x = torch.randn(2, 5)

    assert torch.equal(Flip()(x)[0], x[:, [4, 3, 2, 1, 0]])
    assert torch.equal(Flip().inverse(x)[0], Flip()(x)[0])


@pytest.mark.parametrize("order", [[0, 0, 1], [1, 2, 3], [], [[0, 1], [1, 0]], [0, -1]])
def test_what_is_no_permutation_is_refused(order):
    if order == []:
        assert Permute([])(torch.zeros(3, 0))[0].shape == (3, 0)
        return
    with pytest.raises(InputError, match="permutation"):
        Permute(order)


def test_a_shuffle_comes_from_its_seed_alone():
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    orders = [Shuffle(30, seed).order.tolist() for seed in (1, 1, 2)]

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(30))
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_order_is_state():
    twin = Shuffle(30, 1)
    twin.load_state_dict(Shuffle(30, 2).state_dict())
    x = torch.randn(2, 30)

    assert torch.equal(twin(x)[0], Shuffle(30, 2)(x)[0])
    assert torch.equal(twin.inverse(twin(x)[0])[0], x)
