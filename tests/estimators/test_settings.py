import numpy as np
import pytest
import torch
from torch import nn

from realnvp import InputError, RealNVP
from realnvp.estimators.parts.build import architecture, build
from realnvp.estimators.parts.settings import budget, epochs, settings
from realnvp.transforms import Coupling

CPU = torch.device("cpu")


def chosen(rows, features, context=0, **params):
    return settings(RealNVP(**params), rows, features, context, CPU)


@pytest.mark.parametrize(
    ("rows", "features", "kernels", "layers", "dropout", "most"),
    [
        (1000, 40, ["spline", "affine"], [4, 6], 0.3, 8),
        (5000, 10, ["spline", "affine"], [4, 6], 0.2, 8),
        (19_999, 10, ["spline", "affine"], [4, 6], 0.05, 8),
        (20_001, 10, ["spline", "affine"], [4, 6], 0.0, 1),
        (100_000, 10, ["spline", "affine"], [4, 6], 0.0, 1),
        (50_000, 48, ["affine", "affine"], [10, 6], 0.096, 1),
        (5000, 1, ["spline"], [4], 0.0, 8),
        (10, 2, ["spline", "affine"], [4, 6], 0.3, 8),
    ],
)
def test_the_rule_by_rows_and_columns(rows, features, kernels, layers, dropout, most):
    kinds, count = chosen(rows, features)

    assert [k.kernel for k in kinds] == kernels
    assert [k.layers for k in kinds] == layers
    assert kinds[0].dropout == pytest.approx(dropout)
    assert count == most
    assert [k.decay for k in kinds] == [0.0, 10.0][: len(kinds)]
    assert {k.width for k in kinds} == {64}


@pytest.mark.parametrize(("features", "gain"), [(2, 2.0), (47, 2.0), (48, 1.4), (200, 1.4)])
def test_first_weights_are_larger_than_torchs_by_the_columns(features, gain):
    """Torch draws them evenly up to one over the root of the inputs."""
    (kind, *_), _ = chosen(50_000, features)
    flow = build(architecture(kind, [np.zeros((10, features))], marginals=False), 0)
    hidden = [[m for m in c.net if isinstance(m, nn.Linear)][:-1] for c in flow.modules() if isinstance(c, Coupling)]

    assert len(hidden) == kind.layers
    for layer in (layer for layers in hidden for layer in layers):
        assert float(layer.weight.detach().abs().max()) * layer.in_features**0.5 == pytest.approx(gain, rel=0.1)


def test_what_is_said_is_done():
    kinds, count = chosen(1000, 5, kernel="affine", layers=3, width=17, dropout=0.1)

    assert [(k.kernel, k.layers, k.width, k.dropout) for k in kinds] == [("affine", 3, 17, 0.1)]
    assert count == 1
    assert chosen(1000, 5, kernel="affine", members=3)[1] == 3
    assert chosen(10**6, 5, members=2)[1] == 2
    assert chosen(1000, 5, early_stopping=False)[1] == 1


def test_context_counts_as_columns_and_makes_one_column_two_kinds():
    assert chosen(5000, 1, 4)[0][0].dropout == pytest.approx(0.1)
    assert len(chosen(5000, 1, 4)[0]) == 2


def test_constant_memory_has_no_dropout():
    assert chosen(1000, 5, memory="constant")[0][0].dropout == 0
    with pytest.raises(InputError, match="leave dropout out"):
        chosen(1000, 5, memory="constant", dropout=0.1)


def test_steps_are_limited_by_time_where_there_is_a_limit_of_time():
    assert budget(RealNVP()) == 3000
    assert budget(RealNVP(max_time=5)) > 10**8
    assert budget(RealNVP(max_time=5, max_steps=70)) == 70


def test_one_flow_sees_a_small_table_four_hundred_times_at_most():
    assert epochs(RealNVP(), 5120) == 4000
    assert epochs(RealNVP(), 100) == 400
    assert epochs(RealNVP(batch_size=100), 50) == 400
    assert epochs(RealNVP(early_stopping=False), 5120) > 10**8


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"dropout": 1.0}, r"dropout must lie in \[0, 1\)"),
        ({"dropout": True}, "dropout"),
        ({"marginals": "yes"}, "marginals must be True, False or 'auto'"),
        ({"members": 0}, "members must be a whole number of at least 1"),
        ({"width": "wide"}, "width must be a whole number"),
        ({"kernel": "splines"}, "unknown kernel 'splines'"),
        ({"kernel": "none"}, "unknown kernel 'none'"),
    ],
)
def test_what_makes_no_sense_is_said(params, sentence):
    with pytest.raises(InputError, match=sentence):
        RealNVP(**params, max_steps=2, verbose=False).fit([[0.1 * i, (i % 7) * 0.3] for i in range(30)])
