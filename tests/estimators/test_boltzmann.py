"""``BoltzmannGenerator``: known answers, exactness of what is corrected, sentences for potentials that cannot be."""

import math
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone

from realnvp import BoltzmannGenerator, InputError
from realnvp.potentials import U2, DoubleWell

QUICK = {"max_steps": 250, "width": 32, "random_state": 0, "verbose": False}
warnings_of_quick_fits = pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")


def bowl(x):
    """A normal about (1, 1) with the standard deviations 1 and 3."""
    return 0.5 * ((x - 1) / x.new_tensor([1.0, 3.0])).square().sum(-1)


LOG_Z = math.log(2 * math.pi * 3)


@pytest.fixture(scope="module")
def well():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return BoltzmannGenerator(**QUICK).fit(DoubleWell())


@pytest.fixture(scope="module")
def poor():
    """A flow that has hardly been trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return BoltzmannGenerator(**QUICK | {"max_steps": 20, "layers": 1}).fit(DoubleWell())


@pytest.mark.parametrize("objective", ["forward", "reverse"])
@warnings_of_quick_fits
def test_it_learns_a_users_function_and_its_normaliser(objective):
    model = BoltzmannGenerator(2, objective=objective, **QUICK).fit(bowl)

    assert abs(model.log_normalizer_ - LOG_Z) < 5 * model.log_normalizer_error_ + 1e-3
    assert model.ess_ > 0.9
    assert model.coverage_ > 0.9
    mean, error = model.expectation(lambda x: x[:, 1])
    assert abs(mean - 1) < 5 * error


def test_it_learns_a_potential_that_knows_its_own_dimension_and_box():
    model = BoltzmannGenerator(**QUICK).fit(U2())
    x = model.sample(2000, random_state=0)

    assert (np.abs(x) <= 4).all()
    assert abs(model.log_normalizer_ - U2().log_normalizer) < 5 * model.log_normalizer_error_ + 1e-3
    assert model.ess_ > 0.9


def test_both_wells_are_weighed(well):
    share = (DoubleWell().sample(400_000, 0)[:, 0] > 0).mean()
    value, error = well.expectation(lambda x: x[:, 0] > 0, 20_000, random_state=1)

    assert abs(value - share) < 5 * error
    assert 0 < error < 0.02


def test_corrected_samples_are_exact_where_the_flow_is_poor(poor):
    """Each of three expectations within three standard errors, over independent repeats but for one in twenty."""
    truth = DoubleWell().sample(1_000_000, 0)
    functions = [lambda x: x[:, 0] > 0, lambda x: x[:, 0] ** 2, lambda x: x[:, 1] ** 2]

    assert poor.ess_ < 0.7
    for f in functions:
        inside = 0
        for seed in range(20):
            value, error = poor.expectation(f, 4000, corrected=True, local=0, random_state=seed)
            inside += abs(value - f(truth).mean()) < 3 * error
        assert inside >= 19
    assert 0 < poor.acceptance_ < 0.9
    assert poor.autocorrelation_time_ > 1


def test_uncorrected_samples_of_a_poor_flow_are_not(poor):
    truth, x = DoubleWell().sample(100_000, 0), poor.sample(100_000, random_state=0)

    assert abs((np.abs(x[:, 0]) < 1).mean() - (np.abs(truth[:, 0]) < 1).mean()) > 0.05


def test_weights_are_those_of_the_density_and_the_energy(well):
    x, log_w = well.log_weights(500, random_state=3)
    u = DoubleWell()(torch.as_tensor(x)).numpy()

    np.testing.assert_allclose(log_w, -u - well.score_samples(x), atol=1e-8)
    np.testing.assert_array_equal(x, well.sample(500, random_state=3))
    np.testing.assert_array_equal(np.concatenate(list(well.iter_samples(500, random_state=3))), x)


def test_latent_coordinates_go_and_come(well):
    x = well.sample(300, random_state=0)

    np.testing.assert_allclose(well.inverse_transform(well.transform(x)), x, atol=1e-9)


@warnings_of_quick_fits
def test_the_same_seed_gives_the_same_model_and_leaves_the_global_seed_alone():
    before = torch.random.get_rng_state()
    one, two = (BoltzmannGenerator(**QUICK | {"max_steps": 30}).fit(DoubleWell()) for _ in range(2))

    assert np.array_equal(one.sample(50, random_state=1), two.sample(50, random_state=1))
    assert one.history_[-1]["evaluations"] == two.history_[-1]["evaluations"]
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_history_tells_the_course(well):
    record = well.history_[-1]

    assert {"step", "seconds", "held_out", "best", "ess", "log_z", "bound", "evaluations"} <= set(record)
    assert record["bound"] > -well.log_normalizer_ - 0.3
    assert well.evaluations_ >= record["evaluations"] > 10_000


@warnings_of_quick_fits
def test_a_default_dtype_of_the_users_own_does_no_harm():
    torch.set_default_dtype(torch.float64)
    try:
        model = BoltzmannGenerator(**QUICK | {"max_steps": 10}).fit(DoubleWell())
    finally:
        torch.set_default_dtype(torch.float32)

    assert np.isfinite(model.sample(10)).all()


def test_one_feature_is_enough():
    model = BoltzmannGenerator(1, **QUICK).fit(lambda x: 0.5 * x.square().sum(-1))

    assert model.log_normalizer_ == pytest.approx(0.5 * math.log(2 * math.pi), abs=0.02)


def test_a_saved_model_is_the_same(well, tmp_path):
    well.save(tmp_path / "run")
    again = BoltzmannGenerator.load(tmp_path / "run")

    assert again.potential_ == DoubleWell()
    assert (again.ess_, again.log_normalizer_) == (well.ess_, well.log_normalizer_)
    np.testing.assert_array_equal(again.log_weights(50, random_state=0)[1], well.log_weights(50, random_state=0)[1])
    with pytest.raises(InputError, match="holds a run already"):
        well.save(tmp_path / "run")


@warnings_of_quick_fits
def test_a_model_of_a_users_function_asks_for_it_again(tmp_path):
    model = BoltzmannGenerator(2, bounds=([-9, -9], [9, 9.5]), **QUICK | {"max_steps": 10}).fit(bowl)
    model.save(tmp_path / "run")
    again = BoltzmannGenerator.load(tmp_path / "run")

    assert again.bounds == [[-9, -9], [9, 9.5]]
    np.testing.assert_array_equal(again.sample(5, random_state=0), model.sample(5, random_state=0))
    with pytest.raises(InputError, match="loaded without its potential"):
        again.log_weights(5)
    again = BoltzmannGenerator.load(tmp_path / "run", bowl)
    np.testing.assert_array_equal(again.log_weights(5, random_state=0)[1], model.log_weights(5, random_state=0)[1])


def test_it_is_cloned_as_everything_in_scikit_learn():
    model = BoltzmannGenerator(2, (-4, 4), layers=3)

    assert clone(model).get_params() == model.get_params()


@warnings_of_quick_fits
def test_an_interrupt_leaves_the_best_model_in_place():
    def interrupt(record):
        raise KeyboardInterrupt

    model = BoltzmannGenerator(**QUICK | {"callbacks": [interrupt]})
    with pytest.raises(KeyboardInterrupt):
        model.fit(DoubleWell())

    assert model.stopped_by_ == "interrupt"
    assert np.isfinite(model.sample(10)).all()


def test_corrected_samples_do_not_depend_on_the_pieces_they_come_in(poor, monkeypatch):
    whole = poor.sample(5000, corrected=True, local=0, random_state=2)
    seen = poor.acceptance_, poor.autocorrelation_time_
    monkeypatch.setattr(type(poor), "_piece", 512)
    pieces = list(poor.iter_samples(5000, corrected=True, local=0, random_state=2))

    assert len(pieces) > 8
    np.testing.assert_allclose(np.concatenate(pieces), whole, atol=1e-9)
    assert (poor.acceptance_, poor.autocorrelation_time_) == pytest.approx(seen, rel=1e-6)


def test_corrected_samples_are_exact_across_pieces(poor, monkeypatch):
    """Pieces of four steps: the share of the deeper well, as many times within three errors as it should be."""
    monkeypatch.setattr(type(poor), "_piece", 256)
    truth = (DoubleWell().sample(1_000_000, 0)[:, 0] > 0).mean()
    found = [
        poor.expectation(lambda x: x[:, 0] > 0, 4000, corrected=True, local=0, random_state=seed) for seed in range(20)
    ]

    assert sum(abs(value - truth) < 3 * error for value, error in found) >= 19


def test_f_must_give_one_number_for_each_row(well):
    with pytest.raises(InputError, match="one number for each row"):
        well.expectation(lambda x: x)
