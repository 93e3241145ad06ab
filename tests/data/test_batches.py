"""Endless streams of training batches."""

from collections import Counter
from itertools import islice

import pytest
import torch

from realnvp.data.batches import shuffled, stream


def seed(value=0):
    return torch.Generator().manual_seed(value)


@pytest.mark.parametrize(("rows", "size"), [(10, 5), (10, 4), (7, 3), (5, 5), (3, 10), (1, 1)])
def test_every_row_comes_once_an_epoch_and_every_batch_is_full(rows, size):
    full = min(size, rows)
    batches = list(islice(shuffled([torch.arange(rows)], size, seed()), 4 * rows))
    order = torch.cat(batches).tolist()

    assert all(len(b) == full for b in batches)
    for epoch in range(len(order) // rows):
        assert sorted(order[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


def test_epochs_differ_and_come_from_the_generator():
    def epochs(value):
        return [b.tolist() for b in islice(shuffled([torch.arange(50)], 50, seed(value)), 3)]

    assert epochs(1) == epochs(1)
    assert epochs(1) != epochs(2)
    assert len({tuple(e) for e in epochs(1)}) == 3


def test_the_global_generator_is_left_alone():
    before = torch.random.get_rng_state()
    next(shuffled([torch.arange(50)], 10, seed()))

    assert torch.equal(before, torch.random.get_rng_state())


def test_arrays_stay_row_by_row_together():
    x, c = torch.arange(30.0).reshape(10, 3), torch.arange(10)
    for batch in islice(shuffled([x, c], 4, seed()), 20):
        assert isinstance(batch, tuple)
        assert torch.equal(batch[0], x[batch[1]])


def test_one_array_gives_tensors():
    assert torch.is_tensor(next(shuffled([torch.zeros(5, 2)], 3, seed())))


def test_all_rows_are_as_likely_in_the_first_batch():
    counts = Counter(int(i) for s in range(600) for i in next(shuffled([torch.arange(6)], 2, seed(s))))

    assert all(150 < counts[i] < 250 for i in range(6))


def test_a_stream_draws_afresh():
    asked = []
    batches = list(islice(stream(lambda n: asked.append(n) or torch.full((n,), len(asked)), 4), 3))

    assert asked == [4, 4, 4]
    assert [b.tolist() for b in batches] == [[1] * 4, [2] * 4, [3] * 4]
