"""RealNVP among scikit-learn's transformers: in pipelines, beside others, under names, given a context."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

from realnvp import RealNVP, data

QUICK = {"max_steps": 5, "layers": 2, "width": 8, "members": 1, "verbose": False, "random_state": 0}


def flow(**more):
    return RealNVP("affine", **QUICK, **more)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(200, 3)), columns=list("abc"), index=[f"row {i}" for i in range(200)])


@pytest.fixture(scope="module")
def pipe(frame):
    return make_pipeline(StandardScaler(), flow()).set_output(transform="pandas").fit(frame)


def test_a_pipeline_names_its_coordinates_and_keeps_the_index(pipe, frame):
    Z = pipe.transform(frame)

    assert list(Z.columns) == list(pipe.get_feature_names_out()) == ["realnvp0", "realnvp1", "realnvp2"]
    assert list(Z.index) == list(frame.index)
    pd.testing.assert_frame_equal(Z, pipe.fit_transform(frame))


def test_a_pipeline_goes_back_and_scores(pipe, frame):
    scaled = pipe[0].transform(frame)

    np.testing.assert_allclose(np.asarray(pipe.inverse_transform(pipe.transform(frame))), frame, atol=1e-12)
    np.testing.assert_array_equal(pipe.score_samples(frame), pipe[1].score_samples(scaled))
    assert pipe.score(frame) == pipe.score_samples(frame).mean()


def test_a_classifier_learns_from_the_coordinates(frame):
    y = (frame["a"] > 0).astype(int)
    scores = cross_val_score(make_pipeline(flow(), LogisticRegression()), frame, y, cv=2)

    assert scores.min() > 0.9  # the flow of a normal law is all but linear


def test_beside_other_transformers_the_names_say_which_is_which(frame):
    union = FeatureUnion([("flow", flow()), ("same", StandardScaler())]).set_output(transform="pandas")
    part = ColumnTransformer([("flow", flow(), ["a", "b"])], remainder="passthrough").set_output(transform="pandas")

    assert list(union.fit_transform(frame).columns) == [f"flow__realnvp{i}" for i in range(3)] + [
        f"same__{name}" for name in "abc"
    ]
    assert list(part.fit_transform(frame).columns) == ["flow__realnvp0", "flow__realnvp1", "remainder__c"]


def test_a_search_picks_by_the_log_density():
    X = data.toy("moons").sample(600, 0)
    found = GridSearchCV(flow(), {"max_steps": [0, 100]}, cv=2).fit(X)

    assert found.best_params_ == {"max_steps": 100}


def test_given_a_context_it_fits_and_transforms_in_one_call(frame):
    model = flow().set_output(transform="pandas")
    Z = model.fit_transform(frame[["a", "b"]], context=frame[["c"]])

    assert list(Z.columns) == ["realnvp0", "realnvp1"]
    pd.testing.assert_frame_equal(Z, model.transform(frame[["a", "b"]], context=frame[["c"]]))


def test_a_pipeline_routes_the_context(frame):
    y = (frame["a"] > frame["c"]).astype(int)
    with config_context(enable_metadata_routing=True):
        model = flow().set_fit_request(context=True).set_transform_request(context=True)
        pipe = make_pipeline(model, LogisticRegression()).fit(frame[["a", "b"]], y, context=frame[["c"]])
        Z = pipe[0].transform(frame[["a", "b"]], context=frame[["c"]])
        said = pipe.predict(frame[["a", "b"]], context=frame[["c"]])

    np.testing.assert_array_equal(said, pipe[1].predict(Z))
