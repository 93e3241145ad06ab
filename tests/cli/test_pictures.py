"""The command on pictures."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from realnvp import ImageRealNVP
from realnvp.data.images import image_set
from realnvp.data.table import read_table

QUICK = ["--max-steps", "4", "--layers", "1", "--width", "4"]
FIGURES = {
    "manifold.png",
    "outliers.png",
    "painting.png",
    "paths.png",
    "samples.png",
    "temperatures.png",
    "training.gif",
    "training.png",
}
COLOUR = np.random.default_rng(0).integers(0, 256, (30, 6, 4, 3), dtype=np.uint8)


def test_fit_digits_then_sample_score_and_info(realnvp, tmp_path):
    code, out, err = realnvp("fit", "digits", *QUICK, "--variational", "--out", "run")

    assert (code, err) == (0, "")
    for words in (
        "glow flow, spline couplings",
        "held-out bits/dim",
        "line to beat",
        "256 of 256",
        "realnvp sample run -n 100 --out samples.png",
    ):
        assert words in out
    assert {p.name for p in (tmp_path / "run/figures").iterdir()} == FIGURES
    assert realnvp("sample", "run", "-n", 10, "--out", "new.npy", "--seed", 3)[0] == 0
    model = ImageRealNVP.load("run")
    np.testing.assert_array_equal(np.load("new.npy"), model.sample(10, random_state=3))
    assert realnvp("score", "run", "new.npy", "--out", "scores.csv")[0] == 0
    scores = read_table("scores.csv")
    assert scores.columns == ("log_prob", "bits_per_dim")
    np.testing.assert_allclose(scores.values[:, 1], model.outlier_scores(np.load("new.npy")), rtol=1e-6)
    assert "glow flow of pictures, 1 spline couplings a scale, width 4" in realnvp("info", "run")[1]


def test_the_figure_it_prints_is_that_of_the_pictures_kept_back(realnvp, tmp_path):
    realnvp("fit", "digits", *QUICK, "--out", "run")
    told = json.loads((tmp_path / "run/config.json").read_text())["figures"]
    bits = ImageRealNVP.load("run").bits_per_dim(image_set("digits").test)

    assert (told["bits_per_dim"], told["bits_per_dim_error"]) == pytest.approx(bits)


@pytest.mark.parametrize("kind", ["folder", "array"])
def test_fit_a_folder_or_an_array_of_colour_pictures(realnvp, tmp_path, kind):
    if kind == "folder":
        (tmp_path / "data").mkdir()
        for i, picture in enumerate(COLOUR):
            Image.fromarray(picture).save(tmp_path / "data" / f"{i}.png")
    else:
        np.save(tmp_path / "data.npy", COLOUR)
    code, out, err = realnvp("fit", "data" if kind == "folder" else "data.npy", *QUICK, "--flips", "--out", "run")

    assert (code, err) == (0, "")
    assert "27 pictures of 6 x 4 x 3, 256 levels" in out
    assert realnvp("sample", "run", "-n", 9, "--temperature", 0.7, "--out", "sheet.png")[0] == 0
    with Image.open("sheet.png") as sheet:
        assert sheet.size == (3 * (4 * 8 + 2) + 2, 3 * (6 * 8 + 2) + 2)
    assert realnvp("score", "run", "data" if kind == "folder" else "data.npy", "--out", "s.npy")[0] == 0
    assert np.load("s.npy").shape == (30, 2)


def test_files_of_the_users_are_not_replaced_without_a_word(realnvp, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/history.jsonl").write_text("mine")

    assert "mine holds a history.jsonl already" in realnvp("fit", "digits", *QUICK, "--out", "mine")[2]
    assert (tmp_path / "mine/history.jsonl").read_text() == "mine"


def test_an_interrupt_while_measuring_says_that_the_model_is_safe(realnvp, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageRealNVP, "bits_per_dim", interrupt)
    code, out, _ = realnvp("fit", "digits", *QUICK, "--out", "run")

    assert code == 0
    assert "interrupted while measuring: the model is safe in run" in out
    assert ImageRealNVP.load("run").sample(1, random_state=0).shape == (1, 8, 8)


def test_a_few_pictures_are_enough_to_fit_and_to_tell_of(realnvp, tmp_path):
    np.save(tmp_path / "few.npy", COLOUR[:12])

    assert realnvp("fit", "few.npy", *QUICK, "--out", "run")[0] == 0
    told = realnvp("info", "run")[1]
    assert re.search(r"^held-out bits/dim +\d+\.\d{4} +1 picture, ", told, re.MULTILINE)
    assert "nan" not in told


def test_labels_are_learnt_and_asked_for(realnvp):
    code, out, _ = realnvp("fit", "digits", *QUICK, "--by-label", "--architecture", "flat", "--out", "run")

    assert code == 0
    assert "--context label=0" in out
    assert realnvp("sample", "run", "-n", 3, "--context", "label=7", "--out", "seven.npy")[0] == 0
    np.testing.assert_array_equal(np.load("seven.npy"), ImageRealNVP.load("run").sample(3, 7, random_state=0))
    assert realnvp("score", "run", "digits", "--out", "scores.npy")[0] == 0
    assert "given     label: 0, 1, 2" in realnvp("info", "run")[1]
    for args, words in [
        (("sample", "run", "--context", "label=7.9", "--out", "a.npy"), "label 7.9 is none of run: 0, 1, 2"),
        (("sample", "run", "--out", "a.npy"), "was fitted given labels: give --context label="),
        (("score", "run", "seven.npy", "--out", "b.csv"), "has none: score it in Python"),
    ]:
        code, _, err = realnvp(*args)
        assert code == 2
        assert words in err


def test_a_training_goes_on_and_its_animation_with_it(realnvp, tmp_path):
    begun = realnvp("fit", "digits", *QUICK, "--checkpoint-every", 1000, "--out", "run")
    code, out, err = realnvp("fit", "digits", *QUICK[2:], "--max-steps", 8, "--resume", "--out", "run")
    steps = [json.loads(line)["step"] for line in (tmp_path / "run/history.jsonl").read_text().splitlines()]

    assert (begun[0], code, err) == (0, 0, "")
    assert "8 steps" in out
    assert steps == [1, 2, 3, 4, 5, 6, 7, 8]
    with Image.open("run/figures/training.gif") as film:
        assert film.n_frames == 8
    for name in ("config.json", "model.safetensors", "history.jsonl"):  # as if killed before the end
        (tmp_path / "run" / name).unlink()
    assert "begin anew with --force" in realnvp("fit", "digits", *QUICK, "--out", "run")[2]
    assert (tmp_path / "run/checkpoint.safetensors").exists()
    assert realnvp("fit", "digits", *QUICK, "--force", "--out", "run")[0] == 0
    assert not (tmp_path / "run/checkpoint.safetensors").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("fit", "digits", "--columns", "a"), "--columns is for tables"),
        (("fit", "moons", "--flips"), "moons holds no pictures, and --flips is for those"),
        (("fit", "digits", "--resume"), "name its folder with --out"),
        (("fit", "digits", "--resume", "--out", "new"), "new holds no checkpoint.safetensors"),
        (("fit", "digits", "--checkpoint-every", -1), "a positive number, got -1"),
        (("fit", "mnist", "--data-dir", "nowhere"), "nowhere has no train-images-idx3-ubyte.gz: put it there"),
        (("fit", "few.npy"), "give at least 10"),
        (("fit", "grey.npy", "--by-label"), "has no labels"),
        (("fit", "odd.npy"), "7 x 5 do not halve evenly: pad or crop them"),
        (("fit", "digits", "--base", "mixture"), "unknown base"),
        (("sample", "run", "--out", "a.csv"), "pictures go into a .png (a sheet) or a .npy file"),
        (("sample", "run", "--out", "there.npy"), "there.npy exists"),
        (("sample", "run", "--out", "a.npy", "--corrected"), "is for runs of an energy"),
        (("sample", "run", "--out", "a.npy", "--context", "label=1"), "was fitted without labels"),
        (("score", "run", "odd.npy", "--out", "a.csv"), "learnt pictures of 8 x 8"),
    ],
)
def test_bad_input_gets_one_sentence(realnvp, tmp_path, args, words):
    ImageRealNVP(max_steps=0, layers=1, width=4, levels=17, verbose=False).fit(image_set("digits").train).save("run")
    for name, shape in {"few": (5, 4, 4), "grey": (20, 4, 4), "odd": (20, 7, 5), "there": (2, 2, 2)}.items():
        np.save(tmp_path / f"{name}.npy", np.zeros(shape, np.uint8))
    code, _, err = realnvp(*args)

    assert code == 2
    assert words in err
    assert err.count("\n") == 1
