"""The command on folders of pictures: classes, runs inside the data, and which pictures are scored."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from realnvp import ImageRealNVP
from realnvp.data.images import IMAGE_SETS, image_set, read_images

QUICK = ["--max-steps", "2", "--layers", "1", "--width", "4", "--no-figures"]
PICTURES = np.random.default_rng(0).integers(0, 256, (24, 4, 4), dtype=np.uint8)


def save_pngs(folder, pictures):
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:02}.png")


@pytest.fixture
def pets(tmp_path):
    """Two classes of twelve pictures each."""
    save_pngs(tmp_path / "pets/cat, black", PICTURES[:12])
    save_pngs(tmp_path / "pets/dog", PICTURES[12:])


def test_folders_of_classes_are_the_context_of_a_fit_by_label(realnvp, pets):
    code, out, err = realnvp("fit", "pets", *QUICK, "--by-label", "--out", "run")

    assert (code, err) == (0, "")
    assert "22 pictures of 4 x 4, 256 levels given their labels" in out
    assert "realnvp sample run -n 100 --context 'label=cat, black'" in out
    model = ImageRealNVP.load("run")
    assert model.classes_.tolist() == ["cat, black", "dog"]
    assert realnvp("sample", "run", "-n", 3, "--context", "label=dog", "--out", "dogs.npy")[0] == 0
    np.testing.assert_array_equal(np.load("dogs.npy"), model.sample(3, "dog", random_state=0))
    assert realnvp("sample", "run", "-n", 3, "--context", '"label=cat, black"', "--out", "cats.npy")[0] == 0
    assert realnvp("score", "run", "pets", "--out", "s.npy")[0] == 0
    expected = model.score_samples(PICTURES, ["cat, black"] * 12 + ["dog"] * 12)
    np.testing.assert_allclose(np.load("s.npy")[:, 0], expected)
    assert (
        "label bird is none of run: cat, black, dog"
        in realnvp("sample", "run", "--context", "label=bird", "--out", "b.npy")[2]
    )


def test_without_by_label_they_are_just_pictures(realnvp, pets):
    code, out, _ = realnvp("fit", "pets", *QUICK, "--out", "run")

    assert code == 0
    assert "22 pictures of 4 x 4, 256 levels; " in out
    assert realnvp("sample", "run", "-n", 3, "--out", "some.npy")[0] == 0


def test_numbered_folders_score_a_run_of_numbers(realnvp, tmp_path):
    digits = image_set("digits")
    realnvp("fit", "digits", *QUICK, "--by-label", "--out", "run")
    for label in (3, 7):
        save_pngs(tmp_path / f"mine/{label}", digits.test[digits.test_labels == label][:5])

    assert realnvp("score", "run", "mine", "--out", "s.npy")[0] == 0
    assert realnvp("sample", "run", "-n", 2, "--context", "label=7", "--out", "a.npy")[0] == 0


def test_pictures_without_classes_say_how_to_give_them(realnvp, tmp_path):
    save_pngs(tmp_path / "flat", PICTURES)

    assert "a folder of folders, one for each class's pictures" in realnvp("fit", "flat", *QUICK, "--by-label")[2]


@pytest.mark.parametrize("out", ["pets/run", "pets/dog/run", "runs/pets"])
def test_a_run_inside_the_data_does_not_change_what_is_read(realnvp, pets, out):
    draws = ["--max-steps", "2", "--layers", "1", "--width", "4"]
    assert realnvp("fit", "pets", *draws, "--out", out)[0] == 0
    assert Path(out, "figures/samples.png").exists()
    before = read_images(Path("pets")).train
    code, told, err = realnvp("fit", "pets", *QUICK, "--by-label", "--out", "again")

    assert (code, err) == (0, "")
    assert "22 pictures of 4 x 4, 256 levels given their labels" in told
    np.testing.assert_array_equal(before, read_images(Path("pets")).train)


@pytest.mark.parametrize("out", ["flat", "./flat/", "flat/../flat"])
def test_a_run_in_the_place_of_the_data_is_refused(realnvp, tmp_path, out):
    save_pngs(tmp_path / "flat", PICTURES)
    code, _, err = realnvp("fit", "flat", *QUICK, "--out", out)

    assert code == 2
    assert "is the folder of the pictures: give the run one of its own, such as" in err
    assert len(list((tmp_path / "flat").iterdir())) == 24


def test_a_run_is_no_data(realnvp):
    realnvp("fit", "digits", "--max-steps", "2", "--layers", "1", "--width", "4", "--out", "run")

    assert "run is the folder of a run and holds no pictures" in realnvp("fit", "run", *QUICK)[2]


def test_a_set_is_scored_held_out_to_train_on_or_whole_and_says_which(realnvp):
    realnvp("fit", "digits", *QUICK, "--out", "run")
    digits, model = image_set("digits"), ImageRealNVP.load("run")
    parts = {None: digits.test, "held-out": digits.test, "train": digits.train}
    parts["all"] = np.concatenate([digits.train, digits.test])
    words = {None: "the held-out pictures of digits (--split train or all for others)"}
    words |= {"train": "the pictures of digits to train on", "all": "those to train on, then those held out"}
    for split, pictures in parts.items():
        option = [] if split is None else ["--split", split]
        code, out, _ = realnvp("score", "run", "digits", *option, "--force", "--out", "s.npy")

        assert code == 0
        assert words.get(split, words[None]) in out
        np.testing.assert_allclose(np.load("s.npy")[:, 0], model.score_samples(pictures), rtol=1e-6)


def test_files_of_ones_own_are_scored_whole_or_as_the_fit_split_them(realnvp, pets):
    realnvp("fit", "pets", *QUICK, "--seed", 5, "--out", "run")
    model, source = ImageRealNVP.load("run"), read_images(Path("pets"), seed=5)
    out = realnvp("score", "run", "pets", "--out", "all.npy")[1]
    held = realnvp("score", "run", "pets", "--split", "held-out", "--out", "held.npy")[1]

    assert "24 scores in all.npy" in out
    assert "all pictures in the order of the files' names" in out
    assert "2 scores in held.npy" in held
    np.testing.assert_allclose(np.load("held.npy")[:, 0], model.score_samples(source.test))
    save_pngs(Path("pets/fish"), PICTURES[:5])
    assert (
        "which were held out is not known" in realnvp("score", "run", "pets", "--split", "train", "--out", "t.npy")[2]
    )
    assert "--split is for those" in tables(realnvp)


def tables(realnvp):
    realnvp("fit", "moons", *QUICK, "--out", "moons")
    np.save("rows.npy", np.zeros((3, 2)))
    return realnvp("score", "moons", "rows.npy", "--split", "all", "--out", "m.npy")[2]


def test_the_door_speaks_of_its_own_options(realnvp, tmp_path):
    np.save(tmp_path / "odd.npy", np.zeros((20, 7, 5), np.uint8))
    err = realnvp("fit", "odd.npy", *QUICK)[2]

    assert "or take --architecture real_nvp or --architecture flat" in err
    assert "architecture=" not in err


def test_what_differs_in_size_is_refused_before_the_training(realnvp, tmp_path, monkeypatch):
    found = image_set("digits")
    monkeypatch.setattr("realnvp.session.train", None)
    monkeypatch.setitem(
        IMAGE_SETS,
        "digits",
        lambda data_dir: type(found)("digits", found.train, found.test[:, :6]),
    )
    code, _, err = realnvp("fit", "digits", *QUICK)

    assert code == 2
    assert "digits has pictures of 8 x 8 to learn from and of 6 x 8 to measure on" in err


def test_a_label_only_held_out_is_refused_before_the_training(realnvp, monkeypatch):
    found = image_set("digits")
    labels = np.where(np.arange(len(found.test)) == 0, 99, found.test_labels)
    monkeypatch.setattr("realnvp.session.train", None)
    monkeypatch.setitem(
        IMAGE_SETS,
        "digits",
        lambda data_dir: type(found)("digits", found.train, found.test, 17, found.train_labels, labels),
    )
    code, _, err = realnvp("fit", "digits", *QUICK, "--by-label")

    assert code == 2
    assert "digits has pictures of the label 99 to measure on and none to learn from" in err
