"""Normalising layers: one density in training and in evaluation, calibration, and their state."""

import copy
import pickle

import numpy as np
import pytest
import torch

from realnvp.data.toy import toy
from realnvp.objectives import MaxLikelihood
from realnvp.recipes import real_nvp
from realnvp.transforms import ActNorm, BatchNorm, Compose, Standardise

SHAPES = pytest.mark.parametrize(("event_dim", "shape"), [(1, (40, 3)), (1, (5, 8, 3)), (3, (6, 3, 4, 5))])


def data(*shape, seed=0):
    """Rows whose features differ in location and scale."""
    x = torch.tensor(np.random.default_rng(seed).standard_normal(shape))
    axis = shape.index(3)
    factor = torch.tensor([0.5, 2.0, 7.0]).reshape(3, *(1,) * (len(shape) - axis - 1))
    return factor * x + factor**2


def moments(x, event_dim):
    """Mean and variance per feature, by NumPy."""
    axes = tuple(i for i in range(x.ndim) if i != x.ndim - event_dim)
    return x.numpy().mean(axes), x.numpy().var(axes)


def learnt(event_dim=1, **options):
    torch.manual_seed(0)
    norm = BatchNorm(3, event_dim=event_dim, **options).double()
    for p in norm.parameters():
        p.data += 0.3 * torch.randn(p.shape)
    return norm


@SHAPES
def test_batch_norm_in_training_is_the_same_as_in_evaluation_right_after(event_dim, shape):
    norm = learnt(event_dim)
    for seed in range(3):
        x = data(*shape, seed=seed)
        trained = norm.train()(x)

        torch.testing.assert_close(norm.eval()(x), trained, rtol=1e-12, atol=1e-12)


@SHAPES
def test_batch_norm_in_training_is_undone_by_its_inverse(event_dim, shape):
    norm, x = learnt(event_dim).train(), data(*shape)
    z, down = norm(x)
    back, up = norm.inverse(z)

    torch.testing.assert_close(back, x)
    torch.testing.assert_close(up, -down)


@SHAPES
@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_running_statistics_follow_the_rule_of_the_paper(event_dim, shape, momentum):
    norm = learnt(event_dim, momentum=momentum).train()
    mean, var = np.zeros(3), np.ones(3)
    for seed in range(3):
        x = data(*shape, seed=seed)
        norm(x)
        mean, var = (
            momentum * old + (1 - momentum) * new for old, new in zip((mean, var), moments(x, event_dim), strict=True)
        )

        np.testing.assert_allclose(norm.mean.flatten(), mean, rtol=1e-10)
        np.testing.assert_allclose(norm.var.flatten(), var, rtol=1e-10)


def test_batch_norm_is_its_closed_form():
    norm, x = learnt(momentum=0.0, eps=1e-3).train(), data(40, 3)
    mean, var = moments(x, 1)
    gamma, beta = norm.log_gamma.detach().exp().numpy(), norm.beta.detach().numpy()
    z, ladj = norm(x)

    np.testing.assert_allclose(
        z.detach(), beta + gamma * (x.numpy() - mean) / np.sqrt(var + 1e-3), rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(ladj.detach(), np.log(gamma / np.sqrt(var + 1e-3)).sum(), rtol=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradients_pass_through_the_statistics_of_the_batch(momentum):
    norm, x = learnt(momentum=momentum).train(), data(6, 3).requires_grad_()

    assert torch.autograd.gradcheck(lambda v: copy.deepcopy(norm)(v), (x,))

    z, _ = copy.deepcopy(norm)(x)
    (through,) = torch.autograd.grad(z.square().sum(), x)
    z, _ = copy.deepcopy(norm).eval()(x)
    (past,) = torch.autograd.grad(z.square().sum(), x)

    assert not torch.allclose(through, past, rtol=0.01)


def test_one_step_may_use_batch_norm_twice_before_going_backward():
    norm = learnt().train()
    first, second = norm(data(20, 3))[1].sum(), norm(data(20, 3, seed=1))[1].sum()
    (first + second).backward()

    assert torch.isfinite(norm.log_gamma.grad).all()


def test_the_inverse_never_moves_the_statistics():
    norm = learnt().train()
    before = copy.deepcopy(norm.state_dict())
    for _ in range(3):
        norm.inverse(data(20, 3))
        norm.inv(data(20, 3))

    torch.testing.assert_close(norm.state_dict(), before, rtol=0, atol=0)


def test_training_by_the_inverse_alone_is_a_bijection_with_the_first_statistics():
    norm, z = learnt().train(), data(5, 3)
    x, ladj = norm.inverse(z)
    jacobian = torch.func.jacrev(lambda v: norm.inverse(v)[0])(z[0])
    scale = np.sqrt(1 + norm.eps) / norm.log_gamma.detach().exp().numpy()

    torch.testing.assert_close(ladj, torch.linalg.slogdet(jacobian).logabsdet.expand(5))
    np.testing.assert_allclose(x.detach(), (z.numpy() - norm.beta.detach().numpy()) * scale, rtol=1e-10)
    torch.testing.assert_close(norm.eval()(x)[0], z)


def test_evaluation_never_moves_the_statistics():
    norm = learnt().eval()
    before = copy.deepcopy(norm.state_dict())
    norm(data(20, 3))
    norm.inverse(data(20, 3))

    torch.testing.assert_close(norm.state_dict(), before, rtol=0, atol=0)


@SHAPES
def test_calibrate_starts_the_statistics_at_those_of_the_data(event_dim, shape):
    norm, x = BatchNorm(3, event_dim=event_dim).double(), data(*shape)
    z = norm.calibrate(x)
    mean, var = moments(x, event_dim)

    np.testing.assert_allclose(norm.mean.flatten(), mean, rtol=1e-10)
    np.testing.assert_allclose(norm.var.flatten(), var, rtol=1e-10)
    np.testing.assert_allclose(moments(z, event_dim)[1], 1, rtol=1e-4)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_batch_of_none_or_one_is_harmless(rows):
    norm = BatchNorm(3).train()
    z, ladj = norm(torch.ones(rows, 3))

    assert torch.isfinite(z).all()
    assert ladj.shape == (rows,)
    assert torch.isfinite(norm.mean).all()
    assert torch.isfinite(norm.var).all()


def test_batch_norm_between_couplings_has_one_density_in_training_and_evaluation():
    """Normalising by the batch in training and by the average in evaluation would part the two by thousands of nats."""
    torch.manual_seed(0)
    law = toy("moons")
    train, test = (torch.tensor(law.sample(4096, seed), dtype=torch.float32) for seed in (0, 1))
    flow = real_nvp(2, layers=6, hidden=(32,), between=BatchNorm)
    objective, optimizer = MaxLikelihood(flow), torch.optim.Adam(flow.parameters(), lr=2e-3)
    losses = []
    for step in range(200):
        optimizer.zero_grad()
        loss = objective(train[(128 * step) % 4096 :][:128])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    flow.eval()
    x = flow.sample(2000)
    in_training, in_evaluation = np.mean(losses[-20:]), objective(test).item()

    assert in_evaluation < losses[0] - 0.5
    assert abs(in_training - in_evaluation) < 0.15
    torch.testing.assert_close(flow.inverse(flow(x)[0])[0], x, rtol=1e-3, atol=1e-3)


@SHAPES
def test_act_norm_sends_the_first_batch_to_mean_zero_and_variance_one(event_dim, shape):
    norm, x = ActNorm(3, event_dim=event_dim).double(), data(*shape)
    z = norm.calibrate(x)
    mean, var = moments(z, event_dim)

    np.testing.assert_allclose(mean, 0, atol=1e-10)
    np.testing.assert_allclose(var, 1, rtol=1e-10)
    np.testing.assert_allclose(norm.loc.detach().flatten(), moments(x, event_dim)[0])


def test_act_norm_is_set_once():
    norm = ActNorm(3).double()
    norm.calibrate(data(40, 3))
    before = copy.deepcopy(norm.state_dict())
    z = norm.calibrate(100 + data(40, 3, seed=1))

    torch.testing.assert_close(norm.state_dict(), before, rtol=0, atol=0)
    torch.testing.assert_close(z, norm(100 + data(40, 3, seed=1))[0])


@pytest.mark.parametrize("how", ["state_dict", "pickle", "deepcopy"])
def test_a_loaded_act_norm_is_never_set_again(how):
    norm = ActNorm(3).double()
    norm.calibrate(data(40, 3))
    twin = ActNorm(3).double()
    if how == "state_dict":
        twin.load_state_dict(norm.state_dict())
    else:
        twin = pickle.loads(pickle.dumps(norm)) if how == "pickle" else copy.deepcopy(norm)
    twin.calibrate(data(40, 3, seed=1))

    torch.testing.assert_close(twin.state_dict(), norm.state_dict(), rtol=0, atol=0)


def test_forward_alone_does_not_set_act_norm_and_no_rows_set_nothing():
    norm = ActNorm(3).train()
    norm(torch.randn(10, 3))
    norm.calibrate(torch.zeros(0, 3))

    assert not norm.calibrated
    assert (norm.loc == 0).all()


@pytest.mark.parametrize("kind", [ActNorm, BatchNorm, Standardise])
def test_a_constant_feature_stays_finite(kind):
    norm = kind(3)
    x = torch.randn(10, 3)
    x[:, 1] = 4.0
    z = norm.calibrate(x)
    back, ladj = norm.eval().inverse(z)

    assert torch.isfinite(z).all()
    assert torch.isfinite(ladj).all()
    torch.testing.assert_close(back, x, rtol=1e-4, atol=1e-4)


def test_a_constant_feature_keeps_the_scale_one():
    x = torch.tensor([[1.0, 4.0, 0.0], [5.0, 4.0, 2.0]])
    act, standard = ActNorm(3), Standardise(3)
    act.calibrate(x)
    standard.calibrate(x)

    assert act.log_scale.exp().tolist() == pytest.approx([2.0, 1.0, 1.0])
    assert standard.scale.tolist() == [2.0, 1.0, 1.0]


@SHAPES
def test_standardise_is_the_z_score(event_dim, shape):
    norm, x = Standardise(3, event_dim=event_dim), data(*shape)
    z = norm.calibrate(x)
    mean, var = (v.reshape(3, *(1,) * (event_dim - 1)) for v in moments(x, event_dim))
    count = x[(0,) * (x.dim() - event_dim)].numel() // 3

    np.testing.assert_allclose(z, (x.numpy() - mean) / np.sqrt(var), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(norm(x)[1], -0.5 * np.log(var).sum() * count, rtol=1e-10)
    assert not list(norm.parameters())


def test_standardise_loses_nothing_far_from_zero():
    norm = Standardise(2)
    x = 1e9 + torch.randn(500, 2, dtype=torch.float64)
    z = norm.calibrate(x)
    rounded, ladj = norm(x.float())

    assert z.dtype == torch.float64
    np.testing.assert_allclose(z, (x.numpy() - x.numpy().mean(0)) / x.numpy().std(0), atol=1e-5)
    torch.testing.assert_close(norm.inverse(z)[0], x, rtol=1e-15, atol=0)
    assert rounded.dtype == ladj.dtype == torch.float32


@pytest.mark.parametrize("cast", [lambda m: m.float(), lambda m: m.to(torch.float32), lambda m: m.half().float()])
def test_a_cast_of_the_model_does_not_round_the_data_away(cast):
    norm = Standardise(2)
    x = 1e9 + torch.randn(500, 2, dtype=torch.float64)
    z = norm.calibrate(x)

    torch.testing.assert_close(cast(norm)(x)[0], z, rtol=0, atol=0)


def test_a_chain_calibrates_its_norms_in_turn():
    chain, x = Compose(ActNorm(3), BatchNorm(3), Standardise(3)), data(400, 3).float()
    z = chain.calibrate(x)

    assert chain[0].calibrated
    torch.testing.assert_close(chain[1].mean, torch.zeros(3), rtol=0, atol=1e-4)
    np.testing.assert_allclose(z.var(0, correction=0), 1, rtol=1e-3)
