"""Pictures from files, folders and known sets: the same numbers from each, and one sentence for every fault."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pytest

from realnvp.data.images import IMAGE_SETS, image_set, read_images
from realnvp.data.pictures import fetch
from realnvp.data.pictures.files import read_idx, read_npy
from realnvp.errors import InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 5, 6), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 5, 6, 3), dtype=np.uint8)


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def cifar(pictures, labels):
    rows = np.concatenate(
        [labels[:, None].astype(np.uint8), pictures.transpose(0, 3, 1, 2).reshape(len(labels), -1)], 1
    )
    return rows.tobytes()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("array", [GREY, GREY[:, 0, 0]], ids=["pictures", "labels"])
def test_an_idx_file_gives_its_array(tmp_path, array, packed):
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))

    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x08\x03", idx(GREY)[:-1], idx(GREY) + b"x", b"PNG" * 50])
def test_another_file_is_no_idx_file(tmp_path, content):
    (path := tmp_path / "file").write_bytes(content)

    with pytest.raises(InputError, match="is not an idx file of bytes, or is cut short"):
        read_idx(path)


def test_a_gzip_file_cut_short_is_damaged(tmp_path):
    (path := tmp_path / "file.gz").write_bytes(gzip.compress(idx(GREY))[:-20])

    with pytest.raises(InputError, match="is damaged"):
        read_idx(path)


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (GREY.astype(float), "dtype float64: pictures are whole numbers"),
        (GREY[0], r"shape \(5, 6\): pictures have shape"),
        (np.zeros((3, 4, 4, 4), np.uint8), r"shape \(3, 4, 4, 4\)"),
        (np.zeros((3, 3, 4, 4), np.uint8), r"shape \(3, 3, 4, 4\).*put the channels last"),
        (np.zeros((3, 0, 4), np.uint8), "shape"),
        (np.array([None, {}], dtype=object), "is not a plain NumPy array"),
    ],
)
def test_an_array_that_holds_no_pictures_is_refused(tmp_path, array, says):
    np.save(path := tmp_path / "a.npy", array, allow_pickle=True)

    with pytest.raises(InputError, match=says):
        read_npy(path)


def test_read_images_splits_without_loss(tmp_path):
    np.save(path := tmp_path / "some.npy", COLOUR)
    found = read_images(path)
    both = np.concatenate([found.train, found.test])

    assert (found.name, len(found.test), found.levels) == ("some", 1, 256)
    assert sorted(map(bytes, both)) == sorted(map(bytes, COLOUR))


def test_too_few_pictures_to_hold_some_out(tmp_path):
    np.save(path := tmp_path / "some.npy", COLOUR[:9])

    with pytest.raises(InputError, match="has 9 pictures: give at least 10"):
        read_images(path)


def test_digits_come_with_scikit_learn():
    digits = image_set("digits")

    assert (digits.train.shape, digits.test.shape, digits.levels) == ((1437, 8, 8), (360, 8, 8), 17)
    assert digits.train.dtype == np.uint8
    assert digits.train.max() == digits.levels - 1
    assert set(digits.train_labels) == set(digits.test_labels) == set(range(10))


@pytest.fixture
def mnist(tmp_path):
    """A folder of MNIST's four files, one of them unpacked."""
    stems = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    names = [f"{stem}-ubyte.gz" for stem in stems]
    for name, array in zip(names, (GREY, GREY[:, 0, 0] % 10, GREY[:3], GREY[:3, 0, 0] % 10), strict=True):
        (tmp_path / name).write_bytes(gzip.compress(idx(array)))
    (tmp_path / names[0]).unlink()
    (tmp_path / names[0].removesuffix(".gz")).write_bytes(idx(GREY))
    return tmp_path


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
def test_mnist_is_read_from_a_folder_of_its_files(mnist, tmp_path, place, monkeypatch):
    home = tmp_path / "home"
    (home / place).mkdir(parents=True)
    for file in mnist.glob("*ubyte*"):
        file.rename(home / place / file.name)
    monkeypatch.setenv("REALNVP_DATA", str(home))
    found = image_set("mnist")

    np.testing.assert_array_equal(found.train, GREY)
    np.testing.assert_array_equal(found.test_labels, GREY[:3, 0, 0] % 10)


def test_a_missing_file_is_named_with_its_place(mnist):
    (mnist / "t10k-labels-idx1-ubyte.gz").unlink()

    with pytest.raises(InputError, match=r"has no t10k-labels-idx1-ubyte\.gz: put it there"):
        image_set("mnist", mnist)


@pytest.mark.parametrize("packed", [False, True])
def test_cifar10_is_read_from_its_binary_version(tmp_path, packed):
    pictures, labels = RNG.integers(0, 256, (8, 32, 32, 3), dtype=np.uint8), np.arange(8)
    parts = {"data_batch_1.bin": slice(0, 4), "data_batch_2.bin": slice(4, 6), "test_batch.bin": slice(6, 8)}
    contents = {name: cifar(pictures[part], labels[part]) for name, part in parts.items()}
    if packed:
        with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as tar:
            for name, content in contents.items():
                (info := tarfile.TarInfo(f"cifar-10-batches-bin/{name}")).size = len(content)
                tar.addfile(info, io.BytesIO(content))
    else:
        (tmp_path / "cifar-10-batches-bin").mkdir()
        for name, content in contents.items():
            (tmp_path / "cifar-10-batches-bin" / name).write_bytes(content)
    found = image_set("cifar10", tmp_path)

    np.testing.assert_array_equal(found.train, pictures[:6])
    np.testing.assert_array_equal(found.test_labels, [6, 7])


def test_a_cut_batch_of_cifar10_is_refused(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(b"\0" * 3000)
    (tmp_path / "test_batch.bin").write_bytes(b"\0" * 3073)

    with pytest.raises(InputError, match=r"data_batch_1\.bin is not a whole batch"):
        image_set("cifar10", tmp_path)


def test_without_network_the_sentence_says_which_file_to_put_where(tmp_path, monkeypatch):
    import pooch

    def refuse(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.delenv("REALNVP_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    monkeypatch.setattr(pooch, "retrieve", refuse)

    with pytest.raises(
        InputError, match=r"train-images-idx3-ubyte\.gz could not be fetched .*--data-dir or REALNVP_DATA"
    ):
        image_set("fashion_mnist")


def test_a_fetched_file_is_checked_by_its_sum(tmp_path, monkeypatch):
    import pooch

    monkeypatch.delenv("REALNVP_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / name)
    (tmp_path / "there").write_bytes(b"other bytes")
    file = fetch.File("there", (tmp_path / "there").as_uri(), "0" * 32)

    def download(url, known_hash, fname, path, progressbar):
        assert (known_hash, fname) == ("md5:" + "0" * 32, "there")
        raise ValueError(f"MD5 hash of downloaded file does not match {known_hash}")

    monkeypatch.setattr(pooch, "retrieve", download)

    with pytest.raises(InputError, match="its checksum is wrong"):
        fetch.find("set", [file], None)


def test_an_unknown_set_names_the_nearest():
    with pytest.raises(InputError, match="did you mean 'fashion_mnist'"):
        image_set("fashion-mnist")
    assert set(IMAGE_SETS) == {"digits", "mnist", "fashion_mnist", "cifar10"}


def test_sets_whose_parts_differ_are_refused_before_anything_is_learnt(mnist):
    (mnist / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(GREY[:3, :4])))
    with pytest.raises(InputError, match="mnist has pictures of 5 x 6 to learn from and of 4 x 6 to measure on"):
        image_set("mnist", mnist)
    (mnist / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(GREY[:2])))

    with pytest.raises(InputError, match="mnist has 3 labels for 2 pictures"):
        image_set("mnist", mnist)
