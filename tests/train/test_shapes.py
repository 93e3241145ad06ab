"""What is saved is loaded again, whatever its shape: no whole run is taken for a damaged one."""

import itertools

import numpy as np
import pytest

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP

RNG = np.random.default_rng(0)
QUICK = {"max_steps": 1, "verbose": False, "random_state": 0, "device": "cpu"}
TABLES = list(itertools.product((1, 2), ("affine", "additive", "spline"), ("normal", "mixture"), (1, 2), (1, 64)))


def comes_back(model, folder):
    model.save(folder)
    weights, again = model.flow_.state_dict(), type(model).load(folder).flow_.state_dict()

    assert weights.keys() == again.keys()
    assert all((weights[name] == again[name]).all() for name in weights)


@pytest.mark.parametrize(("columns", "kernel", "base", "layers", "width"), TABLES)
@pytest.mark.parametrize("members", [1, "auto"])
def test_tables(columns, kernel, base, layers, width, members, tmp_path):
    shape = {"base": base, "layers": layers, "width": width, "members": members}
    comes_back(RealNVP(kernel, **shape, **QUICK).fit(RNG.normal(size=(30, columns))), tmp_path / "run")


@pytest.mark.parametrize(("columns", "given"), [(1, 1), (2, 3)])
def test_tables_given_others(columns, given, tmp_path):
    X, context = RNG.normal(size=(60, columns)), RNG.normal(size=(60, given))
    comes_back(RealNVP(layers=1, width=64, **QUICK).fit(X, context=context), tmp_path / "run")


@pytest.mark.parametrize("bodies", [None, (1, 2), (2, 2), (2, 3), (3, 2)])
@pytest.mark.parametrize("width", [4, 64])
@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail", "ignore:the flow's weights are so uneven")
def test_energies(bodies, width, tmp_path):
    features = 1 if bodies is None else bodies[0] * bodies[1]
    bodies = None if bodies is None or bodies[0] == 1 else bodies
    model = BoltzmannGenerator(n_features=features, bodies=bodies, particles=64, width=width, **QUICK)
    comes_back(model.fit(lambda x: (x**2).sum(-1) / 2), tmp_path / "run")


@pytest.mark.parametrize(
    ("shape", "architecture"),
    [
        *((shape, "flat") for shape in ((1, 1), (2, 2), (1, 1, 3), (4, 4))),
        *((shape, name) for shape in ((2, 2), (4, 4)) for name in ("real_nvp", "glow")),  # one pixel cannot be squeezed
    ],
)
@pytest.mark.parametrize("kernel", ["affine", "additive", "spline"])
def test_pictures(shape, kernel, architecture, tmp_path):
    images = RNG.integers(0, 256, (20, *shape), dtype=np.uint8)
    model = ImageRealNVP(kernel, architecture=architecture, layers=1, width=64, **QUICK).fit(images)
    comes_back(model, tmp_path / "run")
