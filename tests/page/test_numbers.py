"""What the page holds and draws is what the run says."""

import re

import numpy as np
import pytest
import torch
from pages import data_of, unpack

from realnvp import BoltzmannGenerator, RealNVP
from realnvp.measure import log_normalizer


def row_of(run, name):
    """The kept row that the page calls by this name."""
    part = "train" if "training" in name else "held_out"
    at = int(re.search(r"\d+$", name)[0])
    return run.kept[part][run.kept[f"{part}_at"] == at][0]


def test_frames_begin_with_the_rows_and_end_with_the_models_latents(moons):
    found, model = data_of(moons)["explorer"], RealNVP.load(moons.folder)
    frames = unpack(found["frames"])
    rows = np.array([row_of(moons, name) for name in found["rows"]])

    before = ["data", "standardised", "columns made normal"]
    assert found["names"] == [*before, "coupling 1", "coupling 2: latent space"]
    np.testing.assert_allclose(frames[0], rows, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(frames[-1], model.transform(rows), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["log_prob"], model.score_samples(rows), rtol=1e-5, atol=1e-5)


def test_the_grid_is_straight_in_latent_space_and_bent_by_the_flow(moons):
    lines, model = unpack(data_of(moons)["explorer"]["grid"]), RealNVP.load(moons.folder)
    ends = lines[-1]
    upright, level = np.ptp(ends[: len(ends) // 2], axis=1)[:, 0], np.ptp(ends[len(ends) // 2 :], axis=1)[:, 1]
    bent = model.inverse_transform(ends.reshape(-1, 2).astype(float)).reshape(ends.shape)

    assert max(upright.max(), level.max()) < 1e-4
    assert np.ptp(lines[0][: len(ends) // 2], axis=1)[:, 0].max() > 0.1
    np.testing.assert_allclose(lines[0], bent, rtol=1e-3, atol=1e-3)


def test_the_browser_reads_the_same_numbers(browser, moons):
    browser.open(moons.page)
    packed = data_of(moons)["explorer"]["frames"]
    frames = unpack(packed)

    for frame, point, axis in ((0, 0, 0), (1, 17, 1), (len(frames) - 1, frames.shape[1] - 1, 0)):
        found = browser.js("return report.value(arguments[0], arguments[1], arguments[2])", frame, point, axis)
        assert found == pytest.approx(float(frames[frame, point, axis]), rel=1e-6)


def test_the_verdict_has_the_runs_figures_with_their_units(browser, moons):
    browser.open(moons.page)
    told, figures = browser.find("#verdict").text, moons.config["figures"]

    assert f"{figures['held_out_nll']:.4f} ± {figures['held_out_nll_error']:.4f}" in told
    assert f"{figures['gap']:.4f}" in told
    assert f"{figures['gaussian_nll'] - figures['held_out_nll']:.3f}" in told
    assert f"{figures['mixture_nll']:.4f}" in told
    assert "nats" in told


def test_the_training_chart_draws_the_history(browser, moons):
    browser.open(moons.page)
    x, train, held_out = browser.js("return report.charts.training.columns.slice(0, 3).map((c) => Array.from(c))")

    assert x == [record["step"] for record in moons.history]
    assert train == pytest.approx([record["train"] for record in moons.history], rel=1e-5)
    assert held_out == pytest.approx([record["held_out"] for record in moons.history], rel=1e-5)


def test_the_density_under_the_pointer_is_the_models(browser, moons):
    browser.open(moons.page)
    model, top = RealNVP.load(moons.folder), data_of(moons)["density"]["top"]
    script = (
        "const m = report.maps[0], p = m.scale.place; return m.read(p.x + arguments[0] * p.w, p.y + arguments[1] * p.h)"
    )

    for across, down in ((0.3, 0.2), (0.5, 0.5), (0.72, 0.8)):
        found = browser.js(script, across, down)
        exact = float(np.exp(model.score_samples(np.array([found["at"]])))[0])
        assert found["value"] == pytest.approx(min(exact, top), abs=0.6 * top / 255)


def test_the_density_is_drawn_the_right_way_up(browser, moons):
    browser.open(moons.page)
    script = """
        const m = report.maps[0], [x, y] = [m.scale.x(arguments[0]), m.scale.y(arguments[1])];
        const ink = m.canvas.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data[3];
        return [m.read(x, y).at, ink];
    """
    for at, drawn in (((0.0, 1.0), True), ((0.0, -0.5), False), ((1.0, -0.5), True), ((1.0, 1.0), False)):
        found, ink = browser.js(script, *at)
        assert found == pytest.approx(at, abs=0.03)
        assert (ink > 128) == drawn


@pytest.mark.parametrize("place", [0, 0.25, 1.5, 3])
def test_points_are_where_their_numbers_and_the_axes_say(browser, moons, place):
    """The pixels of all points, found anew from the frames: straight between two of them, one unit on both axes."""
    browser.open(moons.page)
    browser.js("report.goTo(arguments[0])", place)
    found = data_of(moons)["explorer"]
    frames, extents = unpack(found["frames"]).astype(float), np.array(found["extents"])  # extents: frame, side, axis
    centre, widest = extents.mean(1), np.ptp(extents, axis=1).max(1)[:, None]
    boxes = np.stack([centre - widest / 2, centre + widest / 2], 1)
    low, part = min(int(place), len(frames) - 1), place % 1
    high = min(low + 1, len(frames) - 1)
    points, (left, right) = ((1 - part) * a[low] + part * a[high] for a in (frames, boxes))
    side = browser.js("return report.panels.way.canvas.clientWidth")
    share = (points - left) / (right - left)
    expected = np.column_stack([40 + share[:, 0] * (side - 50), 10 + (1 - share[:, 1]) * (side - 44)])
    script = "return report.data.explorer.rows.map((_, i) => report.panels.way.pixel(i))"

    np.testing.assert_allclose(browser.js(script), expected, atol=0.02)


def test_contours_hold_their_share_of_the_mass(moons):
    from matplotlib.path import Path

    found, model = data_of(moons)["density"], RealNVP.load(moons.folder)
    draws = model.sample(4000, random_state=1)

    for mass, lines in zip(found["masses"], found["learnt"]["lines"], strict=True):
        inside = np.zeros(len(draws), int)
        for numbers in lines:
            inside += Path(np.reshape(numbers, (-1, 2))).contains_points(draws)
        assert (inside % 2).mean() == pytest.approx(mass, abs=0.03)


def test_weights_of_an_energy_are_those_that_were_kept(browser, energy):
    browser.open(energy.page)
    log_w = energy.kept["log_weights"]
    counts, edges = browser.js("const b = report.data.weights; return [b.counts, b.edges]")
    shown = log_w - log_normalizer(log_w).value

    assert sum(counts) == pytest.approx((shown >= np.quantile(shown, 0.001)).sum(), abs=1)
    assert edges[-1] == pytest.approx(shown.max(), abs=1e-4)
    assert f"{100 * energy.config['found']['ess_']:.1f} %" in browser.find("#verdict").text


def test_draws_of_an_energy_carry_their_weights_as_a_colour(energy):
    found, model = data_of(energy)["explorer"], BoltzmannGenerator.load(energy.folder)
    at = [int(name.split()[1]) for name in found["rows"]]
    draws, log_w = energy.kept["draws"][at], energy.kept["log_weights"][at]
    weights = next(colour for colour in found["colours"] if colour["name"] == "log weight")["values"]
    exact = -model.potential_(torch.as_tensor(draws)).numpy() - model.score_samples(draws)

    np.testing.assert_allclose(log_w, exact, atol=1e-6)
    np.testing.assert_allclose(np.diff(weights), np.diff(log_w), rtol=1e-3, atol=1e-4)


def test_pictures_are_the_kept_ones_at_first_and_noise_at_last(digits):
    found = data_of(digits)["explorer"]
    thumbs = unpack(found["pictures"])[..., 0]
    rows = np.array([row_of(digits, name) for name in found["rows"]])

    np.testing.assert_array_equal(thumbs[0], np.rint(255 * (rows + 0.5) / 17))
    assert "logit" in found["names"]
    assert abs(np.corrcoef(thumbs[-1].reshape(len(rows), -1)[:, 27], rows[:, 3, 3])[0, 1]) < 0.999


def test_a_conditional_run_colours_by_its_context(given):
    found = data_of(given)["explorer"]
    times = next(colour for colour in found["colours"] if colour["name"] == "time")["values"]
    everything = np.concatenate([given.kept["train_context"], given.kept["held_out_context"]])[:, 0]

    rows = [row_of(given, name) for name in found["rows"]]
    where = [
        np.flatnonzero((np.concatenate([given.kept["train"], given.kept["held_out"]]) == row).all(1))[0] for row in rows
    ]

    np.testing.assert_allclose(times, everything[where], rtol=1e-5)
    assert len(found["names"]) > 2
