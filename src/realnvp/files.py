"""Files that are whole or not there."""

import os
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, content: bytes) -> Path:
    """Write under a hidden name, make it safe on the disk, and rename: a reader sees all of the file or none."""
    hidden = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with hidden.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(hidden, path)
    finally:
        hidden.unlink(missing_ok=True)
    return path
