"""Checks of transforms, on one that does not come back."""

import pytest
import torch

from realnvp.measure import round_trip_error
from realnvp.transforms import Transform


class Off(Transform):
    """Comes back ``context`` off in the first coordinate."""

    def forward(self, x, context=None):
        return x + 1, x.new_zeros(len(x))

    def inverse(self, z, context=None):
        return z - 1 + torch.cat((context, 0 * context), -1), z.new_zeros(len(z))


def test_the_largest_distance_counts_whatever_its_sign_and_row():
    x = torch.zeros(3, 2)

    assert round_trip_error(Off(), x, torch.tensor([[0.0], [-0.5], [0.25]])) == pytest.approx(0.5)
    assert round_trip_error(Off(), x, torch.zeros(3, 1)) == 0


def test_of_no_rows_it_is_zero():
    assert round_trip_error(Off(), torch.zeros(0, 2), torch.zeros(0, 1)) == 0
