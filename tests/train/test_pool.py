"""The pool of weighted points."""

import math

import torch

from realnvp.train.pool import Pool


def lot(value, n=4):
    return torch.full((n, 2), value), torch.full((n,), value), torch.full((n,), -value)


def test_it_keeps_the_last_lots():
    pool = Pool(2)
    for value in (1.0, 2.0, 3.0):
        pool.add(*lot(value))
    x, log_w, log_r = pool.draw(200, torch.Generator().manual_seed(0))

    assert len(pool) == 8
    assert set(x.flatten().tolist()) == {2.0, 3.0}
    assert torch.equal(x[:, 0], log_w)
    assert torch.equal(log_w, -log_r)


def test_a_held_lot_stays_until_another_takes_its_place():
    pool = Pool(2)
    pool.hold(*lot(-1.0))
    for value in (1.0, 2.0, 3.0):
        pool.add(*lot(value))

    assert len(pool) == 12
    assert set(pool.draw(300, torch.Generator().manual_seed(0))[1].tolist()) == {-1.0, 2.0, 3.0}
    pool.hold(*lot(-2.0))
    assert set(pool.draw(300, torch.Generator().manual_seed(0))[1].tolist()) == {-2.0, 2.0, 3.0}


def test_points_without_weight_stay_out():
    pool = Pool()
    x, log_w, log_r = lot(1.0)
    log_w[0], x[1, 0], log_w[2] = -math.inf, math.nan, math.nan
    pool.add(x, log_w, log_r)

    assert len(pool) == 1
    assert torch.isfinite(pool.draw(9)[0]).all()


def test_a_lot_without_weight_changes_nothing():
    pool = Pool(1)
    pool.add(*lot(1.0))
    x, log_w, log_r = lot(2.0)
    pool.add(x, log_w - math.inf, log_r)

    assert set(pool.draw(9)[1].tolist()) == {1.0}


def test_the_same_seed_draws_the_same():
    pool = Pool()
    pool.add(torch.arange(20.0).reshape(10, 2), torch.zeros(10), torch.zeros(10))
    one, two = (pool.draw(5, torch.Generator().manual_seed(3))[0] for _ in range(2))

    assert torch.equal(one, two)
