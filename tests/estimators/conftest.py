"""Two fits of the spots that no test changes."""

import pytest


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
