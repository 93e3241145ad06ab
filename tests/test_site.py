"""The tools that make the site: docstrings as lists, the command's reference, nothing loaded from elsewhere."""

import pytest
from commands import on_page_markdown, reference

from realnvp.cli.app import app

NAMES = [command.callback.__name__ for command in app.registered_commands]


def test_the_reference_has_every_command_and_its_options():
    told = reference()

    assert [f"## realnvp {name}" in told for name in NAMES] == [True] * len(NAMES)
    assert {"--max-time", "--corrected", "--by-label", "--onnx"} <= set(told.replace(",", " ").split())


def test_only_the_page_that_asks_gets_the_reference():
    assert on_page_markdown("nothing") == "nothing"
    assert on_page_markdown("# A\n\n<!-- commands -->\n") == f"# A\n\n{reference()}\n"


ALIGNED = """Move.

Forward   ``z = x``
ladj      sum of it
          over the event

The kept half.
"""
LISTED = """Move.

- Forward: ``z = x``
- ladj: sum of it
            over the event

The kept half."""
FOUND = """Learn.

Attributes:
    flow_: the flow.
    log_z_, error_: both, and
        more.

References:
    One, https://one
    Two, https://two
"""
FOUND_LISTED = """Learn.

**Attributes:**

- ``flow_`` – the flow.
- ``log_z_``, ``error_`` – both, and
        more.

References:
    - One, https://one
    - Two, https://two"""


@pytest.mark.parametrize(
    ("docstring", "markdown"), [(ALIGNED, LISTED), (FOUND, FOUND_LISTED), ("One line.", "One line."), ("", "")]
)
def test_lines_below_each_other_become_lists(docstring, markdown):
    pytest.importorskip("griffe")
    from formulas import listed

    assert listed(docstring) == markdown


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ('<a href="https://a.b/c">read</a> <img src="pictures/x.png"> <link rel="stylesheet" href="site.css">', []),
        ('<script src="https://a.b/c.js"></script>', ["https://a.b/c.js"]),
        ("<link rel=stylesheet href=//a.b/c.css>", ["//a.b/c.css"]),
        (
            '@import "https://a.b/font.css"; body { background: url(//a.b/x.png) }',
            ["https://a.b/font.css", "//a.b/x.png"],
        ),
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(page, found):
    pytest.importorskip("mkdocs")
    from offline import loaded

    assert loaded(page) == found


def test_a_public_name_without_a_place_is_found():
    pytest.importorskip("mkdocs")
    from complete import lacking

    told = "# Errors\n\n::: realnvp.errors\n\n::: realnvp.export\n"
    built = '<h2 id="realnvp.errors.nearest"> <h2 id="realnvp.export.programs.programs"> <h2 id="realnvp.export.NAMES">'
    code = ["Compiled", "Recorded", "compiled", "load_compiled", "onnx", "recorded"]

    assert lacking(told, built) == ["realnvp.errors.InputError", *(f"realnvp.export.{name}" for name in code)]
