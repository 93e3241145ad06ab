"""``BoltzmannGenerator``: known answers, exactness of what is corrected, sentences for potentials that cannot be."""

import math
import threading
import time
import warnings

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone

from realnvp import BoltzmannGenerator, InputError
from realnvp.estimators.parts.explore import explore
from realnvp.estimators.parts.potential import check_potential
from realnvp.potentials import U2, DoubleWell, Mixture40, Phi4, Potential

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


def test_no_mode_of_forty_is_lost():
    model = BoltzmannGenerator(**QUICK | {"max_steps": 400}).fit(Mixture40())
    nearest = torch.cdist(torch.as_tensor(model.sample(8000, random_state=0)), torch.as_tensor(Mixture40().means))

    assert len(nearest.argmin(1).unique()) == 40


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
def test_a_gradient_of_the_users_own_is_used():
    asked = []

    def gradient(x):
        asked.append(len(x))
        return (x - 1) / x.new_tensor([1.0, 9.0])

    model = BoltzmannGenerator(2, **QUICK | {"max_steps": 60}).fit(lambda x: bowl(x).detach(), gradient=gradient)

    assert sum(asked) > 1000
    assert abs(model.log_normalizer_ - LOG_Z) < 5 * model.log_normalizer_error_ + 1e-3


@warnings_of_quick_fits
def test_without_any_gradient_it_says_so_and_walks_at_random():
    with pytest.warns(UserWarning, match="no gradient.*walk at random"):
        model = BoltzmannGenerator(2, **QUICK).fit(lambda x: bowl(x.detach()))

    assert abs(model.log_normalizer_ - LOG_Z) < 5 * model.log_normalizer_error_ + 2e-3


@warnings_of_quick_fits
def test_starts_bring_in_a_place_that_would_not_be_found():
    """Two narrow wells, one of them far outside of where anything points."""

    def far(x):
        near, away = (0.5 * ((x - c) / 0.5).square().sum(-1) for c in (0.0, 30.0))
        return -torch.logaddexp(-near, -away)

    model = BoltzmannGenerator(2, **QUICK | {"max_steps": 400}).fit(far, starts=[[30.0, 30.0]])
    x = model.sample(4000, random_state=0)

    assert (x[:, 0] > 25).mean() > 0.1
    assert (x[:, 0] < 5).mean() > 0.1


@pytest.mark.parametrize(
    ("starts", "sentence"),
    [([[1.0, 2.0, 3.0]], "starts has 3 columns"), ([[1.0, 9.0]], "row 0 of starts lies outside the bounds")],
)
def test_starts_that_cannot_be_get_a_sentence(starts, sentence):
    with pytest.raises(InputError, match=sentence):
        BoltzmannGenerator(2, (-4, 4), **QUICK).fit(bowl, starts=starts)


def test_a_gradient_of_another_shape_gets_a_sentence():
    with pytest.raises(InputError, match=r"the gradient has shape \(16,\) for points of shape \(16, 2\)"):
        BoltzmannGenerator(2, **QUICK).fit(bowl, gradient=lambda x: x.sum(1))


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


def test_heavy_tails_are_warned_of():
    """A flow that is three times too narrow: the weights' tail has the index 1 - 1 / 9."""
    model = BoltzmannGenerator(2, **QUICK).fit(lambda x: 0.5 * x.square().sum(-1))
    model.potential_ = lambda x: 0.5 * (x / 3).square().sum(-1)

    with pytest.warns(UserWarning, match=r"too heavy a tail to be trusted: Pareto k 0\.[7-9]|1\.0"):
        model.expectation(lambda x: x[:, 0], 20_000)


BAD = {
    "sums all": (lambda x: x.square().sum(), r"shape \(\).*sum over the features, not over the rows"),
    "keeps a column": (lambda x: x.square(), r"shape \(16, 2\).*one energy for each row"),
    "other dtype": (lambda x: x.square().sum(1).to(torch.float16), "float16 for torch.float32 points"),
    "numpy": (lambda x: x.detach().numpy().sum(1), "returned ndarray"),
    "raises": (lambda x: 1 / 0, "failed on points of shape.*ZeroDivisionError: division by zero"),
    "not callable": (3, "'int' object is not callable"),
    "all infinite": (lambda x: x.sum(1) * 0 + torch.inf, "not finite at any"),
    "nan": (lambda x: torch.where(x[:, 0] > 0, torch.nan, x.square().sum(1)), "is nan at x = .*log space"),
    "minus infinity": (lambda x: torch.where(x[:, 0] > 0, -torch.inf, x.square().sum(1)), "is -inf at x = "),
    "mixes rows": (lambda x: x.square().sum(1) / (1 + x.square().mean()), "for a row alone"),
    "gradient": (lambda x: (x - x.detach()).abs().sqrt().sum(1) + x.sum(1), "gradient of the potential is not finite"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_potential_that_cannot_be_gets_one_sentence(case):
    potential, sentence = BAD[case]
    with pytest.raises(InputError, match=sentence):
        BoltzmannGenerator(2, **QUICK).fit(potential)


def test_what_is_tried_are_a_few_points():
    seen = []
    check_potential(lambda x: seen.append(x.shape) or x.square().sum(1), torch.randn(16, 3))

    assert seen == [(16, 3), (1, 3)]


@pytest.mark.parametrize(
    ("params", "potential", "sentence"),
    [
        ({}, bowl, "say how many features"),
        ({"n_features": 0}, bowl, "whole number of at least 1"),
        ({"n_features": 3}, DoubleWell(), "n_features is 3, and the potential takes 2"),
        ({"kernel": "afine"}, DoubleWell(), "did you mean 'affine'"),
        ({"objective": "backward"}, DoubleWell(), "unknown objective 'backward'"),
        ({"bounds": (4, -4)}, DoubleWell(), "low < high"),
        ({"particles": 3}, DoubleWell(), "particles must be a whole number of at least 16"),
    ],
    ids=range(7),
)
def test_parameters_that_make_no_sense_are_refused(params, potential, sentence):
    with pytest.raises(InputError, match=sentence):
        BoltzmannGenerator(**QUICK | params).fit(potential)


def test_f_must_give_one_number_for_each_row(well):
    with pytest.raises(InputError, match="one number for each row"):
        well.expectation(lambda x: x)


def test_a_class_of_the_users_own_is_a_potential():
    class Bowl(Potential):
        name = "bowl"
        features = 2

        def energy(self, x):
            return bowl(x)

    assert BoltzmannGenerator(**QUICK).fit(Bowl()).log_normalizer_ == pytest.approx(LOG_Z, abs=0.05)


def test_a_lattice_is_learnt_with_its_symmetries(tmp_path):
    model = BoltzmannGenerator(**QUICK).fit(Phi4(4, 1.0, 0.5))
    x = model.sample(20, random_state=0)
    moved = np.roll(x.reshape(-1, 4, 4), (1, 1), (1, 2)).reshape(-1, 16)

    assert model.ess_ > 0.9
    np.testing.assert_allclose(model.score_samples(-x), model.score_samples(x), atol=1e-9)
    np.testing.assert_allclose(model.score_samples(moved), model.score_samples(x), atol=1e-9)
    model.save(tmp_path / "run")
    np.testing.assert_array_equal(BoltzmannGenerator.load(tmp_path / "run").sample(20, random_state=0), x)


def test_the_free_field_has_the_normaliser_of_its_determinant():
    potential = Phi4(4, 0.5, 0.0)
    model = BoltzmannGenerator(**QUICK).fit(potential)

    assert abs(model.log_normalizer_ - potential.log_normalizer) < 5 * model.log_normalizer_error_ + 1e-3


def test_a_lattice_kernel_wants_a_square():
    with pytest.raises(InputError, match="square lattice"):
        BoltzmannGenerator(kernel="lattice", **QUICK).fit(DoubleWell())


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


@pytest.mark.parametrize(
    ("bounds", "sentence"),
    [
        ((1, 2, 3), "bounds must be"),
        (7, "bounds must be"),
        (([0, 0, 0], 1), "bounds must be"),
        ("ab", "bounds must be"),
    ],
    ids=range(4),
)
def test_bounds_of_another_form_get_a_sentence(bounds, sentence):
    with pytest.raises(InputError, match=sentence):
        BoltzmannGenerator(2, bounds, **QUICK).fit(bowl)


@warnings_of_quick_fits
def test_a_correlated_law_of_many_dimensions_is_learnt_soon():
    root = torch.tril(torch.ones(12, 12, dtype=torch.float64))

    def walk(x):
        return 0.5 * torch.linalg.solve_triangular(root.to(x.dtype), x.T, upper=False).square().sum(0)

    model = BoltzmannGenerator(12, **QUICK | {"max_steps": 300}).fit(walk)

    assert model.ess_ > 0.8
    assert abs(model.log_normalizer_ - 6 * math.log(2 * math.pi)) < 5 * model.log_normalizer_error_ + 1e-3
    assert model.coverage_ > 0.7


@warnings_of_quick_fits
def test_time_limits_hold_for_the_population_too():
    def slow(x):
        time.sleep(0.02)
        return bowl(x)

    start = time.monotonic()
    with pytest.warns(UserWarning, match="the population is still far from the target"):
        model = BoltzmannGenerator(2, **QUICK | {"max_time": 1.5}).fit(slow)

    assert time.monotonic() - start < 15
    assert model.stopped_by_ == "max_time"


@warnings_of_quick_fits
@pytest.mark.filterwarnings("ignore:the potential has no gradient")
def test_without_a_gradient_many_dimensions_are_learnt_from_weights():
    model = BoltzmannGenerator(3, **QUICK).fit(lambda x: 0.5 * x.detach().square().sum(-1))

    assert model.ess_ > 0.8
    with pytest.raises(InputError, match="needs the potential's gradient"):
        BoltzmannGenerator(3, objective="both", **QUICK).fit(lambda x: 0.5 * x.detach().square().sum(-1))


def test_the_ends_of_a_thin_ridge_are_found():
    """A parabola whose ridge is thin: a twelfth of its mass lies beyond 1.75 standard deviations."""

    def banana(x):
        return 0.5 * (x[:, 0] / 3) ** 2 + 0.5 * ((x[:, 1] - 0.5 * x[:, 0] ** 2 + 3) / 0.3) ** 2

    _, found = explore(banana, 2, None, 2000, torch.Generator().manual_seed(0))
    share = 2 * stats.norm.sf(1.75)

    assert (found.x[:, 0].abs() > 5.25).double().mean().item() == pytest.approx(share, abs=0.03)
    assert found.log_z == pytest.approx(math.log(2 * math.pi * 0.9), abs=0.1)


@pytest.mark.parametrize("objective", ["auto", "both"])
@warnings_of_quick_fits
def test_a_wall_does_not_end_the_training(objective):
    def half(x):
        return torch.where(x[:, 0] > 0, 0.5 * x.square().sum(-1), torch.inf)

    model = BoltzmannGenerator(3, objective=objective, **QUICK).fit(half)

    assert model.stopped_by_ in ("max_steps", "early_stopping")
    assert (
        abs(model.log_normalizer_ - (1.5 * math.log(2 * math.pi) - math.log(2)))
        < 5 * model.log_normalizer_error_ + 0.01
    )
    assert model.ess_ > 0.5


@warnings_of_quick_fits
def test_a_potential_that_cannot_be_copied_is_not():
    class Simulation:
        def __init__(self):
            self.lock = threading.Lock()

        def __call__(self, x):
            return 0.5 * x.square().sum(-1)

    model = BoltzmannGenerator(3, **QUICK | {"max_steps": 20}).fit(Simulation())

    assert model.ess_ > 0.5


@warnings_of_quick_fits
def test_a_field_in_an_outer_field_is_not_taken_for_odd():
    def tilted(x):
        return Phi4(4)(x) + 0.3 * x.sum(-1)

    model = BoltzmannGenerator(16, kernel="lattice", **QUICK | {"width": 8, "max_steps": 200}).fit(tilted)

    assert not model.architecture_["odd"]
    assert model.ess_ > 0.5
    assert model.sample(2000, random_state=0).mean() < -0.02


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"kernel": "lattice", "base": "logistic"}, "normal base"),
        ({"kernel": "lattice", "n_features": 9}, "square lattice of even side"),
        ({"kernel": "lattice", "n_features": 8}, "square lattice of even side"),
        ({"path_gradient": "none"}, "path_gradient must be"),
        ({"batch_size": 1}, "batch_size must be at least 4"),
        ({"batch_size": 1, "objective": "forward"}, "batch_size must be at least 2"),
    ],
    ids=range(6),
)
def test_what_does_not_go_together_is_refused_before_any_work(params, sentence):
    asked = []
    model = BoltzmannGenerator(**{"n_features": 4} | QUICK | params)
    with pytest.raises(InputError, match=sentence):
        model.fit(lambda x: asked.append(len(x)) or 0.5 * x.square().sum(-1))

    assert sum(asked) < 200
