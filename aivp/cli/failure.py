"""How a command ends badly: diagnostics for what people can mend, one calm message for our own bugs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from aivp.diagnostics import Diagnostic, Refused

if TYPE_CHECKING:
    from aivp.cli.settings import Settings


_MOST = 32 * 1024 * 1024
"""Characters of a file that are searched for a line."""


@contextlib.contextmanager
def refusals(settings: Settings) -> Iterator[None]:
    """Print the diagnostics of a refusal and exit with its code."""
    try:
        yield
    except Refused as refused:
        print_diagnostics(refused.diagnostics, settings)
        raise click.exceptions.Exit(refused.exit_code) from None


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings) -> None:
    """On stderr for people, on stdout as JSON lines for machines."""
    if settings.sarif is not None:
        settings.told.extend(diagnostics)
    if settings.is_json:
        from aivp.views.json_lines import diagnostic_line

        for item in diagnostics:
            click.echo(diagnostic_line(item))
        return
    from aivp.views.diagnostic_text import render_diagnostics

    color = settings.color and sys.stderr.isatty()
    text = render_diagnostics(
        diagnostics,
        lambda file: _source(settings.directory, file),
        color=color,
        width=settings.width,
        verbose=settings.is_verbose,
    )
    settings.screen.say(text, err=True, color=color)


def report(error: Exception, argv: Sequence[str]) -> int:
    """Our own bug: where it is and what to send; the traceback on request."""
    import traceback

    if os.environ.get("AIVP_DEBUG"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    sys.stderr.write(
        f"error[AIVP0999]: This is a bug in aivp\n  {type(error).__name__} at {place} in: aivp {' '.join(argv[:1])}\n"
        "  Nothing that was recorded is lost. Run it again with AIVP_DEBUG=1 for the traceback, and report it.\n"
    )
    return 1


def report_io(error: OSError) -> int:
    """The machine's own refusal: a full disk behind standard output, too many open files."""
    if os.environ.get("AIVP_DEBUG"):
        import traceback

        traceback.print_exception(error)
    what = f" ({os.path.basename(str(error.filename))})" if error.filename else ""
    sys.stderr.write(
        f"error[AIVP0908]: The system refuses\n  {error.strerror or type(error).__name__}{what}.\n"
        "  Nothing that was recorded is lost. Mend it, and run the command again.\n"
    )
    return 1


def _source(root: str, file: str) -> str | None:
    """The text of a file; bytes that are none are shown as such. A pipe is not waited for."""
    path = os.path.join(root, file)
    try:
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8", errors="backslashreplace") as source:
            return source.read(_MOST)
    except (OSError, ValueError):
        return None
