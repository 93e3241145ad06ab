"""The flow explorer in a real browser: slider, play, brushes, keys, axes."""

import re
import time

import numpy as np
import pytest

PIXEL = "return report.panels[arguments[0]].pixel(arguments[1])"
INK = """
const [name, point] = arguments, panel = report.panels[name], [x, y] = panel.pixel(point).map(Math.round);
return Array.from(panel.canvas.getContext("2d").getImageData(x, y, 1, 1).data);
"""
PLACES = "const p = report.panels[arguments[0]]; return report.data.explorer.rows.map((_, i) => p.pixel(i))"
SELECTED = "return report.state.selected && Array.from(report.state.selected)"


def wait(browser, script, seconds=10):
    """Wait until a script says true."""
    ended = time.monotonic() + seconds
    while not browser.js(f"return Boolean({script})"):
        assert time.monotonic() < ended, f"it never came to {script}"
        time.sleep(0.05)


def test_a_page_opens_from_disk_without_the_network(browser, moons):
    started = time.monotonic()
    browser.open(moons.page)

    assert time.monotonic() - started < 5
    assert moons.page.stat().st_size < 3e6
    assert browser.js("return performance.getEntriesByType('resource').length") == 0
    assert "moons" in browser.driver.title


def test_the_slider_moves_the_points_to_their_latents(browser, moons):
    browser.open(moons.page)
    last = browser.js("return report.data.explorer.names.length - 1")
    before = np.array(browser.js(PLACES, "way"))
    browser.js(
        "const s = document.getElementById('place'); s.value = arguments[0]; s.dispatchEvent(new Event('input'))", last
    )
    after, latent = (np.array(browser.js(PLACES, name)) for name in ("way", "latent"))

    assert np.abs(after - before).max() > 20
    width = browser.js("return [report.panels.way.canvas.clientWidth, report.panels.latent.canvas.clientWidth]")
    assert width[0] == width[1]
    np.testing.assert_allclose(after, latent, atol=1e-6)
    assert "latent space" in browser.find("#place-name").text


@pytest.mark.parametrize("name", ["data", "way", "latent"])
def test_points_are_drawn_where_their_numbers_say(browser, moons, name):
    browser.open(moons.page)
    browser.js("report.goTo(1.5)")
    places = np.array(browser.js(PLACES, name))
    inside = [i for i, (x, y) in enumerate(places) if 60 < x < 300 and 60 < y < 300][:40]

    assert len(inside) == 40
    assert all(browser.js(INK, name, i)[3] > 120 for i in inside)


def test_arrows_on_the_slider_go_frame_by_frame(browser, moons):
    from selenium.webdriver.common.keys import Keys

    browser.open(moons.page)
    browser.press("#place", Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)

    assert browser.js("return report.state.at") == 2
    assert browser.find("#place").get_attribute("aria-valuetext") == "columns made normal, 2 of 4"


def test_play_goes_to_the_latents_and_back_and_stops(browser, moons):
    browser.open(moons.page)
    browser.find("#play").click()
    wait(browser, "report.state.at === report.data.explorer.names.length - 1")
    assert browser.find("#play").text == "Pause"
    wait(browser, "report.state.at === 0 && !report.player.running")

    assert browser.find("#play").text == "Play"


def test_play_is_paused_by_the_button(browser, moons):
    browser.open(moons.page)
    browser.find("#play").click()
    wait(browser, "report.state.at > 0.3")
    browser.find("#play").click()
    at = browser.js("return report.state.at")
    time.sleep(0.3)

    assert browser.js("return report.state.at") == at


def test_where_motion_is_not_wanted_play_jumps_from_frame_to_frame(browser, moons):
    browser.open(moons.page, still=True)
    seen = "window.seen = []; report.state.listeners.push(() => window.seen.push(report.state.at))"
    browser.js(seen)
    browser.find("#play").click()
    wait(browser, "report.state.at === 2")
    browser.find("#play").click()

    assert all(float(at).is_integer() for at in browser.js("return window.seen"))


@pytest.mark.parametrize("name", ["data", "latent", "way"])
def test_a_brush_selects_what_lies_in_it_in_every_panel(browser, moons, name):
    browser.open(moons.page)
    browser.js("report.goTo(2)")
    places = np.array(browser.js(PLACES, name))
    start, end = (120, 90), (230, 240)
    browser.drag(f"#panel-{name}", start, end)
    chosen = np.array(browser.js(SELECTED), bool)
    inner = ((places > np.add(start, 2)) & (places < np.subtract(end, 2))).all(1)
    outer = ((places > np.subtract(start, 2)) & (places < np.add(end, 2))).all(1)

    assert 0 < inner.sum() <= chosen.sum() <= outer.sum() < len(places)
    assert (chosen | ~inner).all()
    assert (outer | ~chosen).all()
    assert f"{chosen.sum()} of {len(places)} selected" in browser.find("#selection").text
    for other in {"data", "latent"} - {name}:  # those chosen stand out there too
        places = np.array(browser.js(PLACES, other))
        seen = ((places > 55) & (places < 320)).all(1)
        for i in np.flatnonzero(chosen & seen)[:10]:
            assert browser.js(INK, other, int(i))[3] > 150


def test_a_click_beside_all_points_clears_the_selection(browser, moons):
    browser.open(moons.page)
    browser.find("#least").click()
    assert browser.js(SELECTED) is not None
    browser.drag("#panel-data", (52, 18), (53, 18))

    assert browser.js(SELECTED) is None


def test_the_least_likely_points_are_those(browser, moons):
    browser.open(moons.page)
    browser.find("#least").click()
    chosen = np.array(browser.js(SELECTED), bool)
    log_prob = np.array(browser.js("return report.data.explorer.log_prob"))

    assert chosen.sum() == round(len(chosen) / 20)
    assert log_prob[chosen].max() <= log_prob[~chosen].min()


def test_hovering_tells_of_the_point(browser, moons):
    browser.open(moons.page)
    i = 5
    x, y = browser.js(PIXEL, "data", i)
    browser.hover("#panel-data", (x, y))
    found = browser.js("return report.state.hovered")
    row, density, *where = browser.js(
        "const e = report.data.explorer, i = arguments[0]; "
        "return [e.rows[i], e.log_prob[i], report.value(0, i, 0), report.value(0, i, 1)]",
        found,
    )
    told = browser.find("#tip").text

    near = np.array(browser.js(PIXEL, "data", found)) - (x, y)
    assert np.hypot(*near) < 4
    assert row in told
    numbers = [
        float(v) for v in re.findall(r"(?:x0 =|x1 =|log density) (\S+?),?(?: nats)?(?=\s)", told.replace("−", "-"))
    ]
    assert "nats" in told
    assert numbers == pytest.approx([*where, density], rel=1e-4)


def test_the_keyboard_goes_from_point_to_point(browser, moons):
    from selenium.webdriver.common.keys import Keys

    browser.open(moons.page)
    browser.press("#panel-latent", Keys.ARROW_LEFT)
    first = browser.js("return report.state.hovered")
    browser.press("#panel-latent", Keys.ARROW_RIGHT)
    second = browser.js("return report.state.hovered")
    assert browser.js(PIXEL, "latent", second)[0] > browser.js(PIXEL, "latent", first)[0]
    row = browser.js("return report.data.explorer.rows[arguments[0]]", second)
    assert row in browser.find("#told").get_attribute("textContent")

    browser.press("#panel-latent", Keys.ENTER)
    assert np.flatnonzero(browser.js(SELECTED)).tolist() == [second]
    browser.press("#panel-latent", Keys.ESCAPE)
    assert browser.js(SELECTED) is None


def test_colours_can_be_chosen_and_a_class_selected_by_its_name(browser, moons):
    browser.open(moons.page)
    names = [option.text for option in browser.find("#colour").find_elements("css selector", "option")]
    assert names == ["class", "log density", "training or held-out"]
    browser.choose("#colour", 1)
    scale = browser.find("#legend").text
    browser.choose("#colour", 2)
    browser.driver.find_elements("css selector", "#legend button")[1].click()
    chosen = np.array(browser.js(SELECTED), bool)
    held = np.array(browser.js("return report.data.explorer.colours[2].values"))

    assert "nats" in scale
    np.testing.assert_array_equal(chosen, held == 1)


def test_the_grid_can_be_left_out(browser, moons):
    browser.open(moons.page)
    ink = """
        const c = report.panels.latent.canvas, image = c.getContext("2d").getImageData(0, 0, c.width, c.height);
        return image.data.filter((v, i) => i % 4 === 3 && v).length;
    """
    drawn = browser.js(ink)
    browser.find("#grid").click()

    assert browser.js(ink) < drawn - 500


def test_axes_can_be_chosen_where_there_are_more_than_two(browser, wide):
    browser.open(wide.page)
    browser.choose("#across", 3)
    assert browser.js("return report.state.axes") == [3, 1]
    browser.choose("#up", 3)  # both would be one: they change places
    assert browser.js("return report.state.axes") == [1, 3]
    x, y = browser.js(PIXEL, "data", 4)
    script = "const p = report.panels.data; return [p.scale.x(report.value(0, 4, 1)), p.scale.y(report.value(0, 4, 3))]"

    assert browser.js(script) == [x, y]


def test_axes_cannot_be_chosen_where_there_are_two(browser, moons):
    browser.open(moons.page)

    assert not browser.find("#across").is_displayed()


def test_pictures_move_and_turn_into_noise(browser, digits):
    browser.open(digits.page)
    x, y = browser.js(PIXEL, "way", 3)
    read = """
        const [x, y] = report.panels.way.pixel(3).map(Math.round), context = report.panels.way.canvas.getContext("2d");
        return Array.from(context.getImageData(x - 10, y - 10, 20, 20).data);
    """
    before = np.array(browser.js(read))
    browser.js("report.goTo(report.data.explorer.names.length - 1)")

    assert np.abs(np.array(browser.js(read)) - before).mean() > 8
    browser.hover("#panel-way", (x, y))


PAIR = """
const [i, j] = arguments, corner = report.corner, box = corner.place;
const places = report.data.explorer.rows.map((_, k) => corner.pixel(k, i, j));
return places.map(([x, y]) => [x, y, x - box.left(j), y - box.top(i), box.cell]);
"""
BLACK = """
const [x, y] = report.corner.pixel(arguments[0], 1, 0).map(Math.round);
return Array.from(report.corner.canvas.getContext("2d").getImageData(x, y, 1, 1).data);
"""


def test_pairs_of_columns_and_the_explorer_select_for_each_other(browser, wide):
    browser.open(wide.page)
    places = np.array(browser.js(PAIR, 1, 0))
    shown = ((places[:, 2:4] > 8) & (places[:, 2:4] < places[:, 4:] - 8)).all(1)
    middle = np.median(places[shown, :2], 0)
    start, end = middle - 20, middle + 20
    browser.drag("#map-corner", start, end)
    selected = np.array(browser.js(SELECTED), bool)
    inside = ((places[:, :2] > start + 1.5) & (places[:, :2] < end - 1.5)).all(1)
    outside = ((places[:, :2] < start - 1.5) | (places[:, :2] > end + 1.5)).any(1)

    assert inside.any()
    assert selected[inside].all()
    assert not selected[outside].any()
    assert "selected" in browser.find("#selection").text

    browser.js("report.state.select((i) => i === arguments[0])", int(np.flatnonzero(shown)[0]))
    ink = browser.js("return getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
    pixel = browser.js(BLACK, int(np.flatnonzero(shown)[0]))
    assert pixel[:3] == [int(ink[k : k + 2], 16) for k in (1, 3, 5)]

    browser.drag("#map-corner", middle, middle)
    assert browser.js(SELECTED) is None


def test_the_points_are_there_as_a_table_too(browser, moons):
    browser.open(moons.page)
    browser.find("#most").click()
    browser.find("#rows summary").click()
    wait(browser, "document.querySelectorAll('#rows tbody tr').length")
    rows = browser.driver.find_elements("css selector", "#rows tbody tr")
    chosen = np.flatnonzero(browser.js(SELECTED))

    assert len(rows) == min(100, len(chosen))
    assert rows[0].text.startswith(browser.js("return report.data.explorer.rows[arguments[0]]", int(chosen[0])))
