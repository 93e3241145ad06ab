"""An interrupt that waits for the end of the step, so that what is written then is whole."""

import signal
import threading
from types import FrameType

__all__ = ["Patience"]


class Patience:
    """Inside, the first interrupt is noted in ``asked``; the second ends the work at once, as ever.

    Only where Python's own handler is in place, and in the main thread: others have said what they want. Without
    ``wanted`` nothing is touched.
    """

    def __init__(self, wanted: bool = True) -> None:
        self.wanted, self.asked = wanted, False

    def __enter__(self) -> "Patience":
        main = threading.current_thread() is threading.main_thread()
        self.wanted = self.wanted and main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.wanted:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self.wanted:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
