"""Picture sets by name, split into pictures to learn from and pictures to measure on."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realnvp.data.pictures.fetch import File, find
from realnvp.data.pictures.files import Folder, cifar_members, read_cifar, read_folder, read_idx, read_npy
from realnvp.errors import InputError, nearest

__all__ = ["IMAGE_SETS", "ImageSet", "image_set", "read_images"]


@dataclass(frozen=True)
class ImageSet:
    """Pictures, uint8 (n, H, W) or (n, H, W, C), of whole numbers from 0 to ``levels - 1``; labels where known."""

    name: str
    train: np.ndarray
    test: np.ndarray
    levels: int = 256
    train_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse, before anything is learnt, pictures to measure on that differ from those to learn from."""
        if self.train.shape[1:] != self.test.shape[1:]:
            sizes = [" x ".join(map(str, part.shape[1:])) for part in (self.train, self.test)]
            raise InputError(
                f"{self.name} has pictures of {sizes[0]} to learn from and of {sizes[1]} to measure on: give both one "
                "size and as many channels"
            )
        for pictures, labels in ((self.train, self.train_labels), (self.test, self.test_labels)):
            if labels is not None and len(labels) != len(pictures):
                raise InputError(
                    f"{self.name} has {len(labels)} labels for {len(pictures)} pictures: take whole copies of its files"
                )


def image_set(name: str, data_dir: str | os.PathLike | None = None) -> ImageSet:
    """Return the set of that name: ``digits`` comes with scikit-learn, the others from ``data_dir`` or the network."""
    if name not in IMAGE_SETS:
        raise InputError(f"unknown picture set {name!r}{nearest(name, IMAGE_SETS)}")
    return IMAGE_SETS[name](data_dir)


def read_images(path: Path, *, seed: int = 0) -> ImageSet:
    """Read a folder of pictures or an .npy file; a tenth of them, at most 10,000, is kept to measure on.

    Pictures in folders of their classes, ``path/label/name.png``, have these as labels; none is measured on without
    one of its label to learn from.
    """
    found = read_folder(path) if path.is_dir() else Folder(read_npy(path), [])
    pictures, labels = found.pictures, found.labels
    if len(pictures) < 10:
        many = f"{len(pictures)} picture{'s' * (len(pictures) != 1)}"
        raise InputError(f"{path} has {many}: give at least 10, so that some can be held out")
    train, test = _split(len(pictures), min(len(pictures) // 10, 10_000), seed)
    name = path.resolve().name if path.is_dir() else path.stem
    if labels is None:
        return ImageSet(name, pictures[train], pictures[test])
    known = np.isin(labels[test], labels[train])
    train, test = np.concatenate([train, test[~known]]), test[known]
    if not len(test):
        raise InputError(f"{path} has a class for nearly every picture: give more pictures of each")
    return ImageSet(name, pictures[train], pictures[test], 256, labels[train], labels[test])


def _split(n: int, held: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    order = np.random.default_rng(seed).permutation(n)
    return order[held:], order[:held]


def _digits(data_dir: object) -> ImageSet:  # noqa: ARG001 - what all loaders take
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures, labels = found.images.astype(np.uint8), found.target
    train, test = _split(len(pictures), 360, 0)
    return ImageSet("digits", pictures[train], pictures[test], 17, labels[train], labels[test])


def _idx(name: str, host: str, sums: tuple[str, str, str, str]) -> Callable[..., ImageSet]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = [File(f"{n}-ubyte.gz", f"{host}/{n}-ubyte.gz", md5) for n, md5 in zip(names, sums, strict=True)]

    def load(data_dir: str | os.PathLike | None) -> ImageSet:
        paths = find(name, files, data_dir)
        train, labels, test, test_labels = (read_idx(path) for path in paths)
        for path, a, axes in zip(paths, (train, labels, test, test_labels), (3, 1, 3, 1), strict=True):
            if a.ndim != axes:
                raise InputError(f"{path} holds an array of {a.ndim} axes, not {axes}: it is another file")
        return ImageSet(name, train, test, 256, labels.astype(np.int64), test_labels.astype(np.int64))

    return load


_CIFAR = File(
    "cifar-10-binary.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    "c32a1d4ab5d03f1284b67883e8d87530",
)


def _cifar10(data_dir: str | os.PathLike | None) -> ImageSet:
    """Read the tar file as it is published, or the folder that comes out of it."""
    given = data_dir or os.environ.get("REALNVP_DATA")
    places = [Path(given) / "cifar10", Path(given)] if given else []
    folders = [p / "cifar-10-batches-bin" for p in places] + places
    folder = next((p for p in folders if (p / "data_batch_1.bin").is_file()), None)
    if folder is None:
        found = dict(cifar_members(find("cifar10", [_CIFAR], data_dir)[0]))
    else:
        found = {p.name: p.read_bytes() for p in folder.glob("*.bin")}
    trains = sorted((name, data) for name, data in found.items() if name.startswith("data_batch_"))
    tests = [(name, data) for name, data in found.items() if name == "test_batch.bin"]
    if not trains or not tests:
        raise InputError(f"{folder or _CIFAR.name} lacks data_batch_*.bin or test_batch.bin: take a whole copy of it")
    (train, labels), (test, test_labels) = read_cifar(trains), read_cifar(tests)
    return ImageSet("cifar10", train, test, 256, labels, test_labels)


IMAGE_SETS: dict[str, Callable[..., ImageSet]] = {
    "digits": _digits,
    "mnist": _idx(
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion_mnist": _idx(
        "fashion_mnist",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "cifar10": _cifar10,
}
"""The named sets of pictures, and what reads each."""
