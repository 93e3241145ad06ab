"""Plots of one column, of many columns, and of a training."""

import math

import numpy as np
import pytest

from realnvp.report import plots


def line(ax, label):
    return next(drawn for drawn in ax.lines if drawn.get_label() == label)


def draw(ax):
    """Render: layout and text go wrong only here."""
    ax.figure.canvas.draw()


def test_histogram_1d_draws_data_samples_and_both_densities(ax, gaussian):
    model = gaussian(1)
    X = model.sample(2000, 0)
    drawn = plots.histogram_1d(
        X, model.sample(2000, 1), log_prob=model.score_samples, exact=lambda at: model.log_prob(at) - 1, ax=ax
    )
    assert drawn is ax
    x, y = line(ax, "learnt density").get_data()
    np.testing.assert_allclose(y, np.exp(model.score_samples(x[:, None])))
    np.testing.assert_allclose(line(ax, "exact density").get_ydata(), y / math.e)
    areas = [bar.get_height() * bar.get_width() for bar in ax.containers[0]]
    assert sum(areas) == pytest.approx(1, abs=0.01)
    assert {text.get_text() for text in ax.get_legend().get_texts()} >= {"data", "samples"}
    draw(ax)


def test_histogram_1d_takes_samples_far_from_the_data(ax):
    plots.histogram_1d(np.linspace(0, 1, 50), np.full(50, 1e6), ax=ax)
    draw(ax)


def test_histogram_1d_names_the_column(ax):
    plots.histogram_1d(np.arange(9.0), np.arange(9.0), ax=ax, name="cost in $")
    assert ax.get_xlabel() == "cost in $"
    draw(ax)


def test_latent_histogram_compares_with_the_normal(ax):
    plots.latent_histogram(np.random.default_rng(0).standard_normal(500), ax=ax)
    x, y = line(ax, "standard normal").get_data()
    np.testing.assert_allclose(y, np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))


def test_latent_histogram_compares_with_draws_of_the_base(ax):
    rng = np.random.default_rng(0)
    plots.latent_histogram(rng.random(500), reference=rng.random(500), ax=ax)
    assert not ax.lines
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {"data", "base"}


@pytest.mark.parametrize("based", [False, True])
def test_radius_quantiles_of_the_right_law_lie_on_the_diagonal(ax, based):
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((50_000, 4)) if based else None
    plots.radius_quantiles(rng.standard_normal((50_000, 4)), reference=reference, ax=ax)
    expected, found = np.asarray(ax.collections[0].get_offsets()).T
    np.testing.assert_allclose(found[:-5], expected[:-5], rtol=0.03, atol=0.02)
    draw(ax)


def test_training_curve_has_the_numbers_of_the_history(ax, gaussian):
    history = gaussian(2).history_
    assert plots.training_curve(history, entropy=2.5, ax=ax) is ax
    for label, key in (("train", "train"), ("validation", "held_out")):
        x, y = line(ax, label).get_data()
        np.testing.assert_allclose(x, [record["step"] for record in history])
        np.testing.assert_allclose(y, [record[key] for record in history])
    np.testing.assert_allclose(line(ax, "entropy (exact)").get_ydata(), 2.5)
    np.testing.assert_allclose(line(ax, "best: 2.800 at step 80").get_data(), [[80], [2.8]])
    assert ax.get_ylabel() == "negative log likelihood (nats)"
    draw(ax)


def test_training_curve_cuts_off_the_first_plunge(ax, gaussian):
    plots.training_curve(gaussian(2).history_, entropy=2.5, ax=ax)
    low, high = ax.get_ylim()
    assert low < 2.5
    assert 3 < high < 10


@pytest.mark.parametrize(
    "history",
    [
        [],
        [{"step": 1, "train": 2.0, "held_out": 2.0}],
        [{"step": 1, "train": 2.0, "held_out": None}, {"step": 2, "train": math.nan, "held_out": math.inf}],
    ],
)
def test_training_curve_takes_poor_histories(ax, history):
    plots.training_curve(history, ax=ax)
    draw(ax)


def test_corner_is_a_lower_triangle():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((400, 3)), rng.standard_normal((300, 3))
    figure = plots.corner(X, Y, names=["a", "b", "c $ x $"])
    assert len(figure.axes) == 6
    dots = [ax.collections[0].get_offsets() for ax in figure.axes if ax.collections]
    for drawn, pair in zip(dots, ([0, 1], [0, 2], [1, 2]), strict=True):
        np.testing.assert_allclose(drawn, X[:, pair])
    assert [ax.get_xlabel() for ax in figure.axes[-3:]] == ["a", "b", "c $ x $"]
    assert figure.get_suptitle() == "Data and samples"
    figure.canvas.draw()


def test_corner_keeps_the_columns_that_fit_worst_and_says_so():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    figure = plots.corner(X, X + np.array([0, 3, 0, 1, 0]), names=list("abcde"), most=2)
    assert [ax.get_xlabel() for ax in figure.axes[-2:]] == ["b", "d"]
    assert "2 of 5 columns" in figure.get_suptitle()


def test_corner_takes_constant_and_discrete_columns_and_lost_samples():
    rng = np.random.default_rng(0)
    X = np.stack((np.ones(200), rng.integers(2, size=200), rng.standard_normal(200)), axis=1)
    Y = np.where(rng.random((200, 3)) < 0.2, np.nan, X + 1e9)
    plots.corner(X, Y).canvas.draw()
