"""The figures of a training, as TensorBoard shows them."""

import math
import os
from pathlib import Path
from typing import Any

from realnvp.errors import InputError
from realnvp.files import may_be_folder, on_disk
from realnvp.watch import Record

__all__ = ["TensorBoard"]

_SHOWN = ("train", "held_out", "best", "rate", "skipped", "restored")


class TensorBoard:
    """A callback that writes each evaluation's figures: ``RealNVP(callbacks=[TensorBoard("logs")]).fit(X)``.

    They are ``train``, ``held_out`` and ``best`` in the training's unit (nats, or bits per dimension), the learning
    ``rate``, and how many steps were ``skipped`` and weights ``restored``, over the steps. The first training goes into
    ``folder``, each after it (of several flows, or of another fit) into ``flow_2``, ``flow_3``, … in it. Needs the
    extra: ``pip install 'realnvp[tensorboard]'``.
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        _writer()
        self._set_up(may_be_folder(Path(folder)))

    def _set_up(self, folder: Path) -> "TensorBoard":
        self.folder = folder
        self._open: Any = None
        self._trainings, self._step = 0, math.inf
        return self

    def __call__(self, record: Record) -> None:
        """Write an evaluation; the training goes on."""
        if self._open is None or record.step <= self._step:
            self.close()
            self._trainings += 1
            place = self.folder if self._trainings == 1 else self.folder / f"flow_{self._trainings}"
            with on_disk(place):
                self._open = _writer()(str(place))
        self._step = record.step
        for name in _SHOWN:
            self._open.add_scalar(name, getattr(record, name), record.step)
        self._open.flush()

    def close(self) -> None:
        """Close the file that is written to; another training opens another."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __repr__(self) -> str:
        return f"TensorBoard({str(self.folder)!r})"

    def __reduce__(self) -> tuple:
        """Copy and pickle by the folder, which elsewhere need not be one: an open file has no copies."""
        return _copied, (self.folder,)


def _copied(folder: Path) -> TensorBoard:
    return TensorBoard.__new__(TensorBoard)._set_up(folder)


def _writer() -> Any:
    """Return torch's writer, or say what it needs."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise InputError("this needs tensorboard, which is not installed: pip install 'realnvp[tensorboard]'") from None
    return SummaryWriter
