"""``realnvp serve``: the page of a run on this machine's own address, new whenever the run is."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from realnvp.cli.base import say, use_threads
from realnvp.cli.live import LIVE
from realnvp.cli.report import page_of
from realnvp.errors import InputError
from realnvp.files import CONFIG
from realnvp.report import waiting, watched
from realnvp.report.kept import ROWS
from realnvp.train.checkpoint import read_history

__all__ = ["Shown", "serve", "server"]

_HOST = "127.0.0.1"


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
            last = read_history(self.run / LIVE)[-1]
        except (InputError, IndexError):
            return "The training goes on."
        return f"The training goes on: this is it after {last['step']:,} steps and {last['seconds']:.0f} s."

    def page(self) -> str:
        """Return the page, drawn anew if there is something new to show."""
        with self.lock:
            if (stamp := self.stamp()) != self.known:
                self.text = self._drawn(stamp)
            return self.text

    def _drawn(self, stamp: str) -> str:
        try:
            if not stamp:
                return waiting(self.run.name, self._awaited())
            text = watched(page_of(self.run / LIVE if stamp.startswith(LIVE) else self.run), stamp, self.told())
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


def server(run: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a run's page that listens to this machine alone; port 0 is any that is free."""
    if not run.is_dir():
        raise InputError(f"there is no folder {run}: name the one that the training writes")
    shown = Shown(run)

    class Handler(BaseHTTPRequestHandler):
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

        def _send(self, kind: str, text: str) -> None:
            body = text.encode()
            self.send_response(200)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
            for name, value in (headers | {"X-Content-Type-Options": "nosniff"}).items():
                self.send_header(name, value)
            with contextlib.suppress(ConnectionError):  # the page was closed meanwhile
                self.end_headers()
                self.wfile.write(body)

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
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            say(f"\nended; the page to keep:  realnvp report {run}", quiet=quiet)
