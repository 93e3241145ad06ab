"""What every transform and every recipe promises, checked against autodiff and against itself run backwards."""

import copy
import math
import pickle
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from realnvp.flow import Flow
from realnvp.transforms import BatchNorm, Coupling, Inverse, Transform

BOTH = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
BATCHES = [(), (0,), (1,), (5,), (2, 3), (0, 2)]
SPECIAL = [0.0, 5e-324, 1e-310, 1e-45, 1e-40, 1e-30, 1e-8, 0.5, 1.0, 2.0, 3.0, 3.5, 40.0, 1e3, 1e6]


def close(dtype):
    """Tolerances of a round trip."""
    return {"rtol": 1e-9, "atol": 1e-9} if dtype == torch.float64 else {"rtol": 2e-4, "atol": 2e-4}


def log_det(function, rows, contexts):
    """``log |det|`` of the Jacobian by autodiff, row by row."""
    size = rows[0].numel()

    def one(x, c):
        return function(x, c)[0]

    axes = (0, None if contexts is None else 0)
    jacobians = torch.func.vmap(torch.func.jacrev(one), axes)(rows, contexts)
    return torch.linalg.slogdet(jacobians.reshape(len(rows), size, size)).logabsdet


def special(shape, interval, dtype):
    """Rows of extreme numbers: zeros, subnormals, huge ones, a spline's edges; of an interval its edges too."""
    if interval is None:
        edge, infinity = torch.tensor(3.0, dtype=dtype), torch.tensor(math.inf, dtype=dtype)
        steps = torch.stack((torch.nextafter(edge, -infinity), torch.nextafter(edge, infinity)))
        positive = torch.cat((torch.tensor(SPECIAL, dtype=dtype), steps))
        values = torch.cat((positive, -positive))
    else:
        low, high = (torch.as_tensor(v, dtype=dtype) for v in interval)
        values = torch.stack([low, torch.nextafter(low, high), (low + high) / 2, torch.nextafter(high, low), high])
    values = values.reshape(len(values), *(1,) * (1 + len(shape) - values.dim()), *values.shape[1:])
    values = values.expand(-1, *shape).reshape(len(values), -1)
    order = torch.rand(120, values.shape[1], generator=torch.Generator().manual_seed(5)).argsort(0) % len(values)
    return values.gather(0, order).reshape(-1, *shape)


@BOTH
def test_inverse_undoes_forward(case, context, dtype):
    t = case.ready(dtype)
    x, c = case.x(20, dtype=dtype), context(t, 20, dtype=dtype)
    z, down = t(x, c)
    back, up = t.inverse(z, c)

    torch.testing.assert_close(back, x, **close(dtype))
    torch.testing.assert_close(up, -down, **close(dtype))


@BOTH
def test_forward_undoes_inverse(case, context, dtype):
    t = case.ready(dtype)
    z, c = case.z(20, dtype=dtype), context(t, 20, dtype=dtype)
    x, up = t.inverse(z, c)
    again, down = t(x, c)

    torch.testing.assert_close(again, z, **close(dtype))
    torch.testing.assert_close(down, -up, **close(dtype))


def test_ladj_is_the_log_det_of_the_jacobian(case, context):
    t = case.ready()
    x, c = case.x(4, dtype=torch.float64), context(t, 4, dtype=torch.float64)

    torch.testing.assert_close(t(x, c)[1], log_det(t, x, c), rtol=1e-8, atol=1e-8)


def test_ladj_of_the_inverse_is_the_log_det_of_its_jacobian(case, context):
    t = case.ready()
    z, c = case.z(4, dtype=torch.float64), context(t, 4, dtype=torch.float64)

    torch.testing.assert_close(t.inverse(z, c)[1], log_det(t.inverse, z, c), rtol=1e-8, atol=1e-8)


def test_values_keep_shape_and_dtype_and_ladj_has_the_shape_of_the_batch(kind, context):
    ready = {dtype: kind.ready(dtype) for dtype in (torch.float32, torch.float64)}
    for (dtype, t), batch in product(ready.items(), BATCHES):
        c = context(t, *batch, dtype=dtype)
        for move, given in ((t, kind.x(*batch, dtype=dtype)), (t.inverse, kind.z(*batch, dtype=dtype))):
            moved, ladj = move(given, c)

            assert moved.shape == given.shape
            assert ladj.shape == batch
            assert moved.dtype == ladj.dtype == dtype


def test_rows_do_not_see_one_another(kind, context):
    t = kind.ready()
    c = context(t, 2, 3, dtype=torch.float64)
    for move, given in ((t, kind.x(2, 3, dtype=torch.float64)), (t.inverse, kind.z(2, 3, dtype=torch.float64))):
        moved, ladj = move(given, c)
        for i, j in product(range(2), range(3)):
            one = move(given[i, j], None if c is None else c[i, j])

            torch.testing.assert_close((moved[i, j], ladj[i, j]), one, rtol=1e-11, atol=1e-11)


def test_one_context_serves_all_rows(kind, context):
    t = kind.ready()
    c = context(t, dtype=torch.float64)
    if c is None:
        return
    for move, given in ((t, kind.x(2, 3, dtype=torch.float64)), (t.inverse, kind.z(2, 3, dtype=torch.float64))):
        torch.testing.assert_close(move(given, c), move(given, c.expand(2, 3, -1)), rtol=1e-12, atol=1e-12)


def test_context_matters(kind, context):
    t = kind.ready()
    c = context(t, 5, dtype=torch.float64)
    if c is None:
        return
    x = kind.x(5, dtype=torch.float64)

    assert not torch.allclose(t(x, c)[0], t(x, c.flip(0))[0])


def test_memory_layout_does_not_matter(kind, context):
    t = kind.ready()
    c = context(t, 5, dtype=torch.float64)
    for move, given in ((t, kind.x(5, dtype=torch.float64)), (t.inverse, kind.z(5, dtype=torch.float64))):
        strided = torch.stack((given, given + 1), -1)[..., 0]

        torch.testing.assert_close(move(strided, c), move(given, c), rtol=1e-12, atol=1e-12)


def test_one_network_call_in_each_direction(kind, context):
    t = kind.ready()
    calls: list[nn.Module] = []
    couplings = [m for m in t.modules() if isinstance(m, Coupling)]
    for coupling in couplings:
        coupling.net.register_forward_hook(lambda net, *_: calls.append(net))
    c = context(t, 3, dtype=torch.float64)
    for move, given in ((t, kind.x(3, dtype=torch.float64)), (t.inverse, kind.z(3, dtype=torch.float64))):
        calls.clear()
        move(given, c)

        assert sorted(map(id, calls)) == sorted(id(coupling.net) for coupling in couplings)


def test_compiled_whole_it_gives_the_same(traced, context):
    t = traced.ready()
    torch._dynamo.reset()
    x, z, c = traced.x(5, dtype=torch.float64), traced.z(5, dtype=torch.float64), context(t, 5, dtype=torch.float64)

    def both(x, z, c):
        return t(x, c), t.inverse(z, c)

    torch.testing.assert_close(
        torch.compile(both, fullgraph=True, backend="eager")(x, z, c), both(x, z, c), rtol=1e-12, atol=1e-12
    )


def test_copies_and_pickles_give_the_same(kind, context):
    t = kind.ready()
    x, c = kind.x(5, dtype=torch.float64), context(t, 5, dtype=torch.float64)
    for twin in (copy.deepcopy(t), pickle.loads(pickle.dumps(t))):
        torch.testing.assert_close(twin(x, c), t(x, c), rtol=0, atol=0)

        for mine, theirs in zip(t.parameters(), twin.parameters(), strict=True):
            assert mine is not theirs


def test_state_goes_into_a_freshly_built_one(kind, context):
    t = kind.ready()
    torch.manual_seed(7)
    fresh = kind.build().double().eval()
    fresh.load_state_dict(t.state_dict())
    x, z, c = kind.x(5, dtype=torch.float64), kind.z(5, dtype=torch.float64), context(t, 5, dtype=torch.float64)

    torch.testing.assert_close(fresh(x, c), t(x, c), rtol=0, atol=0)
    torch.testing.assert_close(fresh.inverse(z, c), t.inverse(z, c), rtol=0, atol=0)


def test_nothing_given_is_changed(kind, context):
    t = kind.ready()
    x, z, c = kind.x(5, dtype=torch.float64), kind.z(5, dtype=torch.float64), context(t, 5, dtype=torch.float64)
    given = [v for v in (x, z, c, *t.state_dict().values()) if v is not None]
    before = [v.clone() for v in given]
    first = [v.detach() for v in (*t(x, c), *t.inverse(z, c))]
    kept = [v.clone() for v in first]
    t(z if kind.domain is None else x.flip(0), c)
    t.inverse(x if kind.image is None else z.flip(0), c)

    torch.testing.assert_close(given, before, rtol=0, atol=0)
    torch.testing.assert_close(first, kept, rtol=0, atol=0)


def test_every_parameter_gets_a_finite_gradient(kind, context):
    t = kind.ready()
    c = context(t, 5, dtype=torch.float64)
    moved = t.transform if isinstance(t, Flow) else t
    for move, given in ((moved, kind.x(5, dtype=torch.float64)), (moved.inverse, kind.z(5, dtype=torch.float64))):
        t.zero_grad()
        values, ladj = move(given, c)
        if any(p.requires_grad for p in moved.parameters()):
            (values.square().sum() + ladj.sum()).backward()

        for name, p in moved.named_parameters():
            assert p.grad is not None, name
            assert torch.isfinite(p.grad).all(), name


def test_all_of_it_moves_to_another_device(kind):
    t = kind.ready().to("meta")

    for name, value in (*t.named_parameters(), *t.named_buffers()):
        assert value.is_meta, name
    for module in t.modules():
        holders = (module, getattr(module, "kernel", module), getattr(module, "split", module))
        stray = [k for h in holders for k, v in vars(h).items() if isinstance(v, Tensor)]

        assert not stray, f"{type(module).__name__} keeps {stray} out of its state"


@BOTH
def test_extreme_numbers_stay_finite(kind, context, dtype):
    t = kind.ready(dtype)
    x, z = kind.into(special(kind.shape, kind.domain, dtype)), special(kind.shape, kind.image, dtype)
    c = context(t, len(x), dtype=dtype)
    for move, given in ((t, x), (t.inverse, z)):
        moved, ladj = move(given, c)

        assert torch.isfinite(moved).all()
        assert torch.isfinite(ladj).all()


def test_it_starts_at_the_identity(coupled, context):
    torch.manual_seed(8)
    t = coupled.build().double().eval()
    eps = 1e-4 if any(isinstance(m, BatchNorm) for m in t.modules()) else 1e-12  # its own eps moves a batch norm
    x, c = coupled.x(50, dtype=torch.float64), context(t, 50, dtype=torch.float64)
    for move in (t, t.inverse):
        moved, ladj = move(x, c)

        torch.testing.assert_close(moved, x, rtol=eps, atol=eps)
        torch.testing.assert_close(ladj, torch.zeros_like(ladj), rtol=0, atol=eps)


def test_inv_exchanges_the_directions(transform, context):
    t = transform.ready()
    x, z, c = (
        transform.x(5, dtype=torch.float64),
        transform.z(5, dtype=torch.float64),
        context(t, 5, dtype=torch.float64),
    )

    assert t.inv.inv is t or isinstance(t, Inverse)  # a view's own view is the transform, seen anew each time
    assert isinstance(t.inv, Transform)
    assert (t.inv.event_dim, t.inv.context) == (t.event_dim, t.context)
    torch.testing.assert_close(t.inv(z, c), t.inverse(z, c), rtol=0, atol=0)
    torch.testing.assert_close(t.inv.inverse(x, c), t(x, c), rtol=0, atol=0)


def test_event_dim_counts_the_axes_of_an_event(transform):
    assert transform.build().event_dim == len(transform.shape)


def test_calibrate_returns_what_forward_gives_without_gradients(transform, context):
    t = transform.ready()
    if isinstance(t, Inverse) and t.inv.set_from_data:  # it says so: see tests/transforms
        return
    x, c = transform.x(30, dtype=torch.float64), context(t, 30, dtype=torch.float64)
    z = t.calibrate(x, c)

    assert not z.requires_grad
    torch.testing.assert_close(z, t(x, c)[0], rtol=1e-12, atol=1e-12)  # without gradients a product may round anew


def test_a_recipe_gives_the_density_of_its_parts(recipe, context):
    flow = recipe.ready()
    x, c = recipe.x(6, dtype=torch.float64), context(flow, 6, dtype=torch.float64)
    z, _ = flow.transform(x, c)

    torch.testing.assert_close(flow.log_prob(x, c), flow.base.log_prob(z) + log_det(flow, x, c), rtol=1e-9, atol=1e-9)
