"""Hands the table of cases to the laws: a test that asks for ``case`` is run on every line of it."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _load():
    """Import the table under a name that pickles can find."""
    spec = importlib.util.spec_from_file_location("law_cases", Path(__file__).with_name("cases.py"))
    module = sys.modules["law_cases"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = _load()


def _only(cases, *ends):
    """Of the products of kernels, splits, widths and contexts keep those that end so."""
    return {k: v for k, v in cases.items() if ", D=" not in k or k.endswith(ends)}


def _few(cases):
    """Enough to trace every line of code once: one takes up to a second."""
    products = ("affine, halves, D=5, C=0", "affine, random, D=5, C=0", "spline, even odd, D=5, C=0", "D=7, C=3")
    kept = {
        k: v for k, v in _only(cases, *products).items() if "of channels" not in k or k.endswith("e, even odd, C=2")
    }
    return {k: v for k, v in kept.items() if k not in table.RECIPES or k.endswith(("D=7, C=3", "batch norm"))}


EVERY = table.TRANSFORMS | table.RECIPES
TABLES = {
    "case": EVERY,
    "kind": _only(EVERY, "D=5, C=0", "D=2, C=3", "D=7, C=3", "D=1, C=0"),
    "traced": _few(EVERY),
    "transform": _only(table.TRANSFORMS, "D=5, C=0", "D=2, C=3"),
    "recipe": table.RECIPES,
    "coupled": {k: v for k, v in EVERY.items() if k.startswith(("coupling", "nice", "real nvp", "spline"))},
}


def pytest_generate_tests(metafunc):
    for name, cases in TABLES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [table.Case(*line) for line in cases.values()], ids=list(cases))


@pytest.fixture
def context():
    return table.context
