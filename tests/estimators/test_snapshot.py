"""A model looked at from a callback, while it is trained."""

import pickle

import numpy as np
import pytest
import torch

from realnvp import BoltzmannGenerator, ImageRealNVP, RealNVP
from realnvp.errors import InputError
from realnvp.potentials import DoubleWell

X = np.random.default_rng(0).normal(size=(400, 2)) * [1, 3]
PICTURES = np.random.default_rng(0).integers(0, 4, (60, 4, 4), dtype=np.uint8)
QUICK = {"max_steps": 60, "layers": 2, "width": 8, "verbose": False, "compile": False, "random_state": 0}
CASES = {
    "table": (RealNVP, {"kernel": "affine"}, X, lambda m: m.score(X)),
    "members": (RealNVP, {"members": 2, "max_steps": 120}, X, lambda m: m.score(X)),
    "energy": (BoltzmannGenerator, {"n_features": 2, "particles": 200}, DoubleWell(), lambda m: m.log_normalizer_),
    "pictures": (ImageRealNVP, {"levels": 4, "layers": 1}, PICTURES, lambda m: m.bits_per_dim(PICTURES).value),
    "noise": (
        ImageRealNVP,
        {"levels": 4, "layers": 1, "dequantisation": "variational"},
        PICTURES,
        lambda m: m.bits_per_dim(PICTURES).value,
    ),
}


@pytest.mark.filterwarnings("ignore:the weights have too heavy a tail")
@pytest.mark.parametrize("case", CASES)
def test_a_snapshot_is_a_model_that_learns_no_more_and_disturbs_nothing(case, tmp_path):
    kind, params, data, figure = CASES[case]
    plain, records, seen = kind(**QUICK | params).fit(data), [], []
    model = kind(**QUICK | params)

    def look(record):
        records.append(record)
        if len(records) in (3, 8):
            seen.append((model.snapshot(), record))

    model.callbacks = [look]
    model.fit(data)
    early, record = seen[0]
    before = figure(early)
    early.save(tmp_path / "run")

    assert all(
        torch.equal(weights, model.flow_.state_dict()[name]) for name, weights in plain.flow_.state_dict().items()
    )
    assert early.history_[-1]["held_out"] == record.held_out
    assert early.stopped_by_ == ""
    assert figure(early) == before != figure(seen[1][0])
    assert figure(kind.load(tmp_path / "run")) == pytest.approx(before, abs=1e-6)


def test_a_snapshot_is_for_callbacks_and_nothing_of_it_stays():
    model = RealNVP(**QUICK, kernel="affine").fit(X)

    with pytest.raises(InputError, match="is for a callback while fit runs"):
        model.snapshot()
    assert "_now" not in vars(pickle.loads(pickle.dumps(model)))
