"""``realnvp serve``: the page of a run on this machine's own address, new whenever the run is."""

import contextlib
import json
import shlex
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

from realnvp.cli.base import say, use_threads
from realnvp.cli.live import LIVE
from realnvp.cli.report import page_of
from realnvp.cli.which import check_awaited, meant
from realnvp.errors import InputError
from realnvp.files import CONFIG
from realnvp.report import waiting, watched
from realnvp.report.kept import ROWS
from realnvp.train.checkpoint import read_history

__all__ = ["Shown", "serve", "server"]

_HOST = "127.0.0.1"
_LONG, _LOOKS = 90.0, 3
"""Seconds, and distances between looks, after which it is said that there is no news of a training."""
_SOON = 1.0
"""Seconds in which the rows of a copy are awaited: they are written after its model."""


class Shown:
    """The page of a run: of the training that goes on in its folder, else of what was learnt."""

    def __init__(self, run: Path) -> None:
        self.run, self.lock = run, threading.Lock()
        self.known, self.text = "none yet", ""

    def stamp(self) -> str:
        """Return a mark of what there is to show, another one whenever that is new; "" for nothing."""
        for place in (self.run / LIVE, self.run):
            with contextlib.suppress(OSError):
                config, rows = place / CONFIG, place / ROWS  # the rows are written last
                return f"{place.name}-{config.stat().st_mtime_ns}-{rows.stat().st_mtime_ns if rows.exists() else 0}"
        return ""

    @property
    def goes_on(self) -> bool:
        """Whether a training goes on that keeps a page."""
        return (self.run / LIVE / CONFIG).is_file()

    def told(self) -> str:
        """Say what is shown."""
        if not self.goes_on:
            return "This is what was learnt." if self.stamp() else self._awaited()
        try:
            records = read_history(self.run / LIVE)
        except InputError:
            records = []
        silent = _silence(self.run / LIVE, records)
        told = f"No news for {silent}: it may have been ended from outside" if silent else "The training goes on"
        if not records:
            return f"{told}."
        last, colon = records[-1], ";" if silent else ":"
        return f"{told}{colon} this is it after {last['step']:,} steps and {last['seconds']:.0f} s."

    def page(self) -> str:
        """Return the page, drawn anew if there is something new to show."""
        with self.lock:
            if self.stamp() != self.known:
                while self._rows_come():
                    time.sleep(_SOON / 20)
                self.text = self._drawn(self.stamp())
            return self.text

    def _rows_come(self) -> bool:
        """Whether the model to show was written just now, and its rows are not yet."""
        place = self.run / LIVE if self.goes_on else self.run
        try:
            written = (place / CONFIG).stat().st_mtime
            return 0 <= time.time() - written < _SOON and not _written_since(place / ROWS, written)
        except OSError:
            return False

    def _drawn(self, stamp: str) -> str:
        try:
            if not stamp:
                return waiting(self.run.name, self._awaited())
            place = self.run / LIVE if stamp.startswith(LIVE) else self.run
            text = watched(page_of(place, self.run), stamp, self.told())
        except Exception as error:  # it was being replaced, or is damaged: the next look tells
            told = (str(error).splitlines() or [type(error).__name__])[0]
            return waiting(self.run.name, f"There is no page yet: {told}.")
        self.known = stamp
        return text

    def _awaited(self) -> str:
        return (
            f"Nothing to show in {self.run} yet. A training begun with --live shows itself from its first look at the "
            "held-out rows on; one without it when it has ended."
        )


def _written_since(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime >= moment


def _silence(place: Path, records: Sequence[dict]) -> str:
    """Say for how long nothing in a folder is new; "" if that is no longer than it may take to the next look."""
    with contextlib.suppress(OSError, ValueError):  # it is being replaced, or has just ended
        age = time.time() - max(path.stat().st_mtime for path in place.iterdir())
        looks = [0.0, *(record["seconds"] for record in records)]
        usual = max((after - before for before, after in pairwise(looks)), default=0.0)
        if age > max(_LONG, _LOOKS * usual):
            return _span(age)
    return ""


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def server(run: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a run's page that listens to this machine alone; port 0 is any that is free."""
    check_awaited(run)
    shown = Shown(run)

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            """Answer what is asked; whoever goes away in the midst of it is let go."""
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            """Answer the page and its state, nothing else, and no page of another name than this machine's."""
            own = {f"{name}:{serving.server_port}" for name in (_HOST, "localhost")}
            if self.headers.get("Host") not in own:
                self.send_error(403)
            elif self.path == "/":
                self._send("text/html; charset=utf-8", shown.page())
            elif self.path == "/state":
                self._send("application/json", json.dumps({"stamp": shown.stamp(), "told": shown.told()}))
            else:
                self.send_error(404)

        def do_HEAD(self) -> None:
            """Answer the same without the body."""
            self.do_GET()

        def _send(self, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
            for name, value in (headers | {"X-Content-Type-Options": "nosniff"}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if self.command == "GET" else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing of every question."""

    try:
        serving = ThreadingHTTPServer((_HOST, port), Handler)
    except OSError as error:
        raise InputError(f"port {port} cannot be had ({error.strerror}): name another with --port, 0 for any") from None
    return serving


def serve(run: Path, *, port: int, quiet: bool) -> None:
    """Serve a run's page until an interrupt."""
    use_threads(None, 0)
    with server(run, port) as serving:
        say(f"open         http://{_HOST}:{serving.server_port}/", quiet=quiet)
        say("only this machine can see it; Ctrl-C ends it", quiet=quiet)
        if not run.exists():
            near = f"  ({near})" if (near := meant(run)) else ""
            say(f"waiting for  {run}, which is not there yet: for a training that writes it{near}", quiet=quiet)
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            keep = f"; the page to keep:  realnvp report {shlex.quote(str(run))}" if (run / CONFIG).is_file() else ""
            say(f"\nended{keep}", quiet=quiet)
