"""Pictures given labels or features."""

import numpy as np
import pytest
from spots import GREY, QUICK, blobs, labels

from realnvp import ImageRealNVP, InputError

RNG = np.random.default_rng(0)


def test_a_label_decides_what_is_drawn(by_label):
    drawn = by_label.sample(1000, context=np.repeat([0, 1], 500), random_state=0)

    assert labels(drawn[500:]).mean() > labels(drawn[:500]).mean() + 0.1  # three standard errors
    np.testing.assert_array_equal(by_label.classes_, [0, 1])


def test_the_right_label_makes_a_picture_likelier(by_label):
    fresh = blobs(200, seed=8)
    right, wrong = (by_label.bits_per_dim(fresh, c).value for c in (labels(fresh), 1 - labels(fresh)))

    assert right < wrong - 0.1


def test_contexts_are_wanted_and_known(by_label, fitted):
    with pytest.raises(InputError, match="fitted with 2 context columns"):
        by_label.sample(3)
    with pytest.raises(InputError, match="context 7 is no class the model has seen: 0, 1"):
        by_label.sample(3, context=7)
    with pytest.raises(InputError, match="one label for each of the 5 pictures"):
        by_label.bits_per_dim(GREY[:5], [0, 1])
    with pytest.raises(InputError, match="fitted without context"):
        fitted.sample(3, context=1)
    with pytest.raises(AttributeError, match="not fitted with labels"):
        fitted.classes_  # noqa: B018


@pytest.mark.parametrize("names", [["up", "down"], np.array([b"up", b"down"]), np.array(["up", "down"], object)])
def test_labels_may_be_words(names, tmp_path):
    given = np.asarray(names)[labels(GREY)]
    model = ImageRealNVP(**QUICK).fit(GREY, context=given)
    model.save(tmp_path / "run")

    assert model.classes_.tolist() == ["down", "up"]
    assert ImageRealNVP.load(tmp_path / "run").sample(2, "up", random_state=0).shape == (2, 8, 8)


@pytest.mark.parametrize("wrong", [np.linspace(0, 1, 300), np.array([None] * 300)], ids=["numbers", "nothing"])
def test_what_is_no_label_gets_a_sentence(wrong):
    with pytest.raises(InputError, match="is no list of labels"):
        ImageRealNVP(**QUICK).fit(GREY, context=wrong)


def test_features_are_contexts_too():
    features = labels(GREY)[:, None] + RNG.normal(0, 0.1, (300, 2))
    model = ImageRealNVP(**QUICK | {"max_steps": 2}).fit(GREY, context=features)

    assert model.sample(3, context=[0.5, 0.5], random_state=0).shape == (3, 8, 8)
    assert model.sheets_[0].shape == (64, 8, 8)


def test_a_path_between_labels_goes_between_their_contexts(by_label):
    path = by_label.interpolate(GREY[0], GREY[1], 4, context=labels(GREY[:2]))

    np.testing.assert_array_equal(path[[0, -1]], GREY[:2])
