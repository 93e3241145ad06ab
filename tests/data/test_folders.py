"""Pictures in folders: the same numbers as in the files, labels from folders of classes, no run taken for data."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from realnvp.data.images import read_images
from realnvp.data.pictures.files import read_folder
from realnvp.errors import InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 5, 6), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 5, 6, 3), dtype=np.uint8)


def save_pngs(folder, pictures):
    folder.mkdir(exist_ok=True)
    for i, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{i:03}.png")
    return folder


@pytest.mark.parametrize("pictures", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_folder_gives_its_pictures_in_the_order_of_their_names(tmp_path, pictures):
    found = read_folder(save_pngs(tmp_path / "pngs", pictures))

    np.testing.assert_array_equal(found.pictures, pictures)
    assert found.names == [f"{i:03}.png" for i in range(12)]
    assert found.labels is None


def test_grey_pictures_among_coloured_ones_become_coloured(tmp_path):
    save_pngs(tmp_path, [GREY[0], COLOUR[0]])
    found = read_folder(tmp_path).pictures

    np.testing.assert_array_equal(found[0], np.repeat(GREY[0][:, :, None], 3, 2))
    np.testing.assert_array_equal(found[1], COLOUR[0])


def test_a_folder_of_unlike_sizes_is_refused_by_name(tmp_path):
    save_pngs(tmp_path, [GREY[0], GREY[1, :4]])

    with pytest.raises(InputError, match=r"001\.png is 4 x 6, 000\.png 5 x 6: crop or scale"):
        read_folder(tmp_path)


def test_more_than_eight_bits_are_refused_and_transparency_is_left_out(tmp_path):
    Image.fromarray(GREY[0]).convert("LA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_folder(tmp_path).pictures, GREY[:1])
    Image.fromarray(GREY[0].astype(np.uint16) * 200).save(tmp_path / "b.png")

    with pytest.raises(InputError, match=r"b\.png has more than 8 bits"):
        read_folder(tmp_path)


def test_a_folder_without_pictures_and_a_broken_picture_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InputError, match="holds no pictures"):
        read_folder(tmp_path)
    (tmp_path / "a.png").write_bytes(b"not a picture")

    with pytest.raises(InputError, match=r"a\.png cannot be read as a picture"):
        read_folder(tmp_path)


@pytest.fixture
def classes(tmp_path):
    """A folder of two classes, ten pictures of one and two of the other."""
    save_pngs(tmp_path / "cats", GREY[:10])
    save_pngs(tmp_path / "dogs", GREY[10:])
    return tmp_path


def test_folders_of_classes_are_labels(classes):
    found = read_folder(classes)

    np.testing.assert_array_equal(found.pictures, GREY)
    assert found.labels.tolist() == ["cats"] * 10 + ["dogs"] * 2
    assert found.names[9:11] == ["cats/009.png", "dogs/000.png"]


def test_pictures_beside_folders_are_meant_and_the_folders_are_not(classes):
    save_pngs(classes, COLOUR[:3])
    found = read_folder(classes)

    assert (len(found.pictures), found.labels) == (3, None)


@pytest.mark.parametrize("files", [["config.json", "model.safetensors"], ["checkpoint.safetensors"]])
def test_a_run_inside_the_data_is_no_data(classes, files):
    save_pngs(classes / "run", COLOUR)
    for name in files:
        (classes / "run" / name).write_text("{}")
    save_pngs(classes / ".thumbnails", COLOUR)
    (classes / "cats" / "._000.png").write_bytes(b"junk of a file system")

    np.testing.assert_array_equal(read_folder(classes).pictures, GREY)


def test_a_run_in_the_folder_of_the_data_itself_does_not_hide_them(classes):
    save_pngs(classes / "figures", COLOUR)
    for name in ("config.json", "model.safetensors"):
        (classes / name).write_text("{}")

    np.testing.assert_array_equal(read_folder(classes).pictures, GREY)


def test_a_run_alone_is_called_one(tmp_path):
    save_pngs(tmp_path / "figures", COLOUR)
    (tmp_path / "checkpoint.safetensors").write_text("")

    with pytest.raises(InputError, match="is the folder of a run and holds no pictures"):
        read_folder(tmp_path)


def test_no_class_is_measured_on_that_is_not_learnt_from(classes):
    save_pngs(classes / "fish", COLOUR[:1, ..., 0])
    for seed in range(8):
        found = read_images(classes, seed=seed)
        both = np.concatenate([found.train, found.test])

        assert set(found.test_labels) <= set(found.train_labels)
        assert (len(both), len(found.train_labels)) == (13, len(found.train))
        for picture, label in zip(found.test, found.test_labels, strict=True):
            assert any((picture == one).all() for one in (GREY[:10] if label == "cats" else GREY[10:]))


def test_a_class_for_every_picture_leaves_none_to_measure_on(tmp_path):
    for i in range(12):
        save_pngs(tmp_path / f"{i}", GREY[i : i + 1])

    with pytest.raises(InputError, match="has a class for nearly every picture"):
        read_images(tmp_path)


@pytest.mark.parametrize("place", [".", "pets"])
def test_a_set_is_called_like_its_folder(classes, tmp_path, monkeypatch, place):
    pets = tmp_path / "pets"
    pets.mkdir()
    for name in ("cats", "dogs"):
        (classes / name).rename(pets / name)
    monkeypatch.chdir(pets if place == "." else tmp_path)

    assert read_images(Path(place)).name == "pets"
