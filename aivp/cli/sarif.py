"""`--sarif FILE`: what a command said of the project, for a code review, beside what people see."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from aivp.cli.failure import print_diagnostics, refusals
from aivp.diagnostics import Refused

if TYPE_CHECKING:
    from aivp.cli.settings import Settings


@contextlib.contextmanager
def reporting(settings: Settings) -> Iterator[None]:
    """Like `refusals`, and at the end, however it comes, the file is written: an empty one closes old alerts."""
    try:
        with refusals(settings):
            yield
    except click.exceptions.Exit:
        _write(settings, is_whole=True)
        raise
    except BaseException:
        _write(settings, is_whole=False)
        raise
    if not _write(settings, is_whole=True):
        raise click.exceptions.Exit(1)


def _write(settings: Settings, *, is_whole: bool) -> bool:
    """False where it cannot be written, which is said."""
    from aivp.cli.output import write_bytes
    from aivp.views.sarif import render_sarif

    text = render_sarif(settings.told, settings.directory, is_whole=is_whole)
    try:
        write_bytes(text.encode(), settings.sarif)
    except Refused as refused:
        print_diagnostics(refused.diagnostics, settings)
        return False
    return True
