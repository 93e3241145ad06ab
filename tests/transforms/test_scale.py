"""Learnt location and scale, against ``torch.distributions``."""

import torch
from torch.distributions import AffineTransform, Normal, TransformedDistribution

from realnvp.bases import Normal as NormalBase
from realnvp.flow import Flow
from realnvp.transforms import Affine, Scale


def moved(t):
    torch.manual_seed(0)
    for p in t.parameters():
        p.data += torch.randn(p.shape)
    return t.double()


def test_affine_gives_location_and_scale_to_the_samples():
    t = moved(Affine(3))
    law = TransformedDistribution(Normal(torch.zeros(3).double(), 1.0), AffineTransform(t.loc, t.log_scale.exp()))
    x = torch.randn(8, 3, dtype=torch.float64)

    torch.testing.assert_close(Flow(t, NormalBase(3)).double().log_prob(x), law.log_prob(x).sum(-1))
    torch.testing.assert_close(t.scale, t.log_scale.exp())


def test_scale_multiplies_by_exp_theta():
    t = moved(Scale(3))
    x = torch.randn(8, 3, dtype=torch.float64)
    z, ladj = t(x)

    torch.testing.assert_close(z, x * t.theta.exp())
    torch.testing.assert_close(ladj, t.theta.sum().expand(8))


def test_channels_have_a_scale_each_and_pixels_count():
    t = moved(Scale(2, event_dim=3))
    _, ladj = t(torch.randn(5, 2, 3, 4, dtype=torch.float64))

    torch.testing.assert_close(ladj, 12 * t.theta.sum().expand(5))
    torch.testing.assert_close(t.inverse(torch.ones(5, 2, 3, 4).double())[0][0, :, 0, 0], (-t.theta).exp().flatten())
