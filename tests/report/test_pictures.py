"""Sheets of pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from realnvp.errors import InputError
from realnvp.report import draw_images, gif_bytes, montage, png_bytes

RNG = np.random.default_rng(0)


class Fake:
    """A model of pictures that draws noise."""

    levels, history_ = 17, [{"step": 1, "train": 3.0, "held_out": 3.1}, {"step": 2, "train": 2.0, "held_out": 2.5}]

    def __init__(self, event=(8, 8)):
        self.event = event
        self.sheets_ = [self.sample(64) for _ in range(3)]

    def sample(self, n, context=None, *, temperature=1.0, random_state=0):
        assert context is None or len(context) == n
        return RNG.integers(0, 17, (n, *self.event), dtype=np.uint8)

    def outlier_scores(self, images, context=None):
        return RNG.random(len(images))

    def interpolate(self, a, b, steps, context=None):
        return self.sample(steps)

    def manifold(self, images, steps, context=None):
        return self.sample(steps**2).reshape(steps, steps, *self.event)

    def inpaint(self, images, mask, context=None, *, steps, random_state):
        return images


@pytest.mark.parametrize("event", [(8, 8), (6, 4, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("labelled", [False, True])
def test_every_picture_of_a_run_is_drawn(tmp_path, event, labelled):
    model = Fake(event)
    images = model.sample(70)
    paths = draw_images(tmp_path, model, images, context=np.arange(70) % 3 if labelled else None)

    assert {p.name for p in paths} == {p.name for p in tmp_path.iterdir()}
    assert len(paths) == 8
    for path in paths:
        with Image.open(path) as drawn:
            assert np.asarray(drawn.convert("L")).std() > 1
            assert getattr(drawn, "n_frames", 1) == (3 if path.suffix == ".gif" else 1)


def test_pictures_of_the_run_before_do_not_stay(tmp_path):
    model = Fake()
    draw_images(tmp_path, model, model.sample(9))
    (tmp_path / "mine.png").write_bytes(b"mine")
    paths = draw_images(tmp_path, model, model.sample(2))

    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in paths} | {"mine.png"}
    assert "manifold.png" not in {p.name for p in paths}


@pytest.mark.parametrize("n", [1, 3, 9])
def test_few_pictures_are_drawn_too(tmp_path, n):
    model = Fake()

    assert draw_images(tmp_path, model, model.sample(n))


def slowed(method, cost, clock):
    def call(*args, **kwargs):
        found = method(*args, **kwargs)
        clock[0] += cost(found)
        return found

    return call


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        (6000.0, {"samples", "temperatures", "paths", "manifold", "outliers", "painting", "training"}),
        (1000.0, {"samples", "temperatures", "paths", "manifold", "outliers", "training"}),
        (37.0, {"samples", "temperatures", "paths", "training"}),
        (5.0, {"samples", "training"}),
    ],
)
def test_figures_of_slow_models_are_smaller_or_left_out(tmp_path, monkeypatch, seconds, names):
    """A pass takes a second by a clock that only the model moves; paths and manifolds are drawn by sampling."""
    clock, model = [0.0], Fake()
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    costs = {"sample": len, "interpolate": lambda found: 2, "outlier_scores": lambda found: 4 * len(found)}
    costs |= {"manifold": lambda found: 4, "inpaint": lambda found: 3 * 266 * len(found)}
    for name, cost in costs.items():
        monkeypatch.setattr(model, name, slowed(getattr(model, name), cost, clock))
    paths = draw_images(tmp_path, model, Fake().sample(70), max_time=seconds)

    assert {p.stem for p in paths if p.suffix == ".png"} == names
    assert clock[0] < 1.1 * seconds + 8  # 8 of the timing


def test_a_montage_holds_every_picture_in_its_place():
    pictures = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 60, 50), np.uint8)
    sheet = montage(pictures, 3, levels=6, gap=2)

    assert sheet.shape == (2 * 62 + 2, 3 * 52 + 2, 3)
    assert sheet[30, [25, 77, 129]].tolist() == [[0] * 3, [51] * 3, [102] * 3]
    assert sheet[92, [25, 77, 129]].tolist() == [[153] * 3, [204] * 3, [255] * 3]
    assert (sheet[:2] == 255).all()


def test_small_pictures_are_magnified_by_a_whole_number():
    sheet = montage(np.array([[[0, 1], [2, 3]]], np.uint8), levels=4, gap=0)

    assert sheet.shape == (48, 48, 3)
    assert (sheet[:24, 24:] == 85).all()


def test_colours_stay_colours_and_one_channel_is_grey():
    red = np.zeros((1, 50, 50, 3), np.uint8)
    red[..., 0] = 255

    assert montage(red, gap=0)[3, 3].tolist() == [255, 0, 0]
    assert montage(red[..., :1], gap=0)[3, 3].tolist() == [255, 255, 255]


@pytest.mark.parametrize("shape", [(0, 3, 3), (3, 3), (2, 3, 3, 2)], ids=str)
def test_what_is_no_stack_of_pictures_is_refused(shape):
    with pytest.raises(InputError, match="a sheet shows pictures"):
        montage(np.zeros(shape, np.uint8))


def test_files_hold_the_sheets():
    sheets = [montage(RNG.integers(0, 256, (4, 50, 50), dtype=np.uint8)) for _ in range(3)]
    found = Image.open(io.BytesIO(gif_bytes(sheets, milliseconds=100, pause=900)))
    times = []
    for frame in range(found.n_frames):
        found.seek(frame)
        times.append(found.info["duration"])

    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(sheets[0])))), sheets[0])
    assert times == [100, 100, 900]
    assert found.info["loop"] == 0
