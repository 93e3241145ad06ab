"""A folder of tables, one for each that was read: whole or not there."""

import os
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from realnvp.data.write import TableWriter
from realnvp.errors import InputError
from realnvp.files import on_disk, settle

__all__ = ["FolderWriter"]


class FolderWriter:
    """``with FolderWriter(path, columns) as out``: each ``out.table(name)`` is a ``TableWriter`` of one file in it.

    Until the end they are in a hidden folder beside the final name, and an error or an interrupt removes it. What is
    there already under that name is refused unless ``force`` is true, and then replaced at the end.
    """

    def __init__(self, path: str | Path, columns: Sequence[str], *, force: bool = False) -> None:
        self.path, self.columns, self.force = Path(path), columns, force
        if not self.path.parent.is_dir():
            raise InputError(f"{path} cannot be written, the folder {self.path.parent} does not exist: create it first")
        if self.path.is_file():
            raise InputError(f"{path} is a file: choose another name")
        self._refuse()
        self.hidden = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.tmp")

    def __enter__(self) -> "FolderWriter":
        with on_disk(self.path):
            self.hidden.mkdir()
        return self

    def table(self, name: str) -> TableWriter:
        """Return the writer of one table; ``name`` may lie in folders of its own."""
        with on_disk(self.path):
            (self.hidden / name).parent.mkdir(parents=True, exist_ok=True)
        return TableWriter(self.hidden / name, self.columns)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with on_disk(self.path):
                    self._publish()
        finally:
            shutil.rmtree(self.hidden, ignore_errors=True)

    def _refuse(self) -> None:
        if os.path.lexists(self.path) and not self.force:
            raise InputError(f"{self.path} exists: choose another name, or say --force to replace it")

    def _publish(self) -> None:
        """Rename; what was there goes first, for a folder that is full cannot be renamed onto."""
        self._refuse()
        aside = self.hidden.with_suffix(".old")
        if os.path.lexists(self.path):
            os.rename(self.path, aside)
        try:
            os.rename(self.hidden, self.path)
        except OSError:
            if os.path.lexists(aside):
                os.rename(aside, self.path)
            raise
        settle(self.path)
        shutil.rmtree(aside, ignore_errors=True)
