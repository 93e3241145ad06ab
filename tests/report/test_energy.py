"""Pictures of a flow that learnt an energy."""

import numpy as np
import pytest

from realnvp.report import bound_curve, draw_energy, ess_curve, weight_histogram


class Model:
    """A normal of D features that learnt a wider one, or seems to have."""

    log_normalizer_ = 0.0

    def __init__(self, features):
        self.features = features
        self.history_ = [{"step": i, "bound": 1 / i, "ess": 1 - 1 / (1 + i)} for i in range(1, 20)]

    def log_weights(self, n, *, random_state):
        x = np.random.default_rng(random_state).standard_normal((n, self.features))
        return x, self.score_samples(x) * -0.1

    def sample(self, n, *, corrected, random_state):
        return 1.1 * np.random.default_rng(random_state).standard_normal((n, self.features))

    def score_samples(self, X):
        return -0.5 * (X**2).sum(1) - 0.5 * self.features * np.log(2 * np.pi)


SHEETS = {
    1: {"weights.png", "training.png"},
    2: {"weights.png", "training.png", "density.png", "samples.png"},
    3: {"weights.png", "training.png", "corner.png"},
}


@pytest.mark.parametrize("features", SHEETS)
@pytest.mark.parametrize("bounds", [None, (-2.0, 2.0)])
def test_each_dimension_has_its_pictures(tmp_path, features, bounds):
    model = Model(features)
    written = draw_energy(tmp_path / "figures", model, model.score_samples, log_z=0.0, bounds=bounds, n=500)

    assert {path.name for path in written} == SHEETS[features]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_the_histogram_of_the_weights_is_about_log_z():
    ax = weight_histogram(np.random.default_rng(0).normal(5, 0.1, 1000), 5.0)
    low, high = ax.get_xlim()

    assert low < -0.1 < 0.1 < high
    assert ax.get_xlabel() == "log w - log Z (nats)"


def test_draws_of_weight_zero_do_no_harm():
    weight_histogram([0.0, 0.1, -np.inf, 0.2], 0.0)


def test_the_bound_is_drawn_above_its_line():
    ax = bound_curve(Model(2).history_, -0.0, exact=True)
    line, level = ax.lines[:2]

    assert list(line.get_ydata()) == [1 / i for i in range(1, 20)]
    assert level.get_ydata()[0] == 0
    assert "exact" in ax.get_legend().get_texts()[1].get_text()


def test_the_effective_size_is_a_fraction():
    ax = ess_curve(Model(2).history_)

    assert ax.get_ylim() == (0, 1.02)
    assert "fraction" in ax.get_ylabel()
