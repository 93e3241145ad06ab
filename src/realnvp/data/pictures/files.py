"""Pictures in files: idx, the binary CIFAR batches, folders of PNGs, NumPy arrays; always uint8, never a pickle."""

import gzip
import math
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from realnvp.errors import InputError
from realnvp.files import holds_run

__all__ = ["Folder", "check_pictures", "cifar_members", "read_cifar", "read_folder", "read_idx", "read_npy"]

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
_CIFAR_ROW = 1 + 3 * 32 * 32


def read_idx(path: Path) -> np.ndarray:
    """Read an idx file of bytes (MNIST's format), gzipped or not: pictures (n, H, W) or labels (n,)."""
    data = _unpacked(path)
    axes = data[3] if len(data) >= 4 and data[:3] == b"\0\0\x08" else 0
    shape = tuple(np.frombuffer(data[4:], ">u4", axes).tolist()) if axes and len(data) >= 4 + 4 * axes else None
    body = data[4 + 4 * axes :]
    if shape is None or len(body) != math.prod(shape):
        raise InputError(f"{path} is not an idx file of bytes, or is cut short: take a whole copy of it")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(f"{path} is damaged ({error}): take a whole copy of it") from None


def read_cifar(paths: Sequence[tuple[str, bytes]]) -> tuple[np.ndarray, np.ndarray]:
    """Read the named contents of binary CIFAR-10 batches: pictures (n, 32, 32, 3) and labels (n,)."""
    for name, data in paths:
        if not data or len(data) % _CIFAR_ROW:
            raise InputError(f"{name} is not a whole batch of CIFAR-10's binary version: take a whole copy of it")
    rows = np.frombuffer(b"".join(data for _, data in paths), np.uint8).reshape(-1, _CIFAR_ROW)
    return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0].astype(np.int64)


def cifar_members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and contents of the batches in CIFAR-10's tar file; nothing is unpacked onto the disk."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".bin") and (file := tar.extractfile(member)):
                    yield Path(member.name).name, file.read()
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise InputError(f"{archive} is damaged ({error}): take a whole copy of it") from None


def read_npy(path: Path) -> np.ndarray:
    """Read an array of pictures from an .npy file."""
    try:
        found = np.array(np.lib.format.open_memmap(path, mode="r"))
    except (ValueError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise InputError(f"{path} is not a plain NumPy array ({error}): save it with numpy.save") from None
    return check_pictures(found, str(path))


def check_pictures(found: np.ndarray, name: str) -> np.ndarray:
    """Refuse what is not uint8 of shape (n, H, W) or (n, H, W, C) with one channel or three."""
    if found.dtype != np.uint8:
        raise InputError(
            f"{name} has dtype {found.dtype}: pictures are whole numbers from 0 to 255, dtype uint8: convert them"
        )
    if found.ndim not in (3, 4) or (found.ndim == 4 and found.shape[3] not in (1, 3)) or 0 in found.shape[1:]:
        first = "; put the channels last" if found.ndim == 4 and found.shape[1] in (1, 3) else ""
        raise InputError(
            f"{name} has shape {found.shape}: pictures have shape (n, H, W) or (n, H, W, C), C 1 or 3{first}"
        )
    return found


@dataclass(frozen=True)
class Folder:
    """Pictures of a folder in the order of their names, and their labels where each class has a folder of its own."""

    pictures: np.ndarray
    names: list[str]
    labels: np.ndarray | None = None


def read_folder(folder: Path) -> Folder:
    """Read every picture of a folder: (n, H, W) if all are grey, else (n, H, W, 3).

    Where there are none in the folder itself, those of the folders in it are read, ``folder/label/name.png``; runs and
    hidden files are passed over. Transparency is left out; a picture turned by its camera's note is turned.
    """
    paths, labels = _inside(folder), None
    if not paths:
        paths = [path for place in _classes(folder) for path in _inside(place)]
        labels = np.array([path.parent.name for path in paths])
    if not paths:
        what = "is the folder of a run and holds" if holds_run(folder) else "holds"
        raise InputError(f"{folder} {what} no pictures (.png, .jpg, …): name a folder that does")
    found: list[np.ndarray] = []
    for path in paths:
        found.append(_picture(path))
        if found[-1].shape[:2] != found[0].shape[:2]:
            high, wide = found[0].shape[:2]
            raise InputError(
                f"{path.name} is {found[-1].shape[0]} x {found[-1].shape[1]}, {paths[0].name} {high} x {wide}: "
                "crop or scale all pictures to one size"
            )
    if any(a.ndim == 3 for a in found):
        found = [a if a.ndim == 3 else np.repeat(a[:, :, None], 3, 2) for a in found]
    return Folder(np.stack(found), [path.relative_to(folder).as_posix() for path in paths], labels)


def _inside(folder: Path) -> list[Path]:
    """Return the pictures right inside a folder."""
    files = (p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith("."))
    return sorted(p for p in files if p.is_file())


def _classes(folder: Path) -> list[Path]:
    """Return the folders inside that may hold the pictures of a class: none of a run's, none hidden."""
    drawn = {"figures"} if holds_run(folder) else set()
    places = (p for p in folder.iterdir() if p.is_dir() and p.name not in drawn and not p.name.startswith("."))
    return sorted(p for p in places if not holds_run(p))


def _picture(path: Path) -> np.ndarray:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            if picture.mode[0] in "IF":
                raise InputError(f"{path} has more than 8 bits for each channel: save it with values from 0 to 255")
            grey = picture.mode in ("1", "L", "LA")
            return np.asarray(ImageOps.exif_transpose(picture).convert("L" if grey else "RGB"))
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture ({error}): mend it or take it away") from None
