import copy
import functools

import numpy as np
import pytest
import torch
from scipy import stats

from realnvp import InputError, RealNVP
from realnvp.data import toy

QUICK = {"max_steps": 30, "layers": 3, "width": 16, "verbose": False, "random_state": 0, "device": "cpu", "members": 1}


@pytest.fixture(scope="module")
def moons():
    return toy("moons").sample(1500, 0)


@pytest.fixture(scope="module")
def fitted(moons):
    return RealNVP(**QUICK | {"max_steps": 200}).fit(moons)


@pytest.mark.parametrize("kernel", ["additive", "affine", "spline"])
@pytest.mark.parametrize("base", ["normal", "logistic", "mixture"])
def test_density_integrates_to_one_in_the_units_of_the_data(kernel, base, moons):
    X = moons * [10.0, 0.01] + [100.0, -5.0]
    model = RealNVP(**QUICK | {"kernel": kernel, "base": base}).fit(X)
    low, high = X.mean(0) - 8 * X.std(0), X.mean(0) + 8 * X.std(0)
    xs, ys = (np.linspace(a, b, 400) for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    mass = np.exp(model.score_samples(grid)).sum() * (xs[1] - xs[0]) * (ys[1] - ys[0])

    assert mass == pytest.approx(1, abs=0.01)


def test_one_column_is_learnt_and_integrates_to_one():
    X = np.random.default_rng(0).exponential(size=(2000, 1)) * 1e6
    model = RealNVP(**QUICK | {"kernel": "spline", "max_steps": 200}).fit(X)
    xs = np.linspace(0, 4e7, 400_001)  # no column of rows that all lie above 0 and densest there goes below it
    mass = np.exp(model.score_samples(xs[:, None])).sum() * (xs[1] - xs[0])

    assert mass == pytest.approx(1, abs=1e-3)
    assert -model.score(X) < -stats.norm(*X.T.mean(1), X.std()).logpdf(X).mean() - 0.1


def test_rescaling_the_data_moves_the_density_by_the_jacobian(moons):
    scale = np.array([1e8, 1e-6])
    small, large = RealNVP(**QUICK).fit(moons), RealNVP(**QUICK).fit(moons * scale)

    np.testing.assert_allclose(
        large.score_samples(moons * scale), small.score_samples(moons) - np.log(scale).sum(), rtol=1e-3, atol=1e-3
    )


def test_untrained_model_is_the_normal_of_the_data(moons):
    model = RealNVP(**QUICK | {"max_steps": 0, "validation_fraction": 0.0, "marginals": False}).fit(moons)
    exact = stats.norm(moons.mean(0), moons.std(0)).logpdf(moons).sum(1)

    np.testing.assert_allclose(model.score_samples(moons), exact, atol=1e-5)


def test_training_beats_the_start_on_rows_it_never_saw(moons, fitted):
    start = RealNVP(**QUICK | {"max_steps": 0}).fit(moons)
    fresh = toy("moons").sample(2000, 7)

    assert fitted.score(fresh) > start.score(fresh) + 0.3


def test_score_is_the_mean_of_score_samples(fitted, moons):
    assert fitted.score(moons) == pytest.approx(fitted.score_samples(moons).mean())
    assert fitted.score_samples(moons).dtype == np.float64


def test_transform_and_inverse_transform_undo_each_other(fitted, moons):
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(moons)), moons, atol=1e-10)


def test_density_is_that_of_the_latent_under_the_change_of_variables(fitted, moons):
    x = torch.as_tensor(moons[:20])
    flow = copy.deepcopy(fitted.flow_).double()
    jacobian = torch.func.vmap(torch.func.jacrev(lambda v: flow(v[None])[0][0]))(x)
    z = torch.as_tensor(fitted.transform(moons[:20]))
    exact = stats.norm.logpdf(z).sum(1) + torch.linalg.slogdet(jacobian).logabsdet.detach().numpy()

    np.testing.assert_allclose(fitted.score_samples(moons[:20]), exact, atol=1e-9)


def test_samples_follow_the_density(fitted):
    X = fitted.sample(20_000, random_state=1)
    middle = (np.arange(300) + 0.5) * 1.5 / 300
    cells = np.stack(np.meshgrid(middle, middle), -1).reshape(-1, 2)
    mass = np.exp(fitted.score_samples(cells)).sum() * (1.5 / 300) ** 2
    share = ((X > 0) & (X < 1.5)).all(1).mean()

    assert share == pytest.approx(mass, abs=4 * np.sqrt(mass / 20_000))


def test_same_seed_same_numbers(moons):
    one, two = RealNVP(**QUICK).fit(moons), RealNVP(**QUICK).fit(moons)
    other = RealNVP(**QUICK | {"random_state": 1}).fit(moons)

    assert np.array_equal(one.score_samples(moons), two.score_samples(moons))
    assert np.array_equal(one.sample(10, random_state=3), two.sample(10, random_state=3))
    assert not np.array_equal(one.sample(10, random_state=3), one.sample(10, random_state=4))
    assert not np.array_equal(one.score_samples(moons), other.score_samples(moons))


def test_no_global_state_is_touched(moons):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global generator is what is being watched
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads(), torch.get_default_dtype()  # noqa: NPY002
    RealNVP(**QUICK | {"random_state": None}).fit(moons).sample(3)
    after = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads(), torch.get_default_dtype()  # noqa: NPY002

    assert torch.equal(before[0], after[0])
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_sample_in_pieces_is_the_sample_in_one(fitted):
    pieces = list(fitted.iter_samples(40_000, random_state=2))

    assert len(pieces) > 1
    assert np.array_equal(np.concatenate(pieces), fitted.sample(40_000, random_state=2))


def test_conditional_density_follows_its_context():
    rng = np.random.default_rng(0)
    C = rng.uniform(-1, 1, (4000, 1))
    X = 3 * C + 0.1 * rng.normal(size=(4000, 1))
    model = RealNVP(**QUICK | {"max_steps": 600, "width": 32}).fit(X, context=C)

    assert model.sample(2000, context=[0.5], random_state=0).mean() == pytest.approx(1.5, abs=0.05)
    assert model.sample(2000, context=[-0.5], random_state=0).std() == pytest.approx(0.1, abs=0.03)
    assert model.score_samples([[1.5]], context=[[0.5]])[0] > 1
    assert model.score_samples([[1.5]], context=[[-0.5]])[0] < -5
    np.testing.assert_allclose(model.inverse_transform(model.transform(X, context=C), context=C), X, atol=1e-9)


def test_context_is_asked_for_and_refused_in_words(fitted, moons):
    given = RealNVP(**QUICK).fit(moons, context=moons[:, :1])

    with pytest.raises(InputError, match="fitted with 1 context columns: pass context="):
        given.score_samples(moons)
    with pytest.raises(InputError, match="context has 2 columns, the model was fitted with 1"):
        given.sample(5, context=[1.0, 2.0])
    with pytest.raises(InputError, match="without context"):
        fitted.score_samples(moons, context=moons)
    with pytest.raises(InputError, match="context has 3 rows, the data 1500"):
        RealNVP(**QUICK).fit(moons, context=moons[:3])
    with pytest.raises(InputError, match="it holds text: give a column of 0 and 1 for each"):
        RealNVP(**QUICK).fit(moons, context=np.full((len(moons), 1), "left"))


def test_history_is_in_nats_of_the_data(moons):
    model = RealNVP(**QUICK | {"max_steps": 60}).fit(moons * 1000)
    records = model.history_

    assert [r["step"] for r in records] == sorted({r["step"] for r in records})
    assert records[-1]["step"] == 60
    assert records[-1]["best"] == pytest.approx(-model.score(moons * 1000), abs=0.3)
    assert records[0]["held_out"] == pytest.approx(2 * np.log(1000) + 1.9, abs=1.0)


def test_fit_keeps_to_max_time(moons):
    model = RealNVP(**QUICK | {"max_steps": 10**7, "max_time": 2.0, "early_stopping": False}).fit(moons)

    assert model.stopped_by_ == "max_time"
    assert model.history_[-1]["seconds"] == pytest.approx(2.0, rel=0.25)


def test_callbacks_see_each_record_and_may_end_the_fit(moons):
    seen = []
    model = RealNVP(**QUICK | {"callbacks": [lambda r: seen.append(r.step) or len(seen) == 3]}).fit(moons)

    assert len(seen) == 3
    assert model.stopped_by_ == "callback"


def test_an_interrupt_leaves_the_best_model_in_place(moons):
    def interrupt(record):
        if record.step > 10:
            raise KeyboardInterrupt

    model = RealNVP(**QUICK | {"callbacks": [interrupt]})
    with pytest.raises(KeyboardInterrupt):
        model.fit(moons)

    assert model.stopped_by_ == "interrupt"
    assert np.isfinite(model.score_samples(moons)).all()


def test_a_fit_that_fails_leaves_the_model_as_it_was(moons):
    model = RealNVP(**QUICK).fit(moons)
    before = vars(model).copy()
    with pytest.raises(ValueError, match="x2"):
        model.fit(np.column_stack((moons, np.ones(len(moons)))))

    assert vars(model) == before


def test_fits_a_stream_of_fresh_rows():
    rng = np.random.default_rng(0)
    model = RealNVP(**QUICK | {"max_steps": 300}).fit_stream(lambda n: rng.normal(2, 3, (n, 2)))

    np.testing.assert_allclose(model.sample(5000, random_state=0).mean(0), 2, atol=0.3)


def test_bfloat16_conditioners_keep_exact_inversion(moons):
    model = RealNVP(**QUICK | {"precision": "bf16"}).fit(moons)
    x = torch.as_tensor(moons, dtype=torch.float32)
    z, ladj = model.flow_(x)
    back, ladj_back = model.flow_.inverse(z)

    assert ladj.dtype == torch.float32
    torch.testing.assert_close(back, x, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ladj_back, -ladj, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1e8, 1e30])
def test_scale_and_offset_of_the_data_do_not_matter(scale, moons):
    model = RealNVP(**QUICK).fit(moons * scale)
    score = model.score_samples(moons * scale) + 2 * np.log(scale)

    np.testing.assert_allclose(score, RealNVP(**QUICK).fit(moons).score_samples(moons), rtol=0.01, atol=0.05)


def test_far_points_get_a_large_finite_negative_log_density(fitted):
    far = fitted.score_samples([[1e6, -1e6], [1e4, 0]])

    assert np.isfinite(far).all()
    assert (far < -100).all()


def test_a_compiled_step_trains_the_same_model(moons, monkeypatch):
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    plain, compiled = (RealNVP(**QUICK, dropout=0.0, compile=c).fit(moons) for c in (False, True))

    np.testing.assert_allclose(compiled.score_samples(moons[:9]), plain.score_samples(moons[:9]), rtol=1e-3)
