"""Plots of the latent coordinates as probabilities."""

import numpy as np
import pytest
from scipy import stats

from realnvp import RealNVP
from realnvp.measure import uniformity
from realnvp.report import plots
from realnvp.report.sheets import prepare, sheets

U = np.random.default_rng(0).uniform(size=(2000, 9)) ** np.linspace(1, 1.4, 9)
PLOTS = [plots.pit_histogram, plots.pit_difference, lambda U, **options: plots.normality_bars(uniformity(U), **options)]
every = pytest.mark.parametrize("plot", PLOTS, ids=["histogram", "difference", "bars"])


def labels(ax):
    return [line.get_label() for line in ax.lines]


@every
def test_it_draws_on_the_axes_given_or_on_new_ones(plot, ax):
    assert plot(U, ax=ax) is ax
    ax.figure.canvas.draw()
    fresh = plot(U[:, :2])
    assert fresh.figure.axes == [fresh]
    assert fresh.get_title()
    fresh.figure.canvas.draw()


@every
@pytest.mark.parametrize(
    "u", [np.zeros((5, 1)), np.ones((5, 2)), np.full((1, 3), 0.5)], ids=["zeros", "ones", "one row"]
)
def test_degenerate_uniforms_are_drawn(plot, u):
    plot(u).figure.canvas.draw()


def test_histograms_have_mass_one_and_the_worst_columns_have_names(ax):
    plots.pit_histogram(U, ax=ax)
    bars = [patch for patch in ax.patches if hasattr(patch, "get_data")]
    names = {patch.get_label() for patch in bars}
    masses = [float((patch.get_data().values * np.diff(patch.get_data().edges)).sum()) for patch in bars]

    assert masses == pytest.approx([1.0] * 9)
    assert {f"$z_{{{j}}}$" for j in range(5, 10)} < names  # those bent most


def test_nine_tenths_of_the_bins_of_a_right_fit_and_more_lie_in_the_band(ax):
    plots.pit_histogram(np.random.default_rng(1).uniform(size=(5000, 6)), ax=ax)
    band, *bars = ax.patches
    low, high = band.get_y(), band.get_y() + band.get_height()
    heights = np.concatenate([patch.get_data().values for patch in bars])

    assert 0.9 < ((heights >= low) & (heights <= high)).mean() < 0.995


def test_curves_are_distribution_functions_less_the_diagonal(ax):
    plots.pit_difference(U, ax=ax)
    x, y = ax.lines[labels(ax).index("$z_{9}$")].get_data()
    found = uniformity(U)

    np.testing.assert_allclose(y, (U[:, 8] <= np.asarray(x)[:, None]).mean(1) - x)
    assert abs(y).max() == pytest.approx(found.coordinates.statistic[8], abs=2e-3)
    assert abs(ax.lines[labels(ax).index("radius")].get_ydata()).max() == pytest.approx(
        found.radius.statistic, abs=2e-3
    )


def test_bars_are_the_statistics_and_the_line_is_where_one_in_twenty_lies(ax):
    found = uniformity(U)
    plots.normality_bars(found, ax=ax)
    sizes = [bar.get_width() for bar in ax.containers[0]]

    assert sizes == pytest.approx([*sorted(found.coordinates.statistic)[-6:], found.radius.statistic])
    assert ax.lines[0].get_xdata()[0] == pytest.approx(1.358 / np.sqrt(2000), rel=0.02)
    assert [text.get_text() for text in ax.get_yticklabels()] == [*(f"$z_{{{j}}}$" for j in range(4, 10)), "radius"]


@pytest.mark.parametrize("base", ["normal", "logistic", "mixture"])
def test_the_sheet_knows_the_law_of_the_base(base):
    X = np.random.default_rng(0).normal(size=(2000, 2))
    params = {"layers": 2, "width": 8, "max_steps": 0, "verbose": False, "random_state": 0, "device": "cpu"}
    model = RealNVP(**params, base=base).fit(X)
    drawn = model.sample(2000, random_state=0)
    run = prepare(model, drawn, reference=None if base == "normal" else model.transform(drawn))
    figure = sheets(run)["pit.png"](run)
    bars = figure.axes[2].containers[0]

    assert [ax.get_title() for ax in figure.axes] == [
        "Histograms of u",
        "Distribution functions, less u",
        "Distance from uniform",
    ]
    assert max(bar.get_width() for bar in bars) < stats.kstwo.isf(1e-3, 2000)


def test_a_conditional_models_rows_go_with_their_contexts():
    c = np.random.default_rng(0).uniform(-3, 3, (2000, 1))
    x = 5 * c + np.random.default_rng(1).normal(size=(2000, 1))
    params = {"layers": 4, "width": 32, "max_steps": 300, "verbose": False, "random_state": 0, "device": "cpu"}
    model = RealNVP(kernel="spline", **params).fit(x, context=c)
    run = prepare(model, x, context=c)

    assert run.model.flow_ is model.flow_
    figure = sheets(run)["pit.png"](run)
    assert max(bar.get_width() for bar in figure.axes[2].containers[0]) < 0.1
