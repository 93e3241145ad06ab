"""Composition, inverse views, and what the contract says of a transform that lacks a direction."""

import pytest
import torch

from realnvp.kernels import Additive
from realnvp.shapes import every_row, sum_event
from realnvp.transforms import (
    ActNorm,
    Affine,
    Compose,
    Coupling,
    Flip,
    Inverse,
    LULinear,
    Permute,
    Scale,
    Standardise,
    Transform,
)


class Double(Transform):
    """Twice ``x``: the least a user has to write."""

    def forward(self, x, context=None):
        return 2 * x, sum_event(torch.full_like(x, 2.0).log(), 1)

    def inverse(self, z, context=None):
        return z / 2, -sum_event(torch.full_like(z, 2.0).log(), 1)


def test_the_first_of_a_chain_is_applied_first():
    x = torch.tensor([[1.0, 2.0, 3.0]])
    z, ladj = Compose(Permute([1, 2, 0]), Double(), Flip())(x)

    assert z.tolist() == [[2.0, 6.0, 4.0]]
    assert ladj.tolist() == pytest.approx([3 * torch.tensor(2.0).log().item()])


def test_log_dets_add_over_the_events_axes():
    t = Compose(Scale(3), Scale(2, event_dim=3))
    t[0].theta.data.fill_(0.5)
    t[1].theta.data.copy_(torch.tensor([1.0, 2.0])[:, None, None])
    _, ladj = t(torch.zeros(7, 2, 4, 3))

    assert ladj.shape == (7,)
    assert ladj.tolist() == pytest.approx([0.5 * 24 + 3 * 12] * 7)


def test_a_chain_of_nothing_is_the_identity():
    x = torch.randn(4, 3)
    z, ladj = Compose()(x)

    assert torch.equal(z, x)
    assert torch.equal(ladj, torch.zeros(4))
    assert len(Compose()) == 0


def test_a_chain_is_a_sequence():
    parts = [Scale(2), Flip(), Affine(2)]
    chain = Compose(*parts)

    assert list(chain) == parts
    assert len(chain) == 3
    assert chain[1] is parts[1]
    assert chain[-1] is parts[2]
    assert isinstance(chain[1:], Compose)
    assert list(chain[1:]) == parts[1:]


def test_a_chain_wants_the_axes_and_the_context_of_its_parts():
    def net(inputs, outputs):
        return torch.nn.Linear(inputs, outputs)

    chain = Compose(Scale(2), Coupling(2, net, Additive(), context=3), LULinear(2, event_dim=3))

    assert (chain.context, chain.event_dim) == (3, 3)
    assert (chain.inv.context, chain.inv.event_dim) == (3, 3)


def test_calibrate_hands_each_part_what_the_part_before_gives():
    torch.manual_seed(0)
    x = 3 + 2 * torch.randn(500, 2)
    chain = Compose(Standardise(2), Double(), ActNorm(2))
    z = chain.calibrate(x)

    torch.testing.assert_close(chain[2].loc, torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(chain[2].log_scale, torch.full((2,), 2.0).log())
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(2))


def test_an_inverse_shares_the_parameters():
    t = Affine(2)

    assert isinstance(t.inv, Inverse)
    assert [id(p) for p in t.inv.parameters()] == [id(p) for p in t.parameters()]


def test_a_missing_direction_is_an_error_that_names_the_transform():
    class Half(Transform):
        pass

    with pytest.raises(TypeError, match="Half has no forward"):
        Half()(torch.zeros(2))
    with pytest.raises(TypeError, match="Half has no inverse"):
        Half().inverse(torch.zeros(2))


@pytest.mark.parametrize("norm", [ActNorm(2), Standardise(2), Compose(Flip(), ActNorm(2))])
def test_an_inverse_is_not_calibrated_in_silence(norm):
    with pytest.raises(TypeError, match="of the transform itself"):
        norm.inv.calibrate(torch.randn(9, 2))


def test_every_row_gets_the_sum_over_features_and_pixels():
    scale = torch.tensor([1.0, 2.0], dtype=torch.float64)

    assert every_row(scale, torch.zeros(5, 4, 2), 1).tolist() == [[3.0] * 4] * 5
    assert every_row(scale[:, None, None], torch.zeros(5, 2, 3, 4), 3).tolist() == [36.0] * 5
    assert every_row(scale, torch.zeros(2), 1).shape == ()
    assert every_row(scale, torch.zeros(0, 2), 1).dtype == torch.float32


def test_sum_event_sums_the_last_axes():
    values = torch.arange(24.0).reshape(2, 3, 4)

    assert sum_event(values, 0) is values
    assert torch.equal(sum_event(values, 1), values.sum(-1))
    assert torch.equal(sum_event(values, 2), values.sum((1, 2)))
    assert sum_event(torch.zeros(0, 3), 1).shape == (0,)
