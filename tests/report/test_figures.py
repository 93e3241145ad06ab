"""Runs are drawn into files: those listed, no others, and none if drawing fails."""

import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from matplotlib.image import imread

from realnvp.errors import InputError
from realnvp.report import draw_run, hero
from realnvp.report.sheets import prepare, sheets

ONE = {"density.png", "latent.png", "pit.png", "training.png"}
TWO = {"samples.png", "density.png", "latent.png", "grid.png", "pit.png", "training.png"}
MANY = {"corner.png", "latent.png", "pit.png", "training.png"}


def names_in(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(("features", "files"), [(1, ONE), (2, TWO), (5, MANY)])
def test_the_files_of_a_run(tmp_path, gaussian, features, files):
    model = gaussian(features)
    paths = draw_run(tmp_path / "new" / "run", model, model.sample(300, 1))
    assert {path.name for path in paths} == files == names_in(tmp_path / "new" / "run")
    for path in paths:
        assert imread(path).std() > 0.01


@pytest.mark.parametrize(("features", "files"), [(1, ONE | {"before_after.png"}), (2, TWO | {"before_after.png"})])
def test_before_and_after(tmp_path, gaussian, features, files):
    model = gaussian(features)
    X = model.sample(300, 1)
    options = {"labels": np.arange(300) % 2, "truth": model, "before": gaussian(features, seed=1)}
    draw_run(tmp_path, model, X, names=["$a $ b_$"] * features, **options)
    assert names_in(tmp_path) == files


def test_before_and_after_without_the_truth(gaussian):
    run = prepare(gaussian(2), gaussian(2).sample(300, 1), before=gaussian(2, seed=1))
    figure = sheets(run)["before_after.png"](run)
    assert [ax.get_title() for ax in figure.axes] == ["Before training", "After training", "Data", "", ""]
    assert figure.axes[3].images[0].get_clim() == figure.axes[4].images[0].get_clim()


def test_learnt_and_exact_densities_share_their_colours(gaussian):
    run = prepare(gaussian(2, seed=1), gaussian(2).sample(300, 1), truth=gaussian(2))
    exact, learnt, gap = sheets(run)["density.png"](run).axes
    assert exact.images[0].get_clim() == learnt.images[0].get_clim()
    difference = learnt.images[0].get_array() - exact.images[0].get_array()
    np.testing.assert_allclose(gap.images[0].get_array(), difference)


def test_of_many_latents_those_that_fit_worst_are_drawn(gaussian):
    X = gaussian(9).sample(300, 1)
    X[:, 8] += 5
    run = prepare(gaussian(9), X)
    figure = sheets(run)["latent.png"](run)
    assert len(figure.axes) == 8
    assert figure.axes[6].get_xlabel() == "$z_{9}$"
    assert "7 of 9 columns" in figure.get_suptitle()


def test_a_model_fitted_to_a_data_frame(tmp_path, gaussian):
    class Framed(gaussian):
        feature_names_in_ = np.array(["weight"], dtype=object)

        def score_samples(self, X):
            warnings.warn("X does not have valid feature names, but Framed was fitted with feature names", stacklevel=1)
            return super().score_samples(X)

    draw_run(tmp_path, Framed(1), Framed(1).sample(50, 0))
    assert names_in(tmp_path) == ONE
    assert prepare(Framed(1), np.zeros((3, 1))).names == ["weight"]


def test_a_base_that_is_not_normal(tmp_path, gaussian):
    reference = np.random.default_rng(0).logistic(size=(500, 3))
    draw_run(tmp_path, gaussian(3), gaussian(3).sample(300, 1), reference=reference)
    assert names_in(tmp_path) == MANY - {"pit.png"}  # nobody says what law the draws have


def test_a_model_without_history_has_no_training_curve(tmp_path, gaussian):
    model = gaussian(1)
    model.history_ = []
    draw_run(tmp_path, model, model.sample(50, 0)[:, 0])
    assert names_in(tmp_path) == ONE - {"training.png"}


@pytest.mark.parametrize("features", [1, 2, 3])
def test_a_conditional_model_gets_the_contexts(tmp_path, shifted, features):
    rng = np.random.default_rng(0)
    context = rng.integers(2, size=(200, 1)).astype(float)
    draw_run(tmp_path, shifted(features), rng.standard_normal((200, features)), context=context)
    assert len(names_in(tmp_path)) >= 2


def test_a_conditional_density_is_the_mean_over_the_contexts(shifted):
    from realnvp.report.base import Conditioned

    model, X = shifted(2), np.random.default_rng(0).standard_normal((7, 2))
    score = Conditioned(model, np.array([[0.0], [0.0], [0.0], [2.0]])).score_samples(X)
    np.testing.assert_allclose(
        np.exp(score),
        0.75 * np.exp(model.flow.score_samples(X)) + 0.25 * np.exp(model.flow.score_samples(X - 2)),
    )


def test_a_density_averages_over_few_of_many_contexts(shifted):
    from realnvp.report.base import Conditioned

    model = shifted(1)
    Conditioned(model, np.arange(1000.0)[:, None]).score_samples(np.zeros((3, 1)))
    assert len({context[0, 0] for context in model.asked}) == 12


@pytest.mark.parametrize(("features", "bad"), [(1, np.nan), (1, -np.inf), (2, np.nan)])
def test_log_densities_may_fail(tmp_path, gaussian, features, bad):
    class Failing(gaussian):
        def score_samples(self, X):
            return np.full(len(X), bad)

    draw_run(tmp_path, Failing(features), gaussian(features).sample(100, 0), truth=gaussian(features))
    assert names_in(tmp_path) == (ONE if features == 1 else TWO)


def test_rows_that_are_not_finite_are_left_out(gaussian):
    X = gaussian(2).sample(100, 0)
    X[3, 1] = np.nan
    run = prepare(gaussian(2), X, labels=np.arange(100))
    np.testing.assert_array_equal(run.X, np.delete(X, 3, axis=0))
    np.testing.assert_array_equal(run.labels, np.delete(np.arange(100), 3))


def test_of_many_rows_20_000_are_drawn_with_their_labels(gaussian):
    X = gaussian(1).sample(30_000, 0)
    run = prepare(gaussian(1), X, labels=X[:, 0])
    assert run.X.shape == (20_000, 1)
    np.testing.assert_array_equal(run.labels, run.X[:, 0])


def test_nothing_is_left_behind_if_drawing_fails(tmp_path, gaussian):
    class Failing(gaussian):
        def inverse_transform(self, Z):
            raise RuntimeError("no inverse")

        def sample(self, n, random_state):
            return gaussian(2).sample(n, random_state)

    with pytest.raises(RuntimeError, match="no inverse"):
        draw_run(tmp_path / "run", Failing(2), gaussian(2).sample(100, 0))
    assert not names_in(tmp_path)


def test_no_hidden_file_is_left_behind_if_writing_fails(tmp_path, gaussian):
    (tmp_path / "density.png").mkdir()
    with pytest.raises(InputError, match=r"density\.png cannot be written"):
        draw_run(tmp_path, gaussian(1), gaussian(1).sample(100, 0))
    assert names_in(tmp_path) == {"density.png"}


def test_pictures_replace_older_ones_and_are_the_same_again(tmp_path, gaussian):
    (tmp_path / "density.png").write_bytes(b"old")
    X = gaussian(1).sample(100, 0)
    first = [path.read_bytes() for path in draw_run(tmp_path, gaussian(1), X)]
    assert first == [path.read_bytes() for path in draw_run(tmp_path, gaussian(1), X)]


def test_bad_arguments_are_refused(tmp_path, gaussian):
    X = gaussian(2).sample(10, 0)
    with pytest.raises(InputError, match="labels has 9 rows but the data 10"):
        draw_run(tmp_path, gaussian(2), X, labels=np.arange(9))
    with pytest.raises(InputError, match="no finite rows"):
        draw_run(tmp_path, gaussian(2), X * np.nan)
    with pytest.raises(InputError, match="2 columns, not 3"):
        hero(gaussian(3), gaussian(3).sample(10, 0))


def test_hero_is_a_strip_of_five(gaussian):
    model = gaussian(2)
    figure = hero(model, model.sample(200, 0), labels=np.arange(200) % 3, truth=model)
    assert len(figure.axes) == 5
    np.testing.assert_allclose(figure.axes[0].collections[0].get_offsets(), model.sample(200, 0))
    figure.canvas.draw()
    heights = [ax.get_position().height for ax in figure.axes]
    np.testing.assert_allclose(heights, heights[0], rtol=0.01)


def test_nothing_global_is_touched(tmp_path):
    """No matplotlib at import, no pyplot ever, and the same settings after as before."""
    code = f"""
        import sys
        import numpy as np
        import realnvp.report
        assert "matplotlib" not in sys.modules
        import matplotlib
        before = matplotlib.rcParams.copy()  # dict() would look up the backend, and so import pyplot
        class Identity:
            history_ = [{{"step": 1, "seconds": 1.0, "train": 1.0, "held_out": 1.0, "best": 1.0}}]
            def score_samples(self, X): return -(X**2).sum(axis=1) / 2
            def sample(self, n, random_state): return np.random.default_rng(random_state).standard_normal((n, self.d))
            def transform(self, X): return X
            def inverse_transform(self, Z): return Z
        model, Identity.d = Identity(), 1
        realnvp.report.draw_run({str(tmp_path)!r}, model, model.sample(50, 0), before=model)
        Identity.d = 2
        realnvp.report.hero(model, model.sample(50, 0))
        realnvp.report.corner(model.sample(50, 0), model.sample(50, 0))
        assert matplotlib.rcParams.copy() == before
        assert "matplotlib.pyplot" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
