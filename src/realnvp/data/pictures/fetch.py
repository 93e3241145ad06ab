"""Files of the known sets: from a folder of the user's, or once from the network into a cache."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from realnvp.errors import InputError

__all__ = ["File", "find"]


@dataclass(frozen=True)
class File:
    """A file of a set, where it is published, and the MD5 sum that is published with it."""

    name: str
    url: str
    md5: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """Names it goes by: as published, and unpacked."""
        return self.name, self.name.removesuffix(".gz")


def find(name: str, files: Sequence[File], data_dir: str | os.PathLike | None) -> list[Path]:
    """Return where the files of the set ``name`` are.

    They are looked for in ``data_dir`` (else the folder that ``REALNVP_DATA`` names), there in a folder called like
    the set, and as other libraries lay them out; without such a folder they are fetched into the user's cache, each
    checked by its sum.
    """
    given = data_dir or os.environ.get("REALNVP_DATA")
    if not given:
        return _fetch(name, files)
    folder = Path(given)
    places = [
        folder / name,
        folder,
        *(folder / upper / "raw" for upper in ("MNIST", "FashionMNIST") if _is(upper, name)),
    ]
    found: list[Path] = []
    for file in files:
        here = [place / spelling for place in places for spelling in file.spellings if (place / spelling).is_file()]
        if not here:
            raise InputError(f"{folder} has no {file.name}: put it there or into {folder / name}, from {file.url}")
        found.append(here[0])
    return found


def _is(theirs: str, ours: str) -> bool:
    return theirs.lower() == ours.replace("_", "")


def _fetch(name: str, files: Sequence[File]) -> list[Path]:
    import pooch

    cache = Path(pooch.os_cache("realnvp")) / name
    pooch.get_logger().setLevel("WARNING")
    found = []
    for file in files:
        bar = not (cache / file.name).exists()
        try:
            found.append(Path(pooch.retrieve(file.url, f"md5:{file.md5}", file.name, cache, progressbar=bar)))
        except (OSError, ValueError) as error:  # no network, a refusal, a sum that is not the one published
            reason = "its checksum is wrong" if isinstance(error, ValueError) else "no network, or it refused"
            raise InputError(
                f"{file.url} could not be fetched ({reason}): put {file.name} into a folder and name that with "
                f"--data-dir or REALNVP_DATA, or into {cache}"
            ) from None
    return found
