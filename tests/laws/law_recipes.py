"""The recipes that every law is tried on, lines as those of ``law_cases``."""

from itertools import product
from typing import Any

from law_cases import KERNELS

from realnvp.bases import Mixture
from realnvp.nets import Separate, conv, mlp, residual_mlp
from realnvp.recipes import flat_real_nvp, glow_step, image_real_nvp, lattice_flow, nice, real_nvp, spline_flow
from realnvp.transforms import ActNorm, BatchNorm, EvenOdd, LULinear

SMALL: dict[str, Any] = {"layers": 3, "hidden": (8, 8)}
MAKERS = {"nice": nice, "real nvp": real_nvp, "spline": spline_flow}

RECIPES: dict[str, tuple] = {
    "real nvp of separate nets": (
        lambda: real_nvp(5, layers=2, net=Separate.of(mlp((64, 128, 128, 64)), 2)),
        (5,),
    ),
    "lattice": (lambda: lattice_flow(4, layers=2, width=4), (16,)),
    "real nvp of residual nets": (lambda: real_nvp(3, layers=4, net=residual_mlp(16), context=1), (3,)),
    "real nvp with batch norm": (lambda: real_nvp(4, **SMALL, between=BatchNorm), (4,)),
    "real nvp with act norm": (lambda: real_nvp(4, **SMALL, between=ActNorm, split=EvenOdd), (4,)),
    "nice with lu": (lambda: nice(4, **SMALL, between=LULinear), (4,)),
    "spline with lu": (lambda: spline_flow(4, **SMALL, between=LULinear, base=Mixture(4, 3)), (4,)),
    "spline alone": (lambda: spline_flow(3, **SMALL, affine=None), (3,)),
    "spline with batch norm": (lambda: spline_flow(2, **SMALL, between=BatchNorm, context=2), (2,)),
}
IMAGES: dict[str, Any] = {"hidden": 4, "blocks": 1}
RECIPES |= {
    "images": (lambda: image_real_nvp((1, 4, 4), **IMAGES, scales=2, checkers=1, channels=2), (1, 4, 4)),
    "images, odd sides": (lambda: image_real_nvp((2, 3, 5), **IMAGES, checkers=1), (2, 3, 5)),
    "images, one pixel": (lambda: image_real_nvp((1, 1, 1), **IMAGES, checkers=1), (1, 1, 1)),
    "images of colour given a label": (
        lambda: image_real_nvp((3, 2, 2), **IMAGES, scales=2, context=2, checkers=1, channels=1),
        (3, 2, 2),
    ),
    "images by glow steps": (
        lambda: image_real_nvp((1, 4, 4), **IMAGES, scales=2, checkers=0, channels=2, between=glow_step),
        (1, 4, 4),
    ),
    "images by shallow nets": (
        lambda: image_real_nvp((1, 4, 4), checkers=0, channels=2, between=glow_step, net=lambda width: conv(4)),
        (1, 4, 4),
    ),
    "images in a row": (lambda: flat_real_nvp((2, 2, 3), layers=2, hidden=(4, 8), context=1), (2, 2, 3)),
    "images by splines": (
        lambda: image_real_nvp((1, 2, 2), **IMAGES, checkers=1, channels=1, kernel=KERNELS["spline"]),
        (1, 2, 2),
    ),
}
RECIPES |= {
    f"{name}, D={D}, C={C}": (lambda name=name, D=D, C=C: MAKERS[name](D, context=C, **SMALL), (D,))
    for name, D, C in product(MAKERS, (1, 2, 7), (0, 3))
}
