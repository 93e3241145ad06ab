"""Like particles: exact densities over names, turns and mirrors, known normalisers, sentences for what is no body."""

import itertools
import math
import warnings

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, InputError
from realnvp.estimators.parts.particles import check_bodies
from realnvp.potentials import DW4, LJ13, DoubleWell, Phi4

QUICK = {"max_steps": 60, "width": 16, "layers": 2, "random_state": 0, "verbose": False, "particles": 500}


def balls(x):
    """Independent normals about zero."""
    return 0.5 * x.square().sum(-1)


def fitted(potential, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return BoltzmannGenerator(**QUICK | params).fit(potential)


@pytest.fixture(scope="module")
def three():
    return fitted(balls, n_features=6, bodies=(3, 2))


@pytest.mark.parametrize("bodies", [(2, 2), (3, 2), (2, 3), (3, 3), (4, 3)])
def test_the_normaliser_of_normal_particles_is_found(bodies):
    features = math.prod(bodies)
    model = fitted(balls, n_features=features, bodies=bodies, max_steps=150)

    assert abs(model.log_normalizer_ - 0.5 * features * math.log(2 * math.pi)) < 5 * model.log_normalizer_error_ + 1e-3
    assert model.ess_ > 0.7


def test_the_density_knows_no_names_turns_or_mirrors(three):
    x = three.sample(20, random_state=1).reshape(-1, 3, 2)
    before = three.score_samples(x.reshape(-1, 6))
    for order in itertools.permutations(range(3)):
        np.testing.assert_allclose(three.score_samples(x[:, order].reshape(-1, 6)), before, atol=1e-6)
    mirrored = (x - x.mean(1, keepdims=True)) * [1, -1] + x.mean(1, keepdims=True)
    np.testing.assert_allclose(three.score_samples(mirrored.reshape(-1, 6)), before, atol=1e-6)
    for angle in (0.3, 2.0, 4.0):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved = (x - x.mean(1, keepdims=True)) @ turn.T + x.mean(1, keepdims=True)
        after = three.score_samples(moved.reshape(-1, 6))

        assert np.abs(after - before).max() < 1e-6  # the orientation is exactly uniform


def test_weights_are_those_of_the_density(three):
    x, log_w = three.log_weights(200, random_state=0)

    np.testing.assert_allclose(log_w, -balls(torch.as_tensor(x)).numpy() - three.score_samples(x), atol=1e-8)


def test_every_particle_and_every_side_is_drawn_alike(three):
    x = three.sample(20_000, random_state=0).reshape(-1, 3, 2)
    error = x.std() / math.sqrt(20_000)

    assert np.abs(x.mean(0)).max() < 5 * error
    assert np.abs((x**2).mean(0) - (x**2).mean()).max() < 0.06
    one, two = x[:, 1] - x[:, 0], x[:, 2] - x[:, 0]
    assert abs(np.sign(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).mean()) < 0.05


def test_latent_coordinates_are_those_of_one_arrangement(three):
    x = three.sample(50, random_state=0)
    back = three.inverse_transform(three.transform(x))

    np.testing.assert_allclose(three.score_samples(back), three.score_samples(x), atol=1e-6)
    np.testing.assert_allclose(three.inverse_transform(three.transform(back)), back, atol=1e-8)


def test_a_saved_model_is_the_same(three, tmp_path):
    three.save(tmp_path / "run")
    again = BoltzmannGenerator.load(tmp_path / "run", balls)

    assert tuple(again.bodies) == (3, 2)
    np.testing.assert_array_equal(again.sample(50, random_state=0), three.sample(50, random_state=0))
    x = three.sample(50, random_state=0)
    np.testing.assert_allclose(again.score_samples(x), three.score_samples(x), atol=1e-9)


def test_a_named_potential_of_particles_is_learnt_as_such(tmp_path):
    model = fitted(DW4(), max_steps=600, width="auto", layers="auto", particles=2000)
    model.save(tmp_path / "run")

    assert tuple(model.architecture_["bodies"]) == (4, 2)
    assert model.ess_ > 0.1  # 0.28 and 0.26 with the seeds 0 and 1; without the frame 0.00006
    again = BoltzmannGenerator.load(tmp_path / "run")
    assert again.potential_ == DW4()
    np.testing.assert_array_equal(again.sample(5, random_state=0), model.sample(5, random_state=0))


def test_a_field_and_a_plane_are_no_particles():
    assert Phi4().bodies is DoubleWell().bodies is None
    assert fitted(DW4(), bodies=None, max_steps=1).architecture_["bodies"] is None


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"bodies": (4, 1)}, "bodies must be .particles, dim."),
        ({"bodies": "many"}, "bodies must be .particles, dim."),
        ({"bodies": (2.0, 3)}, "bodies must be .particles, dim."),
        ({"bodies": (4, 2)}, "have 8 coordinates, the potential takes 6"),
        ({"bodies": (3, 2), "bounds": (-4, 4)}, "leave bounds"),
        ({"bodies": (3, 2), "base": "logistic"}, "bodies have a normal base"),
    ],
    ids=range(6),
)
def test_bodies_that_cannot_be_are_refused(params, sentence):
    with pytest.raises(InputError, match=sentence):
        BoltzmannGenerator(6, **QUICK | params).fit(balls)


ENERGIES = {
    "names": (lambda p: (p.square().sum(-1) * torch.tensor([1.0, 2.0, 3.0], dtype=p.dtype)).sum(-1), "names"),
    "a strip": (lambda p: balls(p.flatten(-2)) + p[..., 0].pow(2).sum(-1), "direction"),
    "a hand": (lambda p: balls(p.flatten(-2)) + _area(p), "names|mirror"),
    "free": (lambda p: _spread(p), "does not hold the centre"),
    "a quartic trap": (lambda p: p.square().sum(-1).square().sum(-1), "centre of the particles"),
}


def _spread(p):
    return (p - p.mean(-2, keepdim=True)).square().sum((-2, -1))


def _area(p):
    a, b = p[..., 1, :] - p[..., 0, :], p[..., 2, :] - p[..., 0, :]
    return torch.tanh(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


@pytest.mark.parametrize("case", ENERGIES)
def test_an_energy_that_is_none_of_like_bodies_gets_a_sentence(case):
    energy, sentence = ENERGIES[case]
    with pytest.raises(InputError, match=sentence):
        fitted(lambda x: energy(x.unflatten(-1, (3, 2))), n_features=6, bodies=(3, 2))


@pytest.mark.parametrize("potential", [DW4(), LJ13()])
def test_the_librarys_own_are_like_bodies(potential):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(16, potential.features, generator=generator, dtype=torch.float64)

    check_bodies(potential, potential.bodies, x)
