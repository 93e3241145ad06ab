"""Functions that build a flow: what they are made of."""

import pytest
import torch
from torch import nn

from realnvp.bases import Logistic, Mixture, Normal
from realnvp.errors import InputError
from realnvp.kernels import Additive, Affine, Chain, Spline, TanhAffine
from realnvp.nets import MLP, Constant, LearntLast, ResidualMLP, Separate, mlp, residual_mlp
from realnvp.recipes import couplings, flat_real_nvp, image_real_nvp, nice, noise_flow, real_nvp, spline_flow
from realnvp.transforms import BatchNorm, Coupling, EvenOdd, Halves, LULinear, Part, Scale, Squeeze

MAKERS = {"nice": nice, "real nvp": real_nvp, "spline": spline_flow}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def coupled(flow):
    return [m for m in flow.modules() if isinstance(m, Coupling)]


@pytest.mark.parametrize(
    ("make", "kernel", "base"),
    [
        (lambda: nice(3), Additive(), Logistic),
        (lambda: real_nvp(3), Affine(2.0), Normal),
        (lambda: real_nvp(3, bound=0.5), Affine(0.5), Normal),
        (lambda: spline_flow(3), Chain((Affine(2.0), Spline(8, 5.0))), Normal),
        (lambda: spline_flow(3, bins=4, bound=2.0, affine=None), Spline(4, 2.0), Normal),
    ],
    ids=["nice", "real nvp", "real nvp of a bound", "spline", "spline alone"],
)
def test_recipes_have_their_kernel_and_base(make, kernel, base):
    flow = make()

    assert all(c.kernel == kernel for c in coupled(flow))
    assert type(flow.base) is base
    assert flow.event_shape == (3,)


@every
def test_couplings_move_every_feature_in_turn(make):
    flow = make(5, layers=4)
    kept = [tuple(c.split.split(torch.arange(5), -1)[0].tolist()) for c in coupled(flow)]

    assert kept == [(0, 1), (2, 3, 4), (0, 1), (2, 3, 4)]


@every
def test_a_few_couplings_let_every_feature_act_on_every_other(make):
    torch.manual_seed(0)
    flow = make(4, layers=4, hidden=(32,)).double()
    for p in flow.parameters():
        nn.init.normal_(p, std=0.3)
    jacobian = torch.func.jacrev(lambda x: flow(x)[0])(torch.randn(4, dtype=torch.float64))

    assert (jacobian != 0).all()


def test_nice_ends_in_the_diagonal_scaling():
    flow = nice(3, layers=2)

    assert isinstance(flow.transform[-1], Scale)
    assert sum(isinstance(m, Scale) for m in flow.modules()) == 1
    assert not any(isinstance(m, Scale) for m in real_nvp(3).modules())


@every
def test_layers_hidden_and_context_are_those_asked_for(make):
    flow = make(6, layers=3, hidden=(7, 9), context=2)
    linear = [m for m in coupled(flow)[0].net if isinstance(m, nn.Linear)]

    assert len(coupled(flow)) == 3
    assert [m.out_features for m in linear[:-1]] == [7, 9]
    assert linear[0].in_features == 3 + 2
    assert linear[-1].out_features == 3 * coupled(flow)[0].kernel.size
    assert flow.context == 2


@every
def test_nets_splits_bases_and_layers_between_are_replaced(make):
    base = Mixture(4, 2)
    flow = make(4, layers=2, net=residual_mlp(8), split=EvenOdd, between=LULinear, base=base)
    kinds = [type(t) for t in flow.transform]

    assert kinds[:4] == [LULinear, Coupling, LULinear, Coupling]
    assert all(isinstance(c.net, ResidualMLP) for c in coupled(flow))
    assert [c.split for c in coupled(flow)] == [EvenOdd(), EvenOdd(swap=True)]
    assert flow.base is base


def test_separate_nets_of_the_first_real_nvp():
    flow = real_nvp(5, layers=2, net=Separate.of(mlp((64, 128, 128, 64)), 2))
    nets = coupled(flow)[0].net.nets
    widths = [[m.out_features for m in net if isinstance(m, nn.Linear)] for net in nets]

    assert widths == [[64, 128, 128, 64, 3]] * 2


@every
def test_one_feature_needs_no_net_and_with_a_context_has_one(make):
    assert all(isinstance(c.net, Constant) for c in coupled(make(1)))
    assert all(isinstance(c.net, MLP) for c in coupled(make(1, context=1)))


@every
@pytest.mark.parametrize("wrong", [{"features": 0}, {"features": 2, "layers": 0}, {"features": 2, "context": -1}])
def test_senseless_sizes_are_refused(make, wrong):
    with pytest.raises(InputError, match="features >= 1, layers >= 1 and context >= 0"):
        make(**wrong)


@every
def test_weights_come_from_the_global_seed(make):
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(torch.cat([p.flatten() for p in make(4).parameters()]))

    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_couplings_are_the_chain_of_the_recipes():
    chain = couplings(4, Affine(), layers=3, net=mlp((8,)), between=BatchNorm)

    assert [type(t) for t in chain] == [BatchNorm, Coupling] * 3
    assert [t.split for t in chain[1::2]] == [Halves(), Halves(swap=True), Halves()]


def levels(transform, found=()):
    """The couplings of a multi-scale transform as ``(kind, channels, hidden)``, scale after scale."""
    found = list(found) or [[]]
    for t in transform:
        if isinstance(t, Coupling):
            net = t.net.net if isinstance(t.net, LearntLast) else t.net
            found[-1].append((type(t).__name__, t.features, net.last.in_channels))
        elif isinstance(t, Part):
            found += levels(t.transform)
    return found


def test_the_flow_of_pictures_is_the_published_one():
    flow = image_real_nvp((3, 16, 16), hidden=4, blocks=1)
    board, deep = "CheckerboardCoupling", "Coupling"

    assert levels(flow.transform) == [
        [(board, 3, 4)] * 3 + [(deep, 12, 8)] * 3,
        [(board, 6, 8)] * 3 + [(deep, 24, 16)] * 3,
        [(board, 12, 16)] * 4,
    ]
    assert all(isinstance(c.kernel, TanhAffine) for c in coupled(flow))
    assert sum(isinstance(m, BatchNorm) for m in flow.modules()) == len(coupled(flow))


@pytest.mark.parametrize(("checkers", "colours"), [(3, False), (0, True)])
def test_channels_are_cut_otherwise_than_the_checkerboard_has_cut_the_pixels(checkers, colours):
    flow = image_real_nvp((1, 4, 4), hidden=2, blocks=0, scales=1 + (checkers > 0), checkers=checkers, channels=1)
    squeeze = next(m for m in flow.modules() if isinstance(m, Squeeze))
    colour = (torch.arange(4)[:, None] + torch.arange(4)) % 2
    kept = squeeze(colour[None].float())[0][:2]

    assert bool((kept == kept.flatten()[0]).all()) == colours


def test_the_flat_flow_of_pictures_is_the_published_baseline():
    flow = flat_real_nvp((1, 28, 28), layers=3)
    nets = coupled(flow)[0].net.nets
    widths = [[m.out_features for m in net if isinstance(m, nn.Linear)] for net in nets]

    assert widths == [[64, 128, 128, 64, 392]] * 2
    assert [c.split for c in coupled(flow)] == [Halves(), Halves(swap=True), Halves()]
    assert (flow.event_shape, flow.transform.event_dim) == ((1, 28, 28), 3)


def test_noise_given_a_picture_starts_uniform_and_has_the_density_of_its_log_det():
    torch.manual_seed(0)
    flow = noise_flow((2, 3, 4), layers=3, hidden=4).double().eval()
    e, k = flow.base.sample(5), torch.randn(5, 2, 3, 4, dtype=torch.float64)
    u, log_q = flow.push(e, k)

    assert ((u > 0) & (u < 1)).all()
    torch.testing.assert_close(log_q, torch.zeros(5, dtype=torch.float64))
    for p in flow.parameters():
        nn.init.normal_(p, std=0.3)
    u, log_q = flow.push(e, k)
    jacobian = torch.stack(
        [
            torch.func.jacrev(lambda z, i=i: flow.inverse(z[None], k[i : i + 1])[0])(e[i]).reshape(24, 24)
            for i in range(5)
        ]
    )
    torch.testing.assert_close(log_q, flow.base.log_prob(e) - jacobian.slogdet().logabsdet)
    torch.testing.assert_close(flow.log_prob(u, k), log_q)
    assert (flow.push(e, k + 1)[0] != u).any()


def test_a_context_for_each_pixel_has_their_number():
    flow = noise_flow((1, 4, 4), hidden=2)

    with pytest.raises(ValueError, match="wants 1 context features"):
        flow.log_prob(torch.rand(3, 1, 4, 4), torch.rand(3, 2, 4, 4))


def test_a_flow_of_pictures_starts_at_the_identity():
    x = torch.randn(3, 1, 8, 8)
    flow = image_real_nvp((1, 8, 8), hidden=4, blocks=1, between=None).eval()
    z, ladj = flow(x)

    torch.testing.assert_close(z, x)
    torch.testing.assert_close(ladj, torch.zeros(3))


def test_every_pixel_of_a_picture_acts_on_others_at_every_scale():
    torch.manual_seed(0)
    flow = image_real_nvp((1, 4, 4), scales=2, hidden=4, blocks=1, between=None).double()
    for p in flow.parameters():
        nn.init.normal_(p, std=0.3)
    jacobian = torch.func.jacrev(lambda x: flow(x)[0])(torch.randn(1, 4, 4, dtype=torch.float64)).reshape(16, 16)

    assert ((jacobian != 0).sum(0) > 8).all()


@pytest.mark.parametrize(("shape", "scales"), [((1, 28, 28), 3), ((3, 32, 32), 4), ((1, 7, 9), 1), ((1, 8, 6), 1)])
def test_pictures_are_halved_as_far_as_a_side_of_four(shape, scales):
    assert len(levels(image_real_nvp(shape, hidden=2, blocks=0).transform)) == scales


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((1, 28, 28), {"scales": 4}, "28 x 28 take 1 to 3 scales"),
        ((1, 7, 7), {"checkers": 0}, "7 x 7 do not halve evenly"),
        ((1, 0, 7), {}, "needs shape"),
        ((28, 28), {}, "needs shape"),
        ((1, 8, 8), {"checkers": 0, "channels": 0}, "at least one coupling"),
    ],
)
def test_sizes_that_do_not_work_get_a_sentence(shape, options, words):
    with pytest.raises(InputError, match=words):
        image_real_nvp(shape, **options)
