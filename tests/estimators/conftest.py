"""The spots as a module, and two fits of them that no test changes."""

import importlib.util
import sys
from pathlib import Path

import pytest


def _shared(name):
    """Make a module of this folder known by its name: the tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


_shared("spots")


@pytest.fixture(scope="session")
def fitted():
    from spots import GREY, QUICK

    from realnvp import ImageRealNVP

    return ImageRealNVP(**QUICK | {"max_steps": 150, "layers": 3, "width": 8}).fit(GREY)


@pytest.fixture(scope="session")
def by_label():
    from spots import GREY, QUICK, labels

    from realnvp import ImageRealNVP

    return ImageRealNVP(**QUICK | {"max_steps": 120, "layers": 2, "width": 8}).fit(GREY, context=labels(GREY))
