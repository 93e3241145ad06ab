"""The page as ``realnvp serve`` shows it: newer ones come by themselves, to where one was."""

import os
import shutil
import threading

import pytest
from test_page import axe

from realnvp.cli.serve import server


@pytest.fixture
def served(moons, tmp_path):
    """A run of its own that is served: its folder and address."""
    run = tmp_path / "run"
    shutil.copytree(moons.folder, run)
    with server(run, 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield run, f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()
        thread.join()


def stamp(browser):
    return browser.js("return document.getElementById('live').dataset.stamp")


def renewed(browser, run):
    """Let the run be newer, and wait for the page to be so too."""
    old = stamp(browser)
    os.utime(run / "config.json")
    for _ in range(600):
        if browser.js("return Boolean(window.report)") and stamp(browser) != old:
            return
        browser.driver.execute_async_script("setTimeout(arguments[arguments.length - 1], 100)")
    pytest.fail("no newer page came")


def test_a_newer_page_comes_to_where_one_was(browser, served):
    run, address = served
    browser.open(address)
    browser.js("report.goTo(2.5)")
    browser.choose("#colour", 1)
    browser.js("document.getElementById('grid').click(); report.state.select((i) => i < 7)")
    renewed(browser, run)

    assert browser.find("#live").text == "This is what was learnt."
    assert browser.js("return report.state.at") == pytest.approx(2.5, abs=0.01)
    assert browser.js("return [report.state.colour, report.state.grid]") == [1, False]
    assert browser.js("return report.state.selected.reduce((a, b) => a + b)") == 7
    assert axe(browser) == []


def test_nothing_is_taken_from_under_a_film_that_plays(browser, served):
    run, address = served
    browser.open(address)
    old = stamp(browser)
    browser.js("report.play(true)")
    os.utime(run / "config.json")
    browser.driver.execute_async_script("setTimeout(arguments[arguments.length - 1], 3000)")

    assert stamp(browser) == old
    browser.js("report.play(false)")
    renewed(browser, run)


def test_a_run_without_a_page_says_what_it_waits_for(browser, tmp_path, moons):
    with server(tmp_path, 0) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        browser.open(f"http://127.0.0.1:{serving.server_port}/")
        said = browser.find("#live").text
        shutil.copytree(moons.folder, tmp_path, dirs_exist_ok=True)
        renewed(browser, tmp_path)
        serving.shutdown()
        thread.join()

    assert said.startswith("Nothing to show in")
