"""Silence of a host → the end of its session."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watch:
    """Ends a session whose host stays silent: `with watch` around whatever waits for it. seconds: of silence."""

    def __init__(self, end_session: Callable[[], None], seconds: float) -> None:
        self.end_session = end_session
        self.seconds = seconds
        self.has_struck = False
        self._since: float | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        self._since = time.monotonic()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._since = None

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(min(self.seconds / 4, 1.0)):
            since = self._since
            if since is not None and time.monotonic() - since > self.seconds:
                self.has_struck = True
                self.end_session()
                return
