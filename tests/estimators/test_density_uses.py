"""What is done with a density: pipelines, pickles, frames, runs on the disk, and what it refuses."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from realnvp import InputError, RealNVP
from realnvp.data import toy

QUICK = {"max_steps": 30, "layers": 3, "width": 16, "verbose": False, "random_state": 0, "device": "cpu", "members": 1}


@pytest.fixture(scope="module")
def moons():
    return toy("moons").sample(1500, 0)


@pytest.fixture(scope="module")
def fitted(moons):
    return RealNVP(**QUICK | {"max_steps": 200}).fit(moons)


CHECKS = """
import sys
import warnings
warnings.simplefilter("error")
warnings.filterwarnings("ignore", ".* from others, ", UserWarning)  # of make_classification's redundant columns
from sklearn.utils.estimator_checks import check_estimator
from realnvp import RealNVP
missing = sys.argv[1]
model = RealNVP(max_steps=5, layers=2, width=8, verbose=False, random_state=0, device="cpu", missing=missing)
only = {"check_sample_weight_equivalence_on_dense_data": "its 15 rows of 30 columns are refused"}
results = check_estimator(model, expected_failed_checks=only, on_skip=None, on_fail="raise")
print({r["check_name"] for r in results if r["status"] == "xfail"} == set(only), {r["status"] for r in results})
"""


@pytest.mark.parametrize("missing", ["refuse", "marginalise"])
def test_scikit_learns_own_checks_all_pass_but_one_and_none_is_skipped(missing):
    """That one fits fewer rows than columns, and wants weights to equal repetition to the digit."""
    # SCIPY_ARRAY_API must be set before SciPy is imported, or one check skips itself
    wanted = {**os.environ, "SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", CHECKS, missing], capture_output=True, text=True, env=wanted)

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() in ("True {'passed', 'xfail'}", "True {'xfail', 'passed'}")


def test_works_in_pipeline_grid_search_clone_and_cross_validation(moons):
    X = moons[:300]
    search = GridSearchCV(RealNVP(**QUICK), {"layers": [1, 2]}, cv=2).fit(X)

    assert np.isfinite(make_pipeline(StandardScaler(), RealNVP(**QUICK)).fit(X).score(X))
    assert np.isfinite(cross_val_score(RealNVP(**QUICK), X, cv=2)).all()
    assert search.best_params_["layers"] in (1, 2)
    assert clone(search.best_estimator_).get_params()["layers"] == search.best_params_["layers"]


def test_pickles_with_the_same_density(fitted, moons):
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).score_samples(moons), fitted.score_samples(moons))


def test_frames_keep_their_names(moons):
    frame = pd.DataFrame(moons, columns=["east", "north"])
    model = RealNVP(**QUICK).fit(frame).set_output(transform="pandas")

    assert list(model.feature_names_in_) == ["east", "north"]
    assert list(model.transform(frame).columns) == ["realnvp0", "realnvp1"]
    with pytest.raises(ValueError, match="feature names"):
        model.score_samples(frame.rename(columns={"east": "west"}))


def test_saves_and_loads_the_same_density(fitted, moons, tmp_path):
    loaded = RealNVP.load(fitted.save(tmp_path / "run"))

    assert np.array_equal(loaded.score_samples(moons), fitted.score_samples(moons))
    assert np.array_equal(loaded.sample(5, random_state=0), fitted.sample(5, random_state=0))
    assert loaded.history_ == fitted.history_
    assert loaded.get_params() == fitted.get_params() | {"device": None}


def test_saves_and_loads_conditional_mixture_spline_and_names(moons, tmp_path):
    frame = pd.DataFrame(moons, columns=["east", "north"])
    model = RealNVP(**QUICK | {"kernel": "spline", "base": "mixture"}).fit(frame, context=moons[:, :1] > 0)
    loaded = RealNVP.load(model.save(tmp_path / "run"))
    given = {"context": moons[:, :1] > 0}

    assert np.array_equal(loaded.score_samples(frame, **given), model.score_samples(frame, **given))
    assert list(loaded.feature_names_in_) == ["east", "north"]


def test_saving_over_a_run_needs_force(fitted, tmp_path):
    fitted.save(tmp_path / "run")

    with pytest.raises(InputError, match="holds a run already"):
        fitted.save(tmp_path / "run")
    fitted.save(tmp_path / "run", force=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kernel": "afine"}, "unknown kernel 'afine': did you mean 'affine'?"),
        ({"base": "gauss"}, "unknown base 'gauss': choose one of logistic, mixture, normal"),
        ({"layers": 0}, "layers must be a whole number of at least 1, got 0"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"lr": -1.0}, "lr must be positive"),
        ({"lr": float("nan")}, "lr must be positive"),
        ({"max_time": 0}, "max_time must be a positive number of seconds"),
        ({"validation_fraction": 1.0}, r"validation_fraction must lie in \[0, 1\)"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"compile": "yes"}, "compile must be True, False or 'auto'"),
        ({"random_state": "a"}, "random_state must be"),
    ],
)
def test_bad_parameters_get_a_sentence(change, sentence, moons):
    with pytest.raises(InputError, match=sentence):
        RealNVP(**QUICK | change).fit(moons)


@pytest.mark.parametrize(
    ("X", "sentence"),
    [
        (np.ones((50, 2)) * [1, 2], r"column 'x0' is constant \(1\)"),
        (np.random.default_rng(0).normal(size=(3, 5)), r"too few rows \(3\) for 5 columns"),
        (np.array([[1.0, np.nan], [2.0, 3.0]] * 9), "NaN"),
        (np.array([[1.0, np.inf], [2.0, 3.0]] * 9), "infinity"),
    ],
)
def test_bad_data_gets_a_sentence(X, sentence):
    with pytest.raises(ValueError, match=sentence):
        RealNVP(**QUICK).fit(X)


def test_a_run_of_a_single_column_is_read_again(tmp_path):
    X = np.random.default_rng(0).exponential(size=(300, 1))
    model = RealNVP(kernel="spline", max_steps=2, random_state=0, verbose=False).fit(X)
    model.save(tmp_path / "run")

    np.testing.assert_array_equal(RealNVP.load(tmp_path / "run").score_samples(X), model.score_samples(X))


def test_a_run_of_a_mixture_alone_is_read_again(tmp_path):
    X = np.random.default_rng(0).normal(size=(3000, 2)) + 9 * (np.arange(3000) % 3)[:, None]
    model = RealNVP(max_steps=1, random_state=0, verbose=False).fit(X)  # a single step: clusters are the mixture's
    model.save(tmp_path / "run")

    assert model.architecture_["kernel"] == "none"
    np.testing.assert_array_equal(RealNVP.load(tmp_path / "run").score_samples(X), model.score_samples(X))
