"""What potentials and parameters a Boltzmann generator takes, and what it says of others."""

import math
import threading

import pytest
import torch

from realnvp import BoltzmannGenerator, InputError
from realnvp.estimators.parts.potential import check_potential
from realnvp.potentials import DoubleWell, Potential

QUICK = {"max_steps": 250, "width": 32, "random_state": 0, "verbose": False}
warnings_of_quick_fits = pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")


def bowl(x):
    """A normal about (1, 1) with the standard deviations 1 and 3."""
    return 0.5 * ((x - 1) / x.new_tensor([1.0, 3.0])).square().sum(-1)


LOG_Z = math.log(2 * math.pi * 3)


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


ON_DRAWS = {"gradient", "all infinite"}
"""What only a training minds."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "run"
    BoltzmannGenerator(2, **QUICK | {"max_steps": 10, "layers": 1, "width": 8}).fit(bowl).save(folder)
    return folder


@pytest.mark.parametrize("case", sorted(set(BAD) - ON_DRAWS))
def test_load_says_the_same_of_it(kept, case):
    potential, sentence = BAD[case]
    with pytest.raises(InputError, match=sentence.replace("float32", "float64")):
        BoltzmannGenerator.load(kept, potential)


def test_a_number_is_what_load_has_a_sentence_for(kept):
    with pytest.raises(InputError, match=r"returned int for points of shape \(16, 2\): return a torch tensor of shape"):
        BoltzmannGenerator.load(kept, potential=lambda x: 0)
    with pytest.raises(InputError, match="'int' object is not callable"):
        BoltzmannGenerator.load(kept, potential=0)


def test_a_potential_that_is_set_by_hand_is_checked_where_it_is_used(kept):
    model = BoltzmannGenerator.load(kept)
    model.potential_ = lambda x: 0

    with pytest.raises(
        InputError, match=r"returned int for points of shape \(\d+, 2\): return a torch tensor of shape"
    ):
        model.sample(10, corrected=True, random_state=0)


@pytest.mark.parametrize("case", sorted(ON_DRAWS))
def test_load_takes_what_has_energies(kept, case):
    assert BoltzmannGenerator.load(kept, BAD[case][0]).log_weights(50, random_state=0)[1].shape == (50,)


def test_trying_it_leaves_torchs_generator_alone(kept):
    before = torch.get_rng_state()
    BoltzmannGenerator.load(kept, bowl)

    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_tried_are_a_few_points():
    seen = []
    check_potential(lambda x: seen.append(x.shape) or x.square().sum(1), torch.randn(16, 3))

    assert seen == [(16, 3), (1, 3)]


@pytest.mark.parametrize(
    ("params", "potential", "sentence"),
    [
        ({}, bowl, "n_features must be given"),
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


def test_a_class_of_the_users_own_is_a_potential():
    class Bowl(Potential):
        name = "bowl"
        features = 2

        def energy(self, x):
            return bowl(x)

    assert BoltzmannGenerator(**QUICK).fit(Bowl()).log_normalizer_ == pytest.approx(LOG_Z, abs=0.05)


def test_a_lattice_kernel_wants_a_square():
    with pytest.raises(InputError, match="square lattice"):
        BoltzmannGenerator(kernel="lattice", **QUICK).fit(DoubleWell())


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
def test_a_potential_that_cannot_be_copied_is_not():
    class Simulation:
        def __init__(self):
            self.lock = threading.Lock()

        def __call__(self, x):
            return 0.5 * x.square().sum(-1)

    model = BoltzmannGenerator(3, **QUICK | {"max_steps": 20}).fit(Simulation())

    assert model.ess_ > 0.5


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
