"""Every plot draws what it is told, on the axes it is given."""

import math

import numpy as np
import pytest
from matplotlib.colors import to_hex

from realnvp.errors import InputError
from realnvp.report import plots

BOX = (np.array([-4.0, -3.0]), np.array([4.0, 5.0]))


def draw(ax):
    """Render: layout and text go wrong only here."""
    ax.figure.canvas.draw()


def test_grid_has_the_centres_of_cells():
    xs, ys, at = plots.grid(([0.0, 10.0], [2.0, 14.0]), 4)
    np.testing.assert_allclose(xs, [0.25, 0.75, 1.25, 1.75])
    np.testing.assert_allclose(ys, [10.5, 11.5, 12.5, 13.5])
    np.testing.assert_allclose(at[:5], [[0.25, 10.5], [0.75, 10.5], [1.25, 10.5], [1.75, 10.5], [0.25, 11.5]])
    assert at.shape == (16, 2)


def test_grid_sums_to_the_mass(gaussian):
    low, high = np.full(2, -8.0), np.full(2, 9.0)
    at = plots.grid((low, high), 100)[2]
    mass = plots.densities(gaussian(2).score_samples, at).mean() * np.prod(high - low)
    assert mass == pytest.approx(1, abs=1e-6)


def test_extent_of_takes_quantiles_and_a_margin():
    X = np.stack((np.linspace(0, 1, 1001), np.linspace(0, 100, 1001)), axis=1)
    low, high = plots.extent_of(X, (0.1, 0.9), 0.25)
    np.testing.assert_allclose(low, [-0.1, -10])
    np.testing.assert_allclose(high, [1.1, 110])


def test_extent_of_gives_a_constant_column_a_width_and_ignores_rows_that_are_not_finite():
    low, high = plots.extent_of([[3.0, 10.0], [3.0, 10.0], [np.nan, 0.0], [np.inf, 0.0]])
    np.testing.assert_allclose(low, [1.5, 5])
    np.testing.assert_allclose(high, [4.5, 15])


def test_densities_are_zero_where_the_logarithm_is_no_number():
    logs = np.array([0.0, -np.inf, np.nan, math.log(2)])
    np.testing.assert_allclose(plots.densities(lambda at: logs, np.zeros((4, 1))), [1, 0, 0, 2])


def test_misfits_are_kolmogorov_smirnov_distances():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((300, 3)), rng.standard_normal((200, 3)) * [1, 2, 1] + [0, 0, 1]
    expected = [ks_2samp(X[:, j], Y[:, j]).statistic for j in range(3)]
    np.testing.assert_allclose(plots.misfits(X, Y), expected)


def test_scatter_draws_the_points(ax):
    X = np.random.default_rng(0).standard_normal((40, 2))
    assert plots.scatter(X, ax=ax, title="Here", names=["a", "$b $ c_"]) is ax
    np.testing.assert_allclose(ax.collections[0].get_offsets(), X)
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("Here", "a", "$b $ c_")
    assert ax.get_aspect() == 1
    draw(ax)


def test_scatter_colours_by_label(ax):
    plots.scatter(np.arange(8.0).reshape(4, 2), labels=["b", "a", "b", "c"], ax=ax)
    colours = [to_hex(c) for c in ax.collections[0].get_facecolors()]
    assert colours[0] == colours[2]
    assert len(set(colours)) == 3


def test_scatter_takes_more_classes_than_colours(ax):
    plots.scatter(np.random.default_rng(0).random((30, 2)), labels=np.arange(30), ax=ax)
    assert len(np.unique(ax.collections[0].get_facecolors(), axis=0)) == 30


def test_scatter_caps_and_rasterises_many_points_and_keeps_their_colours(ax):
    labels = np.arange(12_000) % 3
    plots.scatter(np.stack((labels, np.arange(12_000.0)), axis=1), labels=labels, ax=ax)
    drawn = ax.collections[0]
    assert len(drawn.get_offsets()) == 5000
    assert drawn.get_rasterized()
    pairs = {(x, to_hex(c)) for x, c in zip(drawn.get_offsets()[:, 0], drawn.get_facecolors(), strict=True)}
    assert pairs == {(0, "#0072b2"), (1, "#e69f00"), (2, "#009e73")}


def test_scatter_leaves_out_rows_that_are_not_finite(ax):
    plots.scatter([[0.0, 1.0], [np.nan, 1.0], [2.0, np.inf], [3.0, 4.0]], labels=[0, 1, 1, 0], ax=ax)
    np.testing.assert_allclose(ax.collections[0].get_offsets(), [[0, 1], [3, 4]])
    draw(ax)


def test_density_is_the_exponential_on_the_grid(ax, gaussian):
    model = gaussian(2)
    assert plots.density(model.score_samples, BOX, ax=ax, n=30) is ax
    image = ax.images[0]
    expected = np.exp(model.score_samples(plots.grid(BOX, 30)[2])).reshape(30, 30)
    np.testing.assert_allclose(image.get_array(), expected)
    assert (image.get_extent(), image.origin) == ([-4, 4, -3, 5], "lower")
    draw(ax)


def test_density_takes_colour_limits(ax, gaussian):
    plots.density(gaussian(2).score_samples, BOX, ax=ax, n=10, vmin=0.01, vmax=0.5)
    assert ax.images[0].get_clim() == (0.01, 0.5)


@pytest.mark.parametrize("bad", [-np.inf, np.nan])
def test_density_draws_what_is_no_number_as_zero(ax, bad):
    plots.density(lambda at: np.where(at[:, 0] > 0, -1.0, bad), BOX, ax=ax, n=10)
    image = ax.images[0].get_array()
    np.testing.assert_allclose(image[:, :5], 0)
    np.testing.assert_allclose(image[:, 5:], math.exp(-1))
    draw(ax)


@pytest.mark.parametrize("log", [-np.inf, 800.0])
def test_density_can_be_extreme_everywhere(ax, log):
    plots.density(lambda at: np.full(len(at), log), BOX, ax=ax, n=10)
    draw(ax)


def test_one_spike_does_not_darken_the_rest(ax):
    plots.density(lambda at: np.where(np.arange(len(at)) == 7, 20.0, 0.0), BOX, ax=ax, n=50)
    assert ax.images[0].get_clim()[1] == pytest.approx(1)
    draw(ax)


def test_difference_has_the_total_variation(ax):
    low, high = np.zeros(2), np.array([2.0, 1.0])
    left = lambda at: np.where(at[:, 0] < 1, 0.0, -np.inf)  # noqa: E731
    right = lambda at: np.where(at[:, 0] > 0.5, math.log(2 / 3), -np.inf)  # noqa: E731
    plots.difference(left, right, (low, high), ax=ax, n=40)
    assert "0.667" in ax.get_title()
    np.testing.assert_allclose(np.unique(ax.images[0].get_array().round(6)), [-0.666667, 0.333333, 1])


def test_latent_has_three_circles(ax):
    Z = np.random.default_rng(0).standard_normal((50, 2))
    assert plots.latent(Z, labels=np.arange(50) % 2, ax=ax) is ax
    assert [(patch.center, patch.radius) for patch in ax.patches] == [((0, 0), 1), ((0, 0), 2), ((0, 0), 3)]
    np.testing.assert_allclose(ax.collections[0].get_offsets(), Z)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["0", "1"]
    draw(ax)


def test_bent_grid_is_the_inverse_of_grid_lines(ax, gaussian):
    model = gaussian(2)
    assert plots.bent_grid(model.inverse_transform, extent=2, lines=5, ax=ax) is ax
    for family, still in zip(ax.collections, (0, 1), strict=True):
        segments = family.get_segments()
        assert len(segments) == 5
        for bent, level in zip(segments, (-2, -1, 0, 1, 2), strict=True):
            Z = model.transform(bent)
            np.testing.assert_allclose(Z[:, still], level, atol=1e-12)
            np.testing.assert_allclose(Z[[0, -1], 1 - still], [-2, 2])
        assert len(np.unique(family.get_colors(), axis=0)) == 5
    draw(ax)


def test_bent_grid_leaves_gaps_where_the_inverse_fails(ax):
    plots.bent_grid(lambda Z: np.where(Z > 2.5, np.inf, Z), ax=ax)
    draw(ax)


def test_nothing_finite_is_an_error():
    with pytest.raises(InputError, match="not one row is finite"):
        plots.corner(np.zeros((5, 3)), np.full((5, 3), np.nan))


@pytest.mark.parametrize(
    "make",
    [
        lambda X: plots.scatter(X),
        lambda X: plots.density(lambda at: -(at**2).sum(axis=1), BOX, n=10),
        lambda X: plots.difference(lambda at: -(at**2).sum(axis=1), lambda at: -abs(at).sum(axis=1), BOX, n=10),
        lambda X: plots.latent(X),
        lambda X: plots.bent_grid(lambda Z: Z),
        lambda X: plots.histogram_1d(X[:, 0], X[:, 1]),
        lambda X: plots.latent_histogram(X[:, 0]),
        lambda X: plots.radius_quantiles(X),
        lambda X: plots.training_curve([{"step": 1, "train": 1.0, "held_out": 1.0}]),
    ],
)
def test_without_axes_a_figure_of_one_is_made(make):
    ax = make(np.random.default_rng(0).standard_normal((100, 2)))
    assert ax.figure.axes[0] is ax
    assert ax.get_title()
    draw(ax)
