"""The page around the explorer: themes, charts, phones, access, and names that are HTML."""

from importlib import resources

import pytest

KINDS = ["moons", "wide", "many", "line", "given", "texts", "energy", "digits"]


@pytest.fixture
def run(request):
    return request.getfixturevalue(request.param)


def axe(browser):
    """What axe-core finds wrong, in words."""
    browser.js((resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8"))
    script = "const done = arguments[arguments.length - 1]; axe.run(document).then((r) => done(r.violations))"
    found = browser.driver.execute_async_script(script)
    return [f"{v['id']}: {node['html'][:120]} {node['failureSummary']}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("run", KINDS, indirect=True)
def test_every_page_can_be_used_by_all(browser, run, dark):
    browser.open(run.page, dark=dark)

    assert axe(browser) == []


@pytest.mark.parametrize("width", [390, 320])
@pytest.mark.parametrize("run", KINDS, indirect=True)
def test_every_page_fits_a_phone(browser, run, width):
    browser.open(run.page, width=width, height=844, mobile=True)

    assert browser.js("return document.documentElement.scrollWidth") <= width
    assert axe(browser) == []


@pytest.mark.parametrize("run", KINDS, indirect=True)
def test_every_page_asks_nothing_of_the_network(browser, run):
    browser.open(run.page)

    assert run.page.stat().st_size < 3e6
    assert browser.js("return performance.getEntriesByType('resource').length") == 0
    assert browser.find("#verdict-title").text


def test_the_theme_is_the_systems_until_it_is_chosen(browser, moons):
    ground = "return getComputedStyle(document.body).backgroundColor"
    browser.open(moons.page, dark=True)
    dark = browser.js(ground)
    ink = browser.js("return report.theme.colour('ink')")
    browser.find("#theme").click()
    light = browser.js(ground)
    drawn = browser.js("const c = report.panels.way.canvas.getContext('2d'); return c.strokeStyle")

    assert dark != light
    assert browser.js("return report.theme.colour('ink')") != ink
    assert drawn != "#000000"
    assert browser.find("#theme").get_attribute("aria-label") == "Switch to dark colours"


def test_a_training_can_be_looked_at_closely(browser, moons):
    browser.open(moons.page)
    limits = "const s = report.charts.training.plot.scales.x; return [s.min, s.max]"
    low, high = browser.js(limits)
    box = browser.find("#chart-training .u-over").rect
    browser.drag("#chart-training .u-over", (box["width"] * 0.5, 60), (box["width"] * 0.8, 60))
    near = browser.js(limits)
    browser.find("#zoom-out").click()

    assert near[0] == pytest.approx(low + 0.5 * (high - low), abs=0.05 * (high - low))
    assert near[1] == pytest.approx(low + 0.8 * (high - low), abs=0.05 * (high - low))
    assert browser.js(limits) == [low, high]


def test_a_training_can_be_looked_at_closely_by_numbers(browser, moons):
    browser.open(moons.page)
    limits = "const s = report.charts.training.plot.scales.x; return [s.min, s.max]"
    whole = browser.js(limits)
    browser.choose("#zoom-from", 40)
    browser.choose("#zoom-to", 90)
    near = browser.js(limits)
    browser.choose("#zoom-from", "")
    browser.choose("#zoom-to", "")

    assert near == [40, 90]
    assert browser.js(limits) == whole


def test_the_training_of_several_flows_breaks_between_them(browser, many):
    browser.open(many.page)
    steps, held = browser.js("return [report.charts.training.columns[0], report.charts.training.columns[2]]")
    flows = max(record.get("member", 1) for record in many.history)

    assert flows > 1
    assert held.count(None) == flows - 1
    assert max(steps) == many.history[-1]["step"]
    assert f"{flows} flows were trained one after another" in browser.find("#training .lead").text
    assert "all flows together" in browser.find("#chart-training .u-legend").text


def test_a_training_can_be_seen_on_logarithmic_axes(browser, moons):
    browser.open(moons.page)
    browser.find("#log-steps").click()
    browser.find("#log-figures").click()
    kinds = browser.js("const s = report.charts.training.plot.scales; return [s.x.distr, s.y.distr]")
    values = browser.js("return report.charts.training.columns[2].filter((v) => v !== null)")
    held = [record["held_out"] for record in moons.history]
    lowest = min(min(held), min(record["train"] for record in moons.history))

    assert kinds == [3, 3]
    assert max(values) == pytest.approx(max(held) - lowest, rel=1e-4)


def test_a_charts_numbers_are_there_as_a_table(browser, energy):
    from selenium.webdriver.support.ui import WebDriverWait  # there is a browser, so there is this

    browser.open(energy.page)
    browser.find("#chart-weights + details summary").click()
    cells = WebDriverWait(browser.driver, 10).until(  # the page is told of the opening after the click has returned
        lambda driver: driver.find_elements("css selector", "#chart-weights + details td")
    )

    assert len(cells) == 2 * len(browser.js("return report.data.weights.counts"))


def test_a_name_that_is_html_stays_a_name(browser, wide):
    browser.open(wide.page)

    assert "<img src=x onerror=alert(1)>" in browser.find("#across").text
    assert "<img src=x onerror=alert(1)>" in browser.find("#made").text
    assert browser.js("return document.querySelectorAll('img').length") == 0


def test_the_command_that_does_it_again_is_on_the_page(browser, moons):
    browser.open(moons.page)
    told = browser.find("#made").text

    assert browser.find("#command").text.startswith("realnvp fit moons --kernel spline --max-steps 120")
    assert moons.config["versions"]["torch"] in told
    assert browser.find("#copy").is_displayed()


def test_sheets_of_pictures_say_what_they_show(browser, digits):
    browser.open(digits.page)
    texts = [image.get_attribute("alt") for image in browser.driver.find_elements("css selector", "img")]

    assert len(texts) == 6
    assert all(len(text) > 20 for text in texts)
    assert all(browser.js("return Array.from(document.images).map((i) => i.naturalWidth > 40)"))
