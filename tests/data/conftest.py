import pytest
from several import SIZES, write


@pytest.fixture
def folder(tmp_path):
    """A table of five files, one of them without rows."""
    start = 0
    for i, rows in enumerate(SIZES):
        write(tmp_path / f"part{i}.parquet", start, start + rows)
        start += rows
    return tmp_path
