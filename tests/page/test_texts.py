"""Tables of texts on the page: words where their numbers would mean nothing, values as they are."""

import re

import numpy as np
from pages import data_of, unpack
from selenium.webdriver.common.keys import Keys

from realnvp.data.columns import Codec, Column

TOWNS = ["<b>Oslo</b>", "Bergen", "Tromsø"]


def test_axes_are_marked_with_words(browser, texts):
    browser.open(texts.page, still=True)

    assert browser.js("return report.words(0, 1)") == TOWNS
    assert browser.js("return report.words(0, 0)") is None
    assert browser.js("return report.words(1, 1)") is None


def test_points_are_told_with_their_values_not_with_where_they_are_drawn(browser, texts):
    browser.open(texts.page, still=True)
    browser.press("#panel-data", Keys.ARROW_RIGHT, Keys.ENTER)
    browser.js("document.querySelector('#rows').open = true")
    cells = [cell.text for cell in browser.driver.find_elements("css selector", "#rows tbody tr:first-child td")]
    name = browser.find("#rows tbody tr:first-child th").text
    part, at = ("train" if "training" in name else "held_out"), int(re.search(r"\d+$", name)[0])
    row = texts.kept[part][texts.kept[f"{part}_at"] == at][0]

    assert cells[1] == TOWNS[int(row[1])]
    assert cells[2] == ["false", "true"][int(row[2])]
    assert float(cells[3]) == row[3]


def test_the_walk_goes_through_the_code(texts):
    found = data_of(texts)["explorer"]
    frames, exact = unpack(found["frames"]), unpack(found["exact"])
    codec = Codec(tuple(map(Column.from_plain, texts.config["kinds"])))

    assert found["names"][:2] == ["data", "in their code"]
    np.testing.assert_allclose(codec.inverse(frames[1].astype(float))[:, 1:], exact[:, 1:], atol=1e-6)
    assert np.abs(frames[0] - exact).max() < 0.5
