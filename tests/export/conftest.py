import pytest
import torch

from realnvp.estimators.parts.build import build, energy_flow, framed, scalers, whole
from realnvp.estimators.pictures.flows import image_flow

TABLE = {"features": 3, "context": 0, "layers": 2, "width": 8, "kernel": "affine", "base": "normal", "components": 3}
TABLE |= {"precision": "float32"}
ENERGY = {"features": 3, "layers": 2, "width": 8, "kernel": "spline", "base": "normal", "reach": 6.0, "odd": True}
ENERGY |= {"bounds": None}
PICTURE = {"shape": [1, 8, 8], "context": 0, "layers": 1, "width": 4, "blocks": 1, "scales": None, "base": "normal"}
PICTURE |= {"architecture": "glow", "kernel": "spline", "precision": "float32", "dequantisation": "uniform"}


def shaken(flow, by):
    """The flow with weights as after some training, not at the identity."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(by * torch.randn(p.shape, generator=generator) / max(1, p.shape[-1] if p.dim() else 1) ** 0.5)
    return flow.eval()


def table(**changes):
    flow = whole(build(TABLE | changes, 0))
    for scaler in scalers(flow):
        scaler.loc.fill_(100 / 3)
        scaler.scale.fill_(7)
    return shaken(flow, 0.3)


def energy(**changes):
    shape = ENERGY | changes
    return shaken(framed(shape, energy_flow(shape, 0)), 0.3)


def picture(**changes):
    return shaken(image_flow(PICTURE | changes, 0), 0.1)


FLOWS = {
    "additive": lambda: table(kernel="additive", base="logistic"),
    "affine": table,
    "spline/mixture/context": lambda: table(kernel="spline", base="mixture", context=2),
    "one column": lambda: table(kernel="spline", features=1),
    "energy": energy,
    "energy/box": lambda: energy(features=2, bounds=[[-4.0, -4.0], [4.0, 5.0]]),
    "energy/lattice": lambda: energy(features=16, kernel="lattice"),
    "glow/context": lambda: picture(context=3),
    "real_nvp": lambda: picture(architecture="real_nvp", kernel="affine"),
    "flat": lambda: picture(architecture="flat", kernel="additive", base="logistic"),
}


@pytest.fixture
def bodies():
    """A flow of particles: made of arcs and error functions."""
    return energy(features=6, bodies=[3, 2], layers=1, kernel="additive")


@pytest.fixture(params=FLOWS)
def flow(request):
    return FLOWS[request.param]()
