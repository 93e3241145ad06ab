"""The walk through a flow ends where the flow ends, and passes through what its transforms give."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, Flow, RealNVP, image_real_nvp, nice, real_nvp
from realnvp.bases import Normal
from realnvp.report import walk
from realnvp.transforms import Compose, Coupling, LULinear, Standardise

QUICK = {"max_steps": 3, "layers": 2, "width": 8, "verbose": False, "random_state": 0, "device": "cpu"}


def stirred(module, seed=0):
    """The same module with weights that do something."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return module.double().eval()


def latents(flow, x, context=None):
    with torch.no_grad():
        given = None if context is None else torch.as_tensor(context)
        return flow.transform(torch.as_tensor(x), given)[0].numpy()


def rows(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_a_frame_lies_behind_each_coupling_and_the_layer_before_it():
    flow = stirred(real_nvp(3, layers=3, hidden=(8,), between=LULinear))
    x = rows(20, 3)
    found = walk(flow, x)

    assert found.names == ("data", "coupling 1", "coupling 2", "coupling 3: latent space")
    for i, frame in enumerate(found.frames):
        with torch.no_grad():
            expected = flow.transform[: 2 * i](torch.as_tensor(x))[0].numpy()
        np.testing.assert_allclose(frame, expected)


def test_what_comes_behind_the_last_coupling_is_a_frame_too():
    flow = stirred(nice(4, layers=2, hidden=(8,)))
    found = walk(flow, rows(5, 4))

    assert found.names[-1] == "last layer: latent space"
    np.testing.assert_allclose(found.frames[-1], latents(flow, rows(5, 4)))


def test_pictures_keep_their_shape_through_squeezes_and_parts():
    flow = stirred(image_real_nvp((1, 8, 8), hidden=4, blocks=1, checkers=2, channels=2))
    x = rows(3, 1, 8, 8)
    found = walk(flow, x)

    assert {frame.shape for frame in found.frames} == {x.shape}
    assert len(found.names) == 1 + sum(isinstance(module, Coupling) for module in flow.modules())
    np.testing.assert_allclose(found.frames[-1], latents(flow, x), atol=1e-9)


def test_a_coupling_moves_only_a_part_of_a_picture_in_its_own_shape():
    flow = image_real_nvp((1, 8, 8), hidden=4, blocks=1, checkers=0, channels=2, scales=1, between=None)
    x = rows(2, 1, 8, 8)
    moved = walk(stirred(flow), x).frames[1] != x

    assert 0 < moved.mean() <= 0.5
    assert len({tuple(map(tuple, picture[0])) for picture in moved}) == 1


def test_a_conditional_model_is_walked_with_its_contexts():
    x, c = rows(60, 2), rows(60, 1)
    model = RealNVP(**QUICK).fit(x, context=c)
    found = walk(model.flow_, x, c)

    np.testing.assert_allclose(found.frames[-1], model.transform(x, context=c), atol=1e-9)
    assert found.names[1] == "standardised"


def test_an_energys_box_is_a_frame():
    model = BoltzmannGenerator(2, bounds=(-4, 4), **QUICK).fit(lambda x: (x**2).sum(1))
    x = model.sample(20, random_state=0)
    found = walk(model.flow_, x)

    assert found.names[1] == "box unrolled"
    np.testing.assert_allclose(found.frames[-1], model.transform(x), atol=1e-9)


def test_of_a_transform_without_couplings_there_are_two_frames():
    one = Flow(LULinear(2), Normal(2)).double()

    assert walk(one, rows(4, 2)).names == ("data", "whole flow: latent space")


def test_the_flow_is_left_as_it_was():
    flow = Flow(Compose(Standardise(2), LULinear(2)), Normal(2))
    walk(flow, rows(4, 2))

    assert next(flow.parameters()).dtype == torch.float32


@pytest.mark.parametrize("latent", [rows(30, 2) + 1, rows(30, 3)], ids=["other numbers", "other columns"])
def test_a_model_that_does_more_than_its_flow_gets_two_frames(latent):
    from realnvp.report.page import Points, explorer

    flow = stirred(real_nvp(2, layers=2, hidden=(8,)))
    model = SimpleNamespace(flow_=flow, transform=lambda X: latent[:, :2])
    points = Points(latent[:, :2] * 2, np.zeros(30), ["a", "b"], [f"row {i}" for i in range(30)])
    found = explorer(model, points, grid=False)

    assert found["names"] == ["data", "whole flow: latent space"]
