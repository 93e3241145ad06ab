"""Pages that have little room or none, many columns, and fingers in place of a mouse."""

import numpy as np
import pytest

SELECTED = "return report.state.selected && Array.from(report.state.selected)"
FRAME = """
<!doctype html><title>frame</title>
<iframe src="report.html" width="1100" height="800" style="display: none"></iframe>
"""
CELL = """
const { left, top, cell } = report.corner.place;
return report.corner.cellAt(left(arguments[1]) + cell / 2, top(arguments[0]) + cell / 2);
"""


@pytest.mark.parametrize("name", ["moons", "many", "digits"])
def test_a_page_that_is_hidden_at_first_is_whole_once_it_is_shown(browser, request, name):
    run = request.getfixturevalue(name)
    from selenium.webdriver.support.ui import WebDriverWait  # there is a browser, so there is this

    frame = run.folder / "frame.html"
    frame.write_text(FRAME)
    browser.open(frame)
    browser.js("document.querySelector('iframe').style.display = ''")
    browser.driver.switch_to.frame(0)
    read = "return [...document.querySelectorAll('#panel-data, .uplot')].map((c) => c.clientWidth)"
    WebDriverWait(browser.driver, 10).until(lambda _: min(browser.js(read), default=0) > 100)
    wide = browser.js(read)
    drawn = browser.js("return report.panels.data.scale.place.w")
    browser.driver.switch_to.default_content()

    assert len(wide) > 1
    assert min([*wide, drawn]) > 100
    assert browser.console() == []


def test_every_pair_that_is_shown_can_be_dragged_over(browser, many):
    browser.open(many.page)
    names = browser.js("return report.data.corner.names")
    cells = [browser.js(CELL, i, j) for i in range(len(names)) for j in range(i)]

    assert set(names) <= set(browser.js("return report.data.explorer.columns"))
    assert None not in cells
    assert "of the 24 of 30 columns that fit worst" in browser.find("#explorer .lead").text


def test_of_a_mixture_it_is_said_whose_way_is_shown(browser, many):
    browser.open(many.page)
    shares = np.exp(many.weights["log_weights"])

    assert f"mixes {len(shares)} densities: the points go through the flow of couplings that weighs most, " in (
        lead := browser.find("#explorer .lead").text
    )
    assert f"{shares[0]:.0%} of the mixture" in lead


def test_a_finger_selects_where_that_is_asked_for(browser, moons):
    browser.open(moons.page, width=390, height=844, mobile=True)
    browser.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    browser.driver.refresh()
    browser.js("const box = document.querySelector('.by-touch input'); box.scrollIntoView(); box.click()")
    panel = browser.find("#panel-way")
    browser.js("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", panel)
    x, y, wide = browser.js("const b = arguments[0].getBoundingClientRect(); return [b.left, b.top, b.width]", panel)
    before = browser.js("return scrollY")
    at = [(x + wide * a, y + wide * b) for a, b in ((0.4, 0.2), (0.45, 0.5), (0.5, 0.8))]  # steeply down
    for kind, points in (("touchStart", at[:1]), ("touchMove", at[1:2]), ("touchMove", at[2:]), ("touchEnd", [])):
        touches = [{"x": a, "y": b} for a, b in points]
        browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})
    browser.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})

    assert sum(browser.js(SELECTED)) > 5
    assert browser.js("return scrollY") == before
