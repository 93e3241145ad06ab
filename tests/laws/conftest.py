"""Hands the table of cases to the laws: a test that asks for ``case`` is run on every line of it."""

import law_cases
import pytest
from law_recipes import RECIPES


def _only(cases, *ends):
    """Of the products of kernels, splits, widths and contexts keep those that end so."""
    return {k: v for k, v in cases.items() if ", D=" not in k or k.endswith(ends)}


def _few(cases):
    """Enough to trace every line of code once: one takes up to a second."""
    products = ("affine, halves, D=5, C=0", "affine, random, D=5, C=0", "spline, even odd, D=5, C=0", "D=7, C=3")
    kept = {
        k: v for k, v in _only(cases, *products).items() if "of channels" not in k or k.endswith("e, even odd, C=2")
    }
    return {k: v for k, v in kept.items() if k not in RECIPES or k.endswith(("D=7, C=3", "batch norm"))}


EVERY = law_cases.TRANSFORMS | RECIPES
TABLES = {
    "case": EVERY,
    "kind": _only(EVERY, "D=5, C=0", "D=2, C=3", "D=7, C=3", "D=1, C=0"),
    "traced": _few(EVERY),
    "transform": _only(law_cases.TRANSFORMS, "D=5, C=0", "D=2, C=3"),
    "recipe": RECIPES,
    "coupled": {k: v for k, v in EVERY.items() if k.startswith(("coupling", "nice", "real nvp", "spline"))},
}


def pytest_generate_tests(metafunc):
    for name, cases in TABLES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, [law_cases.Case(*line) for line in cases.values()], ids=list(cases))


@pytest.fixture
def context():
    return law_cases.context
