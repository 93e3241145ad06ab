"""The kinds of files that tables are read from."""

from typing import Any

from realnvp.data.sources.arrays import Arrays
from realnvp.data.sources.base import Source, no_number, reading
from realnvp.data.sources.delimited import Delimited
from realnvp.data.sources.parquet import Parquet

__all__ = ["SOURCES", "Arrays", "Delimited", "Parquet", "Source", "no_number", "reading"]

SOURCES: dict[str, Any] = {
    ".csv": Delimited,
    ".csv.gz": Delimited,
    ".tsv": Delimited,
    ".tsv.gz": Delimited,
    ".parquet": Parquet,
    ".npy": Arrays,
    ".npz": Arrays,
}
"""What reads a file, by how its name ends."""
