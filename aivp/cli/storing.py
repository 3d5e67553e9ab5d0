"""The stores of images that a command asks, one host after the other, and how far they are, on a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aivp.cli.settings import Settings

if TYPE_CHECKING:
    from aivp.engine import Engine
    from aivp.engine.images import Store, Tell

PATIENCE = 0.5
"""Seconds after which people want to know how far it is."""
STEP = 20
"""Percent between two lines where nothing can be drawn anew."""


def each_store(settings: Settings, host: str | None, engine: Engine | None = None) -> Iterator[tuple[str, Store]]:
    """(name of a host, its store), for as long as the caller looks at it. Raises Refused."""
    from aivp.engine.images import hosts_of_images, store

    engine = engine or settings.engine()
    found = hosts_of_images(engine, host)
    with engine.sessions() as sessions:
        for one in found:
            with store(engine, one, sessions) as opened:
                yield one.name, opened


@contextlib.contextmanager
def told(settings: Settings, host: str) -> Iterator[Tell]:
    """What takes progress: a line that is drawn anew on a terminal, a line on standard error now and then elsewhere."""
    from aivp.cli.screen import is_able
    from aivp.views.escape import line
    from aivp.views.images_text import render_progress

    now: list[str] = []
    last = {"": -STEP}

    def tell(message: str, done: int | None, total: int | None) -> None:
        now[:] = [line(f"{host}: {render_progress(message, done, total)}")]
        if not is_able() and not settings.is_json and done is not None and total:
            share = 100 * done // total
            if share >= last.get(message, -STEP) + STEP:
                last[message] = share
                settings.screen.say(now[0], err=True)

    with settings.screen.live(lambda *_: list(now), after=PATIENCE, is_wanted=not settings.is_json):
        yield tell
