"""What a law says in a sentence where something else is passed than what it takes."""

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, ImageRealNVP, InputError, RealNVP, real_nvp, spline_flow
from realnvp.bases import Normal
from realnvp.flow import Flow
from realnvp.interop import FlowDistribution
from realnvp.transforms import Standardise

QUICK = {"layers": 1, "width": 8, "max_steps": 5, "random_state": 0, "verbose": False}
X = np.random.default_rng(0).normal(size=(200, 2))
ASK = r"ask for distribution\(dtype=torch.float64\), or give values of torch.float32$"


def bowl(x):
    return 0.5 * x.square().sum(-1)


@pytest.fixture(scope="module")
def fitted():
    return RealNVP("affine", **QUICK).fit(X)


@pytest.fixture(scope="module")
def energy():
    return BoltzmannGenerator(2, **QUICK).fit(bowl)


@pytest.fixture(scope="module")
def conditional():
    return FlowDistribution(spline_flow(2, context=1, layers=1, hidden=(8,)), torch.zeros(1))


@pytest.mark.parametrize("check", [True, False])
def test_values_of_another_dtype_than_the_laws(fitted, check):
    x, law = torch.zeros(3, 2), FlowDistribution(fitted.flow_, validate_args=check)

    assert law.log_prob(x).dtype == torch.float32
    with pytest.raises(InputError, match=f"^the law is of float32 and the values are of float64: {ASK}"):
        law.log_prob(x.double())
    with pytest.raises(InputError, match=r"the law is of float32 and the values are of int64: give values of torch.f"):
        law.log_prob(x.long())
    with pytest.raises(
        InputError, match=r"law is of float64 and the values are of float32: give values of torch.float64"
    ):
        fitted.distribution(dtype=torch.float64).log_prob(x)


def test_the_law_of_an_energy_says_so_too(energy):
    with pytest.raises(InputError, match=ASK):
        energy.distribution().log_prob(torch.zeros(3, 2, dtype=torch.float64))


def test_a_flow_without_nets_promotes_as_torchs_laws_do():
    law = FlowDistribution(Flow(Standardise(2), Normal(2)))

    assert law.log_prob(torch.zeros(3, 2, dtype=torch.float64)).dtype == torch.float64


def test_autocast_converts_as_it_did():
    law = FlowDistribution(real_nvp(2, layers=1, hidden=(8,)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert law.log_prob(torch.zeros(3, 2, dtype=torch.bfloat16)).isfinite().all()


def test_errors_of_another_kind_are_left_as_they_are(monkeypatch):
    def gone(x, context=None):
        raise RuntimeError("the device is gone")

    law = FlowDistribution(real_nvp(2, layers=1, hidden=(8,)))
    monkeypatch.setattr(law.flow, "log_prob", gone)

    with pytest.raises(RuntimeError, match="the device is gone"):
        law.log_prob(torch.zeros(2))


def test_log_prob_compiles_into_one_graph():
    law, x = FlowDistribution(real_nvp(2, layers=1, hidden=(8,)), validate_args=False), torch.randn(5, 2)

    torch.testing.assert_close(torch.compile(law.log_prob, fullgraph=True, backend="eager")(x), law.log_prob(x))


@pytest.mark.parametrize("dtype", ["float64", np.float64, torch.int64, float])
@pytest.mark.parametrize("name", ["fitted", "energy"])
def test_a_dtype_is_one_of_torchs(request, name, dtype):
    with pytest.raises(InputError, match=r"dtype must be a torch dtype of floating point, such as torch.float64, got "):
        request.getfixturevalue(name).distribution(dtype=dtype)


@pytest.mark.parametrize("context", [[2.0], np.array([2.0]), (np.float32(2),), [[2], [3]]], ids=repr)
def test_a_context_may_be_a_list_or_an_array(conditional, context):
    given = torch.tensor(np.array(context), dtype=torch.float32)
    x = torch.zeros(2)

    for law in (conditional.given(context), FlowDistribution(conditional.flow, context)):
        assert law.batch_shape == given.shape[:-1]
        torch.testing.assert_close(law.log_prob(x), conditional.given(given).log_prob(x))


def test_a_context_that_is_a_tensor_is_taken_as_it_is(conditional):
    given = torch.ones(3, 1, requires_grad=True)

    assert conditional.given(given).context is given


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        (["two"], r"context must be numbers, of shape \(C,\) or \(\*batch, C\), got an array of <U3"),
        ([[1.0], [1.0, 2.0]], "parts of unlike shapes"),
        ([np.nan], "not finite"),
        ([1.0, 2.0], "wants 1 context features"),
        (2.0, "wants 1 context features"),
    ],
    ids=range(5),
)
def test_a_context_that_cannot_be(conditional, context, sentence):
    with pytest.raises(InputError, match=sentence):
        conditional.given(context)


def test_words_for_a_context_of_a_fitted_model():
    model = RealNVP("affine", **QUICK).fit(X[:, :1], context=X[:, 1:])
    with pytest.raises(InputError, match="context must be numbers"):
        model.distribution([["two"]])


@pytest.mark.parametrize("made", [RealNVP(), BoltzmannGenerator(2)], ids=lambda made: type(made).__name__)
def test_an_estimator_is_no_flow(made):
    with pytest.raises(InputError, match=f"got {type(made).__name__}: the law of a fitted estimator is its .distribut"):
        FlowDistribution(made)


@pytest.mark.parametrize("made", [ImageRealNVP(), torch.nn.Linear(2, 2), None, Flow], ids=range(4))
def test_what_else_is_no_flow(made):
    with pytest.raises(InputError, match=r"is made from a realnvp.Flow, got (the class )?\w+: pass the flow itself"):
        FlowDistribution(made)


def test_a_law_is_no_flow(conditional):
    with pytest.raises(InputError, match=r"got (Pyro)?FlowDistribution: pass the flow itself"):
        FlowDistribution(conditional)


def test_a_compiled_flow_is_one():
    flow, x = real_nvp(2, layers=1, hidden=(8,)), torch.zeros(3, 2)

    torch.testing.assert_close(FlowDistribution(torch.compile(flow, backend="eager")).log_prob(x), flow.log_prob(x))
